"""The known curves that lie closest to a measured one, whatever its factor, on the points that were measured.

Curves are compared by their logarithms: small angles and wide ones, decades apart, then weigh alike, and a factor is a
constant. The residual of a measured curve I and a known one L over m points is the root mean square of
``ln I - ln L - mean(ln I - ln L)``: about the relative deviation that is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from models.surrogate import BoolArray, FloatArray

_BLOCK = 256
"""Known curves that are compared at once."""
_SAMPLE, _POINTS = 300, 200
"""Known curves, and points of theirs, that tell how far neighbours lie apart."""
_USUAL = 0.98
"""Share of the known curves whose neighbour lies within the usual residual."""


@dataclass(frozen=True)
class Neighbour:
    """A known curve beside a measured one.

    Attributes:
        row: Its row in the table.
        factor: By how much the measured curve lies above it; 1 where curves are compared as they are.
        residual: Root mean square of what is left of the logarithms.
    """

    row: int
    factor: float
    residual: float


@dataclass(frozen=True, eq=False)
class Library:
    """Known curves.

    Attributes:
        logarithms: Of their intensities, shape (n, m), float32: six digits will do.
        usual: Residual within which nearly all of them have a neighbour among the others.
    """

    logarithms: npt.NDArray[np.float32]
    usual: float

    @classmethod
    def of(cls, curves: FloatArray) -> Self:
        """The library of positive curves (n, m), n >= 2."""
        logarithms = np.log(curves).astype(np.float32)
        return cls(logarithms, _usual(logarithms))

    def nearest(self, logarithm: FloatArray, known: BoolArray, count: int, scaled: bool = True) -> tuple[Neighbour, ...]:
        """The closest curves, the closest first.

        Args:
            logarithm: Of the measured curve, shape (m,).
            known: Points that were measured, shape (m,).
            count: How many; fewer where there are fewer.
            scaled: Whether a factor is left free.
        """
        factors, residuals = np.zeros(len(self.logarithms)), np.empty(len(self.logarithms))
        for first in range(0, len(self.logarithms), _BLOCK):
            part = slice(first, first + _BLOCK)
            gap = logarithm[known] - self.logarithms[part, known].astype(float)
            if scaled:
                factors[part] = gap.mean(axis=1)
                gap -= factors[part, None]
            residuals[part] = np.sqrt((gap**2).mean(axis=1))
        best = np.argsort(residuals, kind="stable")[:count]
        return tuple(Neighbour(int(row), float(np.exp(factors[row])), float(residuals[row])) for row in best)


def _usual(logarithms: npt.NDArray[np.float32]) -> float:
    """The residual within which nearly all curves have another one."""
    few = logarithms[:, :: -(-logarithms.shape[1] // _POINTS)].astype(float)
    few -= few.mean(axis=1, keepdims=True)
    rows = np.arange(0, len(few), -(-len(few) // _SAMPLE))
    power = (few**2).sum(axis=1)
    gaps = power[rows, None] + power - 2 * few[rows] @ few.T
    gaps[np.arange(len(rows)), rows] = np.inf
    closest = np.sqrt(np.maximum(gaps.min(axis=1), 0.0) / few.shape[1])
    return float(np.quantile(closest, _USUAL, method="higher"))
