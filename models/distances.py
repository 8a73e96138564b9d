"""How far outcomes are from a wanted one, as a number to judge by and as residuals to minimise the squares of.

Notation: n outcomes Y (n, m), target t (m,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.surrogate import FloatArray

Residuals = Callable[[FloatArray, FloatArray], FloatArray]
"""Outcomes (n, m) and target (m,) -> residuals (n, r)."""
Measure = Callable[[FloatArray, FloatArray], FloatArray]
"""Outcomes (n, m) and target (m,) -> distances (n,), 0 where they agree."""

NAMES = ("mse", "weighted", "cosine", "wasserstein")
_TINY = np.finfo(float).tiny


@dataclass(frozen=True)
class Distance:
    """A distance to a target.

    Attributes:
        name: For people.
        residuals: Whose squares fall together with the distance.
        measure: The distance.
    """

    name: str
    residuals: Residuals
    measure: Measure


def distance(name: str, weights: FloatArray | None = None, axis: FloatArray | None = None) -> Distance:
    """A distance by its name.

    Args:
        name: ``mse``, the mean squared error; ``weighted``, the same with weights; ``cosine``, 1 less the cosine of the angle;
            or ``wasserstein``, the area between the cumulative curves of distributions of not negative shares.
        weights: Of ``weighted``: of the squared errors, not negative, scaled to the mean 1, shape (m,).
        axis: Of ``wasserstein``: where the points are, increasing, shape (m,); 0, 1, 2, ... where None.

    Raises:
        ValueError: There is no such distance, or its weights are missing or negative.
    """
    if name not in NAMES:
        raise ValueError(f"distance: {name!r} is not known; name one of: {', '.join(NAMES)}")
    if name == "weighted":
        if weights is None or weights.min() < 0 or not weights.sum() > 0:
            raise ValueError("weights: a weighted distance needs a weight of 0 or more for every output, not all 0")
        return _squares("weighted", np.sqrt(weights / weights.mean()))
    if name == "mse":
        return _squares("mse", np.ones(1))
    return Distance("cosine", _between_directions, _one_less_cosine) if name == "cosine" else _wasserstein(axis)


def measured_by(measure: Measure) -> Distance:
    """Any distance of one's own; its square root is taken for the residual, so that it falls like a square near 0."""

    def root(Y: FloatArray, t: FloatArray) -> FloatArray:
        return np.sqrt(np.maximum(measure(Y, t), 0))[:, None]

    return Distance("own", root, measure)


def _squares(name: str, scale: FloatArray) -> Distance:
    def residuals(Y: FloatArray, t: FloatArray) -> FloatArray:
        return np.asarray(scale * (Y - t) / np.sqrt(len(t)))

    def measure(Y: FloatArray, t: FloatArray) -> FloatArray:
        return np.asarray((residuals(Y, t) ** 2).sum(axis=1))

    return Distance(name, residuals, measure)


def _between_directions(Y: FloatArray, t: FloatArray) -> FloatArray:
    """Differences of the directions; half the sum of their squares is 1 less the cosine."""
    return np.asarray((_direction(Y) - _direction(t)) / np.sqrt(2))


def _one_less_cosine(Y: FloatArray, t: FloatArray) -> FloatArray:
    return np.asarray((_between_directions(Y, t) ** 2).sum(axis=1))


def _direction(Y: FloatArray) -> FloatArray:
    return np.asarray(Y / np.maximum(np.linalg.norm(Y, axis=-1, keepdims=True), _TINY))


def _wasserstein(axis: FloatArray | None) -> Distance:
    """The first Wasserstein distance: Vallender, Theory Probab. Appl. 18, 784 (1974). Residuals are those of Cramer's distance."""

    def residuals(Y: FloatArray, t: FloatArray) -> FloatArray:
        return np.asarray(_apart(Y, t) * np.sqrt(_gaps(t, axis)))

    def measure(Y: FloatArray, t: FloatArray) -> FloatArray:
        return np.asarray(np.abs(_apart(Y, t)) @ _gaps(t, axis))

    return Distance("wasserstein", residuals, measure)


def _apart(Y: FloatArray, t: FloatArray) -> FloatArray:
    """Differences of the cumulative curves between the points, shape (n, m - 1)."""
    return _cumulative(Y)[:, :-1] - _cumulative(t[None])[:, :-1]


def _cumulative(Y: FloatArray) -> FloatArray:
    shares = np.maximum(Y, 0)
    return np.asarray(np.cumsum(shares, axis=1) / np.maximum(shares.sum(axis=1, keepdims=True), _TINY))


def _gaps(t: FloatArray, axis: FloatArray | None) -> FloatArray:
    return np.ones(len(t) - 1) if axis is None else np.diff(axis)
