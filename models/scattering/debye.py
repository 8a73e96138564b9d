"""Debye's equation: from the distances between the atoms of a cluster to what it scatters.

Notation: d nearest-neighbour distance, q in 1/Angstrom, s = q d; distances r between atoms in units of d; N atoms of form
factor f; B the isotropic displacement factor in square Angstrom.

    I(q) = N <f^2> + <f>^2 exp(-B q^2 / 8 pi^2) S(q d),    S(s) = 2 sum over pairs of sin(s r) / (s r)

S depends on shape and size alone: it is summed once for a cluster and kept as a spline; elements, B and strain only ask it
elsewhere. The pairs of a piece of a crystal are counted exactly, by the autocorrelation of its grid; those of other clusters
in bins of their distances so narrow that their mean serves for all in the bin. The sum is a Fourier transform at even steps
in s of weights at uneven distances, done by Gaussian gridding.

Sources: Debye, Ann. Phys. 351, 809 (1915); Greengard and Lee, SIAM Rev. 46, 443 (2004), the transform; Grover and McKenney,
ACM SIGGRAPH (2012), and Gelisio et al., J. Appl. Cryst. 43, 647 (2010), distances in bins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.scattering.shapes import BadParticle, Cluster, cluster
from models.surrogate import FloatArray

REACH = 100.0
"""Largest q d that is summed: q = 28 1/Angstrom at the largest distance."""
_BIN = 2.0**-12
"""Width of the bins of distances, which err by (s width)^2 / 24: 2e-5 at the far end, and less where distances repeat."""
_BLOCK = 2_000_000
"""Distances taken at once."""
_FINE = 40
"""Points of the spline in half a wave of the largest distance."""
_SPREAD = 12
"""Grid points on either side that a weight is spread over: the transform is good to 12 digits."""


@dataclass(frozen=True, eq=False)
class Sum:
    """Debye's sum of a cluster.

    Attributes:
        atoms: Their number N.
        curve: S at points s.
    """

    atoms: int
    curve: Callable[[FloatArray], FloatArray]

    def __call__(self, s: FloatArray) -> FloatArray:
        """S at points s = q d, of any shape.

        Raises:
            BadParticle: A point is below 0 or beyond ``REACH``.
        """
        if s.min() < 0 or s.max() > REACH:
            raise BadParticle(f"q times the distance of neighbours runs from {s.min():g} to {s.max():g}", "q", f"keep it in 0 to {REACH:g}")
        return self.curve(s)


@lru_cache(maxsize=256)
def debye_sum(shape: str, n: int) -> Sum:
    """Debye's sum of the cluster of a shape and size; the last 256 are kept.

    Raises:
        BadParticle: There is no such cluster.
    """
    return summed(cluster(shape, n))


def summed(atoms: Cluster) -> Sum:
    """Debye's sum of any cluster of two atoms or more."""
    from scipy.interpolate import CubicSpline

    r, count = pairs(atoms)
    points = int(np.ceil(REACH * r.max() * _FINE / np.pi)) + 1
    s = np.linspace(0, REACH, points)
    values = np.empty(points)
    values[0] = 2 * count.sum()
    values[1:] = 2 * sine_sums(r, count / r, s[1], points)[1:] / s[1:]
    return Sum(len(atoms), CubicSpline(s, values))


def pairs(atoms: Cluster) -> tuple[FloatArray, FloatArray]:
    """Distances between atoms in nearest-neighbour distances, and of how many pairs; shape (distances,) each."""
    return _counted(atoms) if atoms.grid is not None else _binned(atoms)


def _counted(atoms: Cluster) -> tuple[FloatArray, FloatArray]:
    """Exact counts: the autocorrelation of the occupied grid points tells the pairs of every displacement."""
    from scipy.fft import irfftn, next_fast_len, rfftn

    grid = atoms.grid - atoms.grid.min(axis=0)  # type: ignore[union-attr]
    size = grid.max(axis=0) + 1
    shape = [next_fast_len(int(2 * points - 1), real=True) for points in size]
    occupied = np.zeros(size)
    occupied[tuple(grid.T)] = 1
    repeats = irfftn(np.abs(rfftn(occupied, shape)) ** 2, shape)
    x, y, z = (np.rint(np.fft.fftfreq(points, 1 / points)).astype(int) ** 2 for points in shape)
    squares = x[:, None, None] + y[:, None] + z
    count = np.bincount(squares.ravel(), np.rint(repeats).ravel())
    found = np.flatnonzero(count[1:] > 0) + 1
    return atoms.step * np.sqrt(found), count[found] / 2


def _binned(atoms: Cluster) -> tuple[FloatArray, FloatArray]:
    """Counts in bins, at the mean distance in each: a bin's centre would shift whole shells of equal distances.

    Atoms that symmetry makes alike see the same distances: one of them stands for all.
    """
    bins = int(2 * atoms.radius / _BIN) + 2
    count, total = np.zeros(bins), np.zeros(bins)
    points, squares = atoms.points, (atoms.points**2).sum(axis=1)
    _, some, each = np.unique(np.arange(len(points)) if atoms.alike is None else atoms.alike, return_index=True, return_counts=True)
    rows = max(1, _BLOCK // len(points))
    for first in range(0, len(some), rows):
        block = some[first : first + rows]
        square = squares[block, None] + squares - 2 * points[block] @ points.T
        r = np.sqrt(np.maximum(square, 0)).ravel()
        index, weight = (r / _BIN).astype(np.int32), np.repeat(each[first : first + rows] / 2, len(points))
        count += np.bincount(index, weight, minlength=bins)
        total += np.bincount(index, weight * r, minlength=bins)
    found = np.flatnonzero(count[1:]) + 1  # an atom and itself are in the first bin
    return total[found] / count[found], count[found]


def sine_sums(r: FloatArray, weights: FloatArray, step: float, points: int) -> FloatArray:
    """Sums of weights (n,) times sin(s r) over distances r (n,), at s = 0, step, 2 step, ..., shape (points,).

    Args:
        r: Distances, below pi / step.
        weights: Of the distances.
        step: Between points.
        points: Their number.
    """
    from scipy.fft import next_fast_len

    size = next_fast_len(4 * points + 2 * _SPREAD)
    width = np.pi * _SPREAD / (12 * points**2)  # Greengard and Lee's tau, for 2 points modes on twice as many grid points
    x = step * r
    nearest = np.rint(x * size / (2 * np.pi)).astype(int)
    grid = np.zeros(size)
    for shift in range(-_SPREAD, _SPREAD + 1):
        spread = np.exp(-((x - 2 * np.pi / size * (nearest + shift)) ** 2) / (4 * width))
        grid += np.bincount((nearest + shift) % size, weights * spread, minlength=size)
    m = np.arange(points)
    return np.asarray(-np.sqrt(np.pi / width) * np.exp(m**2 * width) * np.fft.rfft(grid)[:points].imag / size)
