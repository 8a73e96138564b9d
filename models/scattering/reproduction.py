"""The published programme on size and shape from scattering, made once more: its figures beside ours.

Learners see logarithms of intensities; a random split holds out a fifth. Logistic regression sees every fourth point, which
tells it no less and takes a quarter of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from models import metrics
from models.scattering.curves import WIDE, Sample, intensity
from models.scattering.dataset import TARGETS, published_table
from models.scattering.presets import NOISE, make, part, task_of, with_noise
from models.splits import Split, grouped_split, random_split
from models.study import Watch, tell
from models.table import Table

Budget = Literal["linear", "networks"]
_CUBE = (8760072.0, 8737556.0, 8700139.0)
"""Intensities of the cube of 63 silver atoms at q = .01, .02, .03 1/Angstrom and Biso .1, as the published generator prints them."""
_STEP = 4
"""Every so manieth point is shown to logistic regression."""
_SPLITS = 4
_NUMBERS = TARGETS[1:]
_PUBLISHED: Mapping[str, tuple[float | None, ...]] = {
    "all angles": (0.999, 0.881, 0.554, 0.994, 0.96),
    "small angles": (0.9904, 0.6966, 0.1170, 0.59, 0.88),
    "wide angles": (0.9629, 0.7158, 0.5496, 0.90, 0.84),
}
"""Q2 of the numbers by ridge regression, and shares of right shapes by logistic regression and by the network."""
_PARTS = {"all angles": (0.0, np.inf), "small angles": (0.0, WIDE), "wide angles": (WIDE, np.inf)}


@dataclass(frozen=True)
class Row:
    """A figure.

    Attributes:
        name: What was measured.
        seed: As published, None where nothing was.
        ours: As measured here.
        target: The least that is wanted, None where nothing is.
    """

    name: str
    seed: float | None
    ours: float
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is what is wanted."""
        return None if self.target is None else self.ours >= self.target


def figures(budget: Budget = "linear", seed: int = 0, watch: Watch | None = None) -> list[dict[str, Any]]:
    """Rows of name, seed, ours, target and met.

    Args:
        budget: ``linear`` takes some minutes; ``networks`` adds them, and takes half an hour.
        seed: Of splits, learners and noise.
        watch: Told of the progress.

    Raises:
        Cancelled: ``watch`` said so.
    """
    tell(watch, 0.0, "curves")
    table, divided = published_table(), published_table(divided=True)
    parts: list[Callable[[], Iterator[Row]]] = [
        cube,
        lambda: linear(table, seed),
        lambda: noisy(table, seed),
        lambda: honest(table, divided, seed),
    ]
    if budget == "networks":
        parts.append(lambda: networks(table, seed))
    rows: list[Row] = []
    for done, rows_of in enumerate(parts):
        tell(watch, (done + 1) / (len(parts) + 1), ("cube", "linear learners", "noise", "unseen groups", "networks")[done])
        rows += rows_of()
    tell(watch, 1.0, "done")
    return [asdict(row) | {"met": row.met} for row in rows]


def cube() -> Iterator[Row]:
    """Digits of the intensities of a small cube that agree with the published generator."""
    ours = intensity(Sample("cubefcc", 2, (("Ag", 1.0),), biso=0.1), np.array([0.01, 0.02, 0.03]))
    error = float(np.abs(ours / _CUBE - 1).max())
    yield Row("digits of the intensities of a cube of 63 atoms", None, -float(np.log10(error)), 6.0)


def linear(table: Table, seed: int) -> Iterator[Row]:
    """Ridge and logistic regression and the two stages on a random split, with all angles, small ones and wide ones."""
    wanted = {"log_n_Atoms": 0.999, "sqrt_log_eq_radius": 0.98}
    split = random_split(len(table), 0.2, seed)
    for name, (low, high) in _PARTS.items():
        whole, every = name == "all angles", part(table, low, high)
        ridge = scores(every, split, "ridge", _NUMBERS, seed, alpha=0.1, noise=0.0)
        for (target, told), known in zip(ridge.items(), _PUBLISHED[name], strict=False):
            yield Row(f"ridge {target}, {name}: Q2", known, told, wanted.get(target) if whole else None)
        fewer = part(every, step=1 if high == WIDE else _STEP)
        right = scores(fewer, split, "logistic", TARGETS[:1], seed)["shape"]
        yield Row(f"logistic shape, {name}: accuracy", _PUBLISHED[name][3], right, 0.99 if whole else None)
        size = scores(fewer, split, "two_stage", TARGETS[:3], seed)["Size_parameter_1"]
        yield Row(f"two-stage size, {name}: Q2", None, size, 0.985 if whole else None)


def noisy(table: Table, seed: int) -> Iterator[Row]:
    """Learners of clean curves and of noisy ones, asked about noisy ones."""
    split, damaged = random_split(len(table), 0.2, seed), with_noise(table, NOISE, seed)
    ridge = scores(table, split, "ridge", _NUMBERS, seed, asked=damaged)
    for target, told in ridge.items():
        yield Row(f"ridge {target}, noise {NOISE:.0%}, predict only: Q2", None, told, 0.7)
    for mode, known in (("predict only", table), ("train and predict", damaged)):
        right = scores(part(known, step=_STEP), split, "logistic", TARGETS[:1], seed, asked=part(damaged, step=_STEP))["shape"]
        yield Row(f"logistic shape, noise {NOISE:.0%}, {mode}: accuracy", None, right)


def honest(table: Table, divided: Table, seed: int) -> Iterator[Row]:
    """The shape by logistic regression, of elements and of structures that were not learnt from: means of four splits."""
    for group, target in (("element", 0.98), ("structure", None)):
        for name, curves in (("log I", table), ("log I / f^2", divided)):
            fewer = part(curves, step=_STEP)
            splits = [grouped_split(table[group].values, 0.2, seed + number) for number in range(_SPLITS)]
            right = [scores(fewer, split, "logistic", TARGETS[:1], seed)["shape"] for split in splits]
            wanted = target if curves is divided else None
            yield Row(
                f"logistic shape, unseen {group}s, {name}: accuracy, scatter {np.std(right):.3f}", None, float(np.mean(right)), wanted
            )


def networks(table: Table, seed: int) -> Iterator[Row]:
    """The published network and the small one."""
    split = random_split(len(table), 0.2, seed)
    yield Row("published CNN shape: accuracy", 0.96, scores(table, split, "published_cnn", TARGETS[:1], seed)["shape"])
    for name, (low, high) in _PARTS.items():
        told = scores(part(table, low, high), split, "small_cnn", TARGETS, seed)
        yield Row(f"small CNN shape, {name}: accuracy", _PUBLISHED[name][4], told["shape"], 0.995 if name == "all angles" else 0.97)
        yield Row(f"small CNN size, {name}: Q2", None, told["Size_parameter_1"], 0.99 if name == "all angles" else None)
    damaged = with_noise(table, NOISE, seed)
    told = scores(table, split, "small_cnn", TARGETS, seed, asked=damaged)
    yield Row(f"small CNN shape, noise {NOISE:.0%}, predict only: accuracy", None, told["shape"], 0.98)


def scores(
    table: Table, split: Split, preset: str, targets: Sequence[str], seed: int, asked: Table | None = None, **changes: Any
) -> dict[str, float]:
    """Q2 of numbers and accuracy of categories on held-out curves.

    Args:
        table: What is learnt from.
        split: Its rows.
        preset: A key of ``presets.PRESETS``.
        targets: What is told.
        seed: Of the learner.
        asked: What the held-out curves are taken from, with the rows of the table; None for the table itself.
        changes: Settings to change.
    """
    task = task_of(table, targets)
    train, test = table.rows(split.train), (asked or table).rows(split.test)
    learner = make(preset, task, seed, **changes).fit(task.X(train), task.Y(train))
    truth, told = task.told(task.Y(test)), task.told(learner.predict(task.X(test)))
    return {block.name: _score(block, truth[block.name], told[block.name]) for block in task.targets}


def _score(block: Any, truth: Any, told: Any) -> float:
    return float(metrics.score(block, truth, told)["accuracy" if block.kind == "category" else "r2"])
