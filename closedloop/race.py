"""``closedloop simulate``: rules side by side, a campaign each, on one service and one virtual lab, all of it over HTTP.

All campaigns start from the same wells and meet the same noise in the same well of the same round. A campaign is known by its
name, which says all that its course depends on: running the command again takes up where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from closedloop import pictures
from closedloop.client import Client
from closedloop.lab import Instrument, Lab
from closedloop.report import Cells, Page

if TYPE_CHECKING:
    from closedloop.types import Batch, Design

_LATE, _LOST, _DOUBLED, _FAILS_EVERY = 0.04, 0.02, 0.1, 2
TWO_STEPS = "switch"
"""Name of the campaign that goes from the first rule to the network by evidence."""
_FIRST_RULE = "lp_ei"
_SWITCH = {
    "together": "split",
    "to_both": {"after_rounds": 1, "accuracy": {"threshold": 0.05}},
    "to_network": {"lead": {"threshold": 0.0}},
    "back": {"threshold": 0.0, "rounds": 2},
}
"""To both when the network foretells a round; to the network when its wells are as good, and back when it gains nothing any more."""
_KINDS = ("measured", "best_median"), ("noise-free", "best_true")
_NOTES = """Reached: the first round in which the loss of a well is at or below the threshold.
Noise-free: the loss of the curve that the recipe gives without noise, which only a virtual lab knows.
Measured: the loss of the well by the median of its replicates, as the service reports it.
Phase: who proposes, where a campaign goes from one rule to the next by what was measured.
All rules start from the same wells and meet the same noise; late replicates count from the round after next on."""


@dataclass(frozen=True)
class Race:
    """Who runs, and how far.

    Attributes:
        rules: Names of batch rules, or ``TWO_STEPS``.
        seed: Of the campaigns and of the lab.
        rounds: Rounds of each campaign, the first design included.
        replicates: Of every well.
        wells: Of every round.
        threshold: Loss at or below which a well lies in the target region.
    """

    rules: tuple[str, ...]
    seed: int = 0
    rounds: int = 6
    replicates: int = 15
    wells: int = 15
    threshold: float = 0.2


@dataclass(frozen=True)
class System:
    """What is simulated.

    Attributes:
        name: Of the system.
        document: Space and objective of a campaign document.
        instrument: By the service, what measures replicates of a recipe.
        losses: Noise-free losses of recipes.
        usual: Who runs there, and how far, unless told.
    """

    name: str
    document: Mapping[str, Any]
    instrument: Callable[[Client, Console], Instrument]
    losses: Callable[[Sequence[Mapping[str, Any]]], Sequence[float]]
    usual: Race


def nanoparticle() -> System:
    """The virtual silver lab: as near to the target as the published study came."""
    return _system("nanoparticle", "spectrum_match", Race((_FIRST_RULE, "spectral_grid")))


def polymer() -> System:
    """The virtual polymer lab: a molar mass distribution of overlap .98 with the wanted one."""
    return _system("polymer", "curve_match", Race(("composite", _FIRST_RULE), rounds=3, replicates=3, threshold=0.02))


def crystallization(model: str | None = None) -> System:
    """The virtual crystallization lab, whose pictures a registered model reads: as near to the target as such a reading tells.

    Args:
        model: The model; one that the service is asked to train when None.
    """
    from optimizer.crystallization import ERROR

    def instrument(client: Client, console: Console) -> Instrument:
        return pictures.instrument(client, model or pictures.trained(client, console), ERROR)

    usual = Race(("composite", _FIRST_RULE), rounds=3, replicates=2, wells=10, threshold=0.05)
    lab = _system("crystallization", "curve_match", usual)
    return replace(lab, name=f"{lab.name} read by {model}" if model else lab.name, instrument=instrument)


def _system(name: str, kind: str, usual: Race) -> System:
    """A benchmark problem as a lab; ``kind`` is that of its objective on the wire."""
    from optimizer.objective import CurveMatch, Matching
    from optimizer.problems import get_problem

    problem = get_problem(name)
    space, objective = problem.space, problem.objective
    if not isinstance(objective, Matching) or objective.target is None:
        raise TypeError(f"the virtual lab needs a target curve, not {objective!r}")

    def rows(recipes: Sequence[Mapping[str, Any]]) -> Any:
        return np.array([[float(recipe[name]) for name in space.names] for recipe in recipes])

    curve = {"outcome": objective.outcome, "axis": objective.axis.tolist(), "unit": objective.unit}
    if isinstance(objective, CurveMatch):
        curve["distance"] = objective.distance
    target = {"axis": objective.target.axis.tolist(), "values": objective.target.values.tolist()}
    document = {
        "space": {
            "parameters": [{"kind": "continuous", **asdict(parameter)} for parameter in space.parameters],
            "constraints": [{"coefficients": dict(limit.coefficients), "bound": limit.bound} for limit in space.constraints],
        },
        "objective": {"kind": kind, **curve, "target": target},
    }

    def measure(recipe: Mapping[str, Any], k: int, rng: np.random.Generator) -> Any:
        return problem.noise(np.empty(0), rows([recipe])[0], k, rng)

    return System(name, document, lambda _client, _console: measure, lambda recipes: problem.losses(rows(recipes)).tolist(), usual)


def run(client: Client, system: System, race: Race, console: Console) -> dict[str, Any]:
    """Run all campaigns to the last round, and say what came of them, as plain values."""
    lab = Lab(system.instrument(client, console), race.seed, race.replicates, _DOUBLED, _LATE, _LOST, _FAILS_EVERY)
    names = {rule: _name(system, race, rule) for rule in race.rules}
    known = {line["name"]: line["id"] for line in client.campaigns()}
    ids = {rule: known.get(name) or client.create_campaign(_document(system, race, rule))["id"] for rule, name in names.items()}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[doing]}")
    unchanged = dict.fromkeys(race.rules, 0)
    with Progress(*columns, console=console) as progress:
        total = race.rounds * race.wells * race.replicates
        bars = {rule: progress.add_task(rule, total=total, doing="") for rule in race.rules}
        for round in range(1, race.rounds + 1):
            for rule, campaign in ids.items():
                unchanged[rule] += _round(client, lab, campaign, round, progress, bars[rule])
                progress.update(bars[rule], completed=round * race.wells * race.replicates)
    campaigns = {rule: _result(client, system, race, campaign, unchanged[rule]) for rule, campaign in ids.items()}
    settings = {"system": system.name, "seed": race.seed, "replicates": race.replicates, "threshold": race.threshold}
    return settings | {"wells": race.wells, "campaigns": campaigns, "first": _first(campaigns)}


def _name(system: System, race: Race, rule: str) -> str:
    return f"{system.name}, {rule}, {race.wells} wells, {race.replicates} replicates, seed {race.seed}"


def _document(system: System, race: Race, rule: str) -> dict[str, Any]:
    settings = {"batch_size": race.wells, "replicates": race.replicates, "seed": race.seed}
    chosen = {"rules": [_FIRST_RULE], "switch": _SWITCH} if rule == TWO_STEPS else {"rules": [rule]}
    strategy = {"initial": {"size": race.wells}, **chosen}
    return {**system.document, "name": _name(system, race, rule), "strategy": strategy, **settings}


def _round(client: Client, lab: Lab, campaign: str, round: int, progress: Progress, bar: TaskID) -> int:
    """Bring a campaign past a round, unless it is; how many replicates were posted that the service had."""
    if any(line["round"] == round and line["state"] == "complete" for line in client.batches(campaign)):
        return 0
    progress.update(bar, doing=f"round {round}: waiting for the wells")
    batch = client.wait_for_batch(campaign)
    if batch is None or batch["round"] != round:
        return 0
    progress.update(bar, doing=f"round {round}: measuring")
    answers = [lab.post_late(client, campaign, client.batch(campaign, round - 1))] if round > 1 else []
    answers.append(lab.run_round(client, campaign, batch, lambda count: progress.advance(bar, count)))
    progress.update(bar, doing="")
    return sum(answer["unchanged"] for answer in answers)


def _result(client: Client, system: System, race: Race, campaign: str, unchanged: int) -> dict[str, Any]:
    """What a campaign came to, round by round."""
    lines = [line for line in client.batches(campaign) if line["state"] == "complete" and line["round"] <= race.rounds]
    batches = [client.batch(campaign, line["round"]) for line in lines]
    wells = [_measured(batch) for batch in batches]
    true = [min(system.losses([well["planned"] for well in part])) for part in wells]
    medians = [min(loss for well in part if (loss := well["summary"]["loss"]) is not None) for part in wells]
    return {
        "campaign": campaign,
        "stored": client.campaign(campaign)["replicates"],
        "unchanged": unchanged,
        "failed": sum(well["state"] == "failed" for batch in batches for well in batch["designs"]),
        "short": sum(well["summary"]["n"] < race.replicates for part in wells for well in part),
        "phases": [batch["phase"] for batch in batches],
        "best_true": true,
        "best_median": medians,
        "reached_true": _reached(true, race.threshold),
        "reached_median": _reached(medians, race.threshold),
    }


def _measured(batch: Batch) -> list[Design]:
    return [well for well in batch["designs"] if well["state"] == "measured"]


def _reached(losses: Sequence[float], threshold: float) -> int | None:
    """The first round, from 1, with a loss at or below the threshold."""
    return next((round for round, loss in enumerate(losses, 1) if loss <= threshold), None)


def _first(campaigns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The rules that reached the target region first, without noise; none where nobody did."""
    rounds = {rule: result["reached_true"] for rule, result in campaigns.items() if result["reached_true"]}
    return [rule for rule, round in rounds.items() if round == min(rounds.values())]


def cells(summary: Mapping[str, Any]) -> list[Cells]:
    """Tables: what every round brought, and what the lab did."""
    campaigns = summary["campaigns"]
    columns = dict[str, list[str]]()
    for rule, result in campaigns.items():
        columns |= {f"{rule}, {kind}": [f"{loss:.3f}" for loss in result[name]] for kind, name in _KINDS}
        if rule == TWO_STEPS:
            columns[f"{rule}, phase"] = result["phases"]
    header, rounds = ["round", *columns], max(map(len, columns.values()))
    rows = [[str(r + 1), *(column[r] if r < len(column) else "" for column in columns.values())] for r in range(rounds)]
    kinds = ("stored", "unchanged", "failed", "short")
    done = [[rule, result["campaign"], *(str(result[kind]) for kind in kinds)] for rule, result in campaigns.items()]
    habits = ["rule", "campaign", "replicates", "posted twice", "failed", "short"]
    return [
        (f"{summary['system']}: best loss of each round, by measured median and noise-free", header, rows),
        ("The lab: replicates stored, those posted twice by this command, wells failed, and wells short of replicates", habits, done),
    ]


def verdict(summary: Mapping[str, Any]) -> list[str]:
    """Who reached the target region first, in sentences."""
    threshold, first = summary["threshold"], summary["first"]
    lines = [f"Target region: loss at most {threshold:g}"]
    for rule, result in summary["campaigns"].items():
        reached = {kind: result[f"reached_{kind}"] for kind in ("true", "median")}
        words = {kind: f"in round {round}" if round else "not" for kind, round in reached.items()}
        lines.append(f"  {rule}: reached {words['true']} by noise-free loss, {words['median']} by measured median")
    if not first:
        return [*lines, "Nobody reached it; try more --rounds"]
    return [*lines, f"First: {first[0]}" if len(first) == 1 else f"First, in the same round: {', '.join(first)}"]


def page(summary: Mapping[str, Any]) -> Page:
    """The report."""
    from optimizer.figures import race

    title = f"{', '.join(summary['campaigns'])} on the virtual {summary['system']} lab"
    facts = {name: summary[name] for name in ("system", "seed", "replicates", "wells", "threshold")}
    figure = {"race": ("Best noise-free loss so far, and best measured median of each round", race(summary))}
    return Page(title, verdict(summary)[-1], cells(summary), figure, _NOTES.splitlines(), facts)
