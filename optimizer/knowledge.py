"""What a campaign has taught: which parameters matter, where the loss is low, and what a recipe should give.

Shapley values compare measured wells with measured wells. Maps are the minima of the predicted loss on one grid over the
space, as the published two-step campaign drew them (Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import isqrt, prod

import numpy as np

from models.shapley import EXACT, Shapley, shapley
from optimizer.domain import judge
from optimizer.grid import Grid
from optimizer.predictor import Predictor, fitted
from optimizer.space import SearchSpace
from optimizer.state import CampaignState
from optimizer.types import BoolArray, FloatArray, InvalidInput, ValidityVerdict

_MIXED, _MOST_WELLS = 300_000, 100
"""Recipes that Shapley values may mix; wells that are explained, and that they are compared with, at most."""
_POINTS = 250_000
"""Points at most of the grid whose losses the maps are made of."""
_FEWEST, _FINEST = 5, 41
"""Levels of a continuous parameter on that grid; one or two parameters of long lists may need a larger grid."""
_MAPPED = 6
"""Parameters that are mapped, and minimised over, at most: the most important ones."""
_STOPS = 21
"""Positions of a slider."""
_CHUNK = 2**16


@dataclass(frozen=True)
class Region:
    """A part of the axis of the curves; points on either end belong to it.

    Attributes:
        name: For people.
        low: Where it begins, in the unit of the axis.
        high: Where it ends.
    """

    name: str
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """Shapley values of measured wells.

    Attributes:
        outputs: ``loss``, then the names of the regions, whose output is the mean of the predicted curve there.
        wells: Identifiers of the explained wells.
        X: Their rows, shape (n, d).
        predicted: Outputs predicted for them, shape (n, q).
        shapley: The values.
    """

    outputs: tuple[str, ...]
    wells: tuple[str, ...]
    X: FloatArray
    predicted: FloatArray
    shapley: Shapley


@dataclass(frozen=True, eq=False)
class LossMap:
    """The predicted loss over two parameters, minimised over the others as far as feasible.

    Attributes:
        x: Column of the first parameter.
        y: Column of the second one.
        xs: Settings of the first, shape (a,).
        ys: Settings of the second, shape (b,).
        loss: Shape (b, a); NaN where no feasible recipe has these settings.
    """

    x: int
    y: int
    xs: FloatArray
    ys: FloatArray
    loss: FloatArray


@dataclass(frozen=True, eq=False)
class Prediction:
    """What recipes should give.

    Attributes:
        X: Rows, shape (n, d).
        loss: Predicted loss, shape (n,).
        std: Its standard deviation, shape (n,).
        feasible: Whether they satisfy the constraints, shape (n,).
        validity: Whether the model has learnt from recipes like them, one each; empty where it knows a single recipe.
        curves: Predicted curves, shape (n, m); m = 0 where outcomes are numbers.
        band: Their standard deviation, shape (n, m).
    """

    X: FloatArray
    loss: FloatArray
    std: FloatArray
    feasible: BoolArray
    validity: tuple[ValidityVerdict, ...]
    curves: FloatArray
    band: FloatArray


@dataclass(frozen=True, eq=False)
class Knowledge:
    """All of it.

    Attributes:
        explanation: What each parameter adds to the loss, and to the curve in each region.
        held: Columns that the maps hold at the best well, beyond the most important ones.
        maps: Every pair of the others.
        sliders: Per parameter, recipes that differ from the best well in that one alone.
        asked: The recipes that were asked for.
        warnings: What the fit had to do out of the ordinary.
    """

    explanation: Explanation
    held: tuple[int, ...]
    maps: tuple[LossMap, ...]
    sliders: tuple[Prediction, ...]
    asked: Prediction
    warnings: tuple[str, ...]


def learn(state: CampaignState, asked: FloatArray, regions: Sequence[Region]) -> Knowledge:
    """Everything that the model of a campaign can tell; the same state gives the same answer.

    Args:
        state: The campaign.
        asked: Recipes to predict, rows of shape (n, d).
        regions: Parts of the axis to explain; none where outcomes are numbers.

    Raises:
        InvalidInput: Nothing was measured, or a region holds no point of the axis.
    """
    if not len(state.data):
        raise InvalidInput("no well is measured: there is nothing to learn from", remedy="measure a round first")
    model = fitted(state)
    explanation = explain(state, model, regions)
    best = state.data.X[state.data.best]
    order: list[int] = np.argsort(-explanation.shapley.importance[:, 0], kind="stable").tolist()
    free = order[: _mappable(state.space, order)]
    return Knowledge(
        explanation,
        tuple(sorted(set(order) - set(free))),
        loss_maps(model, state.space, sorted(free), best),
        tuple(predict(state, model, _along(state.space, j, best)) for j in range(state.space.dimension)),
        predict(state, model, asked),
        model.warnings,
    )


def equal_regions(axis: FloatArray, count: int) -> tuple[Region, ...]:
    """An axis, shape (m,), cut into parts of equal length that are named by their ends."""
    ends = np.linspace(axis[0], axis[-1], count + 1).tolist()
    return tuple(Region(f"{low:.4g} to {high:.4g}", low, high) for low, high in pairwise(ends))


def explain(state: CampaignState, model: Predictor, regions: Sequence[Region]) -> Explanation:
    """Shapley values of the predicted loss, and of the mean of the predicted curve in each region, of measured wells.

    Raises:
        InvalidInput: A region holds no point of the axis.
    """
    means, data = _means(state.objective.axis, regions), state.data
    rng = np.random.default_rng(state.seed)
    size = min(_MOST_WELLS, isqrt(_MIXED // 2 ** min(state.space.dimension, EXACT)))
    rows = np.sort(rng.permutation(len(data))[:size])
    X = data.X[rows]

    def outputs(Z: FloatArray) -> FloatArray:
        return model.outputs(Z, means)

    found = shapley(outputs, X, X, rng)
    names = ("loss", *(region.name for region in regions))[: found.values.shape[2]]
    return Explanation(names, tuple(data.designs[i] for i in rows), X, outputs(X), found)


def _means(axis: FloatArray | None, regions: Sequence[Region]) -> FloatArray | None:
    """Weights that take the mean of a curve over each region, shape (m, r); None where outcomes are numbers."""
    if axis is None:
        return None
    inside = np.array([(axis >= region.low) & (axis <= region.high) for region in regions], float).reshape(-1, len(axis)).T
    empty = [region.name for region, count in zip(regions, inside.sum(axis=0), strict=True) if not count]
    if empty:
        remedy = f"use parts of {axis[0]:g} to {axis[-1]:g}"
        raise InvalidInput(f"the region {empty[0]!r} holds no point of the axis", where=("regions",), remedy=remedy)
    return np.asarray(inside / inside.sum(axis=0))


def _mappable(space: SearchSpace, order: Sequence[int]) -> int:
    """How many of the parameters, most important first, a grid of some levels each can hold; two at least."""
    sizes = [len(levels) for levels in Grid.of(space, _FEWEST).levels]
    counts = range(min(_MAPPED, len(order)), 2, -1)
    return next((count for count in counts if prod(sizes[j] for j in order[:count]) <= _POINTS), 2)


def loss_maps(model: Predictor, space: SearchSpace, free: Sequence[int], held: FloatArray) -> tuple[LossMap, ...]:
    """A map for every pair of parameters, from one grid over all of them.

    Args:
        model: Predicts the loss.
        space: Says what is feasible.
        free: Columns that are mapped and minimised over, increasing.
        held: Values of the others, shape (d,).
    """
    grid = _grid(space, free, held)
    loss = np.full(grid.size, np.inf)
    for first in range(0, grid.size, _CHUNK):
        index, X = grid.feasible(first, first + _CHUNK)
        if len(X):
            loss[index] = model.outputs(X)[:, 0]
    losses = loss.reshape([len(levels) for levels in grid.levels])
    maps = []
    for x, y in combinations(free, 2):
        lowest = losses.min(axis=tuple(j for j in range(space.dimension) if j not in (x, y))).T
        maps.append(LossMap(x, y, grid.levels[x], grid.levels[y], np.where(np.isinf(lowest), np.nan, lowest)))
    return tuple(maps)


def _grid(space: SearchSpace, free: Sequence[int], held: FloatArray) -> Grid:
    """The finest grid over the free columns of at most ``_POINTS`` points."""
    for count in range(_FINEST, _FEWEST - 1, -1):
        full = Grid.of(space, count).levels
        levels = tuple(full[j] if j in free else held[j : j + 1] for j in range(space.dimension))
        if prod(len(values) for values in levels) <= _POINTS:
            break
    return Grid(space, levels)


def _along(space: SearchSpace, j: int, base: FloatArray) -> FloatArray:
    """Rows that differ from a row in one parameter alone, shape (n, d): evenly spread settings, and its own."""
    levels = Grid.of(space, _STOPS).levels[j]
    values = np.union1d(levels[np.unique(np.linspace(0, len(levels) - 1, min(len(levels), _STOPS)).astype(int))], base[j])
    rows = np.tile(base, (len(values), 1))
    rows[:, j] = values
    return rows


def predict(state: CampaignState, model: Predictor, X: FloatArray) -> Prediction:
    """What recipes, rows of shape (n, d), should give: inside the space or not."""
    curves = model.curves(X)
    if not len(X):
        return Prediction(X, np.empty(0), np.empty(0), np.empty(0, bool), (), curves, curves)
    loss = model.outputs(X)[:, 0]
    validity = judge(state.space, state.data, X, model.sigma(X))
    return Prediction(X, loss, model.expected(X)[1], state.space.feasible(X), validity, curves, model.band(X))
