"""The spectrum network beside its rival, Gaussian processes of components: ``python -m benchmarks.spectrum_models``.

Both learn noisy silver spectra (medians of five replicates) and predict new recipes, held against the spectra without
noise: recipes spread over the whole space, and *proposals*, that is the next batch of a campaign whose earlier batches
were the training data.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from models.components import CurveProcess
from models.nets import AGBONN, WIDTH_95, SpectrumNetwork
from models.surrogate import FloatArray, Surrogate
from optimizer.harness import Task, propose, run
from optimizer.problems import Problem, get_problem
from optimizer.state import CampaignState
from optimizer.types import Batch

TEST = 500
"""New recipes that are spread over the space."""
LEARNERS: dict[str, Callable[[int], Surrogate]] = {
    "network": lambda seed: SpectrumNetwork(seed=seed),
    "GP on components": lambda seed: CurveProcess(),
    "agbonn": lambda seed: SpectrumNetwork(AGBONN, seed),
}


@dataclass(frozen=True)
class Split:
    """Recipes and spectra to learn from and to predict: rows X (n, d), spectra Y (n, m) with and T (q, m) without noise."""

    X: FloatArray
    Y: FloatArray
    Q: FloatArray
    T: FloatArray


def spread(problem: Problem, count: int, seed: int) -> Split:
    """Conditions and new recipes, both spread over the space."""
    rng = np.random.default_rng(seed)
    X, Q = problem.space.sample(count, rng), problem.space.sample(TEST, rng)
    Y = np.array([np.median(problem.measure(x, rng), axis=0) for x in X])
    return Split(X, Y, Q, problem.truth(Q))


def proposals(problem: Problem, count: int, seed: int) -> Split:
    """Conditions of a campaign of the rule ``composite``, and what it proposes next."""
    seen: list[tuple[CampaignState, Batch]] = []

    def ask(state: CampaignState) -> tuple[Batch, tuple[float, float]]:
        batch, cost = propose(state)
        seen.append((state, batch))
        return batch, cost

    run(Task(problem, "composite", seed, count // 15), ask)
    state, batch = seen[-1]
    Q = np.array([proposal.x for proposal in batch.proposals])
    return Split(state.data.X, state.data.Y, Q, problem.truth(Q))


def figures(problem: Problem, learner: str, split: Split, seed: int) -> dict[str, Any]:
    """What a learner makes of a split: errors on new recipes, coverage of its 95 % intervals, CPU seconds of the fit."""
    # The published network took raw flows.
    prepare = (lambda X: X) if learner == "agbonn" else problem.space.encode
    with threadpool_limits(1):
        start = time.process_time()
        surrogate = LEARNERS[learner](seed).fit(prepare(split.X), split.Y)
        cpu_s = time.process_time() - start
        belief = surrogate.posterior(prepare(split.Q))
    cosine = (belief.mean * split.T).sum(axis=1) / (np.linalg.norm(belief.mean, axis=1) * np.linalg.norm(split.T, axis=1))
    inside = None if belief.std is None else float((np.abs(belief.mean - split.T) <= WIDTH_95 * belief.std).mean())
    mse = float(((belief.mean - split.T) ** 2).mean())
    return {"learner": learner, "seed": seed, "mse": mse, "cosine": float(cosine.mean()), "coverage": inside, "cpu_s": cpu_s}


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ...")] = 3,
    conditions: Annotated[int, typer.Option(min=30, help="Conditions to learn from.")] = 90,
    learners: Annotated[str, typer.Option(help="Names of learners, with commas between.")] = "network,GP on components",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
) -> None:
    """Compare learners on new recipes spread over the space, and on new proposals."""
    problem, rows = get_problem("spectra_broad"), []
    for kind, make in (("spread", spread), ("proposals", proposals)):
        splits = [make(problem, conditions, seed) for seed in range(seeds)]
        for learner in learners.split(","):
            rows += [{"new": kind} | figures(problem, learner, split, seed) for seed, split in enumerate(splits)]
    table = Table("new recipes", "learner", "seed", "MSE", "cosine", "coverage of 95 %", "CPU s", title=f"{conditions} conditions")
    for row in rows:
        inside = "-" if row["coverage"] is None else f"{row['coverage']:.3f}"
        numbers = f"{row['mse']:.2e}", f"{row['cosine']:.4f}", inside, f"{row['cpu_s']:.1f}"
        table.add_row(row["new"], row["learner"], str(row["seed"]), *numbers)
    Console(width=120).print(table)
    if json_file is not None:
        json_file.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
