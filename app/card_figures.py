"""Figures of the card of a trained model: told over true values, classes taken for others, and what more rows bring."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.subject import Drawn, Subject
from models import figures
from models.study import USUAL
from models.task import Block


def figures_of(subject: Subject) -> Iterator[Drawn]:
    """The figures of each target in turn."""
    for number, block in enumerate(subject.task.targets, 1):
        if block.kind == "category":
            yield _confusion(subject, block, number)
        else:
            yield _parity(subject, block, number)
        if len(subject.card["learning_curve"]) > 1:
            yield _learning(subject, block, number)


def _confusion(subject: Subject, block: Block, number: int) -> Drawn:
    counts = np.array(subject.card["splits"]["grouped"]["metrics"][block.name]["confusion"])
    return Drawn(f"confusion_{number}", f"{block.name}: rows of new groups, over the seeds", figures.confusion(counts, block.classes))


def _parity(subject: Subject, block: Block, number: int) -> Drawn:
    held = {f"{name} split": part[block.name] for name, part in subject.card["held_out"].items()}
    pairs = {name: (np.array(values["truth"]), np.array(values["told"])) for name, values in held.items()}
    what = f"{block.name} ({block.unit})" if block.unit not in ("", "1") else block.name
    points = "points of curves" if block.kind == "curve" else "rows"
    return Drawn(f"parity_{number}", f"{block.name}: {points} held out", figures.parity(pairs, what))


def _learning(subject: Subject, block: Block, number: int) -> Drawn:
    metric, curve = USUAL[block.head.kind], subject.card["learning_curve"]
    told = [point["metrics"][block.name][metric] for point in curve]
    values = np.array([[np.nan if value is None else value] for value in told])
    figure = figures.learning_curve([point["rows"] for point in curve], {"random": values}, metric)
    return Drawn(f"learning_{number}", f"{block.name}: what more rows bring", figure)
