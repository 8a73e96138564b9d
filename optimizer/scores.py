"""Scores of rules against each other, out of their runs on one problem.

Notation: s seeds, b batches; R regrets (s, b + 1), the first column after the first wells; n wells measured.

Factors after Liang et al., npj Comput. Mater. 7, 188 (2021), from the median regret r(n) over the seeds, its running
minimum, along straight lines between whole batches:

- acceleration AF = n_random(y) / n_rule(y), where y is the lowest median regret that random search reaches: how many
  times fewer wells the rule needs for it. None where the rule never reaches y.
- enhancement EF(n) = (r_typical - r_rule(n)) / (r_typical - r_random(n)), where r_typical is the regret of the median
  recipe of the space: how many times further the rule gets with the same wells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optimizer.harness import Run, Task
from optimizer.problems import Problem
from optimizer.types import FloatArray

REFERENCE = "random"
"""The rule that factors refer to."""
FLOOR = 1e-3
"""Normalised regrets below count as this: they are finer than any lab can tell."""


def summary(problem: Problem, done: Sequence[tuple[Task, Run]]) -> dict[str, Any]:
    """What ``closedloop bench`` writes: plain numbers, per rule and seed.

    Args:
        problem: The problem.
        done: Tasks on it, of as many batches and wells each, and what came of them; one at least.
    """
    rules: dict[str, dict[int, Run]] = {task.rule: {} for task, _ in done}
    for task, run in done:
        rules[task.rule][task.seed] = run
    reference, wells = _regrets(rules[REFERENCE]) if REFERENCE in rules else None, done[0][0].wells
    return {
        "problem": problem.name,
        "rules": {rule: _scores(problem, runs, reference, wells) for rule, runs in rules.items()},
        "optimum": problem.optimum,
        "typical_loss": problem.typical,
        "batches": done[0][0].batches,
        "wells": wells,
        "replicates": problem.replicates,
        "card": dict(problem.card),
    }


def normalised(R: FloatArray) -> FloatArray:
    """Regrets (s, b + 1) as shares of the one after the first wells, floored, shape (s, b)."""
    return np.maximum(R[:, 1:] / np.maximum(R[:, :1], np.finfo(float).tiny), FLOOR)


def acceleration(rule: FloatArray, reference: FloatArray, wells: int) -> float | None:
    """AF of regrets (s, b + 1) against those of random search, as defined above."""
    ours, theirs = _progress(rule), _progress(reference)
    n_random, n_rule = _needed(theirs, theirs[-1], wells), _needed(ours, theirs[-1], wells)
    return n_random / n_rule if n_random and n_rule else None


def enhancement(rule: FloatArray, reference: FloatArray, typical: float) -> list[float | None]:
    """EF after each batch, of regrets (s, b + 1) against those of random search; None where random search is not better than typical."""
    ours, theirs = typical - _progress(rule)[1:], typical - _progress(reference)[1:]
    return [float(a / b) if b > 0 else None for a, b in zip(ours, theirs, strict=True)]


def geometric_mean(values: Sequence[float]) -> float:
    """Geometric mean of positive values."""
    return float(np.exp(np.log(values).mean()))


def _scores(problem: Problem, done: Mapping[int, Run], reference: FloatArray | None, wells: int) -> dict[str, Any]:
    R, runs = _regrets(done), [done[seed] for seed in sorted(done)]
    shares = normalised(R)
    return {
        "seeds": sorted(done),
        "regret": R[:, 1:].tolist(),
        "initial_regret": R[:, 0].tolist(),
        "visited_regret": [list(run.visited) for run in runs],
        "normalised": shares.tolist(),
        "normalised_geometric_mean": [geometric_mean(column) for column in shares.T],
        "acceleration": None if reference is None else acceleration(R, reference, wells),
        "enhancement": None if reference is None else enhancement(R, reference, problem.typical - problem.optimum),
        "cpu_s": [second for run in runs for second in run.cpu_s],
        "wall_s": [second for run in runs for second in run.wall_s],
        "distinct": [list(run.distinct) for run in runs],
        "feasible": [list(run.feasible) for run in runs],
        "warnings": sorted({warning for run in runs for warning in run.warnings}),
    }


def _regrets(done: Mapping[int, Run]) -> FloatArray:
    return np.array([[done[seed].initial, *done[seed].regret] for seed in sorted(done)])


def _progress(R: FloatArray) -> FloatArray:
    """Running minimum of the median regret, shape (b + 1,)."""
    return np.asarray(np.minimum.accumulate(np.median(R, axis=0)))


def _needed(progress: FloatArray, y: float, wells: int) -> float | None:
    """Wells after which a curve (b + 1,) that never rises first is at y or below; None where it never is."""
    reached = np.flatnonzero(progress <= y)
    if not reached.size:
        return None
    k = int(reached[0])
    share = (progress[k - 1] - y) / (progress[k - 1] - progress[k]) if k else 1.0
    return float(wells * (k + share))
