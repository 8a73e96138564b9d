"""Search space: parameters, linear constraints, mixtures; rows, the unit cube and model inputs.

Notation: n rows, d parameters, X rows in units of the parameters (categories as level indices),
U rows in the unit cube. Constraints read ``A x <= b``, with ``<`` where they are strict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np

from optimizer.parameters import (
    TOLERANCE,
    Categorical,
    Continuous,
    Discrete,
    LinearConstraint,
    Mixture,
    Parameter,
    cell,
    coefficients,
    encode,
    from_unit,
    satisfied,
    snap,
    to_unit,
)
from optimizer.per_batch import PerBatch
from optimizer.polytope import deepest, hit_and_run, lowest
from optimizer.types import BoolArray, FloatArray, InvalidInput, NotEnoughPoints, Recipe, Value

__all__ = ["Categorical", "Continuous", "Discrete", "LinearConstraint", "Mixture", "Parameter", "SearchSpace", "distinct"]

_SMALL = 100_000
"""Points of a grid up to which all are looked at before any is drawn."""
_PATIENCE = 20_000
"""Branching points of a grid that may be searched in vain for the next feasible row."""
_SCATTERED = 256
"""Random draws that stand in for the search of a grid that was given up."""
_PER_SETTING = 64
"""Stepless values that are tried for each setting of the listed parameters where random draws fail."""


@dataclass(frozen=True)
class SearchSpace:
    """A box of parameters cut by linear constraints, and what the wells of one batch must keep to together."""

    parameters: tuple[Parameter, ...]
    constraints: tuple[LinearConstraint, ...] = ()
    mixture: Mixture | None = None
    per_batch: PerBatch = field(default_factory=PerBatch)

    def __post_init__(self) -> None:
        if not self.parameters:
            raise InvalidInput("a space needs at least one parameter", where=("parameters",))
        if len(set(self.names)) != len(self.names):
            raise InvalidInput("two parameters share a name", where=("parameters",), remedy="give every parameter its own name")
        self._check_names()
        if not self.satisfiable:
            raise InvalidInput(
                "no recipe satisfies all constraints",
                where=("constraints",),
                remedy="loosen a bound or widen a range; write an equality as a mixture, whose balance is derived",
            )

    def _check_names(self) -> None:
        for index, constraint in enumerate(self.all_constraints):
            constraint.check(self.parameters, ("constraints", index))
        self.per_batch.check(self.parameters)
        if self.mixture is not None and self.mixture.balance in self.names:
            raise InvalidInput("the balance of a mixture is derived and must not be a parameter", where=("mixture", "balance"))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in column order."""
        return tuple(p.name for p in self.parameters)

    @property
    def dimension(self) -> int:
        """Number of parameters d."""
        return len(self.parameters)

    @cached_property
    def low(self) -> FloatArray:
        """Lower bounds, shape (d,)."""
        return np.array([p.low for p in self.parameters], float)

    @cached_property
    def high(self) -> FloatArray:
        """Upper bounds, shape (d,)."""
        return np.array([p.high for p in self.parameters], float)

    @cached_property
    def resolution(self) -> FloatArray:
        """Smallest difference that counts per parameter, as a share of its range, shape (d,)."""
        return np.array([p.resolution for p in self.parameters])

    @cached_property
    def all_constraints(self) -> tuple[LinearConstraint, ...]:
        """The constraints together with those of the mixture."""
        return self.constraints + (self.mixture.constraints if self.mixture else ())

    @cached_property
    def matrix(self) -> tuple[FloatArray, FloatArray, BoolArray]:
        """The constraints as A (c, d), b (c,), and whether each is inclusive (c,)."""
        return coefficients(self.all_constraints, self.names)

    @cached_property
    def satisfiable(self) -> bool:
        """Whether wells can be found: exact for grids and strict constraints; stepless parameters need some volume."""
        if not self.all_constraints:
            return True
        if all(p.levels is None for p in self.parameters):
            return self._interior is not None
        if self._grid is not None:
            return len(self._grid) > 0
        rng = np.random.default_rng(0)
        try:
            return next(self._completed(rng), None) is not None
        except InvalidInput:
            if len(self._scatter(_SCATTERED, rng)):
                return True
            raise

    @cached_property
    def _interior(self) -> FloatArray | None:
        """The point of the unit cube farthest from the constraints, steps forgotten; None where they leave no volume."""
        A, b = self._unit_polytope
        return deepest(A, b)

    @cached_property
    def _unit_polytope(self) -> tuple[FloatArray, FloatArray]:
        """The constraints and the box as ``A u <= b`` in the unit cube."""
        A, b, _ = self.matrix
        eye = np.eye(self.dimension)
        return np.vstack([A * (self.high - self.low), eye, -eye]), np.r_[
            b - A @ self.low, np.ones(self.dimension), np.zeros(self.dimension)
        ]

    def least(self, use: LinearConstraint) -> float:
        """A lower bound on the left side of a constraint within the space: its least value, steps forgotten."""
        a = coefficients((use,), self.names)[0][0]
        return float(a @ self.low) + lowest(a * (self.high - self.low), *self._unit_polytope)

    @property
    def finite(self) -> bool:
        """Whether every parameter has a list of settings."""
        return all(p.levels is not None for p in self.parameters)

    def row(self, recipe: Recipe) -> FloatArray:
        """Turn a recipe into a row; every parameter must be given, with a finite number or a known category.

        Raises:
            InvalidInput: Names the parameter at fault.
        """
        unknown = sorted(set(recipe) - set(self.names) - ({self.mixture.balance} if self.mixture else set()))
        if unknown:
            raise InvalidInput(f"unknown parameter {unknown[0]}", where=(unknown[0],), remedy=f"use: {', '.join(self.names)}")
        return np.array([cell(p, recipe) for p in self.parameters])

    def recipe(self, row: FloatArray) -> dict[str, Value]:
        """Turn a row into a recipe, with the derived balance of a mixture."""
        recipe: dict[str, Value] = {
            p.name: p.categories[int(v)] if isinstance(p, Categorical) else float(v) for p, v in zip(self.parameters, row, strict=True)
        }
        if self.mixture:
            parts = sum(float(v) for p, v in zip(self.parameters, row, strict=True) if p.name in self.mixture.components)
            recipe[self.mixture.balance] = round(self.mixture.total - parts, 9)
        return recipe

    def to_unit(self, X: FloatArray) -> FloatArray:
        """Rows to the unit cube; listed settings go to the centres of equal cells."""
        return np.column_stack([to_unit(p, X[:, j]) for j, p in enumerate(self.parameters)])

    def from_unit(self, U: FloatArray) -> FloatArray:
        """The unit cube to rows; the inverse of ``to_unit``."""
        return np.column_stack([from_unit(p, U[:, j]) for j, p in enumerate(self.parameters)])

    def encode(self, X: FloatArray) -> FloatArray:
        """Rows to model inputs: numbers scaled to their range, one column per category."""
        return np.column_stack([encode(p, X[:, j]) for j, p in enumerate(self.parameters)])

    def snap(self, X: FloatArray) -> FloatArray:
        """Move every value into its range and onto its nearest setting; idempotent."""
        return np.column_stack([snap(p, X[:, j]) for j, p in enumerate(self.parameters)])

    def feasible(self, X: FloatArray) -> BoolArray:
        """Which rows satisfy the constraints; shape (n,)."""
        A, b, inclusive = self.matrix
        return satisfied(X @ A.T, b, inclusive) if len(A) else np.ones(len(X), bool)

    def contains(self, X: FloatArray) -> BoolArray:
        """Which rows lie in the box, on a setting, and satisfy the constraints; shape (n,)."""
        scale = TOLERANCE * np.maximum(1.0, np.abs(X))
        return np.asarray((np.abs(self.snap(X) - X) <= scale).all(axis=1) & self.feasible(X))

    def outside(self, row: FloatArray) -> tuple[str, ...]:
        """Names of the parameters that lie outside their range by more than half a step."""
        slack = np.array(
            [0.5 * p.step if isinstance(p, Continuous) and p.step else TOLERANCE * max(1.0, abs(p.high)) for p in self.parameters]
        )
        wrong = (row < self.low - slack) | (row > self.high + slack)
        return tuple(name for name, bad in zip(self.names, wrong, strict=True) if bad)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Up to ``n`` distinct feasible rows, spread over the space (scrambled Sobol points, snapped).

        Where the constraints leave under 1 % of the box, a hit-and-run walk fills in, and where it finds too little,
        a search of the grid; where the space holds fewer points than ``n``, all of them are returned.
        """
        everything = self._grid
        if everything is not None and len(everything) <= n:
            return rng.permutation(everything)
        rows = self._scatter(n, rng)
        if len(rows) < n:
            rest = rng.permutation(everything) if everything is not None else np.array(list(islice(self._completed(rng), n)))
            rows = distinct(np.vstack([rows, rest.reshape(-1, self.dimension)]))[:n]
        return rows

    def _scatter(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Up to ``n`` distinct feasible rows by rejection, then by a walk inside the relaxed constraints."""
        # Late, here and below: scipy takes over a second to load, and most requests never need it.
        from scipy.stats import qmc

        kept = np.empty((0, self.dimension))
        for power in range(int(np.ceil(np.log2(max(n, 2)))) + 1, 18):
            X = self.snap(self.from_unit(qmc.Sobol(self.dimension, rng=rng).random_base2(power)))
            kept = distinct(np.vstack([kept, X[self.feasible(X)]]))
            if len(kept) >= n:
                return kept[:n]
            if len(kept) < 0.01 * 2**power:
                break
        if self._interior is not None:
            U = hit_and_run(*self._unit_polytope, self._interior, n, rng)
            X = self.snap(self.low + U * (self.high - self.low))
            kept = distinct(np.vstack([kept, X[self.feasible(X)]]))
        return kept[:n]

    @cached_property
    def _grid(self) -> FloatArray | None:
        """All feasible rows, increasing; None where the space is not finite or the grid is large."""
        levels = [p.levels for p in self.parameters if p.levels is not None]
        if not self.finite or np.prod([float(len(level)) for level in levels]) > _SMALL:
            return None
        X = np.stack(np.meshgrid(*levels, indexing="ij"), axis=-1).reshape(-1, self.dimension)
        return X[self.feasible(X)]

    def points(self, limit: int, *, cut: bool = False) -> FloatArray:
        """All feasible rows of a finite space.

        Args:
            limit: Largest number of rows.
            cut: Stop at ``limit`` instead of returning no row when there are more.

        Returns:
            Rows, shape (count, d); shape (0, d) when the space is not finite or too large.

        Raises:
            InvalidInput: The feasible rows are too rare among the points of the grid to be found.
        """
        if self._grid is not None:
            rows = self._grid
        else:
            found = list(islice(self._walk(), limit + 1)) if self.finite else []
            rows = np.array(found, float).reshape(-1, self.dimension)
        return rows if len(rows) <= limit else rows[: limit if cut else 0]

    def require(self, wanted: int) -> None:
        """Check that enough distinct feasible wells exist.

        Raises:
            NotEnoughPoints: Says how many exist.
        """
        available = len(self.sample(wanted, np.random.default_rng(0)))
        if available < wanted:
            raise NotEnoughPoints(available, wanted)

    def _completed(self, rng: np.random.Generator) -> Iterator[FloatArray]:
        """Feasible rows in the order of the grid; each gets stepless values that suit it."""
        stepless = tuple(p for p in self.parameters if p.levels is None)
        if len(stepless) == self.dimension:
            return
        listed = np.array([p.levels is not None for p in self.parameters])
        for settings in self._walk():
            row = np.zeros(self.dimension)
            row[listed] = settings
            if not stepless:
                yield row
                continue
            try:
                rest = SearchSpace(stepless, self.left_over(row, stepless))
            except InvalidInput:
                continue
            for values in rest.sample(_PER_SETTING, rng):
                row[~listed] = values
                if self.feasible(row[None, :])[0]:
                    yield row.copy()

    def left_over(self, row: FloatArray, parameters: tuple[Parameter, ...]) -> tuple[LinearConstraint, ...]:
        """The constraints on some parameters once the others are set as in ``row``, shape (d,), which is 0 for those."""
        free = {p.name for p in parameters}
        A = self.matrix[0]
        left = []
        for constraint, used in zip(self.all_constraints, A @ row, strict=True):
            coefficients = {name: value for name, value in constraint.coefficients.items() if name in free and value != 0}
            if coefficients:
                left.append(LinearConstraint(coefficients, constraint.bound - float(used), constraint.inclusive))
        return tuple(left)

    def _walk(self) -> Iterator[tuple[float, ...]]:
        """All settings of the listed parameters that may be feasible, depth first, surely so where none is stepless.

        Raises:
            InvalidInput: A feasible row takes more than ``_PATIENCE`` branches to find.
        """
        A, b, inclusive = self.matrix
        margin = TOLERANCE * np.maximum(1.0, np.abs(b))
        columns = [j for j, p in enumerate(self.parameters) if p.levels is not None]
        levels = [p.levels for p in self.parameters if p.levels is not None]
        least = np.minimum(A * self.low, A * np.array([p.high if p.levels is None else p.levels[-1] for p in self.parameters]))
        stepless = np.array([p.levels is None for p in self.parameters])
        rest = [least[:, columns[depth:]].sum(axis=1) for depth in range(len(columns) + 1)]
        barren = 0

        def descend(prefix: tuple[float, ...], used: FloatArray) -> Iterator[tuple[float, ...]]:
            nonlocal barren
            depth = len(prefix)
            if depth == len(levels):
                barren = 0
                yield prefix
                return
            barren += 1
            if barren > _PATIENCE:
                raise InvalidInput(
                    "the constraints leave too few points of this grid to find them",
                    where=("constraints",),
                    remedy="use finer steps or looser bounds",
                )
            ahead = used + np.outer(levels[depth], A[:, columns[depth]])
            lowest = ahead + rest[depth + 1]
            hopeful = np.where(inclusive, lowest <= b + margin, lowest < b - margin).all(axis=1)
            for k in np.flatnonzero(hopeful):
                yield from descend((*prefix, float(levels[depth][k])), ahead[k])

        return descend((), least[:, stepless].sum(axis=1))

    def apart(self, X: FloatArray, others: FloatArray, steps: float = 1.0) -> BoolArray:
        """Which rows of X differ from every row of ``others`` by ``steps`` times the resolution in some parameter; shape (n,)."""
        if not len(others):
            return np.ones(len(X), bool)
        scale = self.resolution * (self.high - self.low)
        from scipy.spatial import KDTree

        nearest, _ = KDTree((others - self.low) / scale).query((X - self.low) / scale, p=np.inf)
        return np.asarray(nearest >= steps * (1 - 1e-6))


def distinct(X: FloatArray) -> FloatArray:
    """The different rows of X, in order of first appearance."""
    _, first = np.unique(X, axis=0, return_index=True)
    return X[np.sort(first)]
