"""A seeded batch cooling crystallizer: potassium sulfate in water, by the population balance with growth and secondary nucleation.

Crystals of any length grow at one rate, so that all seeds have grown by the same length at any time, and a crystal that was born
at time s has the length that was grown since then (method of characteristics). The moments of the newborn close the balance;
the concentration follows from the mass of crystals. Agglomeration, breakage and dissolution are left out.

Notation: L length in um; per g of solvent: C concentration in g, mu_k moments in um^k; S = (C - Cs) / Cs relative supersaturation.
    G = kg exp(-Eg / T) S^g         growth rate, um/s
    B = kb exp(-Eb / T) S^b mu_3    nucleation rate, 1/s per g
Source of kinetics, solubility and shape factor: Shi, El-Farra, Li, Mhaskar and Christofides, Chem. Eng. Sci. 61, 268 (2006),
section 3.1. Cooling by a power of time: Mullin and Nyvlt, Chem. Eng. Sci. 26, 369 (1971), which is cubic for growing seeds alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from models.surrogate import FloatArray

RECIPE = ("seed_mass", "seed_size", "cooling_time", "profile", "supersaturation")
"""Columns of recipes."""
UNITS = ("g/kg", "um", "min", "", "%")
LOW = np.array([0.5, 30.0, 10.0, 1.0, 0.0])
HIGH = np.array([20.0, 120.0, 180.0, 4.0, 6.0])
"""Ranges: seeds per kg of water, their median diameter, time from 50 to 30 C, power of time that the cooling follows (1 is
linear), and relative supersaturation when the seeds are added."""
SEED_SIGMA = 0.3
"""Width of the log-normal distribution of the seeds' diameters, as of milled and sieved ones."""

_START, _END, _KELVIN = 50.0, 30.0, 273.15
_DENSITY = 2.66e-12
"""Of crystals, g/um^3."""
_SHAPE = 1.5
"""Volume of a crystal over the cube of its length."""
DIAMETER = (6 * _SHAPE / np.pi) ** (1 / 3)
"""Diameter of the sphere of the same volume, over the length."""
_STEPS = 500
"""Of the root of time, finer where the first supersaturation is used up: sizes and numbers within 1e-5 of those of 8000 steps."""
_QUANTILES = 64
"""Seeds are followed at so many quantiles of their distribution."""


@dataclass(frozen=True)
class Kinetics:
    """Constants of growth and nucleation.

    Attributes:
        kg: Growth rate, um/s, at S = 1 and infinite temperature.
        Eg: Its activation energy over the gas constant, K.
        g: Its order.
        kb: Nucleation rate, 1/(s um^3).
        Eb: Its activation energy over the gas constant, K.
        b: Its order.
    """

    kg: float = 1.44e8
    Eg: float = 4859.0
    g: float = 1.5
    kb: float = 285.0
    Eb: float = 7517.0
    b: float = 1.45


class Crystals(NamedTuple):
    """What batches hold at their ends; diameters in um, numbers per g of water.

    Attributes:
        seeds: Diameters of the grown seeds at equal steps of probability, shape (n, q).
        seed_number: Seeds, shape (n,).
        born: Diameters of the crystals that were born in each step of time, the oldest first, shape (n, s).
        born_number: How many they are, shape (n, s).
        yielded: Share of the solute that would crystallize in the end that has, shape (n,).
    """

    seeds: FloatArray
    seed_number: FloatArray
    born: FloatArray
    born_number: FloatArray
    yielded: FloatArray


class BadRecipe(ValueError):
    """A recipe that cannot be run.

    Attributes:
        message: What is wrong.
        field: The quantity at fault.
        row: Number of the recipe, from 0.
        remedy: What to do about it.
    """

    def __init__(self, message: str, field: str, row: int, remedy: str) -> None:
        super().__init__(f"recipe {row}, {field}: {message}; {remedy}")
        self.message, self.field, self.row, self.remedy = message, field, row, remedy

    def __reduce__(self) -> tuple[Any, ...]:
        """Also where another process has raised it."""
        return type(self), (self.message, self.field, self.row, self.remedy)


def solubility(celsius: FloatArray) -> FloatArray:
    """Of potassium sulfate, g per g of water."""
    return np.asarray(6.29e-2 + 2.46e-3 * celsius - 7.14e-6 * celsius**2)


def crystallize(X: FloatArray, kinetics: Kinetics | None = None, steps: int = _STEPS) -> Crystals:
    """Run recipes (n, 5), columns ``RECIPE``, to the end of the cooling.

    Args:
        X: The recipes.
        kinetics: The published constants when None.
        steps: Of the root of time.

    Raises:
        BadRecipe: A value lies outside of ``LOW`` to ``HIGH``, or is no number.
    """
    check(X)
    batch = _Batch.of(X, kinetics or Kinetics())
    state, grown, number = np.zeros((5, len(X))), np.zeros((steps + 1, len(X))), np.zeros((steps + 1, len(X)))
    h = 1 / steps
    for k in range(steps):  # the classical method of Runge and Kutta
        v = k * h
        first = batch.rates(v, state)
        second = batch.rates(v + h / 2, state + h / 2 * first)
        third = batch.rates(v + h / 2, state + h / 2 * second)
        state = state + h / 6 * (first + 2 * second + 2 * third + batch.rates(v + h, state + h * third))
        grown[k + 1], number[k + 1] = state[0], state[1]
    middle = (grown[1:] + grown[:-1]) / 2
    start, end = batch.concentration(np.zeros_like(state)), batch.concentration(state)
    return Crystals(
        seeds=DIAMETER * (batch.seeds + state[0, :, None]),
        seed_number=batch.moments[0],
        born=DIAMETER * (grown[-1] - middle).T,
        born_number=np.diff(number, axis=0).T,
        yielded=(start - end) / (start - solubility(np.array(_END))),
    )


def check(X: FloatArray) -> None:
    """Check recipes (n, 5).

    Raises:
        BadRecipe: See ``crystallize``.
    """
    for row, column in np.argwhere(~((X >= LOW - 1e-9) & (X <= HIGH + 1e-9))):
        name, unit = RECIPE[column], f" {UNITS[column]}".rstrip()
        message = f"{X[row, column]:g}{unit} is outside the range of the lab"
        raise BadRecipe(message, name, int(row), f"give {LOW[column]:g} to {HIGH[column]:g}{unit}")


class _Batch(NamedTuple):
    """Recipes in the units of the balance; v is the root of time, from 0 to 1.

    Attributes:
        kinetics: Constants.
        seeds: Lengths at the quantiles of the seeds, shape (n, q).
        moments: Of the seeds at the start, orders 0 to 3, shape (4, n).
        duration: Cooling time, s, shape (n,).
        power: Of time, shape (n,).
        start: Concentration at the start, shape (n,).
    """

    kinetics: Kinetics
    seeds: FloatArray
    moments: FloatArray
    duration: FloatArray
    power: FloatArray
    start: FloatArray

    @classmethod
    def of(cls, X: FloatArray, kinetics: Kinetics) -> _Batch:
        """Recipes (n, 5)."""
        from scipy.special import ndtri  # late: scipy is slow to load

        mass, size, minutes, power, excess = X.T
        quantiles = ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
        seeds = size[:, None] / DIAMETER * np.exp(SEED_SIGMA * quantiles)
        means = np.array([(seeds**k).mean(axis=1) for k in range(4)])
        moments = means * (mass / 1000 / (_DENSITY * _SHAPE)) / means[3]
        return cls(kinetics, seeds, moments, 60 * minutes, power, solubility(np.array(_START)) * (1 + excess / 100))

    def rates(self, v: float, state: FloatArray) -> FloatArray:
        """Change with v of the grown length and of the moments 0 to 3 of the newborn, shape (5, n)."""
        constants, celsius = self.kinetics, _START - (_START - _END) * v ** (2 * self.power)
        saturated = solubility(celsius)
        S = np.maximum(self.concentration(state) / saturated - 1, 0.0)
        kelvin = celsius + _KELVIN
        growth = constants.kg * np.exp(-constants.Eg / kelvin) * S**constants.g
        birth = constants.kb * np.exp(-constants.Eb / kelvin) * S**constants.b * (self._seed_volume(state[0]) + state[4])
        return np.array([growth, birth, growth * state[1], 2 * growth * state[2], 3 * growth * state[3]]) * (2 * v * self.duration)

    def concentration(self, state: FloatArray) -> FloatArray:
        """What is left in solution, g per g of water, shape (n,)."""
        return np.asarray(self.start - _DENSITY * _SHAPE * (self._seed_volume(state[0]) + state[4] - self.moments[3]))

    def _seed_volume(self, grown: FloatArray) -> FloatArray:
        """Third moment of seeds that have all grown by so much."""
        m0, m1, m2, m3 = self.moments
        return np.asarray(m3 + grown * (3 * m2 + grown * (3 * m1 + grown * m0)))
