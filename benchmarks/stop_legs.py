"""When the stop conditions on curves fire: ``python -m benchmarks.stop_legs``.

Campaigns in two steps on the virtual silver lab, which converge, beside campaigns of random wells, which do not: first wells
and noise are the same. All legs are looked at after every round, by the network, in hindsight; nothing is stopped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from threadpoolctl import threadpool_limits

from closedloop import bench, data, runs
from optimizer.harness import Task, measured, propose, state
from optimizer.loop import check_stop
from optimizer.problems import get_problem
from optimizer.replicates import reduce
from optimizer.state import CampaignState
from optimizer.stopping import verdict
from optimizer.switch import Advance, Phase, Switch
from optimizer.types import AccuracyLeg, Design, Evidence, Leg, Measurement, StopSettings

SWITCH = Switch(together="split", to_both=Advance(2), to_network=Advance(2))
"""Two rounds of the first rule after the first wells, two of both, then the network."""
LEGS = ("loss", "stability", "accuracy")
KINDS = ("two steps", "random")


@dataclass(frozen=True)
class Trial:
    """A campaign.

    Attributes:
        kind: One of ``KINDS``.
        seed: Of the campaign and of the lab.
        rounds: The first wells included.
    """

    kind: str
    seed: int
    rounds: int


@dataclass(frozen=True)
class Legs:
    """Figures of the legs.

    Attributes:
        evidence: Rows of ``optimizer.types.Evidence`` as mappings, of all rounds.
        best: Lowest noise-free loss of each round.
    """

    evidence: tuple[dict[str, Any], ...]
    best: tuple[float, ...]


def look(trial: Trial) -> Legs:
    """Run a campaign and look at all legs after each of its rounds, on one thread."""
    task = Task(get_problem("nanoparticle"), "lp_ei" if trial.kind == "two steps" else "random", trial.seed)
    designs, replicates, best = list[Design](), list[Measurement](), list[float]()
    now = state(task, reduce([], [], task.problem.objective), 0)
    if trial.kind == "two steps":
        now = replace(now, switch=SWITCH)
    for round in range(1, trial.rounds + 1):
        batch, _ = propose(now)
        wells, outcomes = measured(task, batch, round)
        designs, replicates = designs + wells, replicates + outcomes
        best.append(float(task.problem.losses(np.array([well.executed for well in wells])).min()))
        phase = batch.phase.after if batch.phase else Phase.INITIAL
        since = now.phase_since if phase is now.phase else round - 1
        seen = reduce(designs, replicates, task.problem.objective)
        origins = {well.id: well.origin for well in designs}
        now = replace(now, data=seen, last_round=round, phase=phase, phase_since=since, origins=origins)
    with threadpool_limits(1):
        return Legs(tuple(asdict(row) for row in evidence(now)), tuple(best))


def evidence(now: CampaignState) -> tuple[Evidence, ...]:
    """Figures of all legs and rounds, as the network tells them; thresholds are up to who reads them."""
    every = AccuracyLeg(0.0, now.last_round)
    asked = replace(now, phase=Phase.NETWORK, switch=SWITCH, stop=StopSettings(every, every, every, "all"))
    return check_stop(asked).evidence


def fired(rows: Sequence[Mapping[str, Any]], stop: StopSettings, rounds: int) -> dict[str, int | None]:
    """The first round after which each leg, and ``all`` of them, is met; None where that never happens."""
    held = [_held(Evidence(**row), stop) for row in rows]
    reports = [verdict(round, held, stop) for round in range(1, rounds + 1)]
    legs = {leg: next((report.round for report in reports if report.legs[leg]), None) for leg in LEGS}
    return legs | {"all": next((report.round for report in reports if report.stop), None)}


def _held(row: Evidence, stop: StopSettings) -> Evidence:
    threshold = getattr(stop, row.leg).threshold
    return replace(row, threshold=threshold, met=row.value <= threshold)


def cells(results: Mapping[Trial, Mapping[str, Any]], stop: StopSettings) -> tuple[str, list[str], list[list[str]]]:
    """The table: a row per campaign."""
    body = []
    for trial, result in results.items():
        found = fired(result["evidence"], stop, trial.rounds)
        values = ["/".join(f"{row['value']:.3f}" for row in result["evidence"] if row["leg"] == leg) for leg in LEGS]
        body.append([trial.kind, str(trial.seed), *(str(found[leg] or "-") for leg in (*LEGS, "all")), *values])
    return "First round after which each leg is met, and its figures", ["campaign", "seed", *LEGS, "all", *LEGS], body


def told(results: Mapping[Trial, Mapping[str, Any]], stop: StopSettings) -> list[str]:
    """Of how many campaigns of each kind all legs were met, and where in the order ``LEGS``."""
    lines = []
    for kind in KINDS:
        found = [fired(result["evidence"], stop, trial.rounds) for trial, result in results.items() if trial.kind == kind]
        rounds = [[legs[leg] or np.inf for leg in LEGS] for legs in found if legs["all"]]
        ordered = sum(sorted(order) == order for order in rounds)
        lines.append(f"{kind}: all legs met in {len(rounds)} of {len(found)}, in {ordered} of these in the order {', '.join(LEGS)}")
    return lines


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ...")] = 10,
    rounds: Annotated[int, typer.Option(min=3, help="Rounds of 15 wells, the first ones included.")] = 7,
    loss: Annotated[float, typer.Option(help="Threshold of the leg on the best median loss of a round.")] = 0.1,
    stability: Annotated[float, typer.Option(help="Threshold of 1 - cosine of the predicted curves between rounds.")] = 0.01,
    accuracy: Annotated[float, typer.Option(help="Threshold of 1 - cosine of foretold and measured curves.")] = 0.02,
    jobs: Annotated[int, typer.Option(min=1, help="Campaigns at once.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
) -> None:
    """Look at the stop conditions of campaigns that converge and of campaigns that do not."""
    stop = StopSettings(Leg(loss), Leg(stability), AccuracyLeg(accuracy), "all")
    installed = {"versions": runs.versions(), "code": runs.code(), "switch": repr(SWITCH)}
    tasks = {runs.key(asdict(trial) | installed): trial for seed in range(seeds) for kind in KINDS for trial in [Trial(kind, seed, rounds)]}
    console = Console(width=None if sys.stdout.isatty() else 200)
    with runs.processes(min(jobs, len(tasks))) as executor:
        outcome = runs.compute(tasks, look, runs.Store(data.cache() / "stop_legs.jsonl"), executor, console)
    results = {trial: outcome.results[key] for key, trial in tasks.items()}
    console.print(bench.rich_table(*cells(results, stop)))
    for line in told(results, stop):
        console.print(line)
    if json_file is not None:
        rows = [asdict(trial) | {"fired": fired(result["evidence"], stop, trial.rounds)} | result for trial, result in results.items()]
        json_file.write_text(json.dumps({"rows": rows, "stop": asdict(stop)}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
