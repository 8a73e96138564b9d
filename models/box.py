"""The box that inputs are looked for in: bounds, set and listed columns, logarithms, linear constraints.

Notation: d inputs, x in their units, u in the unit cube of the box; c constraints A x <= b.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from models.surrogate import BoolArray, FloatArray

_AT = 1e-6
"""Share of the box within which a bound or constraint counts as reached."""

Bound = tuple[int, Literal["low", "high"]]
"""Column, and which end of it."""


@dataclass(frozen=True, eq=False)
class Box:
    """Where inputs may lie.

    Attributes:
        low: Lower bounds, shape (d,).
        high: Upper bounds, shape (d,); a column may have both bounds equal.
        fixed: Columns that are set, and to what.
        levels: Columns with listed settings, increasing; they are chosen by the screening, and not moved afterwards.
        log: Columns whose logarithm is searched.
        A: Constraints, shape (c, d).
        b: Their bounds, shape (c,).
    """

    low: FloatArray
    high: FloatArray
    fixed: Mapping[int, float] = field(default_factory=dict)
    levels: Mapping[int, FloatArray] = field(default_factory=dict)
    log: frozenset[int] = frozenset()
    A: FloatArray | None = None
    b: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.low.ndim != 1 or self.low.shape != self.high.shape or not (self.low <= self.high).all():
            raise ValueError("box: low (d,) must not be above high (d,)")
        if outside := [j for j, value in self.fixed.items() if not self.low[j] <= value <= self.high[j]]:
            raise ValueError(f"fixed: column {outside[0]} is set outside its bounds; widen them, or set it within")
        if any(self.low[j] <= 0 for j in self.log):
            raise ValueError("log: only columns with positive bounds have a logarithm")
        if (None if self.A is None else self.A.shape) != (None if self.b is None else (len(self.b), len(self.low))):
            raise ValueError("constraints: A (c, d) and b (c,) are given together")

    @property
    def free(self) -> BoolArray:
        """Columns that may be moved downhill, shape (d,)."""
        free = self.low < self.high
        free[[*self.fixed, *self.levels]] = False
        return np.asarray(free)

    def inputs(self, u: FloatArray) -> FloatArray:
        """Points (n, d) of the unit cube in units, with fixed columns set and listed ones on their nearest setting."""
        low, high = self._ends
        x = low + u * (high - low)
        logged = sorted(self.log)
        x[:, logged] = np.exp(x[:, logged])
        x = np.clip(x, self.low, self.high)
        for j, levels in self.levels.items():
            x[:, j] = levels[np.minimum((u[:, j] * len(levels)).astype(int), len(levels) - 1)]
        for j, value in self.fixed.items():
            x[:, j] = value
        return x

    def unit(self, x: FloatArray) -> FloatArray:
        """Inputs (n, d) in the unit cube, columns without a range at 0."""
        low, high = self._ends
        logged, u = sorted(self.log), x.copy()
        u[:, logged] = np.log(u[:, logged])
        return np.asarray((u - low) / np.where(high > low, high - low, 1.0))

    def slacks(self, x: FloatArray) -> FloatArray:
        """How much is left of each constraint at inputs (n, d), shape (n, c); negative where it is broken."""
        return np.empty((len(x), 0)) if self.A is None or self.b is None else self.b - x @ self.A.T

    def normals(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Slacks (n, c) of the constraints in lengths of the unit cube, and their outward normals (n, c, d)."""
        A = np.empty((0, len(self.low))) if self.A is None else self.A
        low, high = self._ends
        x, logged = self.inputs(u), sorted(self.log)
        slope = np.broadcast_to(high - low, x.shape).copy()
        slope[:, logged] *= x[:, logged]
        outward = A * np.where(self.free, slope, 0.0)[:, None]
        size = np.linalg.norm(outward, axis=2)
        size = np.where(size > 0, size, 1.0)
        return self.slacks(x) / size, outward / size[:, :, None]

    def reached(self, x: FloatArray) -> tuple[tuple[Bound, ...], tuple[int, ...]]:
        """Bounds of columns that are not set, and constraints, that inputs (d,) have reached."""
        u = self.unit(x[None])[0]
        ends = (u <= _AT, u >= 1 - _AT)
        choice = [j for j in range(len(x)) if j not in self.fixed and self.low[j] < self.high[j]]
        bounds: list[Bound] = [(j, "low" if ends[0][j] else "high") for j in choice if ends[0][j] or ends[1][j]]
        if self.A is None:
            return tuple(bounds), ()
        near = self.slacks(x[None])[0] <= _AT * (np.abs(self.A) @ (self.high - self.low))
        return tuple(bounds), tuple(np.flatnonzero(near).tolist())

    @property
    def _ends(self) -> tuple[FloatArray, FloatArray]:
        logged, low, high = sorted(self.log), self.low.astype(float), self.high.astype(float)
        low[logged], high[logged] = np.log(low[logged]), np.log(high[logged])
        return low, high
