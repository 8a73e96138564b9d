"""Sums over chain lengths: what the kinetics needs of radical populations P(n) = exp(-(c0 n + c1 H(n))).

Termination falls with chain length by the composite law of Smith, Russell and Heuts (Macromol. Theory Simul. 12, 299
(2003)): kt(n,n) = kt(1,1) n^-as up to the crossover and goes on as n^-al; kt(i,j) is the geometric mean, so that it
factors into g(i) g(j) with g = sqrt(kt(n,n) / kt(1,1)). H is the integral of g. A sum from 1 to N is taken as the integral
from 1/2 to N + 1/2, by Gauss-Legendre in ln n, but for the shortest chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.surrogate import FloatArray

LOG_M: FloatArray = np.linspace(2.05, 7.0, 100)
"""Grid of the molar mass distribution: log10 of M in g/mol."""
STEP = 0.05
_SINGLE = 9
"""Lengths that are summed one by one, as sums of g over short chains are no integrals."""
_PANELS = ((_SINGLE + 0.5, 30.0, 8), (30.0, 4e5, 34))
"""Longer chains: lengths from, to, and nodes between."""
_BITES = 3
"""Units from which a chain-end radical bites back."""
_PAIRS = 14
"""Nodes of the sum over the partners of a combination."""


@dataclass(frozen=True)
class Chains:
    """The composite law, and nodes for sums over lengths.

    Attributes:
        short: Order in the length of short chains, as.
        long: Order in the length of long ones, al.
        crossover: Length between them.
        mass: Of a unit in g/mol.
    """

    short: float
    long: float
    crossover: float
    mass: float

    def g(self, n: FloatArray) -> FloatArray:
        """Square root of kt(n,n) / kt(1,1)."""
        a, b, c = self.short / 2, self.long / 2, self.crossover
        return np.asarray(np.where(n <= c, n**-a, c ** (b - a) * n**-b))

    def H(self, n: FloatArray) -> FloatArray:
        """Integral of g up to a chain of n units, the half unit of the midpoint rule included."""
        a, b, c = self.short / 2, self.long / 2, self.crossover
        x = n + 0.5
        head, tail = np.minimum(x, c) ** (1 - a) / (1 - a), np.maximum(x, c) ** (1 - b) - c ** (1 - b)
        return np.asarray(head + c ** (b - a) * tail / (1 - b))

    @cached_property
    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Lengths (k,), H there, and weights (k, 6) of the sums of ``sums``."""
        panels = [_gauss(count, np.log(low), np.log(high)) for low, high, count in _PANELS]
        tail, ones = np.exp(np.concatenate([u for u, _ in panels])), np.ones(_SINGLE)
        n = np.concatenate([np.cumsum(ones), tail])
        weights = np.concatenate([ones, tail * np.concatenate([w for _, w in panels])])
        g, long = self.g(n), n >= _BITES
        return n, self.H(n), weights[:, None] * np.column_stack([np.ones_like(n), g, n, n * g, long, long * g])

    def sums(self, c0: FloatArray, c1: FloatArray) -> FloatArray:
        """Sums over populations exp(-(c0 n + c1 H(n))) of 1, g, n, n g, and of 1, g from 3 units on, shape (6, *shape of c0)."""
        n, H, weights = self.moments
        return np.moveaxis(np.exp(-(c0[..., None] * n + c1[..., None] * H)) @ weights, -1, 0)

    @cached_property
    def lengths(self) -> FloatArray:
        """Units of a chain at the points of ``LOG_M``."""
        return np.asarray(10**LOG_M / self.mass)

    @cached_property
    def pairs(self) -> tuple[FloatArray, FloatArray]:
        """For products of ``lengths``: weights g(x) g(n-x) dx and H(x) + H(n-x) of the pairs, shape (100, q) each."""
        n = self.lengths[:, None]
        # x = n/2 u^2 takes the edge off g at short partners.
        u, w = _gauss(_PAIRS, 0.0, 1.0)
        x = n / 2 * u**2
        return 2 * self.g(x) * self.g(n - x) * w * n * u, self.H(x) + self.H(n - x)


def edges(mass: float) -> FloatArray:
    """Units of a chain, ``mass`` g/mol each, halfway between the points of ``LOG_M``, shape (101,)."""
    return np.asarray(10 ** (np.append(LOG_M, LOG_M[-1] + STEP) - STEP / 2) / mass)


def _gauss(count: int, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(count)
    return (high - low) / 2 * (x + 1) + low, (high - low) / 2 * w
