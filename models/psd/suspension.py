"""Suspensions of known particle size distribution: log-normal modes within the range of the bins.

Diameters d are those of spheres of the same volume, in um. A mode is log-normal by number; what lies outside 20 to 500 um is not
in the suspension, so that ``shares`` is exact and complete. Moments use that d^k times a log-normal density is another one, whose
median is exp(k sigma^2) times as large (Hatch and Choate, J. Franklin Inst. 207, 369 (1929)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.faults import Fault
from models.psd.bins import EDGES, Weighting
from models.surrogate import FloatArray

PHI = (0.03, 0.6)
"""Range of the projected area fraction in random suspensions, and so on below."""
MEDIAN = (40.0, 260.0)
SIGMA = (0.08, 0.35)
ASPECT = (1.0, 3.0)
_LARGEST_ASPECT = 10.0
_FINE = np.geomspace(EDGES[0], EDGES[-1], 3201)
"""Where percentiles are looked for: a thousandth apart."""
_POWER: dict[Weighting, int] = {"number": 0, "volume": 3}


class BadSuspension(Fault):
    """A suspension that cannot be, or a picture that cannot be taken of it."""


@dataclass(frozen=True)
class Mode:
    """Particles with log-normal diameters.

    Attributes:
        median: By number, in um, within the bins.
        sigma: Standard deviation of ln d.
        share: Of the mode among all particles by number; relative to those of the other modes.

    Raises:
        BadSuspension: A number is out of its range.
    """

    median: float
    sigma: float
    share: float = 1.0

    def __post_init__(self) -> None:
        if not EDGES[0] <= self.median <= EDGES[-1]:
            raise BadSuspension(f"{self.median!r} um is outside the bins", "median", f"give {EDGES[0]:g} to {EDGES[-1]:g} um")
        for name in ("sigma", "share"):
            if not 0 < getattr(self, name) < np.inf:
                raise BadSuspension(f"{getattr(self, name)!r}", name, "give a number above 0")


@dataclass(frozen=True)
class Suspension:
    """Particles of a size distribution in a liquid.

    Attributes:
        modes: What the distribution is made of; one at least.
        phi: Projected area fraction: areas of all particles in a picture over that of the picture; overlaps count twice.
        aspect: Range of the evenly drawn aspect ratio of prolate spheroids; None for spheres.

    Raises:
        BadSuspension: A number is out of its range.
    """

    modes: tuple[Mode, ...]
    phi: float
    aspect: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.modes:
            raise BadSuspension("there are none", "modes", "give one at least")
        if not 0 <= self.phi <= 1:
            raise BadSuspension(f"{self.phi!r}", "phi", "give an area fraction from 0 to 1")
        if self.aspect is not None and not 1 <= self.aspect[0] <= self.aspect[1] <= _LARGEST_ASPECT:
            raise BadSuspension(f"{self.aspect!r}", "aspect", f"give 1 <= low <= high <= {_LARGEST_ASPECT:g}, or None for spheres")

    def shares(self, weighting: Weighting = "number") -> FloatArray:
        """Exact shares of the bins, adding up to one, shape (32,)."""
        parts = self._moments(_POWER[weighting]).sum(axis=0)
        return np.asarray(parts / parts.sum())

    def mean_power(self, k: int) -> float:
        """Mean of d^k by number, in um^k."""
        return float(self._moments(k).sum() / self._moments(0).sum())

    def mean_area(self) -> float:
        """Mean projected area of a particle in random orientation, in um^2."""
        return float(np.pi / 4 * self.mean_power(2) * _area_factor(self.aspect))

    def percentiles(self, percents: Sequence[float], weighting: Weighting = "number") -> FloatArray:
        """Diameters in um below which so many percent of the particles or of their volume lie, such as D10, D50 and D90."""
        moments = self._moments(_POWER[weighting], _FINE).sum(axis=0)
        below = np.concatenate([[0.0], np.cumsum(moments)]) / moments.sum()
        return np.asarray(np.exp(np.interp(np.asarray(percents) / 100, below, np.log(_FINE))))

    def diameters(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Diameters of n particles in um, shape (n,)."""
        # Late, like all of scipy: the web process imports this module, but never computes.
        from scipy.special import ndtri

        below = self._below(0, EDGES[[0, -1]])
        mass = np.array([mode.share for mode in self.modes]) * (below[:, 1] - below[:, 0])
        u, v = rng.random((2, n))
        mode = np.searchsorted(np.cumsum(mass[:-1]) / mass.sum(), u, side="right")
        median, sigma = (np.array([getattr(one, name) for one in self.modes]) for name in ("median", "sigma"))
        z = ndtri(below[mode, 0] + v * (below[mode, 1] - below[mode, 0]))
        return np.asarray(np.clip(median[mode] * np.exp(sigma[mode] * z), EDGES[0], EDGES[-1]))

    def _below(self, k: int, edges: FloatArray) -> FloatArray:
        """Cumulative d^k-weighted distribution of each mode at m edges, shape (modes, m)."""
        from scipy.special import ndtr

        rows = [(np.log(edges / mode.median) - k * mode.sigma**2) / mode.sigma for mode in self.modes]
        return np.asarray(ndtr(np.array(rows)))

    def _moments(self, k: int, edges: FloatArray = EDGES) -> FloatArray:
        """Parts of the k-th moment that each mode has between m edges, shape (modes, m - 1)."""
        whole = [mode.share * mode.median**k * np.exp((k * mode.sigma) ** 2 / 2) for mode in self.modes]
        return np.asarray(np.array(whole)[:, None] * np.diff(self._below(k, edges), axis=1))


def drawn(rng: np.random.Generator, spheroids: bool = False) -> Suspension:
    """A random suspension: one or two modes, ranges ``MEDIAN``, ``SIGMA`` and ``PHI``, and ``ASPECT`` of spheroids.

    Medians and phi are even in the logarithm, the number of modes and sigma are even, the smaller of two modes holds a tenth of the
    particles at least.
    """
    count = int(rng.integers(1, 3))
    part = rng.uniform(0.1, 0.9)
    medians, sigmas = np.exp(rng.uniform(np.log(MEDIAN[0]), np.log(MEDIAN[1]), 2)), rng.uniform(*SIGMA, 2)
    shares = (1.0,) if count == 1 else (part, 1 - part)
    modes = tuple(Mode(float(m), float(s), float(share)) for m, s, share in zip(medians, sigmas, shares, strict=False))
    return Suspension(modes, float(np.exp(rng.uniform(np.log(PHI[0]), np.log(PHI[1])))), ASPECT if spheroids else None)


def _area_factor(aspect: tuple[float, float] | None) -> float:
    """Mean projected area of prolate spheroids over that of spheres of the same volume: a quarter of the surface (Cauchy)."""
    if aspect is None:
        return 1.0
    nodes, weights = np.polynomial.legendre.leggauss(16)
    ratio = np.maximum(aspect[0] + (aspect[1] - aspect[0]) * (nodes + 1) / 2, 1 + 1e-6)
    e = np.sqrt(1 - ratio**-2)
    return float(weights / 2 @ (ratio ** (-2 / 3) * (1 + ratio / e * np.arcsin(e)) / 2))
