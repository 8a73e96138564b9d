"""Growing the box in mid campaign: which new bound is sensible, and which keeps the settings of the lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from optimizer.parameters import TOLERANCE, Continuous
from optimizer.space import SearchSpace

Side = Literal["low", "high"]

_GROWTH = 0.5
"""Share of the range by which a side is extended."""
_ALIGNED = 1e-6
"""Share of a step by which a value may miss its setting."""


@dataclass(frozen=True)
class Extension:
    """A wider range of one parameter.

    Attributes:
        parameter: Its name.
        low: The new lower bound in the parameter's unit, None where it stays.
        high: The new upper bound likewise.
    """

    parameter: str
    low: float | None = None
    high: float | None = None


def extension(space: SearchSpace, parameter: Continuous, side: Side) -> Extension | None:
    """The extension to propose for a side at which wells pile up.

    By half of the range; not across zero, which is physical for flows, concentrations and times; not
    beyond what the constraints and the mixture allow with all others at their most favourable bound;
    by whole steps where the parameter has a step.

    Returns:
        None where there is no room for it, not even for one step.
    """
    nearest, farthest = _reach(space, parameter)
    if side == "low":
        limit = max(nearest, 0.0 if parameter.low >= 0 else -np.inf)
        by = min(_GROWTH * (parameter.high - parameter.low), parameter.low - limit)
    else:
        limit = min(farthest, 0.0 if parameter.high <= 0 else np.inf)
        by = min(_GROWTH * (parameter.high - parameter.low), limit - parameter.high)
    if parameter.step is not None:
        by = parameter.step * float(np.floor(by / parameter.step + _ALIGNED))
    if by <= TOLERANCE * (parameter.high - parameter.low):
        return None
    if side == "low":
        return Extension(parameter.name, low=_tidy(parameter, parameter.low - by))
    return Extension(parameter.name, high=_tidy(parameter, parameter.high + by))


def aligned_low(parameter: Continuous, low: float) -> float:
    """The lower bound nearest to ``low`` that widens the range and keeps every setting a setting.

    Settings are ``low + k step``, so the grid is continued downwards; a stepless parameter takes any bound.
    """
    if parameter.step is None:
        return low
    steps = max(1.0, float(np.round((parameter.low - low) / parameter.step)))
    return _tidy(parameter, parameter.low - steps * parameter.step)


def is_aligned(parameter: Continuous, low: float) -> bool:
    """Whether a lower bound below the present one keeps every setting a setting."""
    return parameter.step is None or abs(low - aligned_low(parameter, low)) <= _ALIGNED * parameter.step


def _reach(space: SearchSpace, parameter: Continuous) -> tuple[float, float]:
    """Smallest and largest value for which the constraints can hold with the others in their ranges."""
    A, b, _ = space.matrix
    j = space.names.index(parameter.name)
    own = A[:, j]
    least = np.minimum(A * space.low, A * space.high)
    left = b - (least.sum(axis=1) - least[:, j])
    with np.errstate(divide="ignore", invalid="ignore"):
        limits = left / own
    return float(np.max(limits[own < 0], initial=-np.inf)), float(np.min(limits[own > 0], initial=np.inf))


def _tidy(parameter: Continuous, value: float) -> float:
    """A bound without the dust of the arithmetic, at 12 digits of the step or the range."""
    scale = parameter.step if parameter.step is not None else parameter.high - parameter.low
    return float(np.round(value, 12 - int(np.floor(np.log10(scale))))) + 0.0
