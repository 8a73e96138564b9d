"""The published silver campaign in two steps, made once more on the virtual lab.

A Latin hypercube and Bayesian optimization alone, run by run; then, from the same data on, Bayesian optimization in one arm
and the network in another, each learning from the common data and its own. The campaign starts in the box of the published
first run. A side of the box at which the wells of a run pile up is extended to that of the published search of the network,
as the guard of the service proposes and a person would approve.

Source: Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.nets import SpectrumNetwork
from models.shapley import shapley
from optimizer.checks import pile_up
from optimizer.harness import Task, measured, propose, state
from optimizer.problems import Problem, get_problem
from optimizer.replicates import reduce
from optimizer.space import Continuous, SearchSpace
from optimizer.tabulated import silver_space
from optimizer.types import Dataset, Design, FloatArray, Measurement

FIRST_BOX = {"QAgNO3": (4.0, 20.0), "Qpva": (10.0, 40.0), "Qtsc": (4.0, 20.0), "Qseed": (4.0, 20.0), "Qtot": (200.0, 1000.0)}
"""Of the published first run."""
_THINNED = 20
"""Points of the axis from one that Shapley values are taken at to the next."""
_EXPLAINED = 64
"""Wells that Shapley values are taken of, and compared with, at most."""


@dataclass(frozen=True)
class Plan:
    """What to replay.

    Attributes:
        seed: Seed of the campaign and of the lab.
        alone: Runs of Bayesian optimization alone, the Latin hypercube included.
        beside: Runs of both methods after those.
        wells: Wells of every run and method.
        replicates: Replicates of every well.
        rules: The rules of Bayesian optimization and of the network.
    """

    seed: int
    alone: int = 6
    beside: int = 3
    wells: int = 15
    replicates: int = 15
    rules: tuple[str, str] = ("lp_ei", "spectral_grid")


@dataclass(frozen=True)
class RunResult:
    """One run of one method.

    Attributes:
        run: Its number, from 1.
        method: What proposed its wells: the initial design or a rule.
        medians: Median measured loss of each well.
        truths: Noise-free loss of each well.
        recipes: The wells, in the order of ``space.names``.
        flagged: Sides of the box at which the wells pile up, such as ``Qseed low``.
        cosines: Cosine similarity of the spectrum of each well, as a network foretold it from all runs before, and the median
            of its replicates; empty in the runs that no network has a part in.
    """

    run: int
    method: str
    medians: tuple[float, ...]
    truths: tuple[float, ...]
    recipes: tuple[tuple[float, ...], ...]
    flagged: tuple[str, ...]
    cosines: tuple[float, ...]


@dataclass(frozen=True)
class Replay:
    """A whole campaign.

    Attributes:
        runs: Those of Bayesian optimization alone, then those of both methods, arm by arm.
        importance: For ``spectrum`` and ``loss``, as a network foretells them after the last run of its arm, the mean absolute
            Shapley value of each parameter, in the order of ``space.names``.
    """

    runs: tuple[RunResult, ...]
    importance: dict[str, tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class _Arm:
    """A campaign so far."""

    problem: Problem
    designs: tuple[Design, ...] = ()
    measurements: tuple[Measurement, ...] = ()

    @property
    def data(self) -> Dataset:
        return reduce(self.designs, self.measurements, self.problem.objective)


def first_box() -> SearchSpace:
    """The space of the first run."""
    return with_ranges(silver_space(), FIRST_BOX)


def with_ranges(space: SearchSpace, ranges: Mapping[str, tuple[float, float]]) -> SearchSpace:
    """The space with other ranges of some continuous parameters."""
    parameters = list(space.parameters)
    for j, parameter in enumerate(parameters):
        if isinstance(parameter, Continuous) and parameter.name in ranges:
            low, high = ranges[parameter.name]
            parameters[j] = replace(parameter, low=low, high=high)
    return replace(space, parameters=tuple(parameters))


def replay(plan: Plan) -> Replay:
    """Make the campaign, on one thread."""
    problem = replace(get_problem("nanoparticle"), space=first_box(), replicates=plan.replicates)
    arm, results = _Arm(problem), list[RunResult]()
    for run in range(1, plan.alone + 1):
        arm, result = _run(plan, arm, run, plan.rules[0], foretell=False)
        results.append(result)
    for rule in plan.rules:
        own = arm
        for run in range(plan.alone + 1, plan.alone + plan.beside + 1):
            own, result = _run(plan, own, run, rule, foretell=rule == plan.rules[1])
            results.append(result)
    return Replay(tuple(results), _importance(plan, own))


def _run(plan: Plan, arm: _Arm, run: int, rule: str, *, foretell: bool) -> tuple[_Arm, RunResult]:
    """The campaign with one more run, and what came of that."""
    problem, before = arm.problem, arm.data
    task = Task(problem, rule, plan.seed, wells=plan.wells)
    batch, _ = propose(state(task, before, run - 1))
    wells, replicates = measured(task, batch, run)
    grown = _Arm(problem, (*arm.designs, *wells), (*arm.measurements, *replicates))
    now = grown.data.where(grown.data.rounds == run)
    flagged = [f"{figure.parameter} {figure.side}" for figure in pile_up(problem.space, run, now.X, problem.space) if figure.flagged]
    result = RunResult(
        run,
        batch.proposals[0].rule,
        tuple(now.loss.tolist()),
        tuple(problem.losses(now.X).tolist()),
        tuple(map(tuple, now.X.tolist())),
        tuple(flagged),
        tuple(_cosines(plan, problem.space, before, now).tolist()) if foretell else (),
    )
    return replace(grown, problem=replace(problem, space=extended(problem.space, flagged))), result


def _cosines(plan: Plan, space: SearchSpace, before: Dataset, now: Dataset) -> FloatArray:
    """Cosine similarity of the measured curves and those that a network foretells from the data before, shape (n,)."""
    curves = SpectrumNetwork(seed=plan.seed).fit(space.encode(before.X), before.Y).predict(space.encode(now.X))
    return np.asarray((curves * now.Y).sum(axis=1) / (np.linalg.norm(curves, axis=1) * np.linalg.norm(now.Y, axis=1)))


def _importance(plan: Plan, arm: _Arm) -> dict[str, tuple[float, ...]]:
    """What each parameter adds to the foretold spectrum and loss, over wells of the arm."""
    data, space, rng = arm.data, arm.problem.space, np.random.default_rng(plan.seed)
    network = SpectrumNetwork(seed=plan.seed).fit(space.encode(data.X), data.Y)
    rows = data.X[rng.permutation(len(data))[:_EXPLAINED]]

    def outputs(X: FloatArray) -> FloatArray:
        curves = network.predict(space.encode(X))
        return np.column_stack([arm.problem.objective.losses(curves).loss, curves[:, ::_THINNED]])

    found = shapley(outputs, rows, rows, rng).importance
    return {"spectrum": tuple(found[:, 1:].mean(axis=1).tolist()), "loss": tuple(found[:, 0].tolist())}


def extended(space: SearchSpace, flagged: Sequence[str]) -> SearchSpace:
    """The box with every flagged side, such as ``Qseed low``, moved to that of the published search of the network."""
    ranges = {}
    for parameter, wide in zip(space.parameters, silver_space().parameters, strict=True):
        low = wide.low if f"{parameter.name} low" in flagged else parameter.low
        ranges[parameter.name] = low, wide.high if f"{parameter.name} high" in flagged else parameter.high
    return with_ranges(space, ranges)
