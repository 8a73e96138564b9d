"""Feasible wells that rules choose from, and the greedy choice of a batch among them.

Rules never see a point that the lab cannot set: they score rows of a finite pool, and may move a chosen row to a
better feasible neighbour.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optimizer.budgets import Reserve, frugal
from optimizer.space import SearchSpace, distinct
from optimizer.state import CampaignState
from optimizer.types import BoolArray, Dataset, FloatArray, InvalidInput, NotEnoughPoints

_SPREAD = 1500
_FRUGAL = 256
"""Rows that use little of the budgets of a batch, beside those spread over the space."""
LOCAL = ((0.02, 32), (0.1, 32), (0.3, 32))
"""Scale in the unit cube and number of perturbations of each promising row."""
_REFINE = ((0.1, 32), (0.03, 32), (0.01, 32), (0.003, 32))
SAME = 1e-6
"""Share of the resolution below which two wells are one."""

Score = Callable[[FloatArray], FloatArray]
"""Rows (m, d) to the values that a rule maximises, (m,)."""


def pool(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator, near: FloatArray | None = None) -> FloatArray:
    """Feasible settings to choose a batch from: spread over the space, so many that most are new, and around given rows.

    Args:
        state: Gives the space and the pending wells.
        data: Measured wells.
        n: Wells that will be picked.
        rng: Source of the rows.
        near: Promising rows, shape (b, d); None for none.

    Returns:
        Distinct rows, shape (c, d); all rows of a space that holds no more.

    Raises:
        NotEnoughPoints: Fewer than ``n`` of them are not pending, and the space holds no more.
    """
    space, pending = state.space, state.pending
    spread = space.sample(_SPREAD + len(data) + len(pending), rng)
    if space.per_batch.budgets:
        spread = np.vstack([spread, frugal(space, n, _FRUGAL + len(data) + len(pending), rng)])
    local = [around(space, row, LOCAL, rng) for row in ([] if near is None else near)]
    X = distinct(np.vstack([spread, *local]))
    free = int(space.apart(X, pending, SAME).sum())
    if free < n:
        raise NotEnoughPoints(free, n)
    return X


def around(space: SearchSpace, row: FloatArray, scales: tuple[tuple[float, int], ...], rng: np.random.Generator) -> FloatArray:
    """Feasible settings near a row: normal steps in the unit cube, snapped.

    Args:
        space: Where wells may lie.
        row: Centre, shape (d,).
        scales: Pairs of a standard deviation in the unit cube and a number of steps.
        rng: Source of the steps.
    """
    steps = np.vstack([scale * rng.standard_normal((count, space.dimension)) for scale, count in scales])
    X = space.snap(space.from_unit(np.clip(space.to_unit(row[None, :]) + steps, 0, 1)))
    return X[space.feasible(X)]


class Picks:
    """A batch in the making: keeps wells distinct from each other, from pending and, if it can, from measured ones.

    Where the wells of a batch share budgets, a row is free only if it leaves enough for the wells still to be picked.

    Args:
        state: Gives the space and the pending wells.
        data: Measured wells.
        X: The pool, shape (c, d).
        n: Wells of the whole batch.

    Raises:
        InvalidInput: No ``n`` rows keep to the budgets.
    """

    def __init__(self, state: CampaignState, data: Dataset, X: FloatArray, n: int) -> None:
        self._space, self._X, self._measured, self._pending, self._n = state.space, X, data.X, len(state.pending), n
        self._new = state.space.apart(X, data.X)
        self._eased: set[str] = set()
        self.taken = state.pending
        self._reserve = self._held() if state.space.per_batch.budgets else None

    def _held(self) -> Reserve:
        """The wells that complete the batch within its budgets, measured before only where new ones use too much."""
        free = self._space.apart(self._X, self.taken, SAME)
        try:
            return Reserve(self._space, self._X[free & self._new], self._n)
        except InvalidInput:
            return Reserve(self._space, self._X[free], self._n)

    @property
    def rows(self) -> FloatArray:
        """The wells picked so far, in order, shape (j, d)."""
        return self.taken[self._pending :]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What had to be eased to find that many wells."""
        return tuple(sorted(self._eased))

    def take(self, values: FloatArray, score: Score | None = None, rng: np.random.Generator | None = None) -> FloatArray:
        """Pick the free row of largest value, then its best neighbours where a score is given.

        Args:
            values: The score of every row of the pool, shape (c,).
            score: Scores rows off the pool; None to pick from the pool alone.
            rng: Source of the neighbours, needed with ``score``.

        Raises:
            NotEnoughPoints: Nothing is free.
        """
        free, ease = self._open()
        if not free.any():
            raise NotEnoughPoints(len(self.rows), self._n)
        self._eased |= ease
        where = np.flatnonzero(free)
        row: FloatArray = self._X[where[values[where].argmax()]]
        if score is not None and rng is not None and not ease:
            row = self._refine(row, score, rng)
        self.add(row)
        return row

    def add(self, row: FloatArray) -> None:
        """Count a free well of the rule's own, shape (d,), among the picks."""
        self.taken = np.vstack([self.taken, row])
        if self._reserve is not None:
            self._reserve.spend(row)

    def free(self, X: FloatArray) -> BoolArray:
        """Which rows (m, d) are new, differ from every well taken by a full step, and leave enough for the rest; shape (m,)."""
        return self._affordable(X) & self._space.apart(X, np.vstack([self.taken, self._measured]))

    def _affordable(self, X: FloatArray) -> BoolArray:
        return np.ones(len(X), bool) if self._reserve is None else self._reserve.affords(X)

    def _open(self) -> tuple[BoolArray, set[str]]:
        """Which rows of the pool may still be taken, and what had to be eased for there to be any."""
        affordable = self._affordable(self._X)
        apart = affordable & self._space.apart(self._X, self.taken)
        if (apart & self._new).any():
            return apart & self._new, set()
        if apart.any():
            return apart, {"no unmeasured well was left: wells measured before are proposed again"}
        eased = "no well a full step apart was left: wells nearer to each other than the resolution are proposed"
        return affordable & self._space.apart(self._X, self.taken, SAME), {eased}

    def _refine(self, row: FloatArray, score: Score, rng: np.random.Generator) -> FloatArray:
        """The best of a row and of ever closer neighbours, none taken or measured before."""
        for scale in _REFINE:
            X = around(self._space, row, (scale,), rng)
            X = np.vstack([row, X[self.free(X)]])
            row = X[score(X).argmax()]
        return row
