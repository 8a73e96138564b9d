"""What fitting the hyperparameters to a part of many data saves and costs: ``python -m benchmarks.subset``.

The same campaign is modelled twice: with the hyperparameters fitted to the ``FIT_LIMIT`` most telling data, as always, and
to all of them. Compared are how well each foretells the noise-free losses of new wells, spread over the space and near the
best, and how good the best well of the batch is that each proposes. The posterior uses all data either way.

Losses are predicted on the normal scale of the model, which is the same for both.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from models import gp, testbeds
from optimizer.candidates import around
from optimizer.harness import Ask, Task, propose, run
from optimizer.objective import Minimize
from optimizer.problems import NormalNoise, Problem, get_problem
from optimizer.scores import geometric_mean
from optimizer.space import Continuous, SearchSpace
from optimizer.state import CampaignState
from optimizer.surrogate import fit_loss_model
from optimizer.types import Batch, FloatArray, Proposal, Strategy

WELLS, ROUND, TEST = 15, 100, 500
"""Wells of the proposed batch; of the rounds that made the data; and new wells of each kind."""
LARGE, DIMENSION, TARGET_S = 3000, 20, 15.0
"""Data and parameters at which a batch may cost so many CPU seconds."""
STEPS = ((0.1, 3), (0.03, 3))
"""Scale in the unit cube and number of steps around each well that is among the best."""
_NEAR = 10
"""The best wells of which neighbours are measured, and foretold."""


@dataclass(frozen=True)
class Outcome:
    """What a fit is worth.

    Attributes:
        cpu_s: CPU seconds of the batch.
        regret: Noise-free loss of the best proposed well, less the optimum.
        rmse: Root mean square error of the mean for new wells of each kind, as a share of the deviation of their losses.
        density: Mean log density of their losses.
    """

    cpu_s: float
    regret: float
    rmse: tuple[float, ...]
    density: tuple[float, ...]


def wide() -> Problem:
    """Hartmann's function of 6 among 20 parameters; the others do nothing."""
    space = SearchSpace(tuple(Continuous(f"x{j}", 0, 1) for j in range(1, DIMENSION + 1)))
    noise, optimum = NormalNoise(0.1), testbeds.HARTMANN6_OPTIMUM
    return Problem("hartmann6_in_20", space, Minimize("value"), _hidden, noise, 3, optimum, 0.0)


def _hidden(X: FloatArray) -> FloatArray:
    return testbeds.hartmann6(X[:, :6])[:, None]


PROBLEMS = {"hartmann6": get_problem, "ackley5": get_problem, "hartmann6_in_20": lambda name: wide()}


def campaign(problem: Problem, count: int, seed: int) -> CampaignState:
    """A campaign with so many measured wells, in rounds of 100: half are spread over the space, half lie near the best."""
    seen = list[CampaignState]()
    run(Task(problem, "random", seed, count // ROUND, ROUND), _watched(seen, seed))
    return replace(seen[-1], batch_size=WELLS, strategy=replace(seen[-1].strategy, rule=Strategy().rule))


def _watched(seen: list[CampaignState], seed: int) -> Ask:
    def ask(state: CampaignState) -> tuple[Batch, tuple[float, float]]:
        seen.append(state)
        rng = np.random.default_rng([seed, state.last_round])
        near, half = _neighbours(state, rng), state.batch_size // 2
        rows = np.vstack([rng.permutation(near)[:half], state.space.sample(state.batch_size, rng)])[: state.batch_size]
        return Batch(tuple(Proposal(row, rank, "random", (seed, state.last_round)) for rank, row in enumerate(rows, 1))), (0.0, 0.0)

    return ask


def _neighbours(state: CampaignState, rng: np.random.Generator) -> FloatArray:
    """New wells near the best, shape (m, d)."""
    best = state.data.X[np.argsort(state.data.loss, kind="stable")[:_NEAR]]
    return np.vstack([around(state.space, row, STEPS, rng) for row in best])


def outcome(problem: Problem, state: CampaignState, limit: int) -> Outcome:
    """Propose with hyperparameters that are fitted to so many data at most, and judge by the noise-free losses."""
    rng = np.random.default_rng([state.seed, TEST])
    new = state.space.sample(TEST, rng), np.vstack([_neighbours(state, rng) for _ in range(TEST // 60 + 1)])[:TEST]
    with patch.object(gp, "FIT_LIMIT", limit):
        batch, (cpu, _) = propose(state)
        with threadpool_limits(1):
            model = fit_loss_model(state, state.data)
    told = [_foretold(model.latent(X), model.gp.warp.forward(problem.losses(X))) for X in new]
    regret = float(problem.losses(np.array([p.x for p in batch.proposals])).min() - problem.optimum)
    return Outcome(cpu, max(regret, 0.0), *zip(*told, strict=True))


def _foretold(belief: tuple[FloatArray, FloatArray], t: FloatArray) -> tuple[float, float]:
    mean, std = belief
    return float(np.sqrt(np.mean((mean - t) ** 2)) / t.std()), float(norm.logpdf(t, mean, np.maximum(std, 1e-6)).mean())


def compare(problem: Problem, count: int, seed: int) -> tuple[Outcome, Outcome]:
    """Both fits to the same campaign: to the subset, and to all data."""
    state = campaign(problem, count, seed)
    return outcome(problem, state, gp.FIT_LIMIT), outcome(problem, state, count)


def row(problem: Problem, count: int, seeds: int) -> dict[str, Any]:
    """What the subset costs on a problem: ratios of subset to all are geometric means over the seeds, differences means."""
    pairs = [compare(problem, count, seed) for seed in range(seeds)]
    floor = 1e-3 * float(np.median([max(part.regret, every.regret) for part, every in pairs]))
    regrets = [max(part.regret, floor) / max(every.regret, floor) for part, every in pairs]
    figures: dict[str, Any] = {"problem": problem.name, "data": count, "parameters": problem.space.dimension, "seeds": seeds}
    figures |= {"regret_subset": [part.regret for part, _ in pairs], "regret_all": [every.regret for _, every in pairs]}
    figures["regret_ratio"] = geometric_mean(regrets) if floor else 1.0
    for k, kind in enumerate(("spread", "near_best")):
        figures[f"rmse_ratio_{kind}"] = geometric_mean([part.rmse[k] / every.rmse[k] for part, every in pairs])
        figures[f"log_density_loss_{kind}"] = float(np.mean([every.density[k] - part.density[k] for part, every in pairs]))
    for k, which in enumerate(("subset", "all")):
        figures[f"cpu_s_{which}"] = float(np.median([pair[k].cpu_s for pair in pairs]))
    return figures


def cost() -> dict[str, Any]:
    """CPU seconds of a batch at 3 000 data in 20 dimensions, the cheapest of two; first calls are left out by that."""
    state = campaign(wide(), LARGE, 0)
    seconds = min(propose(state)[1][0] for _ in range(2))
    return {"data": LARGE, "parameters": DIMENSION, "wells": WELLS, "cpu_s": seconds, "target": TARGET_S, "met": seconds <= TARGET_S}


def main(
    count: Annotated[int, typer.Option("--data", min=ROUND, help="Measured wells of a campaign, in hundreds.")] = 800,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ...")] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
) -> None:
    """Fit to a part of the data, and to all, on campaigns of many wells; and time a batch at 3 000 data in 20 dimensions."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    timed = cost()
    verdict = "met" if timed["met"] else "missed"
    console.print(f"{LARGE} data, {DIMENSION} parameters, {WELLS} wells: {timed['cpu_s']:.3g} CPU s; {TARGET_S:g} allowed, {verdict}")
    rows = []
    for name, make in PROBLEMS.items():
        rows.append(row(make(name), count, seeds))
        console.print(f"{name} is done")
    console.print(_table(rows))
    if json_file is not None:
        json_file.write_text(json.dumps({"cost": timed, "rows": rows}, indent=1) + "\n")


def _table(rows: list[dict[str, Any]]) -> Table:
    ratios = ("regret_ratio", "rmse_ratio_spread", "rmse_ratio_near_best", "log_density_loss_spread", "log_density_loss_near_best")
    names = ("problem", "data", "parameters", "seeds", *ratios, "cpu_s_subset", "cpu_s_all")
    table = Table(*(name.replace("_", " ") for name in names), title=f"fitted to {gp.FIT_LIMIT} data / to all")
    for figures in rows:
        table.add_row(*(f"{figures[name]:.3g}" if isinstance(figures[name], float) else str(figures[name]) for name in names))
    return table


if __name__ == "__main__":
    typer.run(main)
