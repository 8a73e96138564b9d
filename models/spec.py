"""What to train: fields in and out, the learner and its settings, and how it is put to the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from models import learners
from models.splits import Split, grouped_split, groups_of, random_split
from models.surrogate import IntArray
from models.table import BadTable, Field, Table
from models.task import Block, Scale, Task

SplitName = Literal["random", "grouped"]
"""Whether single rows are held out, or whole groups."""
FEWEST = 5
"""Rows that a model can be trained on and held against others."""


@dataclass(frozen=True)
class Use:
    """A field as an input or as a target.

    Attributes:
        name: Of the field.
        scale: ``log`` to show the learner logarithms.
        shares: Whether a curve is a distribution over bins.
    """

    name: str
    scale: Scale = "linear"
    shares: bool = False


@dataclass(frozen=True)
class Spec:
    """A training.

    Attributes:
        inputs: Fields that the learner sees.
        targets: Fields that it tells.
        kind: Of the learner, a key of ``models.learners.KINDS``.
        settings: Of the learner; those left out have their defaults.
        group: Field whose equal values belong together in the grouped split; equal inputs do where it is None.
        seed: Of the splits and of the learner.
        test_fraction: Share of the rows, or of the groups, that is held out.
        sizes: Shares of the training rows at which the learning curve is taken, beside all of them.
        seeds: Repetitions of both splits, each with a seed of its own.
    """

    inputs: tuple[Use, ...]
    targets: tuple[Use, ...]
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    seed: int = 0
    test_fraction: float = 0.2
    sizes: tuple[float, ...] = (0.25, 0.5)
    seeds: int = 3

    def card(self) -> dict[str, Any]:
        """The training as JSON."""
        return asdict(self)

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Self:
        """Read what ``card`` told."""
        uses = {part: tuple(Use(**use) for use in card[part]) for part in ("inputs", "targets")}
        return cls(**{**card, **uses, "sizes": tuple(card["sizes"])})

    def task(self, table: Table) -> Task:
        """The task on a table, once everything is found fit for training.

        Raises:
            BadTable: Names the field at fault: there is none of this name, it is constant, a class of it has no rows, the
                learner cannot take it; or rows or groups are too few.
            BadSettings: The settings are not those of the learner.
        """
        settings = learners.settings_of(self.kind, self.settings)
        if len(table) < FEWEST:
            raise BadTable(f"{len(table)} rows are too few to train on and hold some out", "", f"give {FEWEST} rows at least")
        parts = ([Block.of(table[use.name], use.scale, use.shares) for use in uses] for uses in (self.inputs, self.targets))
        task = Task(*map(tuple, parts))
        for target in self.targets:
            _check_varies(table[target.name])
        if all(_constant(table[use.name]) for use in self.inputs):
            raise BadTable("the inputs are the same in every row: there is nothing to tell the targets from", self.inputs[0].name)
        self._check_learner(task, settings)
        if self.group and _constant(table[self.group]):
            raise BadTable("all rows belong to one group: none can be held out", self.group, "leave group out, or group by another field")
        return task

    def _check_learner(self, task: Task, settings: Any) -> None:
        kind = learners.KINDS[self.kind]
        stacked = task.inputs[0].kind == "stack"
        if stacked != kind.stacks:
            fit = ", ".join(name for name, other in learners.KINDS.items() if other.stacks == stacked)
            takes = "image stacks" if kind.stacks else "numbers, curves and categories"
            raise BadTable(f"the learner {self.kind} takes {takes}", task.inputs[0].name, f"use one of: {fit}")
        for block in task.targets:
            if block.head.kind not in kind.heads:
                fit = ", ".join(
                    name for name, other in learners.KINDS.items() if block.head.kind in other.heads and other.stacks == stacked
                )
                raise BadTable(f"the learner {self.kind} tells no target that is a {block.head.kind}", block.name, f"use one of: {fit}")
        try:
            learners.make(self.kind, settings, task.heads, self.seed)
        except ValueError as error:
            raise BadTable(str(error), task.targets[0].name, "train a model for each target, or use another learner") from error


def groups(table: Table, task: Task, name: str | None) -> IntArray:
    """Number of the group of every row, shape (n,)."""
    return groups_of(table.only([block.name for block in task.inputs] if name is None else [name]))


def held_out(name: SplitName, spec: Spec, group: IntArray, seed: int) -> Split:
    """A split of rows whose groups (n,) are told."""
    if name == "random":
        return random_split(len(group), spec.test_fraction, seed)
    return grouped_split(group, spec.test_fraction, seed)


def _constant(field: Field) -> bool:
    return bool((field.values == field.values[:1]).all())


def _check_varies(field: Field) -> None:
    if _constant(field):
        raise BadTable("the target is the same in every row: there is nothing to learn", field.name, "choose a target that varies")
    if field.classes and (empty := set(range(len(field.classes))) - set(field.values.tolist())):
        name = field.classes[min(empty)]
        raise BadTable(f"the class {name!r} has no rows", field.name, "drop the class from the data set, or add rows of it")
