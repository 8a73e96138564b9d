"""Coefficients of a lab's own: those of the package moved to its conversions and distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.polymer.chains import LOG_M
from models.polymer.coefficients import SHARES, BadPolymer, Coefficients
from models.polymer.kinetics import Simulator
from models.surrogate import FloatArray

_PRIOR = 0.7
"""Standard deviation of the logarithm of a coefficient before any data: a factor of two."""
_FAILED = 10.0
"""Residual of a trial that uses up the monomer."""


@dataclass(frozen=True, eq=False)
class Runs:
    """What a lab measured, NaN where it did not.

    Attributes:
        X: Recipes, columns ``coefficients.RECIPE``, shape (n, 4).
        conversion: Shape (n,).
        mmd: At ``chains.LOG_M`` with unit area, shape (n, 100).
        noise: Standard deviation of conversions, and of distributions.
    """

    X: FloatArray
    conversion: FloatArray
    mmd: FloatArray
    noise: tuple[float, float] = (0.01, 0.01)

    def __post_init__(self) -> None:
        n = len(self.X)
        if self.conversion.shape != (n,) or self.mmd.shape != (n, len(LOG_M)):
            raise BadPolymer(f"shapes {self.conversion.shape} and {self.mmd.shape}", "runs", f"give ({n},) and ({n}, {len(LOG_M)})")
        if not (np.isfinite(self.conversion).any() or np.isfinite(self.mmd).any()):
            raise BadPolymer("nothing was measured", "runs", "bring conversions or distributions")
        if min(self.noise) <= 0:
            raise BadPolymer("not above 0", "noise", "give two standard deviations")


@dataclass(frozen=True, eq=False)
class Refit:
    """What the data say.

    Attributes:
        coefficients: Those that fit.
        factors: What each one that was moved became, over what it was.
        spread: Standard deviation of the logarithm of each factor; .7 where the data say nothing.
    """

    coefficients: Coefficients
    factors: Mapping[str, float]
    spread: Mapping[str, float]


def refit(names: Sequence[str], runs: Runs, start: Coefficients) -> Refit:
    """Coefficients moved, by factors, to the least squares of the data and of a prior of a factor of two about the start.

    Raises:
        BadPolymer: No name is given, one is unknown, or its value is 0, which no factor moves; or the recipes make no sense.
    """
    # Late, like all of scipy: the web process imports this module, but never computes.
    from scipy.optimize import least_squares

    _check(names, start)
    first = np.array([start.number(name) for name in names])
    highest = np.array([1 / value if name in SHARES else np.inf for name, value in zip(names, first, strict=True)])

    def moved(log_factors: FloatArray) -> Coefficients:
        return start.changed(**dict(zip(names, np.minimum(np.exp(log_factors), highest) * first, strict=True)))

    def residual(log_factors: FloatArray) -> FloatArray:
        return np.append(_residuals(runs, moved(log_factors)), log_factors / _PRIOR)

    found = least_squares(residual, np.zeros(len(names)), x_scale=0.1, diff_step=1e-3)
    spread = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    after = moved(found.x)
    factors = {name: float(after.number(name) / value) for name, value in zip(names, first, strict=True)}
    return Refit(after, factors, dict(zip(names, spread.tolist(), strict=True)))


def _check(names: Sequence[str], start: Coefficients) -> None:
    if not names:
        raise BadPolymer("none is named", "names", f"name some of: {', '.join(start.rates)}")
    for name in names:
        if name not in start.rates or start.number(name) == 0:
            raise BadPolymer("cannot be moved by a factor", name, f"name one of: {', '.join(start.rates)} that is not 0")


def _residuals(runs: Runs, coefficients: Coefficients) -> FloatArray:
    made = Simulator(coefficients).attempt(runs.X)
    misfits = []
    for measured, simulated, noise in zip((runs.conversion, runs.mmd), (made.conversion, made.mmd), runs.noise, strict=True):
        misfits.append(np.nan_to_num(simulated - measured, nan=_FAILED)[np.isfinite(measured)] / noise)
    return np.concatenate(misfits)
