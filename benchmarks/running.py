"""Runs of rules and peers on a problem: those that are not kept yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import peers, results
from benchmarks.peers import PEERS, PeerFailed, PeerTimedOut, console
from benchmarks.results import Record, Results
from closedloop import bench
from optimizer.harness import Ask, Run, Task, run
from optimizer.objective import SpectrumMatch
from optimizer.problems import Problem, get_problem
from optimizer.rules import RULES
from optimizer.space import SearchSpace
from optimizer.state import CampaignState
from optimizer.tabulated import SOURCES
from optimizer.types import Batch, FloatArray

SLOW_S, SLOW_SEEDS = 20.0, 3
"""A peer whose first ask takes more CPU seconds than this runs so many seeds."""
_CURVES_ONLY = {"composite"}
_SLACK = 1e-6
"""Share of a bound by which an optimizer may miss it."""


def problem_of(name: str) -> Problem:
    """The problem of that name, with its published table.

    Raises:
        DataUnavailable: The table is not at hand.
    """
    return get_problem(name, bench.read_table(SOURCES[name].path) if name in SOURCES else None)


def fitting(problem: Problem) -> list[str]:
    """Our rules that can be asked on a problem."""
    curve = isinstance(problem.objective, SpectrumMatch)
    return [rule for rule in RULES if curve or rule not in _CURVES_ONLY]


def complete(
    problem: Problem, rules: Sequence[str], asked: Sequence[str], seeds: int, batches: int, folder: Path, limit_s: float = peers.LIMIT_S
) -> Results:
    """Make the runs that a folder does not hold yet, seed by seed, and keep each as soon as it ends.

    Raises:
        OtherProblem: What the folder holds is not comparable.
        SourceChanged: Our source was edited during a run of ours, which is not kept.
    """
    facts, path = results.facts(problem), folder / f"{problem.name}.json"
    versions = dict.fromkeys(rules, results.ours()) | {peer: peers.versions(peer) for peer in asked if peers.takes(peer, problem.space)}
    for seed in range(seeds):
        for rule, version in versions.items():
            known = [record for record in results.load(path, facts).of(rule) if record.tool == results.key(version)]
            if not _wanted(known, seed, batches, limit_s):
                continue
            made = _make(Task(problem, rule, seed, batches), version, limit_s)
            results.add(path, facts, made, version)
            console.print(f"{problem.name}, seed {seed}, {rule}: {_said(made)}")
    return results.load(path, facts)


def slow(known: Sequence[Record]) -> bool:
    """Whether the first ask of a rule, of its records by seed, was a peer's and took so long that it need not run all seeds."""
    first = next((record.run for record in known if record.run and record.rule in PEERS), None)
    return first is not None and first.cpu_s[0] > SLOW_S


def _wanted(known: Sequence[Record], seed: int, batches: int, limit_s: float) -> bool:
    """Whether a run is still to be made, after what a rule has done with other seeds."""
    given_up = any(record.failure and (record.limit_s >= limit_s if record.limit_s else record.seed == seed) for record in known)
    there = any(record.seed == seed and record.batches >= batches for record in known)
    return not (given_up or there or (seed >= SLOW_SEEDS and slow(known)))


def _make(task: Task, version: Mapping[str, str], limit_s: float) -> Record:
    tool = results.key(version)
    if task.rule not in PEERS:
        done = run(task)
        results.check_source()
        return results.record(task.rule, task.seed, tool, run=done)
    try:
        with peers.asking(task.rule, limit_s) as ask:
            return results.record(task.rule, task.seed, tool, run=peer_run(task, ask))
    except PeerTimedOut as error:
        return results.record(task.rule, task.seed, tool, failure=str(error), limit_s=limit_s)
    except PeerFailed as error:
        return results.record(task.rule, task.seed, tool, failure=str(error))


def peer_run(task: Task, ask: Ask) -> Run:
    """A run of a peer; its wells count as feasible off the grid of the lab, too."""
    batches = list[Batch]()

    def kept(state: CampaignState) -> tuple[Batch, tuple[float, float]]:
        batch, cost = ask(state)
        batches.append(batch)
        return batch, cost

    made = run(task, kept)
    rows = [np.array([proposal.x for proposal in batch.proposals]) for batch in batches]
    return replace(made, feasible=tuple(_feasible(task.problem.space, X) for X in rows))


def _feasible(space: SearchSpace, X: FloatArray) -> int:
    if not space.all_constraints:
        return len(X)
    A, b, _ = space.matrix
    excess = X @ A.T - b
    return int((excess <= _SLACK * np.maximum(1.0, np.abs(b))).all(axis=1).sum())


def _said(made: Record) -> str:
    if made.run is None:
        return made.failure
    return f"regret {made.run.regret[-1]:.3g}, {median(made.run.cpu_s):.3g} CPU s a batch"
