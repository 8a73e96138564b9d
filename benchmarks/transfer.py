"""What a past campaign is worth as a prior: ``python -m benchmarks.transfer PROBLEM``.

The same campaign is run without a prior and with past ones of five rounds: ``related``, whose optimum lies elsewhere;
``negated``, whose losses have the other sign; ``shuffled``, whose losses have nothing to do with its wells. First wells and
noise are the same in all runs of a seed. A problem of curves has the related one, which had another target, and the
shuffled one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from closedloop import bench
from models import testbeds
from optimizer import scores
from optimizer.harness import Ask, Run, Task, propose, run
from optimizer.objective import SpectrumMatch
from optimizer.problems import Problem, get_problem
from optimizer.space import Categorical
from optimizer.state import CampaignState, PriorTask
from optimizer.tabulated import SOURCES
from optimizer.types import Batch, Dataset, FloatArray, Spectrum

SHIFT, TILT = 0.07, 0.3
"""Shift of the related problem's wells in the unit cube, and a wave on its outcomes in their standard deviations."""
ROUNDS, PAST = 5, 1000
"""Rounds of a past campaign, and how far its seed is from that of the present one."""


def related(problem: Problem) -> Problem:
    """A problem like the given one: its optimum shifted and its outcomes tilted, or another target for its curves."""
    if isinstance(problem.objective, SpectrumMatch):
        target = Spectrum(testbeds.AXIS, testbeds.band(560.0, 60.0))
        return replace(problem, objective=replace(problem.objective, target=target), optimum=0.0)
    space = problem.space
    numeric = np.array([not isinstance(parameter, Categorical) for parameter in space.parameters])
    shift = SHIFT * np.where(np.arange(space.dimension) % 2, 1, -1) * (space.high - space.low) * numeric
    wave = TILT * float(np.std(problem.truth(space.sample(512, np.random.default_rng(0)))))

    def truth(X: FloatArray) -> FloatArray:
        return problem.truth(np.clip(X + shift, space.low, space.high)) + wave * np.sin(4 * space.to_unit(X)[:, :1])

    return replace(problem, truth=truth, optimum=-np.inf)


def negated(problem: Problem) -> Problem:
    """The problem whose losses have the other sign."""
    return replace(problem, truth=lambda X: -problem.truth(X), optimum=-np.inf)


def past(problem: Problem, rule: str, seed: int) -> Dataset:
    """What a campaign on a problem had measured before its round ``ROUNDS + 1``."""
    seen: list[Dataset] = []

    def ask(state: CampaignState) -> tuple[Batch, tuple[float, float]]:
        seen.append(state.data)
        return propose(state)

    run(Task(problem, rule, PAST + seed, ROUNDS), ask)
    return seen[-1]


def priors(problem: Problem, rule: str, seed: int) -> Iterator[tuple[str, Dataset]]:
    """Past data by kind, with losses under the objective of the present problem."""
    other = past(related(problem), rule, seed)
    yield "related", replace(other, loss=problem.objective.losses(other.Y).loss)
    if problem.objective.axis is None:
        yield "negated", past(negated(problem), rule, seed)
    same = past(problem, rule, seed)
    order = np.random.default_rng(seed).permutation(len(same))
    yield "shuffled", replace(same, Y=same.Y[order], loss=same.loss[order])


def knowing(rule: str, kind: str, data: Dataset) -> Ask:
    """Asks a rule that knows a prior."""
    prior = PriorTask(kind, data)
    return lambda state: propose(replace(state, priors=(prior,), strategy=replace(state.strategy, rule=rule)))


def compare(problem: Problem, rule: str, seeds: int, batches: int, say: Callable[[str], None]) -> list[tuple[Task, Run]]:
    """Run everything, seed by seed; the runs are named by what they knew."""
    done = []
    for seed in range(seeds):
        done.append((Task(problem, "none", seed, batches), run(Task(problem, rule, seed, batches))))
        for kind, data in priors(problem, rule, seed):
            task = Task(problem, kind, seed, batches)
            done.append((task, run(task, knowing(rule, kind, data))))
        say(f"seed {seed} of {seeds} is done")
    return done


def main(
    name: Annotated[str, typer.Argument(metavar="PROBLEM", help="A problem of `closedloop bench`.")],
    rule: Annotated[str, typer.Option(help="The batch rule, of past and present campaigns.")] = "lp_ei",
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ...")] = 10,
    batches: Annotated[int, typer.Option(min=1, help="Batches of 15 after the first wells.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
) -> None:
    """Compare campaigns that know a related, a negated, a shuffled past campaign, or none."""
    problem = get_problem(name, bench.read_table(SOURCES[name].path) if name in SOURCES else None)
    console = Console(width=None if sys.stdout.isatty() else 140)
    summary = scores.summary(problem, compare(problem, rule, seeds, batches, console.print))
    for table in bench.comparison(summary):
        console.print(table)
    if json_file is not None:
        json_file.write_text(json.dumps({**summary, "rule": rule}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
