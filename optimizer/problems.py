"""Problems to compare rules on: a lab in a formula, with its noise, its replicates and its known optimum.

Notation: X rows (n, d) in units of the space; outcomes (n, m); k replicates of a well. The *truth* is the outcome
without noise; rules see only replicates, scores are made of the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np

from models import testbeds
from models.nanoparticle.lab import EDGE, VirtualLab
from models.polymer import lab as polymer_lab
from models.psd import lab as crystal_lab
from optimizer import crystallization, nanoparticle, polymer
from optimizer.objective import Maximize, Minimize, Objective, SpectrumMatch
from optimizer.space import Categorical, Continuous, Mixture, SearchSpace
from optimizer.tabulated import SOURCES, silver_space, tabulated
from optimizer.types import FloatArray, InvalidInput, Spectrum

_DENSE, _STARTS, _NEAR, _SWEEPS = 8192, 16, 64, 40
_KINETIC = 1024
"""Recipes of a simulator that takes a third of a millisecond for each."""
_SHRINK = 0.85


class Noise(Protocol):
    """What a lab adds to a well."""

    def __call__(self, truth: FloatArray, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Replicates (k, m) of the well at row x (d,) whose noise-free outcome is ``truth`` (m,)."""
        ...


@dataclass(frozen=True, eq=False)
class Problem:
    """One problem.

    Attributes:
        name: What it is asked for by.
        space: Where wells may lie.
        objective: What is minimised.
        truth: Rows (n, d) to noise-free outcomes (n, m).
        noise: Makes replicates out of them.
        replicates: Replicates per well.
        optimum: Lowest noise-free loss of the space.
        typical: Median noise-free loss of the space.
        card: Where it comes from, for people.
    """

    name: str
    space: SearchSpace
    objective: Objective
    truth: Callable[[FloatArray], FloatArray]
    noise: Noise
    replicates: int
    optimum: float
    typical: float
    card: Mapping[str, Any] = field(default_factory=dict)

    def losses(self, X: FloatArray) -> FloatArray:
        """Noise-free losses of rows (n, d), shape (n,)."""
        return self.objective.losses(self.truth(X)).loss

    def measure(self, x: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Outcomes of all replicates of the well at row x (d,), shape (replicates, m)."""
        return self.noise(self.truth(x[None, :])[0], x, self.replicates, rng)


@dataclass(frozen=True)
class NormalNoise:
    """Independent normal noise of one standard deviation, in the unit of the outcome."""

    sd: float

    def __call__(self, truth: FloatArray, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Replicates of a well."""
        return truth + self.sd * rng.standard_normal((k, truth.size))


@dataclass(frozen=True)
class CurveNoise:
    """Each curve off by a factor, noise at every point, and now and then an air bubble, which lifts and flattens the curve.

    Attributes:
        factor: Standard deviation of the factor.
        point: Standard deviation at every point, in units of the curve.
        bubbles: Share of the curves with a bubble.
    """

    factor: float = 0.015
    point: float = 0.004
    bubbles: float = 0.04

    def __call__(self, truth: FloatArray, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Replicates of a well."""
        curves = truth * (1 + self.factor * rng.standard_normal((k, 1))) + self.point * rng.standard_normal((k, truth.size))
        return np.asarray(np.where(rng.random((k, 1)) < self.bubbles, 0.4 * curves + 0.5, curves))


class Lab(Protocol):
    """A virtual lab."""

    def measure(self, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Replicates (k, m) of the recipe x (d,)."""
        ...


@dataclass(frozen=True)
class LabNoise:
    """Replicates as a virtual lab measures them."""

    lab: Lab

    def __call__(self, truth: FloatArray, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Replicates of a well."""
        return self.lab.measure(x, k, rng)


def get_problem(name: str, table: str | None = None) -> Problem:
    """The problem of that name; the same arguments give the same problem.

    Args:
        name: One of ``NAMES``.
        table: Text of the published file behind it; only the problems of ``SOURCES`` have one.

    Raises:
        InvalidInput: There is no such problem, or the table is missing or not what was published.
    """
    if name in SOURCES:
        if table is None:
            raise InvalidInput(f"{name} is made of a published table", where=("table",), remedy=f"give the text of {SOURCES[name].path}")
        source = SOURCES[name]
        truth, noise, card = tabulated(source, table)
        return _problem(name, truth.space, source.objective, truth, noise, source.replicates, card=card)
    if name not in _FORMULAS:
        raise InvalidInput(f"unknown problem {name!r}", where=("problem",), remedy=f"use: {', '.join(NAMES)}")
    return _FORMULAS[name](name)


def _problem(
    name: str,
    space: SearchSpace,
    objective: Objective,
    truth: Callable[[FloatArray], FloatArray],
    noise: Noise,
    replicates: int,
    optimum: float | None = None,
    card: Mapping[str, Any] | None = None,
    dense: int = _DENSE,
) -> Problem:
    """A problem; its optimum is searched for where it is not known, from the best of ``dense`` recipes."""

    def losses(X: FloatArray) -> FloatArray:
        return objective.losses(truth(X)).loss

    spread = space.sample(dense, np.random.default_rng(0))
    values = losses(spread)
    if optimum is None:
        optimum = _lowest(space, losses, spread[np.argsort(values, kind="stable")[:_STARTS]])
    return Problem(name, space, objective, truth, noise, replicates, optimum, float(np.median(values)), card or {})


def _lowest(space: SearchSpace, losses: Callable[[FloatArray], FloatArray], starts: FloatArray) -> float:
    """The lowest loss that ever smaller random steps from all starts find."""
    rng, best, values, scale = np.random.default_rng(0), starts.copy(), losses(starts), 0.2
    for _ in range(_SWEEPS):
        steps = scale * rng.standard_normal((len(best), _NEAR, space.dimension))
        near = space.snap(space.from_unit(np.clip(space.to_unit(best)[:, None] + steps, 0, 1).reshape(-1, space.dimension)))
        found = np.where(space.feasible(near), losses(near), np.inf).reshape(len(best), _NEAR)
        first, better = found.argmin(axis=1), found.min(axis=1) < values
        rows = near.reshape(len(best), _NEAR, -1)[np.arange(len(best)), first]
        best, values = np.where(better[:, None], rows, best), np.minimum(values, found.min(axis=1))
        scale *= _SHRINK
    return float(values.min())


@dataclass(frozen=True)
class _Column:
    """A formula of one number as outcomes of one column."""

    formula: Callable[[FloatArray], FloatArray]

    def __call__(self, X: FloatArray) -> FloatArray:
        return self.formula(X)[:, None]


def _hartmann6(name: str) -> Problem:
    space = SearchSpace(tuple(Continuous(f"x{j}", 0, 1) for j in range(1, 7)))
    return _problem(name, space, Minimize("value"), _Column(testbeds.hartmann6), NormalNoise(0.1), 3, testbeds.HARTMANN6_OPTIMUM)


def _ackley5(name: str) -> Problem:
    # Not centred on the optimum, which the centre of a stratum of the first design would hit.
    space = SearchSpace(tuple(Continuous(f"x{j}", -5, 10) for j in range(1, 6)))
    return _problem(name, space, Minimize("value"), _Column(testbeds.ackley), NormalNoise(0.1), 3, 0.0)


def _mixture(name: str) -> Problem:
    names = ("resin", "hardener", "filler", "flexibiliser")
    parts = tuple(Continuous(part, 0, 60, "%", 0.5) for part in names)
    space = SearchSpace(parts, mixture=Mixture("solvent", names, 100, 10))
    return _problem(name, space, Minimize("haze", "%"), _Column(testbeds.mixture_haze), NormalNoise(1.0), 3, testbeds.MIXTURE_OPTIMUM)


def _coupling(name: str) -> Problem:
    space = SearchSpace(
        (
            Continuous("temperature", 20, 120, "C", 1),
            Continuous("catalyst", 0.5, 5, "mol%", 0.1),
            Continuous("time", 5, 120, "min", 1),
            Categorical("solvent", ("water", "ethanol", "toluene", "DMF")),
            Categorical("ligand", ("none", "PPh3", "XPhos")),
        )
    )
    truth = _Column(testbeds.coupling_yield)
    return _problem(name, space, Maximize("yield", "%"), truth, NormalNoise(2.0), 3, -testbeds.COUPLING_OPTIMUM)


def _spectra(name: str, width: float) -> Problem:
    target = Spectrum(testbeds.AXIS, testbeds.band(650.0, width))
    objective = SpectrumMatch("absorbance", testbeds.AXIS, target, "nm")
    card = {"target": f"band at 650 nm, width {width:g} nm"}
    return _problem(name, silver_space(), objective, testbeds.silver_spectra, CurveNoise(), 5, card=card)


def _nanoparticle(name: str) -> Problem:
    lab = VirtualLab()
    card = {"target": f"silver plates of {EDGE:g} nm edge", "constants": dict(lab.constants)}
    return _problem(name, silver_space(), nanoparticle.objective(), lab.spectra, LabNoise(lab), 15, card=card)


def _polymer(name: str) -> Problem:
    lab = polymer_lab.VirtualLab(polymer.ERROR)
    card = {"target": polymer_lab.WANTED.tolist(), "error": polymer.ERROR, "sec": vars(lab.sec)}
    return _problem(name, polymer.space(), polymer.objective(), lab.curves, LabNoise(lab), 3, polymer.OPTIMUM, card, _KINETIC)


def _crystallization(name: str) -> Problem:
    lab = crystal_lab.VirtualLab(crystallization.ERROR)
    card = {"target": crystal_lab.WANTED.tolist(), "error": crystallization.ERROR, "images": crystal_lab.IMAGES}
    space, objective = crystallization.space(), crystallization.objective()
    return _problem(name, space, objective, lab.shares, LabNoise(lab), 3, crystallization.OPTIMUM, card, _KINETIC)


_FORMULAS: dict[str, Callable[[str], Problem]] = {
    "hartmann6": _hartmann6,
    "ackley5": _ackley5,
    "mixture": _mixture,
    "coupling": _coupling,
    "spectra_broad": partial(_spectra, width=60.0),
    "spectra_narrow": partial(_spectra, width=24.0),
    "nanoparticle": _nanoparticle,
    "polymer": _polymer,
    "crystallization": _crystallization,
}
NAMES = (*SOURCES, *_FORMULAS)
"""Every problem."""
