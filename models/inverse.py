"""Inverse design: wanted outcomes in, a set of different inputs that lead there out.

Outcomes rarely tell their inputs: many recipes may give one distribution. So the answer is a family. The box is screened
with scrambled Sobol points on a forward model; good points that lie far apart are moved downhill side by side, on a
simulator where there is one; of those that are good enough, the ones farthest from each other are kept.

Notation: d inputs, x in their units, u in the unit cube of the box; m outcomes.
Sources: scrambled points, Owen, J. Complexity 14, 466 (1998); farthest-first, Gonzalez, Theor. Comput. Sci. 38, 293 (1985).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.box import Bound, Box
from models.distances import Distance
from models.levenberg import refine
from models.study import Watch, tell
from models.surrogate import FloatArray, IntArray
from models.validity import Domain, Validity

Forward = Callable[[FloatArray], FloatArray]
"""Inputs (n, d) -> outcomes (n, m); rows that are not finite count as failed."""
Status = Literal["ok", "approximate", "not reachable"]

_CHUNK = 4096
"""Inputs per call of a model while screening."""
_GOOD = 8
"""Of the screened points one in so many may become a start."""
_NEARLY = 2.0
"""Where nothing is ok, candidates may be so many times as far from the target as the best one."""


@dataclass(frozen=True, eq=False)
class Goal:
    """What is wanted.

    Attributes:
        target: Wanted outcomes, shape (m,).
        distance: How far outcomes are from them.
        ok: Distance up to which an answer is ok, as an error of the model or the noise of a measurement justifies.
        approximate: Distance up to which it is an approximate one; beyond, the target is not reachable in the box.
        second: What else should be small, inputs (n, d) -> (n,), such as time or material; ranks what is equally good.
    """

    target: FloatArray
    distance: Distance
    ok: float
    approximate: float
    second: Callable[[FloatArray], FloatArray] | None = None

    def __post_init__(self) -> None:
        if self.target.ndim != 1 or not np.isfinite(self.target).all():
            raise ValueError("target: give finite outcomes of shape (m,)")
        if not 0 < self.ok <= self.approximate:
            raise ValueError("ok: the distances must be positive, and ok must not be above approximate")

    def status(self, distance: float) -> Status:
        """What a distance means."""
        return "ok" if distance <= self.ok else "approximate" if distance <= self.approximate else "not reachable"


@dataclass(frozen=True)
class Search:
    """How hard to look.

    Attributes:
        count: Candidates at most.
        apart: Least distance between two of them, root mean square over the columns in shares of the box.
        screened: Sobol points, a power of two.
        starts: Points that are moved downhill.
        iterations: Steps of each.
        seed: Of the Sobol points.
    """

    count: int = 5
    apart: float = 0.05
    screened: int = 4096
    starts: int = 64
    iterations: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.count, self.screened, self.starts) < 1 or self.iterations < 0 or self.apart < 0:
            raise ValueError("count, screened and starts must be 1 or more, iterations and apart not negative")
        if self.screened & (self.screened - 1):
            raise ValueError("screened: Sobol points are balanced in powers of two, such as 4096")


@dataclass(frozen=True, eq=False)
class Candidate:
    """Inputs that should lead to the target.

    Attributes:
        x: Inputs, shape (d,).
        predicted: Outcomes by the forward model, shape (m,).
        simulated: Outcomes by the simulator, None without one.
        distance: From the target: of the simulated outcomes where there are any.
        status: What that means.
        second: The second objective, None without one.
        bounds: Columns at a bound, and which; fixed ones are not among them.
        constraints: Rows of A that are reached.
        validity: Whether the forward model knows such inputs, None where that is not known.
    """

    x: FloatArray
    predicted: FloatArray
    simulated: FloatArray | None
    distance: float
    status: Status
    second: float | None
    bounds: tuple[Bound, ...]
    constraints: tuple[int, ...]
    validity: Validity | None


@dataclass(frozen=True, eq=False)
class Inversion:
    """An answer.

    Attributes:
        status: Of the nearest candidate.
        candidates: By the second objective where there is one, else by distance.
        fixed: Columns that were set, and to what.
        screened: Points that were screened within the constraints.
    """

    status: Status
    candidates: tuple[Candidate, ...]
    fixed: Mapping[int, float]
    screened: int


def invert(
    forward: Forward,
    box: Box,
    goal: Goal,
    search: Search | None = None,
    simulator: Forward | None = None,
    domain: Domain | None = None,
    watch: Watch | None = None,
) -> Inversion:
    """Inputs of different kinds whose outcomes are those wanted; the same seed gives the same answer.

    A forward model that is made of steps, as a forest is, has no slopes: its candidates are the screened points.

    Args:
        forward: The model, called with many inputs at a time.
        box: Where inputs may lie.
        goal: What is wanted.
        search: How hard to look.
        simulator: Downhill moves and distances are taken on it instead of the model.
        domain: What the model was trained on.
        watch: Told of the progress.

    Raises:
        ValueError: No screened point keeps to the constraints, or no outcome is finite.
        Cancelled: ``watch`` said so.
    """
    search = search or Search()
    tell(watch, 0.0, "screening")
    u, distances = _screened(forward, box, goal, search)
    order = np.argsort(distances, kind="stable")[: max(search.starts, len(u) // _GOOD)]
    starts = u[_spread(u[order], order, search.starts, 0.0)]
    tell(watch, 0.5, "refinement")
    model = simulator or forward

    def residual(points: FloatArray) -> FloatArray:
        return goal.distance.residuals(model(box.inputs(points)), goal.target)

    found = refine(residual, starts, box.free, box.normals, search.iterations)
    tell(watch, 0.9, "selection")
    x = box.inputs(found)
    return _answer(box, goal, search, x, forward(x), None if simulator is None else simulator(x), domain, len(u))


def _screened(forward: Forward, box: Box, goal: Goal, search: Search) -> tuple[FloatArray, FloatArray]:
    """Points (n, d) of the unit cube that keep to the constraints, and the distances (n,) of their outcomes."""
    # Late, like all of scipy: the web process imports this module, but never computes.
    from scipy.stats import qmc

    sobol = qmc.Sobol(len(box.low), rng=np.random.default_rng(search.seed))
    u = np.asarray(sobol.random_base2(search.screened.bit_length() - 1))
    u = u[(box.normals(u)[0] >= 0).all(axis=1)]
    if not len(u):
        raise ValueError(f"constraints: none of {search.screened} screened points keeps to them; loosen them, or narrow the box")
    parts = [_distances(forward(box.inputs(u[first : first + _CHUNK])), goal) for first in range(0, len(u), _CHUNK)]
    distances = np.concatenate(parts)
    known = np.isfinite(distances)
    if not known.any():
        raise ValueError("forward: the model told nothing finite anywhere in the box")
    return u[known], distances[known]


def _distances(Y: FloatArray, goal: Goal) -> FloatArray:
    known = np.isfinite(Y).all(axis=1)
    distances = np.full(len(Y), np.inf)
    distances[known] = goal.distance.measure(Y[known], goal.target)
    return distances


def _spread(u: FloatArray, order: IntArray, count: int, apart: float) -> IntArray:
    """Up to ``count`` of the numbers ``order`` of the points (n, d): the first one, then always the one farthest from those taken."""
    taken, gaps = [0], _gap(u, u[0])
    while len(taken) < min(count, len(u)) and gaps.max() > apart:
        taken.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, _gap(u, u[taken[-1]]))
    return order[taken]


def _gap(u: FloatArray, point: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(((u - point) ** 2).mean(axis=1)))


def _answer(
    box: Box,
    goal: Goal,
    search: Search,
    x: FloatArray,
    predicted: FloatArray,
    simulated: FloatArray | None,
    domain: Domain | None,
    screened: int,
) -> Inversion:
    """Of refined inputs (k, d), the best one and others like it, far from each other."""
    distances = _distances(predicted if simulated is None else simulated, goal)
    if not np.isfinite(distances).any():
        raise ValueError("simulator: it told nothing finite where the model expects the target")
    second = None if goal.second is None else goal.second(x)
    kept = _chosen(box, goal, search, x, distances, second)
    verdicts = (None,) * len(kept) if domain is None else domain.judge(x[kept])
    candidates = [
        Candidate(
            x[k],
            predicted[k],
            None if simulated is None else simulated[k],
            float(distances[k]),
            goal.status(float(distances[k])),
            None if second is None else float(second[k]),
            *box.reached(x[k]),
            verdict,
        )
        for k, verdict in zip(kept, verdicts, strict=True)
    ]
    return Inversion(goal.status(float(distances.min())), tuple(candidates), dict(box.fixed), screened)


def _chosen(box: Box, goal: Goal, search: Search, x: FloatArray, distances: FloatArray, second: FloatArray | None) -> list[int]:
    """Rows of inputs (k, d) that are good enough and far from each other, best first."""
    rank = np.argsort(distances, kind="stable") if second is None else np.lexsort((distances, second))
    good = rank[distances[rank] <= max(goal.ok, _NEARLY * float(distances.min()))]
    kept = set(_spread(box.unit(x[good]), good, search.count, search.apart).tolist())
    return [int(k) for k in good if k in kept]
