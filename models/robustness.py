"""How a learner stands corrupted inputs: one programme for any learner.

Every corruption is looked at twice. *Predict only*: trained on clean data, tested on corrupted ones, which are brought
back onto the axis of the training; this is what happens to a model in use. *Train and predict*: trained and tested on
corrupted data, on the axis that is left of them; this is what a model made for such data would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Literal

import numpy as np

from models import metrics
from models.corruption import Corruption, beyond, corrupted, onto
from models.study import Watch, tell
from models.surrogate import Surrogate
from models.table import Table
from models.task import Block, Task

Mode = Literal["clean", "predict only", "train and predict"]
MODES: tuple[Mode, ...] = ("predict only", "train and predict")
_TRAIN, _TEST = 0, 1
"""Tell the random numbers of the splits apart."""


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        corruption: What the field calls it; empty of clean data.
        level: For people; empty of clean data.
        mode: How the learner met it.
        target: Name of the target.
        metric: Name of the metric.
        value: Of the metric on the test data.
        extrapolated: Largest share of an input curve that had to be made up because it lies beyond the corrupted range.
    """

    corruption: str
    level: str
    mode: Mode
    target: str
    metric: str
    value: float
    extrapolated: float = 0.0


def robustness(
    make: Callable[[], Surrogate],
    task: Task,
    train: Table,
    test: Table,
    corruptions: Sequence[Corruption],
    seed: int = 0,
    modes: Sequence[Mode] = MODES,
    watch: Watch | None = None,
) -> tuple[Row, ...]:
    """Metrics of clean data first, then of every corruption in both modes; targets are never corrupted.

    Args:
        make: A new learner, the same every time.
        task: Which fields it sees and tells.
        train: Clean data to learn from.
        test: Clean data to be tested on.
        corruptions: Each at one level.
        seed: Of the corruptions.
        modes: Which of the two; one training in all for ``predict only``, one for each corruption in ``train and predict``.
        watch: Told of the progress.

    Raises:
        BadTable: A corruption leaves too little of a curve.
        Cancelled: ``watch`` said so.
    """
    steps = 1 + len(corruptions) * len(modes)
    tell(watch, 0, "clean")
    clean = make().fit(task.X(train), task.Y(train))
    rows = list(_rows(Row("", "", "clean", "", "", 0.0), clean, task, test))
    for k, corruption in enumerate(corruptions):
        for j, mode in enumerate(modes):
            tell(watch, (1 + k * len(modes) + j) / steps, f"{corruption.name} {corruption.label}, {mode}")
            if mode == "predict only":
                restored, share = _restored(_damaged(task, train, test, corruption, seed), task)
                rows += _rows(Row(corruption.name, corruption.label, mode, "", "", 0.0, share), clean, task, restored)
            else:
                rows += retrained(make, task, train, test, corruption, seed)
    tell(watch, 1.0, "done")
    return tuple(rows)


def retrained(
    make: Callable[[], Surrogate], task: Task, train: Table, test: Table, corruption: Corruption, seed: int = 0
) -> tuple[Row, ...]:
    """Metrics of ``train and predict`` for one corruption; arguments as for ``robustness``.

    Raises:
        BadTable: The corruption leaves too little of a curve.
    """
    learnt = corrupted(train, [block.name for block in task.inputs], corruption, train, 2 * seed + _TRAIN)
    own = replace(task, inputs=tuple(Block.of(learnt[block.name], block.scale) for block in task.inputs))
    row = Row(corruption.name, corruption.label, "train and predict", "", "", 0.0)
    return tuple(_rows(row, make().fit(own.X(learnt), own.Y(learnt)), own, _damaged(task, train, test, corruption, seed)))


def _damaged(task: Task, train: Table, test: Table, corruption: Corruption, seed: int) -> Table:
    """The test data, corrupted; the same in both modes."""
    return corrupted(test, [block.name for block in task.inputs], corruption, train, 2 * seed + _TEST)


def _restored(table: Table, task: Task) -> tuple[Table, float]:
    """A corrupted table on the axes of the task, and the largest share of a curve that was made up."""
    axes = {block.name: np.array(block.axis) for block in task.inputs if block.axis}
    fields = tuple(onto(field, axes[field.name]) if field.name in axes else field for field in table.fields)
    return Table(fields), max((beyond(table[name], axis) for name, axis in axes.items()), default=0.0)


def _rows(row: Row, learner: Surrogate, task: Task, test: Table) -> Iterator[Row]:
    """The metrics of every target on the test data that are numbers."""
    truth, told = task.told(task.Y(test)), task.told(learner.predict(task.X(test)))
    for block in task.targets:
        for name, value in metrics.score(block, block.values(truth[block.name]), block.values(told[block.name])).items():
            if isinstance(value, Real):
                yield replace(row, target=block.name, metric=name, value=float(value))
