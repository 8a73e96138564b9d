"""What one ask costs: our rules and the peers in turn, in one run, on the same data, with and without a linear constraint.

Of three asks the cheapest counts, which leaves first calls out. A slow peer is asked once, first call included: some
seconds. The load of the machine is kept with each figure; a busy one makes figures larger, those of torch most.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import peers, results, running
from benchmarks.peers import PeerFailed, PeerTimedOut, console
from optimizer.harness import Ask, Task, run
from optimizer.loop import next_step
from optimizer.problems import Problem
from optimizer.space import SearchSpace
from optimizer.state import CampaignState
from optimizer.types import Batch, Proposal, Strategy

PROBLEM = "spectra_broad"
"""Gives the silver campaign's space of five parameters with a limit on their sum, and a loss with a cliff."""
DATA = 90
_ASKS = 3


def measure(problem: Problem, rules: Sequence[str], asked: Sequence[str], folder: Path, limit_s: float) -> dict[str, Any]:
    """Time everybody, and keep the result in a folder."""
    constrained = state_with(problem, DATA)
    free = replace(constrained, space=SearchSpace(constrained.space.parameters))
    tools = {"ours": results.ours()} | {peer: peers.versions(peer) for peer in asked}
    costs = []
    for state, constraint in ((free, False), (constrained, True)):
        for rule in [*dict.fromkeys([Strategy().rule, *rules]), *asked]:  # what others are put in ratio to is never left out
            seconds, failure = _cost(rule, state, limit_s)
            costs.append({"rule": rule, "constraint": constraint, "cpu_s": seconds, "failure": failure, "load": os.getloadavg()[0]})
            if rule not in peers.PEERS:
                results.check_source()
            console.print(f"{rule}{', constraint' if constraint else ''}: {failure or f'{seconds:.3g} CPU s'}")
    measured = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": results.machine(),
        "data": DATA,
        "wells": constrained.batch_size,
        "tools": tools,
        "asks": costs,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / results.ASKS).write_text(json.dumps(measured, indent=1) + "\n")
    return measured


def state_with(problem: Problem, count: int) -> CampaignState:
    """A campaign with so many measured wells: first wells, and then wells spread at random."""
    seen = list[CampaignState]()

    def scatter(state: CampaignState) -> tuple[Batch, tuple[float, float]]:
        seen.append(state)
        rows = problem.space.sample(state.batch_size, np.random.default_rng(state.last_round))
        return Batch(tuple(Proposal(row, rank, "random", (0, state.last_round)) for rank, row in enumerate(rows, 1))), (0.0, 0.0)

    wells = Task(problem, "random", 0).wells
    run(Task(problem, "random", 0, batches=count // wells), scatter)
    return seen[-1]


def _cost(rule: str, state: CampaignState, limit_s: float) -> tuple[float | None, str]:
    """CPU seconds, or the limit, or nothing; and why there was no answer."""
    if rule not in peers.PEERS:
        return _cheapest(_own, replace(state, strategy=Strategy(rule=rule))), ""
    try:
        with peers.asking(rule, limit_s) as ask:
            return _cheapest(ask, state), ""
    except PeerTimedOut as error:
        return limit_s, str(error)
    except PeerFailed as error:
        return None, str(error)


def _cheapest(ask: Ask, state: CampaignState) -> float:
    _, (cost, _) = ask(state)
    for _ in range(_ASKS - 1 if cost <= running.SLOW_S else 0):
        cost = min(cost, ask(state)[1][0])
    return cost


def _own(state: CampaignState) -> tuple[Any, tuple[float, float]]:
    with threadpool_limits(1):
        cpu, wall = time.process_time(), time.perf_counter()
        batch = next_step(state)
        return batch, (time.process_time() - cpu, time.perf_counter() - wall)
