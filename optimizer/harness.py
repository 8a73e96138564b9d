"""One run of one rule on one problem: the campaign loop with a formula for the lab, scored without noise.

All rules of a problem and a seed get the same first wells, the same noise in the same well of the same round, and the
same number of replicates. The run is made of the pieces of the service: ``next_step`` proposes, ``reduce`` aggregates.
The clocks of this module only measure what a proposal costs; nothing depends on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_limits

from optimizer.loop import next_step
from optimizer.problems import Problem
from optimizer.replicates import reduce
from optimizer.space import SearchSpace
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset, Design, DesignState, FloatArray, Measurement, Strategy

_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_STREAM = 1
"""Tells the random numbers of the lab from those of the campaign."""


@dataclass(frozen=True)
class Task:
    """What to run.

    Attributes:
        problem: On what.
        rule: Name of the batch rule.
        seed: Seed of the campaign and of the lab.
        batches: Batches that the rule proposes after the first wells.
        wells: Wells of the first round and of every batch.
    """

    problem: Problem
    rule: str
    seed: int
    batches: int = 5
    wells: int = 15

    @property
    def identity(self) -> dict[str, Any]:
        """Everything but the code that the run depends on, as plain values."""
        names = ("rule", "seed", "batches", "wells")
        return {"problem": self.problem.name, "card": dict(self.problem.card)} | {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Run:
    """What came of it.

    Attributes:
        initial: Simple regret after the first wells: noise-free loss of the well that the campaign names best, less the optimum.
        regret: The same after each batch.
        visited: Noise-free loss of the best of all wells, less the optimum, after each batch: luck left out.
        cpu_s: CPU seconds of all threads, per batch.
        wall_s: Seconds, per batch.
        distinct: Wells per batch that differ from the earlier ones of it by the resolution of some parameter.
        feasible: Wells per batch that lie in the space.
        warnings: What the rule had to do out of the ordinary.
    """

    initial: float
    regret: tuple[float, ...]
    visited: tuple[float, ...]
    cpu_s: tuple[float, ...]
    wall_s: tuple[float, ...]
    distinct: tuple[int, ...]
    feasible: tuple[int, ...]
    warnings: tuple[str, ...]

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> Self:
        """The run whose ``dataclasses.asdict`` went through JSON."""
        plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
        return cls(**plain)


Ask = Callable[[CampaignState], tuple[Batch, tuple[float, float]]]
"""Proposes the next batch, and says the CPU and wall seconds that it took."""


def run(task: Task, peer: Ask | None = None) -> Run:
    """Run a campaign of one round of first wells and ``task.batches`` batches, on one thread.

    Args:
        task: What to run.
        peer: Asked for the batches after the first wells, in place of the rule of the task.

    Raises:
        InvalidInput: There is no such rule, or it is not made for the problem.
    """
    problem, designs, measurements = task.problem, list[Design](), list[Measurement]()
    regrets, costs, batches = list[tuple[float, float]](), list[tuple[float, float]](), list[Batch]()
    data = reduce(designs, measurements, problem.objective)
    for round in range(1, task.batches + 2):
        ask = peer if peer and round > 1 else propose
        batch, cost = ask(state(task, data, round - 1))
        wells, replicates = measured(task, batch, round)
        designs, measurements = designs + wells, measurements + replicates
        data = reduce(designs, measurements, problem.objective)
        regrets.append(_regrets(problem, data))
        costs.append(cost)
        batches.append(batch)
    return _run(problem.space, regrets, costs[1:], batches[1:])


def measured(task: Task, batch: Batch, round: int) -> tuple[list[Design], list[Measurement]]:
    """The wells of a batch and their replicates; the noise depends on seed, round and well alone."""
    wells, replicates = list[Design](), list[Measurement]()
    for well, proposal in enumerate(batch.proposals, 1):
        name = f"r{round:02d}-w{well:02d}"
        wells.append(Design(name, round, well, proposal.x, proposal.x, proposal.rule, DesignState.MEASURED))
        outcomes = task.problem.measure(proposal.x, np.random.default_rng([_STREAM, task.seed, round, well]))
        replicates += [Measurement(name, k, outcome, _NO_TIME) for k, outcome in enumerate(outcomes, 1)]
    return wells, replicates


def state(task: Task, data: Dataset, last_round: int) -> CampaignState:
    """The campaign of the task after its last round."""
    space, strategy = task.problem.space, Strategy(initial_size=task.wells, rule=task.rule)
    nothing = np.empty((0, space.dimension))
    return CampaignState(space, task.problem.objective, data, nothing, last_round, strategy, batch_size=task.wells, seed=task.seed)


def propose(state: CampaignState) -> tuple[Batch, tuple[float, float]]:
    """The next batch by the rule of the state, on one thread, and the CPU and wall seconds that it took."""
    with threadpool_limits(1):
        cpu, wall = time.process_time(), time.perf_counter()
        batch = next_step(state)
        cost = time.process_time() - cpu, time.perf_counter() - wall
    if not isinstance(batch, Batch):
        raise TypeError(f"a campaign without stop conditions or open wells got {batch!r} instead of a batch")
    return batch, cost


def _regrets(problem: Problem, data: Dataset) -> tuple[float, float]:
    """Regret of the well that the campaign names best, and of the best well; 0 below an optimum that was found by search."""
    losses = np.maximum(problem.losses(data.X) - problem.optimum, 0.0)
    return float(losses[data.best]), float(losses.min())


def _run(space: SearchSpace, regrets: list[tuple[float, float]], costs: list[tuple[float, float]], batches: list[Batch]) -> Run:
    rows = [np.array([proposal.x for proposal in batch.proposals]) for batch in batches]
    warnings = dict.fromkeys(warning for batch in batches for warning in batch.warnings)
    return Run(
        initial=regrets[0][0],
        regret=tuple(regret for regret, _ in regrets[1:]),
        visited=tuple(visited for _, visited in regrets[1:]),
        cpu_s=tuple(cpu for cpu, _ in costs),
        wall_s=tuple(wall for _, wall in costs),
        distinct=tuple(_distinct(space, X) for X in rows),
        feasible=tuple(int(space.contains(X).sum()) for X in rows),
        warnings=tuple(warnings),
    )


def _distinct(space: SearchSpace, X: FloatArray) -> int:
    return sum(bool(space.apart(X[[k]], X[:k])[0]) for k in range(len(X)))
