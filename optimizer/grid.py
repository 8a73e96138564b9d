"""The best wells of a grid of millions of points: scanned in parts, anywhere, and never held.

Every part gives back the best point of each *cell*, a cube of the unit cube half as wide as wells are to be apart. A ball of
that radius touches at most 5^d cells, so the best ``5^d (k - 1) + 1`` cells hold k points that far apart, if the grid does.
They are scored again in double precision, and the wells are picked greedily, from the best.

Notation: d parameters, k wells, m points of a curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Protocol, Self

import numpy as np
from threadpoolctl import threadpool_limits

from models.dense import BLOCK, Screenable
from models.surrogate import Posterior
from optimizer.objective import Objective, SpectrumMatch
from optimizer.space import Continuous, SearchSpace
from optimizer.types import FloatArray, IntArray, InvalidInput

CHUNK = 2**16
"""Points of a part."""
_MOST_CELLS = 50_000
"""Cells that are kept in any case; with many parameters k wells apart are then no longer certain."""
_ROWS = 2048
"""Rows that a surrogate without a fast path predicts at a time."""
_AHEAD = 8
"""Parts that are under way elsewhere at a time."""
_FINEST = 64
"""Levels per parameter at most where a grid is made to fit a number of points."""

Submit = Callable[..., Future[Any]]
"""Starts a function elsewhere, as ``concurrent.futures.Executor.submit`` does."""


@dataclass(frozen=True, eq=False)
class Grid:
    """All combinations of levels, the last parameter running fastest.

    Attributes:
        space: Says what is feasible.
        levels: Settings of each parameter, increasing, in its unit.
    """

    space: SearchSpace
    levels: tuple[FloatArray, ...]

    @classmethod
    def of(cls, space: SearchSpace, count: int) -> Self:
        """A grid of ``count`` evenly spread levels of every continuous parameter, on its steps, and all settings of the others."""
        levels = []
        for j, parameter in enumerate(space.parameters):
            values = np.linspace(parameter.low, parameter.high, count) if isinstance(parameter, Continuous) else parameter.levels
            rows = np.tile(space.low.astype(float), (len(values), 1))
            rows[:, j] = values
            levels.append(np.unique(space.snap(rows)[:, j]))
        return cls(space, tuple(levels))

    @classmethod
    def within(cls, space: SearchSpace, most: int) -> Self | None:
        """The finest such grid of at most ``most`` points; None where two levels of each parameter are more."""
        grids = (cls.of(space, count) for count in range(_FINEST, 1, -1))
        return next((grid for grid in grids if grid.size <= most), None)

    @property
    def size(self) -> int:
        """Points, feasible or not."""
        return prod(len(levels) for levels in self.levels)

    def at(self, index: IntArray) -> FloatArray:
        """Rows (n, d) of points by their number."""
        digits = np.unravel_index(index, [len(levels) for levels in self.levels])
        return np.column_stack([levels[digit] for levels, digit in zip(self.levels, digits, strict=True)])

    def feasible(self, first: int, last: int) -> tuple[IntArray, FloatArray]:
        """Numbers (n,) and rows (n, d) of the feasible points from number ``first`` up to ``last``, which is left out."""
        index = np.arange(first, min(last, self.size))
        X = self.at(index)
        keep = self.space.feasible(X)
        return index[keep], X[keep]


@dataclass(frozen=True, eq=False)
class Best:
    """The best points of the cells of a part of a grid, best first.

    Attributes:
        index: Their numbers, shape (c,).
        loss: Their losses, shape (c,).
        feasible: Feasible points of the part.
    """

    index: IntArray
    loss: FloatArray
    feasible: int


@dataclass(frozen=True, eq=False)
class Seen:
    """How far a search is: all that it takes to go on.

    Attributes:
        done: First numbers of the parts that were scanned.
        best: What was found there.
        parts: How many parts there are.
    """

    done: frozenset[int]
    best: Best
    parts: int

    @property
    def share(self) -> float:
        """Share of the parts that are done."""
        return len(self.done) / self.parts


@dataclass(frozen=True, eq=False)
class Wells:
    """Wells apart from each other, best first.

    Attributes:
        X: Rows, shape (k, d).
        curves: Predicted outcomes, shape (k, m).
        loss: Their losses, shape (k,).
        std: Standard deviation of the outcomes, shape (k, m); None where the surrogate knows none.
        feasible: Feasible points of the grid.
    """

    X: FloatArray
    curves: FloatArray
    loss: FloatArray
    std: FloatArray | None
    feasible: int


class Asked(Protocol):
    """A fitted surrogate."""

    def posterior(self, X: FloatArray) -> Posterior:
        """See ``Surrogate``."""
        ...

    def predict(self, X: FloatArray) -> FloatArray:
        """See ``Surrogate``."""
        ...


def predicted_losses(surrogate: Asked, objective: Objective, inputs: FloatArray) -> FloatArray:
    """Losses (n,) of the outcomes that a surrogate predicts at inputs (n, d), a part of them at a time."""
    parts = (inputs[first : first + _ROWS] for first in range(0, len(inputs), _ROWS))
    return np.concatenate([np.empty(0), *(objective.losses(surrogate.predict(part)).loss for part in parts)])


@dataclass(frozen=True, eq=False)
class Search:
    """The search for the k points of lowest loss of the predicted outcome.

    Attributes:
        grid: Where.
        surrogate: Predicts outcomes from model inputs (``space.encode``), or from rows where it scales them itself.
        objective: Tells the loss of an outcome.
        wells: How many, k.
        apart: Least distance between them in the unit cube.
        encoded: Whether the surrogate takes model inputs; else rows in units of the parameters.
    """

    grid: Grid
    surrogate: Asked
    objective: Objective
    wells: int = 15
    apart: float = 0.1
    encoded: bool = True

    def __post_init__(self) -> None:
        if self.wells < 1 or not self.apart > 0:
            raise InvalidInput("a search needs one well at least and a positive distance", where=("wells",))

    def scan(self, first: int, last: int) -> Best:
        """The best points of a part of the grid, by number; a pure function of the search."""
        index, X = self.grid.feasible(first, last)
        with threadpool_limits(1):
            loss = self._losses(self._inputs(X))
        return self._thinned(index, loss, len(index))

    def run(
        self,
        submit: Submit | None = None,
        progress: Callable[[Seen], None] | None = None,
        seen: Seen | None = None,
    ) -> Wells:
        """Scan all parts, here or elsewhere, and pick.

        Args:
            submit: Starts the scan of a part elsewhere; None to scan here.
            progress: Told after each part what was seen so far.
            seen: What an interrupted search of the same kind had told last; None to begin.

        Raises:
            InvalidInput: No point of the grid is feasible.
        """
        starts = range(0, self.grid.size, CHUNK)
        if seen is None:
            seen = Seen(frozenset(), Best(np.empty(0, np.int64), np.empty(0), 0), len(starts))
        for first, best in _done(self.scan, [first for first in starts if first not in seen.done], submit):
            seen = Seen(seen.done | {first}, self.merged([seen.best, best]), len(starts))
            if progress is not None:
                progress(seen)
        return self.pick(seen.best)

    def merged(self, parts: list[Best]) -> Best:
        """What the parts found, as one."""
        index, loss = (np.concatenate([getattr(part, name) for part in parts]) for name in ("index", "loss"))
        return self._thinned(index, loss, sum(part.feasible for part in parts))

    def pick(self, best: Best) -> Wells:
        """Up to k wells apart from each other, greedily from the best, after another look in double precision.

        Raises:
            InvalidInput: There is no point to pick from.
        """
        if not len(best.index):
            raise InvalidInput("no point of the grid is feasible", where=("constraints",), remedy="use more levels or looser bounds")
        X = self.grid.at(best.index)
        loss = self._exact(self._inputs(X))
        order, U = np.argsort(loss, kind="stable"), self.grid.space.to_unit(X)
        chosen = list[int]()
        near = np.full(len(X), np.inf)
        while len(chosen) < self.wells and (near[order] >= self.apart).any():
            chosen.append(int(order[np.argmax(near[order] >= self.apart)]))
            near = np.minimum(near, np.linalg.norm(U - U[chosen[-1]], axis=1))
        belief = self.surrogate.posterior(self._inputs(X[chosen]))
        return Wells(X[chosen], belief.mean, loss[chosen], belief.std, best.feasible)

    def _inputs(self, X: FloatArray) -> FloatArray:
        return self.grid.space.encode(X) if self.encoded else X

    def _losses(self, inputs: FloatArray) -> FloatArray:
        """Losses of the predicted outcomes, shape (n,); in single precision where the surrogate has a fast path."""
        if isinstance(self.surrogate, Screenable) and isinstance(self.objective, SpectrumMatch):
            curves, singles, loss = self.surrogate.screen(), inputs.astype(np.float32), np.empty(len(inputs))
            for first in range(0, len(loss), BLOCK):
                loss[first : first + BLOCK] = self.objective.screen(curves(singles[first : first + BLOCK]))
            return loss
        return self._exact(inputs)

    def _exact(self, inputs: FloatArray) -> FloatArray:
        """Losses of the predicted outcomes in double precision, shape (n,)."""
        return predicted_losses(self.surrogate, self.objective, inputs)

    def _thinned(self, index: IntArray, loss: FloatArray, feasible: int) -> Best:
        order = np.lexsort((index, loss))
        digits = np.unravel_index(index[order], [len(levels) for levels in self.grid.levels])
        cells = sum((cell[digit] for cell, digit in zip(self._cells, digits, strict=True)), np.zeros(len(index), np.int64))
        _, firsts = np.unique(cells, return_index=True)
        kept = order[np.sort(firsts)[: min(5 ** len(digits) * (self.wells - 1) + 1, _MOST_CELLS)]]
        return Best(index[kept], loss[kept], feasible)

    @cached_property
    def _cells(self) -> list[IntArray]:
        """What each level of each parameter adds to the number of its cell."""
        space, stride, cells = self.grid.space, 1, list[IntArray]()
        for j, levels in enumerate(self.grid.levels):
            rows = np.tile(space.low.astype(float), (len(levels), 1))
            rows[:, j] = levels
            _, cell = np.unique(np.floor(space.to_unit(rows)[:, j] / (self.apart / 2)), return_inverse=True)
            cells.append(cell * stride)
            stride *= int(cell.max()) + 1
        return cells


def _done(scan: Callable[[int, int], Best], starts: list[int], submit: Submit | None) -> Iterator[tuple[int, Best]]:
    """Pairs of the first number of a part and what was found there, as they are done."""
    if submit is None:
        yield from ((first, scan(first, first + CHUNK)) for first in starts)
        return
    running, waiting = dict[Future[Any], int](), iter(starts)
    while True:
        while len(running) < _AHEAD and (first := next(waiting, None)) is not None:
            running[submit(scan, first, first + CHUNK)] = first
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result()
