"""Forward simulator: from a recipe to conversion, average molar masses and the molar mass distribution.

The scheme and its solution are in ``models.polymer.quasisteady``, the distribution in ``models.polymer.distribution``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np

from models.polymer.chains import Chains
from models.polymer.coefficients import RECIPE, ZERO, BadPolymer, Coefficients, published
from models.polymer.distribution import distribution
from models.polymer.quasisteady import Mixture, chain_count, monomer_decay, second_moment, solve
from models.surrogate import FloatArray

_KELVIN = 200.0
"""Temperatures above this were meant in kelvin."""
_SHORTEST = 5.0
"""Mean units of a radical down to which sums over lengths are integrals; they fall as the monomer is used up."""
_BLOCK = 256
"""Recipes at once: their arrays fit into the cache of a processor."""


@dataclass(frozen=True, eq=False)
class Product:
    """What recipes give, one row each.

    Attributes:
        conversion: Share of the monomer that has reacted, shape (n,).
        cBA_time: Monomer left in mol/L, shape (n,).
        Mn: Number average of the molar mass in g/mol, shape (n,).
        Mw: Mass average, shape (n,). Both are carried apart from the distribution, whose grid would lose percents of them.
        mmd: w(log10 M) at ``chains.LOG_M`` with unit area, shape (n, 100); what lies beyond the grid is not in it.
    """

    conversion: FloatArray
    cBA_time: FloatArray
    Mn: FloatArray
    Mw: FloatArray
    mmd: FloatArray


@dataclass(frozen=True, eq=False)
class Simulator:
    """The kinetics with one set of coefficients.

    Attributes:
        coefficients: The published ones unless given.
    """

    coefficients: Coefficients = field(default_factory=published)

    def __call__(self, X: FloatArray) -> Product:
        """What recipes (n, 4), columns ``coefficients.RECIPE``, give; rows do not depend on their company.

        Raises:
            BadPolymer: Rows of another shape, not finite, outside the ranges of the coefficients, or without monomer at the end.
        """
        made = self.attempt(X)
        failed = np.isnan(made.conversion)
        if failed.any():
            row = int(np.argmax(failed))
            recipe = ", ".join(f"{name} {value:g}" for name, value in zip(RECIPE, X[row], strict=True))
            raise BadPolymer(f"{recipe} uses up the monomer, and ends with chains too short to compute", "time", "shorten it", row)
        return made

    def attempt(self, X: FloatArray) -> Product:
        """The same, with NaN in the rows of recipes that use up the monomer.

        Raises:
            BadPolymer: Rows of another shape, not finite, or outside the ranges of the coefficients.
        """
        check_recipes(X, self.coefficients)
        parts = [_product(X[i : i + _BLOCK], self.coefficients, self.chains) for i in range(0, len(X), _BLOCK)]
        return Product(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Product)))

    @cached_property
    def chains(self) -> Chains:
        """The law of chain lengths."""
        return Chains(*(self.coefficients.number(name) for name in ("order_short", "order_long", "crossover", "monomer_mass")))


def check_recipes(X: FloatArray, coefficients: Coefficients) -> None:
    """Refuse what is no recipe.

    Raises:
        BadPolymer: Rows of another shape than (n, 4), not finite, or outside the ranges of the coefficients.
    """
    if X.ndim != 2 or X.shape[1] != len(RECIPE) or not len(X):
        raise BadPolymer(f"have the shape {X.shape}", "recipes", f"give (n, {len(RECIPE)}), columns {', '.join(RECIPE)}")
    for name, column in zip(RECIPE, X.T, strict=True):
        low, high = coefficients.ranges[name]
        wrong = ~((low <= column) & (column <= high))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise _refusal(name, row, float(column[row]), coefficients)


def _refusal(name: str, row: int, value: float, coefficients: Coefficients) -> BadPolymer:
    pure, (low, high) = coefficients.pure, coefficients.ranges[name]
    if not np.isfinite(value):
        return BadPolymer(f"row {row} is not finite", name, "fill the gap or drop the row", row)
    if name == "temp" and value > _KELVIN:
        return BadPolymer(f"{value:g} in row {row} looks like kelvin", name, f"give degrees Celsius, {value - ZERO:g}", row)
    if name == "cBA_0" and value > pure:
        return BadPolymer(f"{value:g} mol/L in row {row} is more than pure monomer holds", name, f"stay below {pure:.2f} mol/L", row)
    message = f"{value:g} in row {row} is outside {low:g} to {high:g}, where the coefficients hold"
    return BadPolymer(message, name, "stay inside, or bring coefficients", row)


def _product(X: FloatArray, coefficients: Coefficients, chains: Chains) -> Product:
    mixture = Mixture.of(X, coefficients)
    # Without monomer nothing here is defined; such rows become NaN below.
    with np.errstate(all="ignore"):
        state, x = solve(mixture, chains)
        M0 = mixture.M0[:, 0]
        left = M0 * np.exp(-mixture.total(monomer_decay(state, x, mixture)))
        Mn = chains.mass * (M0 - left) / mixture.total(chain_count(state, x, mixture))
        Mw = chains.mass * mixture.total(second_moment(state, x, mixture)) / (M0 - left)
        w = distribution(state, x, mixture, chains)
    lost = ~(x.mean.min(axis=1) > _SHORTEST)
    left[lost], Mn[lost], Mw[lost], w[lost] = np.nan, np.nan, np.nan, np.nan
    return Product(1 - left / M0, left, Mn, Mw, w)
