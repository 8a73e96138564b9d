"""Initial designs: Latin hypercubes and Sobol points that respect constraints, steps and lists of settings.

Notation: n wells, d parameters; U strata and unit values, X rows in units of the parameters.
A *cell* is what a design should use evenly in each column: a setting of a parameter that has at most
n of them, a stratum [k/n, (k+1)/n) of any other.

A design is drawn in the unit cube without regard to constraints; then values are swapped within
columns until all wells are feasible and distinct, which keeps every stratum covered (the Latin
property); wells that stay infeasible are replaced by feasible ones that fill the strata left
empty, and among these by the ones farthest from all others.

Where the wells of a batch share values, the design is one of the other columns. Swapping does not change
what all wells use together, so a design over budget is drawn again among wells that use less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from optimizer import plates
from optimizer.budgets import design_within
from optimizer.space import Parameter, SearchSpace
from optimizer.types import BoolArray, FloatArray, IntArray, InvalidInput, NotEnoughPoints

Method = Literal["lhs_centered", "lhs_random", "lhs_maximin", "sobol"]

_MAXIMIN_DRAWS = 200
_SWEEPS = 16
_PARTNERS = 64
"""Rows tried per swap: bounds the work on large first rounds."""
_POOL_PER_WELL = 64
_SOFTNESS = 0.05
"""Excess over a bound, as a share of what the box can reach, from which on more excess counts less."""
_TIE = 1e-9
"""Differences of gain that count as none; random numbers below it break ties."""


def initial_design(space: SearchSpace, method: Method, n: int, seed: int | Sequence[int]) -> FloatArray:
    """Wells of the first round.

    Args:
        space: Where wells may lie.
        method: ``lhs_centered`` (every value at the centre (k + 1/2) / n of its stratum), ``lhs_random``
            (anywhere in it), ``lhs_maximin`` (the random one of 200 whose closest wells are farthest apart:
            Morris & Mitchell, J. Stat. Plan. Inference 43, 381 (1995)) or ``sobol`` (scrambled).
        n: Number of wells.
        seed: Seed of the random numbers.

    Returns:
        Distinct feasible rows, shape (n, d).

    Raises:
        NotEnoughPoints: Fewer distinct feasible wells exist, or can be found.
        InvalidInput: There is no such method, or n is not positive.
    """
    if method not in get_args(Method):
        raise InvalidInput(f"no such initial design: {method}", where=("strategy", "initial"), remedy=f"use: {', '.join(get_args(Method))}")
    if n < 1:
        raise InvalidInput("a first round needs at least one well", where=("strategy", "initial_size"))
    if not space.per_batch:
        return _design(space, method, n, seed)
    part = plates.middle(space, n)
    return design_within(part, n, lambda capped: _design(capped, method, n, seed))


def _design(space: SearchSpace, method: Method, n: int, seed: int | Sequence[int]) -> FloatArray:
    """A design without regard to budgets; on a plate, one of the columns that may differ."""
    if isinstance(space, plates.Plate):
        return space.embed(_design(space.rest, method, n, seed))
    space.require(n)
    rng = np.random.default_rng(seed)
    X = _swap(space, _rows(space, _draw(method, space.dimension, n, rng)), rng)
    return _replace(space, X, _unusable(space, X), rng)


def _draw(method: Method, d: int, n: int, rng: np.random.Generator) -> FloatArray:
    """Points in the unit cube, shape (n, d), without regard to constraints and settings."""
    # Late: scipy takes over a second to load, and most requests never need it.
    from scipy.spatial.distance import pdist
    from scipy.stats import qmc

    if method == "sobol":
        return np.asarray(qmc.Sobol(d, rng=rng).random_base2((n - 1).bit_length())[:n])
    sampler = qmc.LatinHypercube(d, scramble=method != "lhs_centered", rng=rng)
    draws = [sampler.random(n) for _ in range(_MAXIMIN_DRAWS if method == "lhs_maximin" else 1)]
    return np.asarray(max(draws, key=lambda U: float(pdist(U).min(initial=np.inf))))


def _has_levels(parameter: Parameter, n: int) -> bool:
    """Whether the cells of a column are its settings."""
    return parameter.levels is not None and len(parameter.levels) <= n


def _rows(space: SearchSpace, U: FloatArray) -> FloatArray:
    """Unit values to rows; strata map evenly onto the settings of a parameter that has few."""
    n, X = len(U), space.snap(space.from_unit(U))
    for j, parameter in enumerate(space.parameters):
        if parameter.levels is not None and _has_levels(parameter, n):
            centres = (np.argsort(np.argsort(U[:, j])) + 0.5) / n
            X[:, j] = parameter.levels[(centres * len(parameter.levels)).astype(int)]
    return X


def _cells(space: SearchSpace, X: FloatArray, n: int) -> IntArray:
    """The cell of every value, shape of X, in [0, n)."""
    cells = np.clip(space.to_unit(X) * n, 0, n - 1)
    for j, parameter in enumerate(space.parameters):
        if parameter.levels is not None and _has_levels(parameter, n):
            cells[:, j] = np.searchsorted(parameter.levels, X[:, j])
    return cells.astype(np.int64)


def _infeasibility(space: SearchSpace, X: FloatArray) -> FloatArray:
    """0 for feasible rows, 1/2 to 1 for others by their excess over the bounds; shape (n,).

    It jumps and saturates, so that a search gathers the excess in few rows rather than share it among all.
    """
    A, b, _ = space.matrix
    excess = np.maximum((X @ A.T - b) / (np.abs(A) @ (space.high - space.low)), 0.0).sum(axis=1)
    return np.asarray(np.where(space.feasible(X), 0.0, (excess + _SOFTNESS) / (excess + 2 * _SOFTNESS)))


def _equal(X: FloatArray, others: FloatArray) -> BoolArray:
    """Which rows are equal, shape (len(X), len(others)); column by column, six times as fast as at once."""
    same = np.ones((len(X), len(others)), bool)
    for x, other in zip(X.T, others.T, strict=True):
        same &= x[:, None] == other
    return same


def _cost(space: SearchSpace, X: FloatArray) -> FloatArray:
    """0 for usable rows; infeasibility, and 1 more for a row that repeats another; shape (n,)."""
    return np.asarray(_infeasibility(space, X) + (_equal(X, X).sum(axis=1) > 1))


def _unusable(space: SearchSpace, X: FloatArray) -> BoolArray:
    """Rows to be replaced: infeasible ones, and all but the first of equal ones; shape (n,)."""
    first = np.zeros(len(X), bool)
    first[np.unique(X, axis=0, return_index=True)[1]] = True
    return np.asarray(~first | ~space.feasible(X))


def _swap(space: SearchSpace, X: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Swap values within columns, best swap first, as long as that makes rows usable or less far from it."""
    X = X.copy()
    for _ in range(_SWEEPS):
        settled = True
        for i in rng.permutation(np.flatnonzero(_cost(space, X))):
            partners = rng.permutation(len(X))[:_PARTNERS]
            gain = _gains(space, X, i, partners)
            best, j = np.unravel_index((gain + _TIE * rng.random(gain.shape)).argmax(), gain.shape)
            if gain[best, j] > _TIE:
                k = partners[best]
                X[[i, k], j] = X[[k, i], j]
                settled = False
        if settled:
            break
    return X


def _gains(space: SearchSpace, X: FloatArray, i: int, partners: IntArray) -> FloatArray:
    """What the cost falls by when row i swaps column j with each of p partners, shape (p, d)."""
    d, p = space.dimension, np.arange(len(partners))[:, None]
    j = np.arange(d)[None, :]
    here, there = np.tile(X[i], (len(p), d, 1)), np.repeat(X[partners][:, None, :], d, axis=1)
    here[p, j, j], there[p, j, j] = X[partners], X[i]
    after = np.zeros((len(p), d))
    for rows in (here.reshape(-1, d), there.reshape(-1, d)):
        repeats = _equal(rows, X).reshape(len(p), d, len(X))
        repeats[:, :, i] = repeats[p, j, partners[:, None]] = False
        after += _infeasibility(space, rows).reshape(len(p), d) + repeats.any(axis=2)
    cost = _cost(space, X)
    gain = cost[partners, None] + cost[i] - after
    gain[_equal(X[partners], X[i : i + 1])[:, 0]] = 0.0  # a swap of equal rows changes nothing
    return np.asarray(gain)


def _replace(space: SearchSpace, X: FloatArray, bad: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Replace bad rows by feasible ones that fill most of the cells left empty, and of these by the most distant."""
    if not bad.any():
        return X
    n, columns, X = len(X), np.arange(space.dimension), X.copy()
    pool = space.sample(_POOL_PER_WELL * n, rng)
    cells, units, diagonal = _cells(space, pool, n), space.to_unit(pool), np.sqrt(space.dimension)
    vacancies = np.zeros((n, space.dimension))
    np.add.at(vacancies, (_cells(space, X[bad], n), columns), 1)
    gap = np.full(len(pool), diagonal)
    for unit in space.to_unit(X[~bad]):
        gap = np.minimum(gap, np.linalg.norm(units - unit, axis=1))
    for done, i in enumerate(np.flatnonzero(bad)):
        if not (gap > 0).any():
            raise NotEnoughPoints(int((~bad).sum()) + done, n)
        filled = (vacancies[cells, columns] > 0).sum(axis=1)
        best = int(np.where(gap > 0, filled + gap / (diagonal + 1), -1.0).argmax())
        X[i] = pool[best]
        vacancies[cells[best], columns] -= 1
        gap = np.minimum(gap, np.linalg.norm(units - units[best], axis=1))
    return X
