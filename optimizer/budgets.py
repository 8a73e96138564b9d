"""Budgets of a batch: what its wells may use together.

Notation: n wells of a batch, m rows, B budgets; the *even share* of a budget is what each of n wells may use if all use the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from optimizer.parameters import TOLERANCE, LinearConstraint, coefficients, satisfied
from optimizer.space import SearchSpace, distinct
from optimizer.types import BoolArray, FloatArray, InvalidInput

_GRID = 100_000
"""Points of a grid up to which all are looked at where few keep within the even share."""
_CAPS = tuple(k / 8 for k in range(8, -1, -1))
"""Caps on single wells that are tried, from none to the even share."""
_ROUNDING = 1e-3 * TOLERANCE
"""Share of a bound by which the use of one well may be rounded."""


def uses(space: SearchSpace, X: FloatArray) -> FloatArray:
    """What rows use of each budget, shape (m, B)."""
    return np.asarray(X @ coefficients(space.per_batch.budgets, space.names)[0].T)


def kept(space: SearchSpace, used: FloatArray) -> bool:
    """Whether the use of a whole batch, shape (B,), keeps to all budgets."""
    _, b, inclusive = coefficients(space.per_batch.budgets, space.names)
    return bool(satisfied(used, b, inclusive))


def excess(space: SearchSpace, X: FloatArray, n: int) -> FloatArray:
    """Largest use of rows beyond the even share among n wells, as a share of the range of the use, shape (m,)."""
    A, b, _ = coefficients(space.per_batch.budgets, space.names)
    ranges = np.abs(A) @ (space.high - space.low)
    return np.asarray(((X @ A.T - b / n) / np.where(ranges > 0, ranges, 1.0)).max(axis=1))


def frugal(space: SearchSpace, n: int, count: int, rng: np.random.Generator) -> FloatArray:
    """Up to ``count`` rows out of which a batch of n wells can be completed: those within the even share.

    In a convex space a batch is possible only if wells lie within the even share, since the mean of its wells does. On a
    grid of up to 100 000 points with too few such rows they are those of the least use, which misses no batch with one budget.
    """
    try:
        rows = _capped(space, n, 0.0).sample(count, rng)
    except InvalidInput:
        rows = np.empty((0, space.dimension))
    if len(rows) < count:
        rows = distinct(np.vstack([rows, space.points(_GRID)]))
        rows = rows[np.argsort(excess(space, rows, n), kind="stable")[:count]]
    return rows


def design_within(space: SearchSpace, n: int, design: Callable[[SearchSpace], FloatArray]) -> FloatArray:
    """A design of n wells within the budgets: over the whole space, else over wells that use less, as much as needed.

    Args:
        space: Where wells may lie.
        n: Number of wells.
        design: Makes a design (n, d) over a space.

    Raises:
        InvalidInput: No n distinct wells keep to the budgets.
    """
    for looseness in _CAPS:
        try:
            X = design(space if looseness == 1 else _capped(space, n, looseness))
        except InvalidInput:
            continue
        if kept(space, uses(space, X).sum(axis=0)):
            return X
    rng = np.random.default_rng(0)
    return Reserve(space, frugal(space, n, n, rng), n).rows


def _capped(space: SearchSpace, n: int, looseness: float) -> SearchSpace:
    """The wells that use no more than the even share (looseness 0) to what any well may use (1).

    Raises:
        InvalidInput: There is none.
    """
    A, b, _ = coefficients(space.per_batch.budgets, space.names)
    most = np.where(A > 0, A * space.high, A * space.low).sum(axis=1)
    caps = b / n + looseness * np.maximum(most - b / n, 0.0)
    limits = tuple(
        LinearConstraint(budget.coefficients, float(cap), budget.inclusive)
        for budget, cap in zip(space.per_batch.budgets, caps, strict=True)
    )
    return replace(space, constraints=space.constraints + limits)


class Reserve:
    """The wells of least use that would complete a batch; a row may be taken if one of them can stand back for it.

    So a batch can always be completed, however much its first wells use.

    Args:
        space: Gives the budgets.
        X: Rows to complete the batch from, shape (m, d).
        n: Wells of the batch.

    Attributes:
        rows: The wells held ready, of the least use first.

    Raises:
        InvalidInput: No n of the rows keep to the budgets; says for how many wells the budget is enough.
    """

    def __init__(self, space: SearchSpace, X: FloatArray, n: int) -> None:
        self._space, self.rows = space, X[np.argsort(excess(space, X, n), kind="stable")[:n]]
        used = uses(space, self.rows).sum(axis=0)
        if len(self.rows) < n or not kept(space, used):
            raise overdrawn(space, n)
        _, b, inclusive = coefficients(space.per_batch.budgets, space.names)
        scale = np.maximum(1.0, np.abs(b))
        self._rounding = _ROUNDING * scale
        self._left = np.maximum(b - np.where(inclusive, 0.0, 2 * TOLERANCE * scale) - used, 0.0)

    def affords(self, X: FloatArray) -> BoolArray:
        """Which rows (m, d) may be taken in place of a well held ready, shape (m,)."""
        room = uses(self._space, self.rows) + self._left + self._rounding
        return np.asarray((uses(self._space, X)[:, None, :] <= room[None]).all(axis=2).any(axis=1))

    def spend(self, row: FloatArray) -> None:
        """Take a row that is afforded: it replaces itself if held ready, else the well of most use that makes room for it."""
        held, use = uses(self._space, self.rows), uses(self._space, row[None])[0]
        same = (np.abs(self.rows - row) <= TOLERANCE * (self._space.high - self._space.low)).all(axis=1)
        enough = same if same.any() else (use <= held + self._left + self._rounding).all(axis=1)
        out = int(np.flatnonzero(enough)[-1])
        self._left = np.maximum(self._left + held[out] - use, 0.0)
        self.rows = np.delete(self.rows, out, axis=0)


def overdrawn(space: SearchSpace, n: int) -> InvalidInput:
    """Says which budget is too small for n wells, and for how many it is enough."""
    for index, budget in enumerate(space.per_batch.budgets):
        least, names = space.least(budget), ", ".join(budget.coefficients)
        if n * least > budget.bound:
            enough = int(budget.bound // least) if least > 0 else 0
            return InvalidInput(
                f"a batch of {n} wells uses {n * least:g} of {names} at least, the budget of {budget.bound:g} is enough for {enough}",
                where=("space", "per_batch", "budgets", index, "bound"),
                remedy=f"raise the bound to {n * least:g} or more, plan at most {enough} wells a round, or let {names} go lower",
            )
    return InvalidInput(
        f"no {n} distinct wells were found that keep to the budgets of a batch",
        where=("space", "per_batch", "budgets"),
        remedy="raise a bound, plan fewer wells a round, or widen the ranges",
    )
