"""Guinier's law: the radius of gyration of particles from the beginning of their curve.

    ln I(q) = ln I(0) - (q Rg)^2 / 3,   good up to q Rg = 1.3

Source: Guinier, Ann. Phys. 11, 161 (1939); the limit, Feigin and Svergun, Structure Analysis by Small-Angle Scattering (1987).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.scattering.reader import BadCurve, Curve
from models.surrogate import FloatArray

LIMIT = 1.3
"""Largest q Rg."""
_LEAST = 5
_CURVED = 0.05
"""Root mean square of ln I about its line, above which it is none, beside the noise."""


@dataclass(frozen=True)
class Guinier:
    """A fit of Guinier's law.

    Attributes:
        rg: Radius of gyration in Angstrom.
        rg_std: Its standard deviation, from the scatter about the line.
        intensity: At q = 0, in the unit of the curve.
        low: First q of the fit, in 1/Angstrom.
        high: Last q of the fit.
        points: Number of points.
    """

    rg: float
    rg_std: float
    intensity: float
    low: float
    high: float
    points: int


def guinier(curve: Curve, limit: float = LIMIT) -> Guinier:
    """The fit to as many points from the beginning as have q Rg up to the limit, weighted where deviations are known.

    Raises:
        BadCurve: There is no such beginning: the curve starts too late, does not fall, or is not positive.
    """
    kept = curve.intensity > 0
    if kept.sum() < _LEAST:
        raise BadCurve(f"{kept.sum()} points are positive", "intensity", "subtract less background")
    x, y = curve.q[kept] ** 2, np.log(curve.intensity[kept])
    weights = np.ones(len(x))
    if curve.sigma is not None and curve.sigma[kept].min() > 0:
        weights = (curve.intensity[kept] / curve.sigma[kept]) ** 2
    slopes, residuals = _lines(x, y, weights)
    straight = residuals <= _CURVED**2 + (2 * _noise(y)) ** 2
    last = np.flatnonzero(straight & (slopes < 0) & (-3 * slopes * x <= limit**2) & (np.arange(len(x)) >= _LEAST - 1))
    if not len(last):
        remedy = f"measure {_LEAST} points or more at q below {limit:g} / Rg, or subtract the background"
        raise BadCurve(f"no beginning of the curve obeys Guinier's law up to q Rg = {limit:g}", "q", remedy)
    count = int(last[-1]) + 1
    x, y, weights, slope = x[:count], y[:count], weights[:count], float(slopes[count - 1])
    rg, level = float(np.sqrt(-3 * slope)), float(np.average(y - slope * x, weights=weights))
    scatter = np.average((y - level - slope * x) ** 2, weights=weights) / (count - 2)
    spread = np.average((x - np.average(x, weights=weights)) ** 2, weights=weights)
    slope_std = float(np.sqrt(scatter / spread))
    return Guinier(rg, 1.5 * slope_std / rg, float(np.exp(level)), float(np.sqrt(x[0])), float(np.sqrt(x[-1])), count)


def _lines(x: FloatArray, y: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Slopes of the weighted lines through the first point, the first two, and so on, and their mean squared residuals."""
    total, sx, sy = (np.cumsum(weights * values) for values in (np.ones_like(x), x, y))
    shared, power = np.cumsum(weights * x * y) - sx * sy / total, np.cumsum(weights * x * x) - sx**2 / total
    slopes = np.divide(shared, power, out=np.zeros_like(x), where=power > 0)
    return slopes, (np.cumsum(weights * y * y) - sy**2 / total - slopes * shared) / total


def _noise(y: FloatArray) -> float:
    """Standard deviation of points about a smooth course, from their second differences (median, as of normal noise)."""
    return float(np.median(np.abs(np.diff(y, 2))) / (0.6745 * np.sqrt(6)))
