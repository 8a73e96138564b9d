"""What kept runs and asks say, as tables: title, header and rows of text.

Notation: regrets of a rule on a problem by seed, each (b + 1,), the first after the first wells; normalised regret: the
share of the first, not below 0.001, as in ``optimizer.scores``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks import running
from benchmarks.peers import PEERS
from benchmarks.results import Record, Results
from closedloop.bench import spread
from optimizer.scores import REFERENCE, geometric_mean, normalised
from optimizer.types import FloatArray, Strategy

Cells = tuple[str, list[str], list[list[str]]]
CHECKED = (3, 5)
"""Batches after which rules are compared."""
DEFAULT, CURVES = Strategy().rule, "composite"
"""The rule that stands for ours on numbers, and on curves."""
NONE = "-"


def regrets(found: Results, rule: str) -> dict[int, FloatArray]:
    """Regrets of a rule by seed, up to the last batch compared, of the runs that are long enough."""
    runs = {record.seed: record.run for record in found.of(rule) if record.run and record.batches >= max(CHECKED)}
    return {seed: np.array([run.initial, *run.regret])[: max(CHECKED) + 1] for seed, run in runs.items()}


def common(found: Results, rule: str, other: str) -> tuple[FloatArray, FloatArray]:
    """Regrets (s, b + 1) of two rules on the seeds that both ran."""
    ours, theirs = regrets(found, rule), regrets(found, other)
    seeds = sorted(ours.keys() & theirs.keys())
    return np.array([ours[s] for s in seeds]), np.array([theirs[s] for s in seeds])


def rules_of(kept: Sequence[Results]) -> list[str]:
    """All rules, ours first."""
    return sorted({record.rule for found in kept for record in found.records}, key=lambda rule: (rule in PEERS, rule))


def own_rule(found: Results) -> str:
    """The rule that stands for ours on a problem."""
    return CURVES if found.facts["curve"] else DEFAULT


def share(kept: Sequence[Results], rule: str, other: str, batch: int, other_batch: int) -> float | None:
    """Normalised regret of a rule after a batch as a share of another's: geometric mean over the problems and seeds that both ran."""
    shares = []
    for found in kept:
        ours, theirs = common(found, rule, other)
        if len(ours):
            ratios = normalised(ours)[:, batch - 1] / normalised(theirs)[:, other_batch - 1]
            shares.append(geometric_mean(ratios.tolist()))
    return geometric_mean(shares) if shares else None


def problem_cells(found: Results) -> Cells:
    """The rules on one problem."""
    after = [f"regret after {b}" for b in CHECKED] + [f"normalised after {b}" for b in CHECKED]
    header = ["rule", "seeds", *after, "worst / median random", "CPU s per ask", "distinct", "feasible", "remarks"]
    what = f"{found.facts['problem']}: median (quartiles) of the simple regret; geometric mean of the normalised regret"
    days = sorted({record.date[:10] for record in found.records})
    title = f"{what}; {' to '.join(dict.fromkeys((days[0], days[-1])))}, {', '.join(sorted({r.machine for r in found.records}))}"
    return title, header, [_problem_row(found, rule) for rule in rules_of([found])]


def _problem_row(found: Results, rule: str) -> list[str]:
    curves, records = regrets(found, rule), found.of(rule)
    if not curves:
        return [rule, "0", *[NONE] * 8, _remarks(records)]
    R = np.array(list(curves.values()))
    shares, reference = normalised(R), regrets(found, REFERENCE)
    worst = R[:, -1].max() / np.median([curve[-1] for curve in reference.values()]) if reference else None
    runs = [record.run for record in records if record.run]
    wells = found.facts["wells"]
    return [
        rule,
        str(len(R)),
        *(spread(R[:, b].tolist()) for b in CHECKED),
        *(number(geometric_mean(shares[:, b - 1].tolist())) for b in CHECKED),
        number(worst),
        number(median(second for run in runs for second in run.cpu_s)),
        *(f"{min(map(min, counts))} of {wells}" for counts in ([run.distinct for run in runs], [run.feasible for run in runs])),
        _remarks(records),
    ]


def _remarks(records: Sequence[Record]) -> str:
    remarks = [f"over {running.SLOW_S:g} CPU s an ask: {running.SLOW_SEEDS} seeds"] if running.slow(records) else []
    return "; ".join(remarks + [f"seed {record.seed}: {record.failure}" for record in records if record.failure])


def overall_cells(kept: Sequence[Results], curve: bool) -> Cells:
    """Geometric means over problems, and our rule in ratio to each on what both ran."""
    chosen, ours = [found for found in kept if found.facts["curve"] == curve], CURVES if curve else DEFAULT
    header = ["rule", "problems", *(f"normalised after {b}" for b in CHECKED), *(f"{ours} / rule after {b}" for b in CHECKED)]
    rows = []
    for rule in rules_of(chosen):
        means = [_mean(chosen, rule, batch) for batch in CHECKED]
        shares = [share(chosen, ours, rule, batch, batch) for batch in CHECKED]
        ran = sum(bool(regrets(found, rule)) for found in chosen)
        rows.append([rule, f"{ran} of {len(chosen)}", *map(number, means), *map(number, shares)])
    kind = "curve" if curve else "scalar"
    return f"{kind} problems: geometric mean of the normalised regret; shares on the problems and seeds that both ran", header, rows


def _mean(kept: Sequence[Results], rule: str, batch: int) -> float | None:
    means = [
        geometric_mean(normalised(np.array(list(curves.values())))[:, batch - 1].tolist())
        for found in kept
        if (curves := regrets(found, rule))
    ]
    return geometric_mean(means) if means else None


def against_cells(now: Results, then: Results) -> Cells:
    """Each rule now in ratio to the same rule then, on the seeds that both hold; costs only of one model of processor."""
    header = ["rule", "seeds", *(f"normalised regret after {b}, now / then" for b in CHECKED), "CPU s per ask, now / then"]
    rows = []
    for rule in rules_of([now, then]):
        both = Results(now.facts, {}, tuple(now.of(rule)) + tuple(_renamed(then, rule)))
        R, _ = common(both, rule, f"{rule} then")
        shares = [share([both], rule, f"{rule} then", batch, batch) for batch in CHECKED]
        rows.append([rule, str(len(R)), *map(number, shares), number(_cost_share(now, then, rule))])
    return f"{now.facts['problem']}: now / then", header, rows


def _renamed(then: Results, rule: str) -> list[Record]:
    return [replace(record, rule=f"{rule} then") for record in then.of(rule)]


def _cost_share(now: Results, then: Results, rule: str) -> float | None:
    costs = [[(r.machine, second) for r in found.of(rule) if r.run for second in r.run.cpu_s] for found in (now, then)]
    if not all(costs) or len({machine for cost in costs for machine, _ in cost}) > 1:
        return None
    ours, theirs = ([second for _, second in cost] for cost in costs)
    return median(ours) / median(theirs)


def ask_cells(measured: Mapping[str, Any]) -> Cells:
    """What one ask costs, with and without the constraint."""
    title = f"one ask for {measured['wells']} wells at {measured['data']} data, {measured['date']}, {measured['machine']}"
    header = ["rule", "CPU s", f"{DEFAULT} / rule", "CPU s with a constraint", f"{DEFAULT} / rule with it"]
    rows = []
    for rule in dict.fromkeys(ask["rule"] for ask in measured["asks"]):
        cells = [rule]
        for constraint in (False, True):
            ask = ask_of(measured, rule, constraint)
            ratio = ask_share(measured, rule, constraint)
            cells += [ask["failure"] or number(ask["cpu_s"]), ("under " if ask["failure"] and ratio else "") + number(ratio)]
        rows.append(cells)
    return title, header, rows


def ask_of(measured: Mapping[str, Any], rule: str, constraint: bool) -> Mapping[str, Any]:
    """What was measured of a rule."""
    return next(ask for ask in measured["asks"] if ask["rule"] == rule and ask["constraint"] == constraint)


def ask_share(measured: Mapping[str, Any], rule: str, constraint: bool) -> float | None:
    """Cost of our default rule as a share of another's; an upper bound where that gave no answer in time."""
    ours, theirs = (ask_of(measured, name, constraint)["cpu_s"] for name in (DEFAULT, rule))
    return ours / theirs if ours and theirs else None


def markdown(cells: Cells) -> str:
    """A table in Markdown."""
    title, header, rows = cells
    lines = [header, ["---"] * len(header), *rows]
    return f"\n{title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return NONE if value is None else f"{value:.3g}"
