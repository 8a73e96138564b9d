"""How a trained model stands bad inputs: corruptions, their levels, and the two ways of meeting them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.problems import Conflict
from app.schemas.studies import CorruptionIn, CutIn, HalfIn, MissingIn, NoiseIn, RobustnessIn, StepIn
from app.subject import Drawn, Found, Material, Subject
from models import figures
from models.corruption import CORRUPTIONS, Corruption, corrupted
from models.robustness import Row, robustness
from models.study import USUAL
from models.table import BadTable, Field, Table
from models.task import Block, Task
from optimizer.types import InvalidInput

_ANY: list[CorruptionIn] = [NoiseIn(kind="noise", levels=[0.05, 0.15, 0.3]), MissingIn(kind="missing points", levels=[0.2, 0.5])]
_CURVES: list[CorruptionIn] = [StepIn(kind="step", levels=[2, 5, 10]), HalfIn(kind="half", levels=["lower", "upper"])]
"""The programme that is gone through where none is asked for."""
_WORK_ON = {"noise": ("number", "curve"), "missing points": ("number", "curve")}
"""Kinds of inputs that a corruption changes; the others change curves only."""


def check(subject: Subject, body: RobustnessIn) -> None:
    """Check a request.

    Raises:
        InvalidInput: A corruption changes nothing, or leaves too little of a curve.
        Conflict: There is nothing in the inputs that could be corrupted.
    """
    inputs = subject.task.inputs
    if not any(block.kind in ("number", "curve") for block in inputs):
        raise Conflict(f"{inputs[0].name!r} is a {inputs[0].kind}: corruptions are of numbers and curves")
    for index, given in enumerate(body.corruptions or []):
        kinds = _WORK_ON.get(given.kind, ("curve",))
        if not any(block.kind in kinds for block in inputs):
            fault = f"{given.kind} changes nothing: no input is a {' or a '.join(kinds)}"
            raise InvalidInput(fault, where=("corruptions", index, "kind"), remedy="use noise or missing points")
        for level, corruption in enumerate(_made(given, index)):
            _try(corruption, inputs, ("corruptions", index, "levels", level))


def _made(given: CorruptionIn, index: int) -> Iterator[Corruption]:
    """A corruption at each level."""
    for number, level in enumerate(given.levels):
        ends = (level.low, level.high) if isinstance(given, CutIn) else (level,)  # type: ignore[union-attr]
        try:
            yield CORRUPTIONS[given.kind](*ends)
        except ValueError as error:
            where = ("corruptions", index, "levels", number)
            raise InvalidInput(str(error), where=where, remedy="correct the level") from error


def _try(corruption: Corruption, blocks: tuple[Block, ...], where: tuple[str | int, ...]) -> None:
    """Whether enough is left of the curves."""
    curves = [block for block in blocks if block.kind == "curve"]
    if not curves:
        return
    table = Table(tuple(Field(block.name, np.ones((1, block.size)), block.unit, np.array(block.axis), block.axis_unit) for block in curves))
    try:
        corrupted(table, [block.name for block in curves], corruption, table, 0)
    except BadTable as error:
        raise InvalidInput(f"{error.field}: {error}", where=where, remedy=error.remedy) from error


def found(material: Material, body: RobustnessIn) -> Found:
    """The metrics of clean and of corrupted data, on rows held out."""
    task, spec, split = material.model.task, material.subject.spec, material.split(body.split)
    given = body.corruptions or _ANY + (_CURVES if any(block.kind == "curve" for block in task.inputs) else [])
    corruptions = [corruption for index, one in enumerate(given) for corruption in _made(one, index)]
    rows = robustness(
        lambda: material.sibling(spec.settings, spec.seed),
        task,
        material.table.rows(split.train),
        material.table.rows(split.test),
        corruptions,
        body.seed,
        body.modes,
        material.watch,
    )
    result = {
        "learner": spec.kind,
        "split": body.split,
        "train": len(split.train),
        "test": len(split.test),
        "rows": [vars(row) for row in rows],
    }
    said = f"{len(corruptions)} corruptions on {len(split.test)} rows held out"
    return Found(result, tuple(_figures(spec.kind, rows, task)), said)


def _figures(learner: str, rows: tuple[Row, ...], task: Task) -> Iterator[Drawn]:
    told = {(row.target, row.metric) for row in rows}
    for number, block in enumerate(task.targets, 1):
        metric = USUAL[block.head.kind]
        if (block.name, metric) in told:
            figure = figures.robustness({learner: rows}, block.name, metric)
            yield Drawn(f"robustness_{number}", f"How {block.name} stands bad inputs", figure)
