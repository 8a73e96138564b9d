"""A monotone map between outcomes and a scale on which they look normal (Yeo and Johnson 2000).

Notation: y outcome in its own unit, z = (y - shift) / scale, u = psi(z; lam) the power transform,
t = (u - centre) / spread what a Gaussian process sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import roots_hermitenorm

from models.surrogate import FloatArray

LAMBDA_RANGE = (0.0, 2.0)
"""Powers for which the transform maps the whole line onto the whole line, so that every t has a y."""
_NODES, _WEIGHTS = roots_hermitenorm(24)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
FAR = 10.0
"""Interquartile ranges from the median beyond which an outcome counts as wild."""


@dataclass(frozen=True)
class Warp:
    """Standardization, power transform, standardization; outcomes are to be minimised.

    Attributes:
        high: Outcomes above are taken as this one: one wild value at the bad end must not flatten all others.
        shift: Mean of the outcomes.
        scale: Their standard deviation, 1 where they are all equal.
        lam: Power; 1 is the identity.
        centre: Mean of the transformed outcomes.
        spread: Their standard deviation.
    """

    high: float
    shift: float
    scale: float
    lam: float = 1.0
    centre: float = 0.0
    spread: float = 1.0

    @classmethod
    def fit(cls, y: FloatArray) -> Self:
        """The map of maximum likelihood for outcomes y, shape (n,); linear for fewer than 3 different ones."""
        high = fences(y)[1]
        clipped = np.minimum(y, high)
        warp = cls(high, *_moments(clipped))
        z = (clipped - warp.shift) / warp.scale
        if len(np.unique(z)) < 3:
            return warp
        lam = float(minimize_scalar(lambda power: -_profile(z, power), bounds=LAMBDA_RANGE, method="bounded").x)
        centre, spread = _moments(_power(z, lam))
        return replace(warp, lam=lam, centre=centre, spread=spread)

    def forward(self, y: FloatArray) -> FloatArray:
        """Outcomes to the normal scale, any shape."""
        return (_power((np.minimum(y, self.high) - self.shift) / self.scale, self.lam) - self.centre) / self.spread

    def inverse(self, t: FloatArray | float) -> FloatArray:
        """The normal scale to outcomes, any shape."""
        return self.shift + self.scale * _unpower(np.asarray(t) * self.spread + self.centre, self.lam)

    def slope(self, y: FloatArray) -> FloatArray:
        """dt/dy at outcomes y, any shape."""
        z = (np.minimum(y, self.high) - self.shift) / self.scale
        power = np.where(z >= 0, self.lam - 1, 1 - self.lam)
        return np.asarray((1 + np.abs(z)) ** power / (self.scale * self.spread))

    def moments(self, mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of the outcome where t is normal (Gauss-Hermite quadrature).

        Args:
            mean: Mean of t, shape (n,).
            std: Standard deviation of t, shape (n,).
        """
        z = _unpower((mean[:, None] + std[:, None] * _NODES) * self.spread + self.centre, self.lam)
        average = z @ _WEIGHTS
        return self.shift + self.scale * average, self.scale * np.sqrt((z - average[:, None]) ** 2 @ _WEIGHTS)


def fences(y: FloatArray) -> tuple[float, float]:
    """Values beyond which an outcome counts as wild; the extremes where most outcomes are equal.

    The good end gets ten times the berth of the bad end: a hit often lies far from a plateau of misses.
    """
    first, middle, third = (float(q) for q in np.quantile(y, (0.25, 0.5, 0.75)))
    width = third - first
    return (middle - 10 * FAR * width, middle + FAR * width) if width > 0 else (float(y.min()), float(y.max()))


def _moments(values: FloatArray) -> tuple[float, float]:
    largest = float(np.abs(values).max()) or 1.0
    mean, std = float(np.mean(values / largest) * largest), float(np.std(values / largest) * largest)
    return mean, std if std > 1e-12 * largest else 1.0


def _power(z: FloatArray, lam: float) -> FloatArray:
    """psi(z; lam), Yeo and Johnson (2000), equation 2.1."""
    return np.asarray(np.where(z >= 0, _box_cox(np.maximum(z, 0), lam), -_box_cox(np.maximum(-z, 0), 2 - lam)))


def _unpower(u: FloatArray, lam: float) -> FloatArray:
    return np.asarray(np.where(u >= 0, _unbox_cox(np.maximum(u, 0), lam), -_unbox_cox(np.maximum(-u, 0), 2 - lam)))


def _box_cox(z: FloatArray, lam: float) -> FloatArray:
    """((1 + z)**lam - 1) / lam for z >= 0."""
    return np.log1p(z) if abs(lam) < 1e-9 else np.expm1(lam * np.log1p(z)) / lam


def _unbox_cox(u: FloatArray, lam: float) -> FloatArray:
    return np.expm1(u) if abs(lam) < 1e-9 else np.expm1(np.log1p(lam * u) / lam)


def _profile(z: FloatArray, lam: float) -> float:
    """Log-likelihood of the power, up to a constant (Yeo and Johnson 2000, section 3)."""
    return float(-0.5 * len(z) * np.log(np.var(_power(z, lam))) + (lam - 1) * (np.sign(z) * np.log1p(np.abs(z))).sum())
