"""Learners from a polymer to its recipe: those of the published study, as published and honest, and a density of recipes.

As published, scalers know all rows, and single rows are held out although twelve share a recipe. Honest, scalers know what is
learnt from, and whole recipes are held out.

Source: the published study on inverse design of butyl acrylate (random forest, network of 256, 128 and 64 units, row split
with seed 42); Fiosina et al. (2023) before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from models import metrics
from models.array_learner import spread
from models.box import Box
from models.components import Components
from models.forest import Forest, ForestSettings
from models.perceptron import INVERSE, Perceptron, PerceptronSettings
from models.polymer.coefficients import RECIPE
from models.polymer.dataset import OUTCOMES
from models.polymer.mixture_density import MixtureDensity, MixtureSettings
from models.scaling import Inputs
from models.splits import Split, grouped_split
from models.surrogate import FloatArray
from models.table import Table

Seen = Literal["mmd", "composite"]
"""The distribution alone, or with the numbers of ``dataset.OUTCOMES`` before it."""
Held = Literal["row", "recipe"]
"""What is held out, as a whole: rows as published, or recipes, the honest way."""
SEED = 42
"""Of the published split."""
TEST = 0.2
RANGES = np.array([2.5, 0.0175, 20.0, 3600.0])
"""Widths of the ranges 0.5-3, 0.0025-0.02, 60-80 and 0-3600 that the published errors are shares of."""
GRID: Mapping[str, list[int | None]] = {
    "n_estimators": [100, 200, 500],
    "max_depth": [None, 10, 20, 30],
    "min_samples_split": [2, 5, 10],
    "min_samples_leaf": [1, 2, 4],
}
"""What the published search chose from."""
_DRAWN, _FOLDS = 20, 3
_FEWER, _ROWS = 10, 1000
"""The search grows so many times fewer trees, from so many rows at most: else it would take an hour of a processor."""
_COPIES = 4
"""Of every simulation, with noise of their own."""
_NODES = 7
"""Of the mean of a kernel."""


def inputs(table: Table, seen: Seen) -> FloatArray:
    """What a learner sees of a table, shape (n, 100) or (n, 103)."""
    mmd = table["mmd"].values
    return mmd if seen == "mmd" else np.column_stack([*(table[name].values for name in OUTCOMES), mmd])


def recipes(table: Table) -> FloatArray:
    """What it tells: columns ``coefficients.RECIPE``, shape (n, 4)."""
    return np.column_stack([table[name].values for name in RECIPE])


def split(table: Table, held: Held, seed: int = SEED) -> Split:
    """A fifth of the rows held out: the rows that scikit-learn held out in the published study, or whole recipes."""
    if held == "recipe":
        return grouped_split(table["recipe"].values, TEST, seed)
    from sklearn.model_selection import train_test_split  # late, like all of scikit-learn

    train, test = train_test_split(np.arange(len(table)), test_size=TEST, random_state=seed)
    return Split(np.sort(train), np.sort(test))


@dataclass(frozen=True)
class Scaler:
    """Standardises columns: centre and spread, shape (d,) each."""

    centre: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, X: FloatArray) -> Self:
        """That of the columns of X (n, d)."""
        return cls(*spread(X))

    def __call__(self, X: FloatArray) -> FloatArray:
        """Columns (n, d), standardised."""
        return np.asarray((X - self.centre) / self.spread)

    def back(self, X: FloatArray) -> FloatArray:
        """Columns (n, d) as they were."""
        return np.asarray(self.centre + X * self.spread)


class Unscaled(Perceptron):
    """A perceptron that takes its inputs as they are, for scalers of the caller's; else its own would undo them."""

    def _inputs(self, X: npt.NDArray[Any]) -> Inputs:
        return Inputs(np.zeros(X.shape[1]), np.ones(X.shape[1]))


def network(quick: bool = False) -> PerceptronSettings:
    """Settings of the published network; quick, fewer epochs."""
    return PerceptronSettings(members=1, epochs=60, hidden=INVERSE.hidden, dropout=INVERSE.dropout) if quick else INVERSE


def best_known(quick: bool = False) -> ForestSettings:
    """Settings that stand in for the search; quick, fewer trees."""
    return ForestSettings(trees=20 if quick else 200, max_depth=30)


def searched(X: FloatArray, Y: FloatArray, groups: npt.NDArray[np.int64] | None, seed: int = SEED) -> ForestSettings:
    """The published search: 20 of the settings of ``GRID``, drawn at random, and the best of them by R2 in three folds.

    Args:
        X: Inputs (n, d) to learn from.
        Y: Outputs (n, m), standardised.
        groups: Of the rows (n,): folds hold out whole ones; None for folds of rows, as published.
        seed: Of the draws and of the trees.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import GroupKFold, KFold, RandomizedSearchCV

    drawn = {**GRID, "n_estimators": [trees // _FEWER for trees in GRID["n_estimators"] if trees]}
    folds = KFold(_FOLDS) if groups is None else GroupKFold(_FOLDS)
    search = RandomizedSearchCV(RandomForestRegressor(random_state=seed), drawn, n_iter=_DRAWN, cv=folds, random_state=seed, refit=False)
    some = np.random.default_rng(seed).permutation(len(X))[:_ROWS]
    found = search.fit(X[some], Y[some], groups=None if groups is None else groups[some]).best_params_
    return ForestSettings(found.pop("n_estimators") * _FEWER, **found)


def forest(settings: ForestSettings) -> Forest:
    """The published forest, which does not mind how its inputs are scaled."""
    return Forest(settings, seed=SEED)


def perceptron(settings: PerceptronSettings) -> Perceptron:
    """The published network on inputs that are standardised."""
    return Unscaled(settings, seed=SEED)


def score(truth: FloatArray, told: FloatArray) -> dict[str, Any]:
    """The published figures of recipes (n, 4): ``r2`` and ``relative_mae`` in % per variable, ``global_r2`` their plain mean, ``mse``.

    The published MSE averages squares of mol/L, C and s, and so is a quarter of that of the time.
    """
    each = [metrics.numbers(truth[:, [j]], told[:, [j]]) for j in range(truth.shape[1])]
    r2 = [one["r2"] for one in each]
    mae = [100 * one["mae"] / width for one, width in zip(each, RANGES.tolist(), strict=True)]
    return {"global_r2": float(np.mean(r2)), "r2": r2, "mse": float(((truth - told) ** 2).mean()), "relative_mae": mae}


@dataclass(frozen=True, eq=False)
class RecipeDensity:
    """Which recipes a polymer may come from, with noise: learnt from simulations, its intervals calibrated on others.

    Attributes:
        components: Of the distributions: near-empty bins, blown up by scaling one by one, would be nothing but noise.
        network: From logarithms of the numbers and scores of the components to the unit cube of the box.
        box: Of the recipes.
        levels: How far from one half the levels of the quantiles of a 90 % interval are, shape (4,).
    """

    components: Components
    network: MixtureDensity
    box: Box
    levels: FloatArray

    @classmethod
    def learnt(
        cls, table: Table, held_out: Table, box: Box, noise: float = 0.01, settings: MixtureSettings | None = None, seed: int = 0
    ) -> Self:
        """Learn from simulations, several times with noise of 1 % of the peak and 2 % of the numbers.

        Args:
            table: Simulations to learn from.
            held_out: Others, to calibrate the intervals.
            box: That the recipes were drawn from.
            noise: See ``noisy``.
            settings: Of the network.
            seed: Of noise and first weights.
        """
        rng = np.random.default_rng(seed)
        components = Components.of(table["mmd"].values)
        copies = np.vstack([noisy(inputs(table, "composite"), noise, rng) for _ in range(_COPIES)])
        U = np.tile(box.unit(recipes(table)), (_COPIES, 1))
        network = MixtureDensity(settings, seed=seed).fit(_features(components, copies), U)
        fresh = _features(components, noisy(inputs(held_out, "composite"), noise, rng))
        return cls(components, network, box, network.levels(fresh, box.unit(recipes(held_out))))

    def predict(self, X: FloatArray) -> FloatArray:
        """Mean recipes (n, 4), each variable in its unit, of composite inputs (n, 103)."""
        mixture = self.network.mixture(_features(self.components, X))
        nodes, shares = np.polynomial.hermite_e.hermegauss(_NODES)
        at = mixture.means[..., None, :] + nodes[:, None] * mixture.stds[..., None, :]
        values = self.box.inputs(np.clip(at, 0, 1).reshape(-1, len(RECIPE))).reshape(at.shape)
        return np.asarray(np.einsum("nk,q,nkqm->nm", mixture.weights, shares / shares.sum(), values))

    def interval(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Ends (n, 4) of the 90 % intervals of each variable alone."""
        mixture = self.network.mixture(_features(self.components, X))
        low, high = (np.clip(mixture.quantile(0.5 + side * self.levels), 0, 1) for side in (-1, 1))
        return self.box.inputs(low), self.box.inputs(high)


def noisy(X: FloatArray, noise: float, rng: np.random.Generator) -> FloatArray:
    """Composite inputs (n, 103) as measured: noise as a share of the peak on distributions, and twice as much on numbers."""
    numbers, mmd = np.split(X, [len(OUTCOMES)], axis=1)
    off = noise * mmd.max(axis=1, keepdims=True) * rng.standard_normal(mmd.shape)
    return np.column_stack([numbers * np.exp(2 * noise * rng.standard_normal(numbers.shape)), mmd + off])


def _features(components: Components, X: FloatArray) -> FloatArray:
    numbers, mmd = np.split(X, [len(OUTCOMES)], axis=1)
    return np.column_stack([np.log(numbers), components.scores(mmd)])
