"""What happens to measured inputs: noise, missing points, a coarser step, a cut range. Pure and seeded.

A corruption takes a field and gives the field back as it would have been measured: a coarser step or a cut range leave a
curve fewer points, on an axis of its own, which ``onto`` brings back to the axis of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol
from zlib import crc32

import numpy as np

from models.surrogate import BoolArray, FloatArray
from models.table import BadTable, Field, Table


class Corruption(Protocol):
    """One corruption at one level."""

    @property
    def name(self) -> str:
        """What the field calls it, the same at all levels."""
        ...

    @property
    def label(self) -> str:
        """The level for people."""
        ...

    def __call__(self, field: Field, known: Field, rng: np.random.Generator) -> Field:
        """The field as it would have been measured.

        Args:
            field: What is corrupted; left as it is.
            known: The same field of the clean training data.
            rng: Source of the random numbers.
        """
        ...


@dataclass(frozen=True)
class Noise:
    """Multiplicative noise on curves; on numbers additive, in standard deviations of the training data.

    The factors of a curve are log-normal of mean 1, so that intensities stay positive.

    Attributes:
        level: Standard deviation of the factors, from 0.
    """

    level: float
    name = "noise"

    def __post_init__(self) -> None:
        _demand(np.isfinite(self.level) and self.level >= 0, "level", "a noise needs a finite level of 0 or more, such as 0.15")

    @property
    def label(self) -> str:
        """The level in per cent."""
        return f"{100 * self.level:g} %"

    def __call__(self, field: Field, known: Field, rng: np.random.Generator) -> Field:
        """See ``Corruption``."""
        z = rng.standard_normal(field.values.shape)
        if field.kind == "number":
            return replace(field, values=field.values + self.level * known.values.std() * z)
        if field.kind == "curve":
            variance = np.log1p(self.level**2)
            return replace(field, values=field.values * np.exp(np.sqrt(variance) * z - variance / 2))
        return field


@dataclass(frozen=True)
class Missing:
    """Missing points: of curves filled by linear interpolation, numbers by the median of the training data.

    Attributes:
        share: Of the points of every curve, and of the rows of a number, in [0, 1).
    """

    share: float
    name = "missing points"

    def __post_init__(self) -> None:
        _demand(0 <= self.share < 1, "share", "a share of missing points is 0 or more and below 1, such as 0.5")

    @property
    def label(self) -> str:
        """The share in per cent."""
        return f"{100 * self.share:g} %"

    def __call__(self, field: Field, known: Field, rng: np.random.Generator) -> Field:
        """See ``Corruption``."""
        if field.kind == "number":
            gone = rng.permutation(len(field.values)) < round(self.share * len(field.values))
            return replace(field, values=np.where(gone, np.median(known.values), field.values))
        if field.axis is None:
            return field
        kept = max(1, len(field.axis) - round(self.share * len(field.axis)))
        ranks = rng.permuted(np.tile(np.arange(len(field.axis)), (len(field.values), 1)), axis=1)
        return replace(field, values=np.array([_filled(field.axis, row, own < kept) for row, own in zip(field.values, ranks, strict=True)]))


@dataclass(frozen=True)
class Step:
    """A coarser step: every so manieth point of the axis, from the first one.

    Attributes:
        factor: Of the step, 1 or more.
    """

    factor: int
    name = "step"

    def __post_init__(self) -> None:
        _demand(self.factor >= 1 and self.factor == int(self.factor), "factor", "a step is made coarser by a whole factor, such as 10")

    @property
    def label(self) -> str:
        """The factor."""
        return f"x {self.factor}"

    def __call__(self, field: Field, known: Field, rng: np.random.Generator) -> Field:
        """See ``Corruption``."""
        return field if field.axis is None else _cut(field, np.arange(len(field.axis)) % self.factor == 0)


@dataclass(frozen=True)
class Range:
    """A cut range of the axis, both ends included.

    Attributes:
        low: In the unit of the axis.
        high: In the unit of the axis.
    """

    low: float
    high: float
    name = "range"

    def __post_init__(self) -> None:
        _demand(self.low < self.high, "high", "a range needs a low end below its high one")

    @property
    def label(self) -> str:
        """Both ends."""
        return f"{self.low:g} to {self.high:g}"

    def __call__(self, field: Field, known: Field, rng: np.random.Generator) -> Field:
        """See ``Corruption``.

        Raises:
            BadTable: The range holds under two points of a curve.
        """
        return field if field.axis is None else _cut(field, (field.axis >= self.low) & (field.axis <= self.high))


@dataclass(frozen=True)
class Half:
    """One half of the channels.

    Attributes:
        part: Which one: ``lower``, as small angles are, or ``upper``.
    """

    part: Literal["lower", "upper"]
    name = "half"

    def __post_init__(self) -> None:
        _demand(self.part in ("lower", "upper"), "part", "a half is the lower or the upper one")

    @property
    def label(self) -> str:
        """Which one."""
        return self.part

    def __call__(self, field: Field, known: Field, rng: np.random.Generator) -> Field:
        """See ``Corruption``."""
        if field.axis is None:
            return field
        lower = np.arange(len(field.axis)) < (len(field.axis) + 1) // 2
        return _cut(field, lower if self.part == "lower" else ~lower)


CORRUPTIONS: Mapping[str, Callable[..., Corruption]] = {kind.name: kind for kind in (Noise, Missing, Step, Range, Half)}
"""What a corruption is called -> how it is made."""


def corrupted(table: Table, names: Sequence[str], corruption: Corruption, known: Table, seed: int) -> Table:
    """A table some fields of which are corrupted; the others stay as they are.

    Args:
        table: What is corrupted.
        names: Of the fields.
        corruption: What happens to them.
        known: The clean training data.
        seed: Together with the corruption and the name of a field, the source of its random numbers.

    Raises:
        BadTable: Too little of a curve is left.
    """
    changed = [
        corruption(field, known[field.name], np.random.default_rng([seed, crc32(f"{corruption} {field.name}".encode())]))
        if field.name in names
        else field
        for field in table.fields
    ]
    return Table(tuple(changed))


def onto(field: Field, axis: FloatArray) -> Field:
    """A curve brought onto another axis by linear interpolation; beyond its ends it goes on as its last point."""
    if field.axis is None or np.array_equal(field.axis, axis):
        return field
    return replace(field, values=np.array([np.interp(axis, field.axis, row) for row in field.values]), axis=axis)


def beyond(field: Field, axis: FloatArray) -> float:
    """The share of the points of an axis that lie beyond the ends of a curve, where ``onto`` makes values up."""
    return 0.0 if field.axis is None else float(np.mean((axis < field.axis[0]) | (axis > field.axis[-1])))


def _demand(met: bool | np.bool_, name: str, message: str) -> None:
    if not met:
        raise ValueError(f"{name}: {message}")


def _filled(axis: FloatArray, row: FloatArray, kept: BoolArray) -> FloatArray:
    return np.interp(axis, axis[kept], row[kept])


def _cut(field: Field, kept: BoolArray) -> Field:
    if field.axis is None or kept.sum() < 2:
        raise BadTable("under two points of the curve are left", field.name, "take a wider range or a finer step")
    return replace(field, values=field.values[:, kept], axis=field.axis[kept])
