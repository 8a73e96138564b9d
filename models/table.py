"""Data to learn from: named fields of numbers, curves, categories or image stacks, one row per sample.

A table is stored as one safetensors file whose header holds names, units, axes and classes, and known by the SHA-256 of its
content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.surrogate import BoolArray, FloatArray, IntArray

FieldKind = Literal["number", "curve", "category", "stack"]
_SHAPES: dict[FieldKind, tuple[str, str, int]] = {
    "number": ("f", "(n,)", 1),
    "curve": ("f", "(n, m)", 2),
    "category": ("i", "(n,)", 1),
    "stack": ("u", "(n, images, height, width)", 4),
}
"""Kind of field -> kind of dtype, shape in words, and number of axes."""


class BadTable(ValueError):
    """Data that cannot be learnt from.

    Attributes:
        field: Name of the field at fault, empty where it is the whole table.
        remedy: What to do about it.
    """

    def __init__(self, message: str, field: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.field, self.remedy = field, remedy


@dataclass(frozen=True, eq=False)
class Field:
    """One quantity of every sample.

    Attributes:
        name: Its name, unique in the table.
        values: float64 of shape (n,) for numbers and (n, m) for curves; int64 codes (n,) into ``classes`` for categories;
            uint8 (n, images, height, width) for stacks of grey images.
        unit: Of the values; empty where they have none.
        axis: Where the points of a curve are, increasing, shape (m,).
        axis_unit: Of the axis.
        classes: Names of the categories, two at least.
    """

    name: str
    values: npt.NDArray[Any]
    unit: str = ""
    axis: FloatArray | None = None
    axis_unit: str = ""
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise BadTable("a field needs a name")
        letter, shape, axes = _SHAPES[self.kind]
        if self.values.ndim != axes or self.values.dtype.kind != letter or not self.values.size:
            raise BadTable(f"a {self.kind} needs values of shape {shape}, not {self.values.shape} of {self.values.dtype}", self.name)
        if letter == "f" and not np.isfinite(self.values).all():
            row = int(np.argwhere(~np.isfinite(self.values.reshape(len(self.values), -1)).all(axis=1))[0, 0])
            raise BadTable(f"row {row} is not finite", self.name, "drop the row, or fill the gap before the upload")
        if self.axis is not None:
            self._check_axis(self.axis)
        if self.classes:
            self._check_classes()

    @property
    def kind(self) -> FieldKind:
        """What the values are."""
        if self.classes:
            return "category"
        if self.values.ndim == 4:
            return "stack"
        return "number" if self.axis is None else "curve"

    def _check_axis(self, axis: FloatArray) -> None:
        if axis.shape != self.values.shape[1:] or not (np.isfinite(axis).all() and (np.diff(axis) > 0).all()):
            raise BadTable(f"the axis needs {self.values.shape[1]} increasing, finite points", self.name, "sort the points by the axis")

    def _check_classes(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise BadTable("a category needs two distinct classes at least", self.name, "leave the field out: it tells nothing")
        if self.values.min() < 0 or self.values.max() >= len(self.classes):
            raise BadTable(f"codes go from 0 to {len(self.classes) - 1}", self.name)

    def rows(self, index: IntArray | BoolArray) -> Field:
        """The field at some rows."""
        return Field(self.name, self.values[index], self.unit, self.axis, self.axis_unit, self.classes)


@dataclass(frozen=True, eq=False)
class Table:
    """Fields of the same samples.

    Attributes:
        fields: In order; one at least.
    """

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if not names:
            raise BadTable("a table needs a field")
        for name in names:
            if names.count(name) > 1:
                raise BadTable("two fields have this name", name, "give every field its own name")
        for field in self.fields:
            if len(field.values) != len(self):
                raise BadTable(f"{len(field.values)} rows, where {names[0]!r} has {len(self)}", field.name)

    def __len__(self) -> int:
        return len(self.fields[0].values)

    def __getitem__(self, name: str) -> Field:
        """The field of a name.

        Raises:
            BadTable: There is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise BadTable("the table has no such field", name, f"name one of: {', '.join(field.name for field in self.fields)}")

    def rows(self, index: IntArray | BoolArray) -> Table:
        """The table of some rows: of their numbers, or of a mask."""
        return Table(tuple(field.rows(index) for field in self.fields))

    def only(self, names: Sequence[str]) -> Table:
        """The table of some fields, in the order of the names."""
        return Table(tuple(self[name] for name in names))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names, units, axes, classes and values, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """The table as a safetensors file; equal tables give equal bytes."""
        arrays = {f"values.{j}": np.ascontiguousarray(field.values) for j, field in enumerate(self.fields)}
        arrays |= {f"axis.{j}": np.ascontiguousarray(field.axis) for j, field in enumerate(self.fields) if field.axis is not None}
        told = [{"name": f.name, "unit": f.unit, "axis_unit": f.axis_unit, "classes": f.classes} for f in self.fields]
        return save(arrays, {"fields": json.dumps(told)})

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what ``to_bytes`` wrote.

        Raises:
            BadTable: It is something else.
        """
        try:
            arrays, size = load(content), int.from_bytes(content[:8], "little")
            told = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["fields"])
        except (SafetensorError, KeyError, ValueError) as error:
            raise BadTable("these bytes are no stored table") from error
        values = (arrays[f"values.{j}"] for j in range(len(told)))
        axes = (arrays.get(f"axis.{j}") for j in range(len(told)))
        return cls(
            tuple(
                Field(field["name"], array, field["unit"], axis, field["axis_unit"], tuple(field["classes"]))
                for field, array, axis in zip(told, values, axes, strict=True)
            )
        )
