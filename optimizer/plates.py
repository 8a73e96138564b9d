"""Plates: the part of a space in which the wells of one batch lie once the values that they share are set.

The shared values of a batch are chosen by what its wells may gain together: for each of the most promising plates, the
rule's own acquisition function is summed over the n best of as many rows as for the others. The rule then works on that
plate alone, so its pool is as dense there as it is elsewhere on a whole space. The first round takes the middle of the
shared ranges, or the nearest plate that has enough wells; the model learns of a shared parameter from batch to batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from optimizer.budgets import Reserve, excess, frugal, overdrawn, uses
from optimizer.candidates import LOCAL, SAME, Score, around
from optimizer.parameters import TOLERANCE, LinearConstraint, satisfied
from optimizer.per_batch import PerBatch
from optimizer.space import SearchSpace, distinct
from optimizer.state import CampaignState
from optimizer.types import BoolArray, FloatArray, InvalidInput, NotEnoughPoints

_SCREENED = 1500
"""Rows of the whole space that say which plates are worth a closer look."""
_PLATES, _PASSES = 12, 2
"""Plates compared in a pass; the second pass looks around the winner of the first."""
_ROWS = 128
"""Rows that stand for a plate, beside those around its best one."""
_TRIED, _MORE = 32, 128
"""Plates looked at one by one, and about how many out of all the rest before it is said that none has enough wells."""


@dataclass(frozen=True)
class Plate(SearchSpace):
    """The wells of a space that have given values in some columns; rows keep all columns.

    Attributes:
        fixed: Names to values, categories as level indices.
    """

    fixed: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, space: SearchSpace, row: FloatArray) -> Plate:
        """The plate on which a row lies.

        Raises:
            InvalidInput: It holds no feasible well.
        """
        fixed = {name: float(value) for name, value in zip(space.names, row, strict=True) if name in space.per_batch.shared}
        return cls(space.parameters, space.constraints, space.mixture, PerBatch(budgets=space.per_batch.budgets), fixed)

    @cached_property
    def satisfiable(self) -> bool:
        """Whether wells can be found."""
        return self.rest.satisfiable

    @cached_property
    def rest(self) -> SearchSpace:
        """The space of the columns that may differ."""
        parameters = tuple(p for p in self.parameters if p.name not in self.fixed)
        return SearchSpace(parameters, self.left_over(self._base, parameters))

    @cached_property
    def _free(self) -> BoolArray:
        return np.array([name not in self.fixed for name in self.names])

    @cached_property
    def _base(self) -> FloatArray:
        return np.array([self.fixed.get(name, 0.0) for name in self.names])

    def embed(self, rows: FloatArray) -> FloatArray:
        """Rows of the rest, shape (n, columns that may differ), as rows of the whole space."""
        X = np.repeat(self._base[None, :], len(rows), axis=0)
        X[:, self._free] = rows
        return X

    def snap(self, X: FloatArray) -> FloatArray:
        """Move every value into its range and onto its nearest setting, or onto the plate's value."""
        return np.where(self._free, super().snap(X), self._base)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Up to ``n`` distinct feasible rows, spread over the plate."""
        X = self.embed(self.rest.sample(n, rng))
        return X[self.feasible(X)]

    def points(self, limit: int, *, cut: bool = False) -> FloatArray:
        """All feasible rows of a plate whose other columns are finite; see ``SearchSpace.points``."""
        X = self.embed(self.rest.points(limit, cut=cut))
        return X[self.feasible(X)]

    def least(self, use: LinearConstraint) -> float:
        """A lower bound on the left side of a constraint on the plate."""
        set_by_plate = sum(value * self.fixed.get(name, 0.0) for name, value in use.coefficients.items())
        left = {name: value for name, value in use.coefficients.items() if name not in self.fixed}
        return set_by_plate + self.rest.least(LinearConstraint(left, use.bound))


def settle(state: CampaignState, n: int, rng: np.random.Generator, score: Score | None = None) -> CampaignState:
    """The state for a rule that is to pick ``n`` wells: its space is the best plate; unchanged where nothing is shared.

    Args:
        state: Gives the space and the pending wells.
        n: Wells of the batch.
        rng: Source of the rows; untouched where nothing is shared.
        score: The logarithm of what a well may gain; None to take a plate at random.

    Raises:
        NotEnoughPoints: No plate has ``n`` free wells.
        InvalidInput: None has so many within the budgets.
    """
    space = state.space
    if not space.per_batch.shared:
        return state
    X = _rows(space, n, rng)
    if score is None:
        return replace(state, space=_usable(space, X, n, state.pending, 1)[0][0])
    compared: list[tuple[float, Plate, FloatArray]] = []
    for _ in range(_PASSES):
        ranked = X[np.argsort(-score(X), kind="stable")]
        compared += [_promise(plate, row, n, rng, score) for plate, row in _usable(space, ranked, n, state.pending, _PLATES)]
        _, best, favourite = max(compared, key=lambda promise: promise[0])
        X = np.vstack([favourite, around(space, favourite, LOCAL, rng)])
    return replace(state, space=best)


def middle(space: SearchSpace, n: int) -> SearchSpace:
    """Where ``n`` wells of a first round lie: the plate nearest the middle of the shared ranges; the space where nothing is shared.

    Raises:
        NotEnoughPoints: No plate has ``n`` wells.
        InvalidInput: No ``n`` wells keep to the budgets.
    """
    rng, nobody = np.random.default_rng(0), np.empty((0, space.dimension))
    if not space.per_batch.shared:
        _check(space, n, nobody)
        return space
    shared = np.array([name in space.per_batch.shared for name in space.names])
    centre = space.snap(space.from_unit(np.full((1, space.dimension), 0.5)))
    X = np.vstack([centre, _rows(space, n, rng)])
    away = np.linalg.norm((space.to_unit(X) - 0.5)[:, shared], axis=1)
    away[0] = -1.0  # a category has no exact middle, so another row might tie
    return _usable(space, X[np.argsort(away, kind="stable")], n, nobody, 1)[0][0]


def misfit(space: SearchSpace, others: FloatArray, row: FloatArray) -> str:
    """Why a well may not join the others of its batch, shape (n, d), in words; empty where it may."""
    plan, mates = space.recipe(row), [space.recipe(other) for other in others]
    for name in space.per_batch.shared:
        theirs = sorted({mate[name] for mate in mates} - {plan[name]}, key=str)
        if theirs:
            return f"wells of a round share {name}: it is {theirs[0]} in others, and {plan[name]} here"
    for budget, used in zip(space.per_batch.budgets, uses(space, np.vstack([others, row])).sum(axis=0), strict=True):
        if not satisfied(np.array([used]), np.array([budget.bound]), np.array([budget.inclusive])):
            return f"the wells of the round would use {used:g} of {', '.join(budget.coefficients)}, the budget is {budget.bound:g}"
    return ""


def figures(space: SearchSpace, X: FloatArray) -> dict[str, Any]:
    """What the wells of a batch, shape (n, d), share and use, for people; empty where a batch has no constraints."""
    told: dict[str, Any] = {}
    if space.per_batch.shared:
        recipe = space.recipe(X[0])
        told["shared"] = {name: recipe[name] for name in space.per_batch.shared}
    if space.per_batch.budgets:
        used = uses(space, X).sum(axis=0).tolist()
        told["budgets"] = [
            {"coefficients": dict(budget.coefficients), "bound": budget.bound, "used": use}
            for budget, use in zip(space.per_batch.budgets, used, strict=True)
        ]
    return told


def _rows(space: SearchSpace, n: int, rng: np.random.Generator) -> FloatArray:
    """Rows that lie on plates worth a look; under budgets, those with a row within the even share, as the mean of a batch is.

    Raises:
        InvalidInput: There is none.
    """
    if not space.per_batch.budgets:
        return space.sample(_SCREENED, rng)
    X = frugal(space, n, _SCREENED, rng)
    X = X[excess(space, X, n) <= TOLERANCE]
    if not len(X):
        raise overdrawn(space, n)
    return X


def _promise(plate: Plate, row: FloatArray, n: int, rng: np.random.Generator, score: Score) -> tuple[float, Plate, FloatArray]:
    """Logarithm of what the n best rows of a plate may gain one by one, the plate, and the best of them."""
    rows = distinct(np.vstack([row, plate.sample(_ROWS, rng), around(plate, row, LOCAL, rng)]))
    values = score(rows)
    return float(np.logaddexp.reduce(np.sort(values)[-n:])), plate, rows[values.argmax()]


def _usable(space: SearchSpace, X: FloatArray, n: int, pending: FloatArray, count: int) -> list[tuple[Plate, FloatArray]]:
    """The first plates of rows that have n free wells within the budgets, each with its first row.

    Raises:
        NotEnoughPoints, InvalidInput: There is none; the error of a plate that only lacks budget, or else has the most wells.
    """
    shared = [space.names.index(name) for name in space.per_batch.shared]
    _, first = np.unique(X[:, shared], axis=0, return_index=True)
    found, faults = list[tuple[Plate, FloatArray]](), list[InvalidInput]()
    order = np.sort(first)
    for row in X[np.r_[order[:_TRIED], order[_TRIED :: 1 + len(order) // _MORE]]]:
        try:
            plate = Plate.of(space, row)
            _check(plate, n, pending)
        except InvalidInput as fault:
            faults.append(fault)
            continue
        found.append((plate, row))
        if len(found) == count:
            break
    if not found:
        raise max(faults, key=lambda fault: fault.available if isinstance(fault, NotEnoughPoints) else np.inf)
    return found


def _check(space: SearchSpace, n: int, pending: FloatArray) -> None:
    """Check that a plate, or a space where nothing is shared, has n free wells within the budgets.

    Raises:
        NotEnoughPoints, InvalidInput: It has not.
    """
    rng = np.random.default_rng(0)
    X = space.sample(n + len(pending), rng)
    if space.per_batch.budgets:
        X = distinct(np.vstack([X, frugal(space, n, n + len(pending), rng)]))
    X = X[space.apart(X, pending, SAME)]
    if len(X) < n:
        raise NotEnoughPoints(len(X), n, f"with one value of {', '.join(space.fixed)}" if isinstance(space, Plate) else "")
    if space.per_batch.budgets:
        Reserve(space, X, n)
