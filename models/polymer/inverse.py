"""Inverse design: recipes that give a wanted distribution, each simulated back.

A distribution tells about two numbers of a recipe, with the monomer left about three: so the answer is a family. Recipes of
a Latin hypercube are simulated once; those nearest to the goal that lie far apart are refined downhill by
``models.levenberg``, and ranked by what else is wanted of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from models.box import Box
from models.levenberg import refine
from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import RECIPE, BadPolymer
from models.polymer.dataset import box, latin_hypercube
from models.polymer.kinetics import Product, Simulator
from models.polymer.targets import broadened
from models.surrogate import FloatArray, IntArray

Status = Literal["ok", "approximate", "not reachable"]
Ends = tuple[float, ...]
"""Bounds of all columns on one side."""
NUMBERS = ("cBA_time", "Mn", "Mw")
"""Outcomes that may be wanted beside the distribution."""

_STATES: tuple[Status, ...] = ("ok", "approximate", "not reachable")
_MODEL = 0.005
"""Error of the distribution, as a share of its peak, that is put down to the model."""
_OK, _APPROXIMATE = 1.5, 0.95
"""Misfit in units of noise and error of the model up to which an answer is ok, and overlap from which it is approximate."""
_SIGMAS = 3.0
"""Distance of a wanted number up to which an answer is ok."""
_ITERATIONS = 30
_NEAR, _STARTS = 0.05, 4
"""Share of the library from which starts are taken, and starts per recipe asked for."""
_APART = 0.05
"""Least distance between two recipes, root mean square over the columns in shares of the box."""
_H = 1e-4
"""Of the differences behind an interval."""
_UNIFORM = 12.0
"""Information in knowing no more than the box: one over the variance of a uniform density of width 1."""
_QUANTILE = 1.645
"""Of 90 % intervals."""


@dataclass(frozen=True, eq=False)
class Goal:
    """What is wanted.

    Attributes:
        w: Distribution at ``chains.LOG_M`` with unit area, shape (100,); noise may make it negative.
        noise: Standard deviation of ``w`` as a share of its peak.
        numbers: Wanted values of ``NUMBERS``, where any.
        precision: Their relative standard deviation.
    """

    w: FloatArray
    noise: float = 0.01
    numbers: Mapping[str, float] = field(default_factory=dict)
    precision: float = 0.02

    def __post_init__(self) -> None:
        if self.w.shape != LOG_M.shape or not np.isfinite(self.w).all() or abs(self.w.sum() * STEP - 1) > 0.02:
            raise BadPolymer(f"needs {len(LOG_M)} finite values of unit area", "w", "make it with models.polymer.targets")
        for name, value in {"noise": self.noise, "precision": self.precision, **self.numbers}.items():
            if not 0 < value < np.inf:
                raise BadPolymer(f"{value:g} is not above 0", name, "give a positive number")
        for name in self.numbers:
            if name not in NUMBERS:
                raise BadPolymer("cannot be aimed at", name, f"name one of: {', '.join(NUMBERS)}")

    @property
    def scale(self) -> float:
        """Standard deviation of ``w``."""
        return float(self.noise * self.w.max())


@dataclass(frozen=True, eq=False)
class Answer:
    """A recipe, and what it gives by the simulator.

    Attributes:
        recipe: Columns ``coefficients.RECIPE``, shape (4,).
        low: Lower end of its 90 % interval, given noise and box, in the linear approximation at the recipe, shape (4,).
        high: Upper end.
        mmd: Its distribution, shape (100,).
        conversion: Of the monomer.
        cBA_time: Monomer left in mol/L.
        Mn: In g/mol.
        Mw: In g/mol.
        mse: Mean squared difference of its distribution and the wanted one.
        overlap: Area that both share.
        active: Bounds that it lies at, such as "temp high"; fixed columns are not among them.
        status: Whether it is what was wanted: within noise, nearly, or not.
    """

    recipe: FloatArray
    low: FloatArray
    high: FloatArray
    mmd: FloatArray
    conversion: float
    cBA_time: float
    Mn: float
    Mw: float
    mse: float
    overlap: float
    active: tuple[str, ...]
    status: Status


RANKS: Mapping[str, Callable[[Answer], float]] = {
    "time": lambda answer: float(answer.recipe[3]),
    "initiator": lambda answer: float(answer.recipe[1]),
    "temperature": lambda answer: float(answer.recipe[2]),
    "conversion": lambda answer: -answer.conversion,
}
"""What else may be small of a recipe, by name; of conversion the opposite."""


@dataclass(frozen=True, eq=False)
class Inverse:
    """Looks for recipes in a box.

    Attributes:
        simulator: What makes them back.
        box: Of ``dataset.box``: bounds, and columns that are fixed.
        screened: Recipes of the library.
        seed: Of the library.
        broadening: Width in decades of the column that the goals were seen through; 0 where they are not measured.
    """

    simulator: Simulator = field(default_factory=Simulator)
    box: Box = field(default_factory=box)
    screened: int = 6000
    seed: int = 0
    broadening: float = 0.0

    @cached_property
    def library(self) -> tuple[FloatArray, Product]:
        """Recipes (n, 4) in the box, and what they give."""
        X = latin_hypercube(self.screened, self.seed, self.box)
        made = self._seen(self.simulator.attempt(X))
        kept = np.isfinite(made.conversion)
        if not kept.any():
            raise BadPolymer("every recipe of the box uses up the monomer", "time", "lower its bounds")
        return X[kept], Product(*(getattr(made, name)[kept] for name in Product.__dataclass_fields__))

    def nearest(self, goals: Sequence[Goal]) -> tuple[Answer, ...]:
        """One recipe for each goal, refined from the library's best."""
        first = np.array([self._order(goal)[0] for goal in goals])
        return self._refined(self.library[0][first], goals)

    def family(self, goal: Goal, count: int = 6, rank: str = "time") -> tuple[Answer, ...]:
        """Different recipes for a goal, at most ``count``: what is reached best first, then by one of ``RANKS``.

        Raises:
            BadPolymer: The rank is unknown, or the count not above 0.
        """
        if rank not in RANKS:
            raise BadPolymer(f"{rank!r} is not known", "rank", f"name one of: {', '.join(RANKS)}")
        if count < 1:
            raise BadPolymer(f"{count} is none", "count", "ask for 1 at least")
        X = self.library[0]
        near = self._order(goal)[: max(_STARTS * count, int(_NEAR * len(X)))]
        starts = near[_spread(self.box.unit(X[near]), _STARTS * count)]
        answers = self._refined(X[starts], [goal] * len(starts))
        order = sorted(range(len(answers)), key=lambda j: (_STATES.index(answers[j].status), RANKS[rank](answers[j])))
        return tuple(answers[j] for j in _different(self.box.unit(np.array([a.recipe for a in answers])), order, count))

    def _order(self, goal: Goal) -> IntArray:
        """Rows of the library, nearest to the goal first."""
        return np.argsort((_residuals(self.library[1], [goal]) ** 2).sum(axis=1), kind="stable")

    def _refined(self, starts: FloatArray, goals: Sequence[Goal]) -> tuple[Answer, ...]:
        # The number of its goal goes with each start, as a column that is not moved.
        number = np.arange(len(goals)) / max(len(goals) - 1, 1)

        def residual(points: FloatArray) -> FloatArray:
            which = np.rint(points[:, -1] * max(len(goals) - 1, 1)).astype(int)
            return self._misfits(points[:, :-1], [goals[j] for j in which])

        def unconstrained(points: FloatArray) -> tuple[FloatArray, FloatArray]:
            return np.empty((len(points), 0)), np.empty((len(points), 0, points.shape[1]))

        u = np.column_stack([self.box.unit(starts), number])
        u = refine(residual, u, np.append(self.box.free, False), unconstrained, _ITERATIONS)[:, :-1]
        X, half = self.box.inputs(u), self._half_widths(u, goals)
        low, high = self.box.inputs(np.clip(u - half, 0, 1)), self.box.inputs(np.clip(u + half, 0, 1))
        made = self._seen(self.simulator(X))
        return tuple(self._answer(X[j], low[j], high[j], made, j, goal) for j, goal in enumerate(goals))

    def _seen(self, made: Product) -> Product:
        """What the column shows."""
        return replace(made, mmd=broadened(made.mmd, self.broadening))

    def _misfits(self, u: FloatArray, goals: Sequence[Goal]) -> FloatArray:
        """Residuals (n, 103) of points (n, 4) of the unit cube, one goal each."""
        return _residuals(self._seen(self.simulator.attempt(self.box.inputs(u))), goals)

    def _half_widths(self, u: FloatArray, goals: Sequence[Goal]) -> FloatArray:
        """Of the 90 % intervals, in shares of the box, shape (n, 4); 0 of columns that are set."""
        d = u.shape[1]
        h = np.where(u + _H <= 1, _H, -_H)
        moved = (u[:, None] + h[:, None] * np.eye(d)).reshape(-1, d)
        repeated = [goal for goal in goals for _ in range(d)]
        change = self._misfits(moved, repeated).reshape(len(u), d, -1) - self._misfits(u, goals)[:, None]
        J = np.nan_to_num(change / h[:, :, None]) * self.box.free[:, None]
        information = np.einsum("kdp,kep->kde", J, J) + _UNIFORM * np.eye(d)
        spread = np.sqrt(np.einsum("kdd->kd", np.linalg.inv(information)))
        return np.asarray(_QUANTILE * spread * self.box.free)

    def _answer(self, x: FloatArray, low: FloatArray, high: FloatArray, made: Product, j: int, goal: Goal) -> Answer:
        w = made.mmd[j]
        mse, overlap = float(np.mean((w - goal.w) ** 2)), float(np.minimum(w, goal.w).sum() * STEP)
        active = tuple(f"{RECIPE[column]} {end}" for column, end in self.box.reached(x)[0])
        X, left, Mn, Mw = (float(values[j]) for values in (made.conversion, made.cBA_time, made.Mn, made.Mw))
        return Answer(x, low, high, w, X, left, Mn, Mw, mse, overlap, active, _status(_only(made, j), goal, mse, overlap))


def recipes(goal: Goal, within: tuple[Ends, Ends], screened: int, broadening: float, count: int, rank: str) -> tuple[Answer, ...]:
    """A family of ``Inverse``, whose library is kept for the next goal in the same box.

    Args:
        goal: What is wanted.
        within: Lower and upper bounds in the order of ``coefficients.RECIPE``; a column with equal ones is set.
        screened: Recipes of the library.
        broadening: Width of the column in decades.
        count: Recipes, at most.
        rank: One of ``RANKS``.

    Raises:
        BadPolymer: As for ``dataset.box`` and ``Inverse.family``.
    """
    return _solver(*within, screened, broadening).family(goal, count, rank)


@lru_cache(maxsize=8)
def _solver(low: Ends, high: Ends, screened: int, broadening: float) -> Inverse:
    return Inverse(box=box(np.array(low), np.array(high)), screened=screened, broadening=broadening)


def _only(made: Product, j: int) -> Product:
    return Product(*(getattr(made, name)[j : j + 1] for name in Product.__dataclass_fields__))


def _residuals(made: Product, goals: Sequence[Goal]) -> FloatArray:
    """Differences in standard deviations, shape (n, 103), of n products and a goal each, or one for all; 0 where nothing is wanted."""
    w, scale = np.array([goal.w for goal in goals]), np.array([[goal.scale] for goal in goals])
    wanted = np.array([[goal.numbers.get(name, np.nan) for name in NUMBERS] for goal in goals])
    precision = np.array([[goal.precision] for goal in goals])
    numbers = np.log(np.column_stack([getattr(made, name) for name in NUMBERS]) / wanted) / precision
    return np.column_stack([(made.mmd - w) / scale, np.where(np.isnan(wanted), 0.0, numbers)])


def _status(made: Product, goal: Goal, mse: float, overlap: float) -> Status:
    numbers = np.abs(_residuals(made, [goal])[0, len(LOG_M) :])
    if overlap < _APPROXIMATE:
        return "not reachable"
    near = np.sqrt(mse) <= _OK * np.hypot(goal.noise, _MODEL) * goal.w.max()
    return "ok" if near and (numbers <= _SIGMAS).all() else "approximate"


def _spread(u: FloatArray, count: int) -> IntArray:
    """Places of the first of points (n, d), and of those that follow, each the farthest from all before."""
    taken, gaps = [0], np.linalg.norm(u - u[0], axis=1)
    while len(taken) < min(count, len(u)):
        taken.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, np.linalg.norm(u - u[taken[-1]], axis=1))
    return np.array(taken)


def _different(u: FloatArray, order: Sequence[int], count: int) -> list[int]:
    """The first of an order of points (n, d) that are not too near to those before."""
    kept: list[int] = []
    for j in order:
        if all(np.sqrt(np.mean((u[j] - u[i]) ** 2)) > _APART for i in kept) and len(kept) < count:
            kept.append(j)
    return kept
