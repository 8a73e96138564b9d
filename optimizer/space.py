"""Search space: parameters, linear constraints, mixtures; rows, the unit cube and model inputs.

Notation: n rows, d parameters, X rows in units of the parameters (categories as level indices),
U rows in the unit cube. Constraints read ``A x <= b``, with ``<`` where they are strict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.types import BoolArray, FloatArray, InvalidInput, NotEnoughPoints, Recipe, Value

_TOLERANCE = 1e-9
_DEFAULT_RESOLUTION = 1e-3
"""Share of a stepless parameter's range below which two settings count as the same."""
_PATIENCE = 200_000
"""Branches of a grid that may be searched in vain for the next feasible point."""


@dataclass(frozen=True)
class Continuous:
    """A real parameter in [low, high], on a grid ``low + k step`` where a step is given."""

    name: str
    low: float
    high: float
    unit: str = ""
    step: float | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise InvalidInput(f"{self.name}: low must be below high, both finite", where=(self.name, "low"))
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise InvalidInput(f"{self.name}: the step must be positive and at most high - low", where=(self.name, "step"))

    @cached_property
    def levels(self) -> FloatArray | None:
        """All settings, increasing, or None for a stepless parameter."""
        if self.step is None:
            return None
        count = int(np.floor((self.high - self.low) / self.step * (1 + _TOLERANCE) + _TOLERANCE)) + 1
        return np.round(self.low + self.step * np.arange(count), 12)

    @property
    def resolution(self) -> float:
        """Smallest difference that counts, as a share of the range."""
        return _DEFAULT_RESOLUTION if self.step is None else self.step / (self.high - self.low)


@dataclass(frozen=True)
class Discrete:
    """A numeric parameter with a list of settings."""

    name: str
    values: tuple[float, ...]
    unit: str = ""

    def __post_init__(self) -> None:
        if len(self.values) < 2 or not np.isfinite(self.values).all() or (np.diff(self.values) <= 0).any():
            raise InvalidInput(f"{self.name}: give at least 2 finite values in increasing order", where=(self.name, "values"))

    @property
    def low(self) -> float:
        """Smallest setting."""
        return self.values[0]

    @property
    def high(self) -> float:
        """Largest setting."""
        return self.values[-1]

    @property
    def levels(self) -> FloatArray:
        """All settings, increasing."""
        return np.array(self.values, float)

    @property
    def resolution(self) -> float:
        """Smallest difference that counts, as a share of the range."""
        return float(np.diff(self.values).min() / (self.high - self.low))


@dataclass(frozen=True)
class Categorical:
    """A parameter without order; a row holds the index of its level."""

    name: str
    categories: tuple[str, ...]
    unit: str = ""

    def __post_init__(self) -> None:
        if len(self.categories) < 2 or len(set(self.categories)) != len(self.categories):
            raise InvalidInput(f"{self.name}: give at least 2 different categories", where=(self.name, "categories"))

    @property
    def low(self) -> float:
        """Index of the first level."""
        return 0.0

    @property
    def high(self) -> float:
        """Index of the last level."""
        return float(len(self.categories) - 1)

    @property
    def levels(self) -> FloatArray:
        """Indices of all levels."""
        return np.arange(len(self.categories), dtype=float)

    @property
    def resolution(self) -> float:
        """Smallest difference that counts, as a share of the range of indices."""
        return 1 / self.high


Parameter = Continuous | Discrete | Categorical


@dataclass(frozen=True)
class LinearConstraint:
    """``sum(coefficient * parameter) <= bound``, or ``<`` where not inclusive."""

    coefficients: Mapping[str, float]
    bound: float
    inclusive: bool = True


@dataclass(frozen=True)
class Mixture:
    """Components that share a total with a derived balance: balance = total - sum(components).

    The balance is no parameter of its own; its bounds become constraints on the components.
    """

    balance: str
    components: tuple[str, ...]
    total: float = 100.0
    low: float = 0.0
    high: float | None = None

    @property
    def constraints(self) -> tuple[LinearConstraint, ...]:
        """The bounds of the balance as constraints on the components."""
        upper = LinearConstraint(dict.fromkeys(self.components, 1.0), self.total - self.low)
        if self.high is None:
            return (upper,)
        return (upper, LinearConstraint(dict.fromkeys(self.components, -1.0), self.high - self.total))


@dataclass(frozen=True)
class SearchSpace:
    """A box of parameters cut by linear constraints."""

    parameters: tuple[Parameter, ...]
    constraints: tuple[LinearConstraint, ...] = ()
    mixture: Mixture | None = None

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
                remedy="loosen a bound, or widen the ranges of the parameters it names",
            )

    def _check_names(self) -> None:
        numeric = {p.name for p in self.parameters if not isinstance(p, Categorical)}
        for index, constraint in enumerate(self.all_constraints):
            if not constraint.coefficients or not np.isfinite([constraint.bound, *constraint.coefficients.values()]).all():
                raise InvalidInput("a constraint needs finite coefficients and a finite bound", where=("constraints", index))
            unknown = sorted(set(constraint.coefficients) - numeric)
            if unknown:
                raise InvalidInput(
                    f"a constraint names {', '.join(unknown)}, which is no numeric parameter",
                    where=("constraints", index, "coefficients"),
                    remedy=f"use names out of: {', '.join(sorted(numeric))}",
                )
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
        return np.array([p.low for p in self.parameters])

    @cached_property
    def high(self) -> FloatArray:
        """Upper bounds, shape (d,)."""
        return np.array([p.high for p in self.parameters])

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
        A = np.array([[c.coefficients.get(name, 0.0) for name in self.names] for c in self.all_constraints], float).reshape(
            -1, self.dimension
        )
        return A, np.array([c.bound for c in self.all_constraints], float), np.array([c.inclusive for c in self.all_constraints], bool)

    @cached_property
    def satisfiable(self) -> bool:
        """Whether any row is feasible; exact for strict constraints and for grids."""
        A, _, inclusive = self.matrix
        if not len(A):
            return True
        if self._relaxed_point(slack=False) is None:
            return False
        if self.finite:
            return next(self._walk(), None) is not None
        return self._interior is not None or bool(inclusive.all())

    def _relaxed_point(self, *, slack: bool) -> FloatArray | None:
        """A row of the relaxed polytope in the unit cube; with ``slack`` the one farthest from the constraints."""
        A, b, _ = self.matrix
        span = self.high - self.low
        A_unit, b_unit = A * span, b - A @ self.low
        norms = np.linalg.norm(A_unit, axis=1, keepdims=True)
        column = norms if slack else np.zeros_like(norms)
        # Late, here and below: scipy takes over a second to load, and most requests never need it.
        from scipy.optimize import linprog

        solution = linprog(
            np.r_[np.zeros(self.dimension), -1.0],
            A_ub=np.hstack([A_unit, column]),
            b_ub=b_unit,
            bounds=[(0.0, 1.0)] * self.dimension + [(0.0, 1.0)],
        )
        if solution.status != 0:
            return None
        if slack and solution.x[-1] <= _TOLERANCE:
            return None
        return np.asarray(solution.x[:-1], float)

    @cached_property
    def _interior(self) -> FloatArray | None:
        return self._relaxed_point(slack=True)

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
        return np.array([_cell(p, recipe) for p in self.parameters])

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
        return np.column_stack([_to_unit(p, X[:, j]) for j, p in enumerate(self.parameters)])

    def from_unit(self, U: FloatArray) -> FloatArray:
        """The unit cube to rows; the inverse of ``to_unit``."""
        return np.column_stack([_from_unit(p, U[:, j]) for j, p in enumerate(self.parameters)])

    def encode(self, X: FloatArray) -> FloatArray:
        """Rows to model inputs: numbers scaled to their range, one column per category."""
        return np.column_stack([_encode(p, X[:, j]) for j, p in enumerate(self.parameters)])

    def snap(self, X: FloatArray) -> FloatArray:
        """Move every value into its range and onto its nearest setting; idempotent."""
        return np.column_stack([_snap(p, X[:, j]) for j, p in enumerate(self.parameters)])

    def feasible(self, X: FloatArray) -> BoolArray:
        """Which rows satisfy the constraints; shape (n,)."""
        A, b, inclusive = self.matrix
        if not len(A):
            return np.ones(len(X), bool)
        margin = _TOLERANCE * np.maximum(1.0, np.abs(b))
        values = X @ A.T
        return np.asarray(np.where(inclusive, values <= b + margin, values < b - margin).all(axis=1))

    def contains(self, X: FloatArray) -> BoolArray:
        """Which rows lie in the box, on a setting, and satisfy the constraints; shape (n,)."""
        scale = _TOLERANCE * np.maximum(1.0, np.abs(X))
        return np.asarray((np.abs(self.snap(X) - X) <= scale).all(axis=1) & self.feasible(X))

    def outside(self, row: FloatArray) -> tuple[str, ...]:
        """Names of the parameters that lie outside their range by more than half a step."""
        slack = np.array(
            [0.5 * p.step if isinstance(p, Continuous) and p.step else _TOLERANCE * max(1.0, abs(p.high)) for p in self.parameters]
        )
        wrong = (row < self.low - slack) | (row > self.high + slack)
        return tuple(name for name, bad in zip(self.names, wrong, strict=True) if bad)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Up to ``n`` distinct feasible rows, spread over the space (scrambled Sobol points, snapped).

        Where the constraints leave under 1 % of the box, a hit-and-run walk fills in; where
        the grid holds fewer points than ``n``, all of them are returned.
        """
        everything = self.points(n)
        if len(everything):
            return rng.permutation(everything)
        kept = np.empty((0, self.dimension))
        from scipy.stats import qmc

        for power in range(int(np.ceil(np.log2(max(n, 2)))) + 1, 18):
            X = self.snap(self.from_unit(qmc.Sobol(self.dimension, rng=rng).random_base2(power)))
            kept = distinct(np.vstack([kept, X[self.feasible(X)]]))
            if len(kept) >= n:
                return kept[:n]
            if len(kept) < 0.01 * 2**power:
                break
        return distinct(np.vstack([kept, self._fill(n, rng)]))[:n]

    def _fill(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Feasible rows where rejection fails: a hit-and-run walk, then the first points of the grid."""
        rows = [np.empty((0, self.dimension))]
        if self._interior is not None:
            walked = self.snap(self.low + hit_and_run(*self._unit_polytope(), self._interior, 8 * n, rng) * (self.high - self.low))
            rows.append(distinct(walked[self.feasible(walked)]))
        if len(rows[-1]) < n and self.finite:
            rows.append(self.points(n, cut=True))
        return np.vstack(rows)

    def _unit_polytope(self) -> tuple[FloatArray, FloatArray]:
        A, b, _ = self.matrix
        eye = np.eye(self.dimension)
        A_unit = A * (self.high - self.low)
        return np.vstack([A_unit, eye, -eye]), np.r_[b - A @ self.low, np.ones(self.dimension), np.zeros(self.dimension)]

    def points(self, limit: int, *, cut: bool = False) -> FloatArray:
        """All feasible rows of a finite space.

        Args:
            limit: Largest number of rows.
            cut: Stop at ``limit`` instead of returning no row when there are more.

        Returns:
            Rows, shape (count, d); shape (0, d) when the space is not finite or too large.
        """
        rows: list[tuple[float, ...]] = []
        for row in self._walk() if self.finite else ():
            if len(rows) == limit:
                if cut:
                    break
                return np.empty((0, self.dimension))
            rows.append(row)
        return np.array(rows, float).reshape(-1, self.dimension)

    def require(self, wanted: int) -> None:
        """Check that enough distinct feasible wells exist.

        Raises:
            NotEnoughPoints: Says how many exist.
        """
        if self.finite:
            available = len(self.points(wanted, cut=True))
            if available < wanted:
                raise NotEnoughPoints(available, wanted)

    def _walk(self) -> Iterator[tuple[float, ...]]:
        """All feasible rows of a finite space, depth first, leaving branches that no setting can make feasible.

        Raises:
            InvalidInput: A feasible row takes more than ``_PATIENCE`` branches to find.
        """
        levels = [p.levels for p in self.parameters if p.levels is not None]
        A, b, inclusive = self.matrix
        margin = _TOLERANCE * np.maximum(1.0, np.abs(b))
        least = np.array([np.minimum(np.outer(A[:, j], level).min(axis=1), np.inf) for j, level in enumerate(levels)]).reshape(
            len(levels), len(b)
        )
        rest = np.vstack([np.cumsum(least[::-1], axis=0)[::-1], np.zeros((1, len(b)))])

        barren = 0

        def descend(prefix: tuple[float, ...], used: FloatArray) -> Iterator[tuple[float, ...]]:
            nonlocal barren
            barren += 1
            if barren > _PATIENCE:
                raise InvalidInput(
                    "the constraints leave too few points of this grid to find them",
                    where=("constraints",),
                    remedy="use finer steps or looser bounds",
                )
            lowest = used + rest[len(prefix)]
            if not np.where(inclusive, lowest <= b + margin, lowest < b - margin).all():
                return
            if len(prefix) == len(levels):
                barren = 0
                yield prefix
                return
            for value in levels[len(prefix)]:
                yield from descend((*prefix, float(value)), used + A[:, len(prefix)] * value)

        return descend((), np.zeros(len(b)))

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


def hit_and_run(A: FloatArray, b: FloatArray, start: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Points of the polytope ``A u <= b`` by a hit-and-run walk (Smith 1984), shape (n, d)."""
    points, u = np.empty((n, len(start))), start.copy()
    for i in range(n):
        direction = rng.standard_normal(len(u))
        direction /= np.linalg.norm(direction)
        rate, slack = A @ direction, np.maximum(b - A @ u, 0.0)
        forward = (slack[rate > 1e-14] / rate[rate > 1e-14]).min(initial=np.inf)
        backward = (slack[rate < -1e-14] / rate[rate < -1e-14]).max(initial=-np.inf)
        u = u + rng.uniform(backward, forward) * direction
        points[i] = u
    return points


def _cell(parameter: Parameter, recipe: Recipe) -> float:
    if parameter.name not in recipe:
        raise InvalidInput(f"{parameter.name} is missing", where=(parameter.name,), remedy="give a value for every parameter")
    value = recipe[parameter.name]
    if isinstance(parameter, Categorical):
        if value not in parameter.categories:
            raise InvalidInput(
                f"{parameter.name}: {value!r} is no category", where=(parameter.name,), remedy=f"use: {', '.join(parameter.categories)}"
            )
        return float(parameter.categories.index(str(value)))
    if isinstance(value, str) or not np.isfinite(value):
        raise InvalidInput(f"{parameter.name} must be a finite number", where=(parameter.name,))
    return float(value)


def _nearest(levels: FloatArray, values: FloatArray) -> np.ndarray:
    right = np.clip(np.searchsorted(levels, values), 1, len(levels) - 1)
    return np.where(values - levels[right - 1] <= levels[right] - values, right - 1, right)


def _snap(parameter: Parameter, values: FloatArray) -> FloatArray:
    levels = parameter.levels
    if levels is None:
        return np.clip(values, parameter.low, parameter.high)
    return levels[_nearest(levels, values)] if len(levels) > 1 else np.full_like(values, levels[0])


def _to_unit(parameter: Parameter, values: FloatArray) -> FloatArray:
    if isinstance(parameter, Continuous):
        return (values - parameter.low) / (parameter.high - parameter.low)
    return (_nearest(parameter.levels, values) + 0.5) / len(parameter.levels)


def _from_unit(parameter: Parameter, units: FloatArray) -> FloatArray:
    if isinstance(parameter, Continuous):
        return parameter.low + units * (parameter.high - parameter.low)
    index = np.clip((units * len(parameter.levels)).astype(int), 0, len(parameter.levels) - 1)
    return parameter.levels[index]


def _encode(parameter: Parameter, values: FloatArray) -> FloatArray:
    if isinstance(parameter, Categorical):
        return (values[:, None] == parameter.levels[None, :]).astype(float)
    return ((values - parameter.low) / (parameter.high - parameter.low))[:, None]
