"""The virtual polymer lab: recipes in, molar mass distributions out, as size-exclusion chromatography (SEC) shows them.

Its kinetics is the simulator's with some coefficients changed by a seed, which whoever plans recipes does not see: the model is
wrong by as much as the literature is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import Coefficients, published
from models.polymer.kinetics import Product, Simulator
from models.polymer.targets import broadened
from models.surrogate import FloatArray

SPREAD = {"kp": 0.05, "kbb": 0.15, "kpt": 0.1, "kss": 0.15, "kst": 0.15, "ktt": 0.3, "f": 0.1, "Cs": 0.2}
"""Coefficients that a hidden error changes, and the standard deviation of their logarithm, wider where confidence is lower."""
WANTED = np.array([1.6, 0.008, 68.0, 1800.0])
"""Recipe whose distribution is the target of ``target``, columns ``coefficients.RECIPE``; inside the box, off the published grid."""


@dataclass(frozen=True)
class Sec:
    """An instrument, its widths in decades of molar mass, its heights in shares of the peak.

    Attributes:
        broadening: Standard deviation of the Gaussian by which the column widens every distribution; .03 to .06 in practice.
        shift: Standard deviation of the calibration, from injection to injection.
        baseline: Standard deviation of the two ends of a straight baseline.
        noise: Standard deviation at every point.
    """

    broadening: float = 0.045
    shift: float = 0.005
    baseline: float = 0.003
    noise: float = 0.003


@dataclass(frozen=True, eq=False)
class VirtualLab:
    """Makes and measures poly(butyl acrylate); rows of recipes have the columns ``coefficients.RECIPE``.

    Attributes:
        error: Seed of the hidden error of its kinetics; that of the simulator when None.
        sec: Its instrument.
    """

    error: int | None = None
    sec: Sec = field(default_factory=Sec)

    @cached_property
    def simulator(self) -> Simulator:
        """The kinetics of this lab."""
        return Simulator(published() if self.error is None else _changed(self.error))

    def product(self, X: FloatArray) -> Product:
        """What recipes (n, 4) give.

        Raises:
            BadPolymer: As for ``Simulator``.
        """
        return self.simulator(X)

    def curves(self, X: FloatArray) -> FloatArray:
        """Distributions of recipes (n, 4) as the column shows them, without noise, shape (n, 100).

        Raises:
            BadPolymer: As for ``Simulator``.
        """
        return broadened(self.product(X).mmd, self.sec.broadening)

    def measure(self, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Injections of the product of the recipe x (4,), at ``chains.LOG_M`` with unit area, shape (k, 100).

        Raises:
            BadPolymer: As for ``Simulator``.
        """
        return self.injected(self.curves(x[None])[0], k, rng)

    def injected(self, curve: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Injections of what the column shows as the distribution ``curve`` (100,), shape (k, 100); noise may be negative."""
        sec, peak = self.sec, curve.max()
        shifts = sec.shift * rng.standard_normal(k)
        seen = np.array([np.interp(LOG_M - shift, LOG_M, curve, left=0.0, right=0.0) for shift in shifts])
        start, end = sec.baseline * peak * rng.standard_normal((2, k, 1))
        seen += start + (end - start) * np.linspace(0, 1, len(LOG_M)) + sec.noise * peak * rng.standard_normal(seen.shape)
        return np.asarray(seen / (seen.sum(axis=1, keepdims=True) * STEP))


def simulated(X: FloatArray, error: int | None, replicates: int | None, seed: int) -> tuple[Product, FloatArray]:
    """What recipes (n, 4) give in the lab with this hidden error, and their distributions, shape (n, replicates, 100).

    These are those of the kinetics, one each, without replicates; or else injections, whose noise depends on seed and recipe
    alone, whatever stands beside it.

    Raises:
        BadPolymer: As for ``Simulator``.
    """
    lab = VirtualLab(error)
    made = lab.product(X)
    if replicates is None:
        return made, made.mmd[:, None]
    seen, streams = broadened(made.mmd, lab.sec.broadening), ([seed, *x.view(np.uint32).tolist()] for x in X)
    runs = [lab.injected(w, replicates, np.random.default_rng(stream)) for w, stream in zip(seen, streams, strict=True)]
    return made, np.stack(runs)


def target() -> FloatArray:
    """Distribution of the recipe ``WANTED`` by the published kinetics, as the column shows it, shape (100,)."""
    return np.asarray(VirtualLab().curves(WANTED[None])[0])


def _changed(seed: int) -> Coefficients:
    ours, deviates = published(), np.random.default_rng(seed).standard_normal(len(SPREAD))
    factors = {name: np.exp(sd * z) for (name, sd), z in zip(SPREAD.items(), deviates, strict=True)}
    return ours.changed(**{name: ours.number(name) * float(factor) for name, factor in factors.items()})
