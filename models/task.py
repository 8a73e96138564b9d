"""What a learner learns: which fields it sees, which it tells, and how both become arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from models.surrogate import FloatArray, IntArray
from models.table import BadTable, Field, FieldKind, Table

Scale = Literal["linear", "log"]
HeadKind = Literal["number", "curve", "category", "distribution"]


@dataclass(frozen=True)
class Head:
    """What neighbouring columns of the outputs of a learner are.

    Attributes:
        kind: ``number``, one column; ``curve``, points that belong together; ``category``, one probability per class; or
            ``distribution``, shares of bins that add up to one.
        size: Columns.
    """

    kind: HeadKind
    size: int


@dataclass(frozen=True)
class Block:
    """A field as columns.

    Attributes:
        name: Of the field.
        kind: Of the field.
        size: Columns: 1 for a number, the points of a curve, one per class of a category; of a stack its pixels.
        unit: Of the values.
        scale: ``log`` where the learner sees logarithms, and so tells medians.
        shares: Whether a curve is a distribution over bins: not negative, and adding up to one.
        axis: Of a curve.
        axis_unit: Of a curve.
        classes: Of a category.
        shape: Images, height and width of a stack.
    """

    name: str
    kind: FieldKind
    size: int
    unit: str = ""
    scale: Scale = "linear"
    shares: bool = False
    axis: tuple[float, ...] = ()
    axis_unit: str = ""
    classes: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()

    @classmethod
    def of(cls, field: Field, scale: Scale = "linear", shares: bool = False) -> Self:
        """How a field is shown to a learner.

        Raises:
            BadTable: The logarithm of what is not positive was asked for, or shares that do not add up to one.
        """
        if scale == "log" and (field.kind not in ("number", "curve") or field.values.min() <= 0):
            raise BadTable("only positive numbers and curves have a logarithm", field.name, "use the scale linear, or drop such rows")
        if shares and (field.kind != "curve" or field.values.min() < 0 or np.abs(field.values.sum(axis=1) - 1).max() > 1e-6):
            raise BadTable("shares are curves that are not negative and add up to one", field.name, "divide every row by its sum")
        axis = () if field.axis is None else tuple(field.axis.tolist())
        size = len(field.classes) or int(np.prod(field.values.shape[1:], dtype=int))
        shape = field.values.shape[1:] if field.kind == "stack" else ()
        return cls(field.name, field.kind, size, field.unit, scale, shares, axis, field.axis_unit, field.classes, shape)

    @property
    def head(self) -> Head:
        """What the columns are as outputs."""
        if self.kind == "stack":
            raise BadTable("image stacks are inputs, not targets", self.name)
        return Head("distribution" if self.shares else self.kind, self.size)

    def columns(self, field: Field) -> npt.NDArray[Any]:
        """The values of a field as the learner sees them: (n, size), or (n, images, height, width) in [0, 1].

        Raises:
            BadTable: The field is another one: of another kind, unit, axis or size, with unknown classes, or not positive.
        """
        self._check(field)
        if self.kind == "stack":
            return field.values.astype(np.float32) / np.float32(255)
        if self.kind == "category":
            codes = np.array([self.classes.index(name) for name in field.classes])[field.values]
            return self.scaled(codes)
        return self.scaled(field.values.reshape(len(field.values), -1).astype(float))

    def scaled(self, values: FloatArray | IntArray) -> FloatArray:
        """Values as the learner sees them, shape (n, size): of numbers and curves (n, size), or numbers of classes (n,)."""
        if self.kind == "category":
            return np.asarray(np.eye(self.size)[values.astype(int)])
        return np.asarray(np.log(values) if self.scale == "log" else values)

    def values(self, columns: FloatArray) -> FloatArray:
        """Columns (n, size) of a learner in the unit of the field."""
        return np.exp(columns) if self.scale == "log" else columns

    def _check(self, field: Field) -> None:
        row = self.shape if self.kind == "stack" else (self.size,) if self.kind == "curve" else ()
        if field.kind != self.kind or field.values.shape[1:] != row:
            raise BadTable(f"the model knows it as {self._told}, this is a {field.kind} of shape {field.values.shape[1:]}", field.name)
        if field.unit != self.unit or field.axis_unit != self.axis_unit:
            given, known = f"{field.unit!r} over {field.axis_unit!r}", f"{self.unit!r} over {self.axis_unit!r}"
            raise BadTable(f"the unit is {given}, the model knows {known}", field.name, "convert the values to the unit of the model")
        if field.axis is not None and not np.allclose(field.axis, self.axis, rtol=1e-9, atol=0):
            ranges = f"{field.axis[0]:g} to {field.axis[-1]:g}, the model knows {self.axis[0]:g} to {self.axis[-1]:g}"
            raise BadTable(f"the axis goes from {ranges}", field.name, "resample onto the axis of the model, or train on the overlap")
        if unknown := set(field.classes) - set(self.classes):
            raise BadTable(f"the model knows no class {sorted(unknown)[0]!r}", field.name, f"use one of: {', '.join(self.classes)}")
        if self.scale == "log" and field.values.min() <= 0:
            raise BadTable("the model takes the logarithm: values have to be positive", field.name)

    @property
    def _told(self) -> str:
        return f"a {self.kind} of {self.size} points" if self.kind == "curve" else f"a {self.kind}"


@dataclass(frozen=True)
class Task:
    """Fields in, fields out.

    Attributes:
        inputs: What the learner sees; a stack is alone.
        targets: What it tells.
    """

    inputs: tuple[Block, ...]
    targets: tuple[Block, ...]

    def __post_init__(self) -> None:
        names = [block.name for block in self.inputs + self.targets]
        if not self.inputs or not self.targets:
            raise BadTable("a task needs an input and a target")
        for name in names:
            if names.count(name) > 1:
                raise BadTable("the field is named twice", name, "a field is an input or a target, once")
        if len(self.inputs) > 1 and any(block.kind == "stack" for block in self.inputs):
            raise BadTable("a stack of images has to be the only input", next(b.name for b in self.inputs if b.kind == "stack"))

    @property
    def heads(self) -> tuple[Head, ...]:
        """What the columns of the outputs are, in order."""
        return tuple(block.head for block in self.targets)

    def X(self, table: Table) -> npt.NDArray[Any]:
        """Inputs of a learner: (n, d), or (n, images, height, width) of a stack."""
        return _joined(block.columns(table[block.name]) for block in self.inputs)

    def Y(self, table: Table) -> FloatArray:
        """Outputs of a learner, shape (n, m)."""
        return _joined(block.columns(table[block.name]) for block in self.targets)

    def told(self, Y: FloatArray) -> dict[str, FloatArray]:
        """The columns (n, m) that belong to each target, on the scale of the learner."""
        ends = np.cumsum([block.size for block in self.targets])
        return {block.name: columns for block, columns in zip(self.targets, np.split(Y, ends[:-1], axis=1), strict=True)}

    def card(self) -> dict[str, Any]:
        """The task as JSON."""
        return asdict(self)

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Self:
        """Read what ``card`` told."""
        return cls(*(tuple(_block(block) for block in card[part]) for part in ("inputs", "targets")))


def _joined(parts: Iterable[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    columns = list(parts)
    return columns[0] if len(columns) == 1 else np.hstack(columns)


def _block(card: Mapping[str, Any]) -> Block:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list | tuple) else value for name, value in card.items()}
    return Block(**fields)
