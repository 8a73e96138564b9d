"""Parameters, linear constraints and mixtures: what a search space is made of, and the arithmetic of one column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.types import BoolArray, FloatArray, IntArray, InvalidInput, Recipe

TOLERANCE = 1e-9
"""Share of a value by which rounding may be off."""
CATEGORY = 0.25
"""Model input of the category that is set. At 1, categories would have nothing to do with each other at the length scales
that the Gaussian process expects; so they start as related, and the data may drive them apart."""
_DEFAULT_RESOLUTION = 1e-3
"""Share of a stepless parameter's range below which two settings count as the same."""
_MOST_LEVELS = 1_000_000


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
        if self.step is not None and not 0 < self.step <= (self.high - self.low) * (1 + TOLERANCE):
            raise InvalidInput(f"{self.name}: the step must be positive and at most high - low", where=(self.name, "step"))
        if self.step is not None and (self.high - self.low) / self.step > _MOST_LEVELS:
            raise InvalidInput(
                f"{self.name}: over {_MOST_LEVELS} steps", where=(self.name, "step"), remedy="leave the step out, or use a coarser one"
            )

    @cached_property
    def levels(self) -> FloatArray | None:
        """All settings, increasing, or None for a stepless parameter."""
        if self.step is None:
            return None
        count = int(np.floor((self.high - self.low) / self.step * (1 + TOLERANCE) + TOLERANCE)) + 1
        decimals = 12 - int(np.floor(np.log10(min(self.step, 1.0))))
        return np.minimum(np.round(self.low + self.step * np.arange(count), decimals), self.high)

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

    def check(self, parameters: Sequence[Parameter], where: tuple[str | int, ...]) -> None:
        """Check that the constraint is finite and names numeric parameters only.

        Raises:
            InvalidInput: At ``where``, the path of the constraint.
        """
        if not self.coefficients or not np.isfinite([self.bound, *self.coefficients.values()]).all():
            raise InvalidInput("a constraint needs finite coefficients and a finite bound", where=where)
        numeric = {p.name for p in parameters if not isinstance(p, Categorical)}
        unknown = sorted(set(self.coefficients) - numeric)
        if unknown:
            raise InvalidInput(
                f"a constraint names {', '.join(unknown)}, which is no numeric parameter",
                where=(*where, "coefficients"),
                remedy=f"use names out of: {', '.join(sorted(numeric))}",
            )


def coefficients(constraints: Sequence[LinearConstraint], names: Sequence[str]) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Constraints on d named columns as A (c, d), b (c,), and whether each is inclusive (c,)."""
    A = np.array([[c.coefficients.get(name, 0.0) for name in names] for c in constraints], float).reshape(-1, len(names))
    return A, np.array([c.bound for c in constraints], float), np.array([c.inclusive for c in constraints], bool)


def satisfied(values: FloatArray, b: FloatArray, inclusive: BoolArray) -> BoolArray:
    """Whether values (..., c) keep to the bounds b (c,), rounding forgiven; shape (...)."""
    margin = TOLERANCE * np.maximum(1.0, np.abs(b))
    return np.asarray(np.where(inclusive, values <= b + margin, values < b - margin).all(axis=-1))


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


def cell(parameter: Parameter, recipe: Recipe) -> float:
    """One value of a row, out of a recipe.

    Raises:
        InvalidInput: The value is missing, no finite number, or no category.
    """
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


def snap(parameter: Parameter, values: FloatArray) -> FloatArray:
    """Values (n,) moved into the range and onto the nearest setting, the lower one half way."""
    levels = parameter.levels
    if levels is None:
        return np.clip(values, parameter.low, parameter.high)
    return levels[_nearest(levels, values)]


def to_unit(parameter: Parameter, values: FloatArray) -> FloatArray:
    """Values (n,) to [0, 1]; listed settings to the centres of equal cells."""
    if isinstance(parameter, Continuous):
        return (values - parameter.low) / (parameter.high - parameter.low)
    return np.asarray((_nearest(parameter.levels, values) + 0.5) / len(parameter.levels))


def from_unit(parameter: Parameter, units: FloatArray) -> FloatArray:
    """[0, 1] to values (n,); the inverse of ``to_unit``."""
    if isinstance(parameter, Continuous):
        return parameter.low + units * (parameter.high - parameter.low)
    index = np.clip((units * len(parameter.levels)).astype(int), 0, len(parameter.levels) - 1)
    return np.asarray(parameter.levels[index])


def encode(parameter: Parameter, values: FloatArray) -> FloatArray:
    """Values (n,) to columns of model inputs: one scaled to its range, or one per category, 0 or ``CATEGORY``."""
    if isinstance(parameter, Categorical):
        return np.asarray(CATEGORY * (values[:, None] == parameter.levels[None, :]))
    return ((values - parameter.low) / (parameter.high - parameter.low))[:, None]


def _nearest(levels: FloatArray, values: FloatArray) -> IntArray:
    right = np.clip(np.searchsorted(levels, values), 1, len(levels) - 1)
    return np.asarray(np.where(values - levels[right - 1] <= levels[right] - values, right - 1, right))
