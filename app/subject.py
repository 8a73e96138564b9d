"""What studies of models share: the model as they see it before any work is done, and what they find."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from models import learners
from models.nets import Epoch
from models.spec import Spec, SplitName, groups, held_out
from models.splits import Split
from models.study import Watch
from models.surrogate import IntArray
from models.table import Table
from models.task import Block, Task
from models.trained import Trained
from optimizer.types import InvalidInput


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained model, without its learner.

    Attributes:
        task: Its fields.
        card: How it was trained, and how it did.
        source: Where its data came from.
    """

    task: Task
    card: Mapping[str, Any]
    source: Mapping[str, Any]

    @cached_property
    def spec(self) -> Spec:
        """Its training."""
        return Spec.from_card(self.card["spec"])

    def block(self, name: str, part: str, where: tuple[str | int, ...]) -> Block:
        """An input or a target (``part``) by its name.

        Raises:
            InvalidInput: There is none; names the field of the request.
        """
        blocks: tuple[Block, ...] = getattr(self.task, part)
        known(name, [block.name for block in blocks], part.removesuffix("s"), where)
        return next(block for block in blocks if block.name == name)


@dataclass(frozen=True, eq=False)
class Material:
    """What a study computes on.

    Attributes:
        model: The trained model.
        table: The data that it was trained on.
        subject: The model as it was when the study was asked for.
        watch: Told of the progress.
        kept: A folder for what is done, where an attempt before may have left something.
    """

    model: Trained
    table: Table
    subject: Subject
    watch: Watch
    kept: Path | None = None

    def split(self, name: SplitName, seed: int | None = None) -> Split:
        """Rows to learn from and rows held out; of the first seed of the training where none is told."""
        spec = self.subject.spec
        return held_out(name, spec, groups(self.table, self.model.task, spec.group), spec.seed if seed is None else seed)

    def sibling(self, settings: Mapping[str, Any], seed: int) -> learners.Learner:
        """A new learner of the same kind."""
        kind = self.subject.spec.kind
        return learners.make(kind, learners.settings_of(kind, settings), self.model.task.heads, seed)

    def fitted(self, rows: IntArray, first: float, last: float, what: str) -> learners.Learner:
        """A sibling with the settings of the model that has seen some rows only, told of as a part of the progress."""
        task, spec = self.model.task, self.subject.spec
        table = self.table.rows(rows)

        def hear(epoch: Epoch) -> bool | None:
            return self.watch(first + (last - first) * epoch.fraction, what)

        self.watch(first, what)
        return self.sibling(spec.settings, spec.seed).fit(task.X(table), task.Y(table), hear)


@dataclass(frozen=True)
class Drawn:
    """A figure with its name and heading."""

    name: str
    title: str
    figure: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What a study found: as JSON, as figures, and in one line."""

    result: dict[str, Any]
    figures: tuple[Drawn, ...]
    said: str


def known(name: str, names: Collection[str], what: str, where: tuple[str | int, ...]) -> None:
    """Check a name.

    Raises:
        InvalidInput: It is not among those known.
    """
    if name not in names:
        raise InvalidInput(f"the model has no {what} {name!r}", where=where, remedy=f"name one of: {', '.join(names)}")
