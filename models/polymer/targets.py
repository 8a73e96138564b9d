"""Molar mass distributions to aim at: from files and arrays, from averages, and by formula; and back into files.

A distribution is w(log10 M), the mass per decade, at ``chains.LOG_M`` with unit area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import BadPolymer
from models.surrogate import FloatArray

_POINTS = 10
"""Fewest of a measured distribution."""
_OUTSIDE = 0.01
"""Largest share of the mass that may lie beyond the grid."""


@dataclass(frozen=True, eq=False)
class Target:
    """A distribution of unit area.

    Attributes:
        w: At ``chains.LOG_M``, shape (100,).
        area: What it was before; ``w`` is what was given over ``area``.
    """

    w: FloatArray
    area: float = 1.0


def averages(w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mn and Mw in g/mol of distributions (..., 100)."""
    M = 10**LOG_M
    mass = w.sum(axis=-1)
    return np.asarray(mass / (w / M).sum(axis=-1)), np.asarray((w * M).sum(axis=-1) / mass)


def from_arrays(x: FloatArray, w: FloatArray, scale: Literal["log10 M", "M"] = "log10 M") -> Target:
    """A measured distribution, brought to the grid by straight lines; the axis may be uneven or fall.

    Args:
        x: log10 M, or M in g/mol, shape (n,).
        w: Mass per decade of M, shape (n,), up to a factor.
        scale: What ``x`` is.

    Raises:
        BadPolymer: Fewer than 10 points, other shapes, not finite, negative, repeated masses, no area, or more than 1 % of it
            beyond the grid.
    """
    x, w = np.asarray(x, float), np.asarray(w, float)
    if x.ndim != 1 or x.shape != w.shape or len(x) < _POINTS:
        raise BadPolymer(f"shapes {x.shape} and {w.shape}", "mmd", f"give as many w as M, {_POINTS} points at least")
    if not (np.isfinite(x).all() and np.isfinite(w).all()):
        raise BadPolymer("not all points are finite", "mmd", "drop the gaps")
    if (w < 0).any():
        raise BadPolymer(f"{(w < 0).sum()} values are negative", "mmd", "subtract the baseline, and set what is left below to 0")
    if scale == "M":
        if (x <= 0).any():
            raise BadPolymer("a molar mass is not above 0", "M", "drop the point")
        x = np.log10(x)
    x, w = (x[::-1], w[::-1]) if x[0] > x[-1] else (x, w)
    if (np.diff(x) <= 0).any():
        raise BadPolymer("neither rises nor falls everywhere", "log10 M" if scale == "log10 M" else "M", "sort the points, one w for each")
    return _gridded(x, w)


def _gridded(x: FloatArray, w: FloatArray) -> Target:
    area = float(np.trapezoid(w, x))
    if area <= 0:
        raise BadPolymer("has no area", "mmd", "give values above 0")
    inside = np.clip(x, LOG_M[0] - STEP / 2, LOG_M[-1] + STEP / 2)
    missing = 1 - float(np.trapezoid(w, inside)) / area
    if missing > _OUTSIDE:
        raise BadPolymer(f"{missing:.0%} of the mass lies beyond log10 M {LOG_M[0]:g} to {LOG_M[-1]:g}", "mmd", "cut or correct the axis")
    return normalised(np.interp(LOG_M, x, w, left=0.0, right=0.0), area)


def normalised(w: FloatArray, area: float | None = None) -> Target:
    """Values at ``chains.LOG_M`` brought to unit area, with the area that they had, or the one told."""
    total = float(w.sum() * STEP)
    return Target(w / total, total if area is None else area)


def schulz_zimm(Mn: float, dispersity: float) -> Target:
    """The distribution of Schulz and Zimm: number density a gamma distribution of M with shape 1/(dispersity - 1).

    Raises:
        BadPolymer: Mn is not above 0, the dispersity not above 1, or much of the mass lies beyond the grid.
    """
    _check_averages(Mn, dispersity)
    shape, ratio = 1 / (dispersity - 1), 10**LOG_M / Mn
    log_w = (shape + 1) * np.log(ratio) - shape * ratio
    return _on_grid(np.exp(log_w - log_w.max()), Mn, Mn * dispersity)


def log_normal(Mn: float, dispersity: float) -> Target:
    """The log-normal distribution of mass; its variance in ln M is the logarithm of the dispersity.

    Raises:
        BadPolymer: Mn is not above 0, the dispersity not above 1, or much of the mass lies beyond the grid.
    """
    _check_averages(Mn, dispersity)
    variance = np.log(dispersity)
    distance = LOG_M * np.log(10) - np.log(Mn) - variance / 2
    return _on_grid(np.exp(-(distance**2) / (2 * variance)), Mn, Mn * dispersity)


def _check_averages(Mn: float, dispersity: float) -> None:
    if not 0 < Mn < np.inf:
        raise BadPolymer(f"{Mn:g} is no molar mass", "Mn", "give g/mol above 0")
    if not 1 < dispersity < np.inf:
        raise BadPolymer(f"{dispersity:g} is no dispersity", "dispersity", "give Mw/Mn above 1")


def _on_grid(w: FloatArray, Mn: float, Mw: float) -> Target:
    """The distribution, where the grid keeps its averages."""
    if w.max() <= 0 or max(w[0], w[-1]) > _OUTSIDE * w.max():
        raise BadPolymer(f"Mn {Mn:g} and Mw {Mw:g} lie partly beyond log10 M {LOG_M[0]:g} to {LOG_M[-1]:g}", "Mn", "stay inside")
    return normalised(w)


def blend(targets: Sequence[Target], shares: Sequence[float]) -> Target:
    """A mixture by mass; the shares count in proportion.

    Raises:
        BadPolymer: Not one share, above 0, for each.
    """
    if len(targets) != len(shares) or not targets or min(shares) <= 0 or not np.isfinite(sum(shares)):
        raise BadPolymer(f"{len(shares)} for {len(targets)} distributions", "shares", "give one above 0 for each")
    return normalised(np.einsum("k,km->m", shares, [target.w for target in targets]))


def broadened(w: FloatArray, sigma: float) -> FloatArray:
    """Distributions (..., 100) as a column sees them that spreads by a Gaussian of ``sigma`` decades, .03 to .06 in practice.

    Raises:
        BadPolymer: Sigma is not 0 or more.
    """
    if not 0 <= sigma < np.inf:
        raise BadPolymer(f"{sigma:g} is no width", "sigma", "give decades, 0 or more")
    if sigma == 0:
        return w.copy()
    # The Gaussian over each cell of the grid, so that widths below the step conserve mass too.
    from scipy.special import ndtr

    offset = LOG_M[:, None] - LOG_M
    kernel = ndtr((offset + STEP / 2) / sigma) - ndtr((offset - STEP / 2) / sigma)
    return np.asarray(w @ (kernel / kernel.sum(axis=1, keepdims=True)))
