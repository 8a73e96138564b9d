"""Which settings of a model are the best: one factor at a time around a default, each setting with several seeds.

Every metric names its winner of a factor, the setting with the best mean over the seeds; the mode of the winners is the
choice. Runs are planned first and concluded from their results, so that they can be run anywhere, in any order, and in
several sittings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from models.study import Better, Watch, tell
from optimizer.types import InvalidInput

Settings = Mapping[str, Any]
"""Plain settings of a model by name."""
Results = Mapping[str, float]
"""Metrics of one run by name; one that is not finite means that the run failed."""
Evaluate = Callable[[Settings, int], Results]
"""Settings and seed -> metrics."""
Keep = Callable[["Run", Results], None]
"""Told of every run that is done, to be kept."""


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        settings: Of the model.
        seed: Of the training.
    """

    settings: Settings
    seed: int

    @property
    def key(self) -> str:
        """Settings and seed as text, the same for equal ones in any order."""
        return json.dumps({"settings": dict(self.settings), "seed": self.seed}, sort_keys=True)


@dataclass(frozen=True)
class Level:
    """One setting of a factor.

    Attributes:
        value: The setting.
        mean: Of every metric over the seeds that were successful, NaN without any.
        std: Standard deviation over them, NaN under two.
        runs: Seeds that were successful.
    """

    value: Any
    mean: Mapping[str, float]
    std: Mapping[str, float]
    runs: int


@dataclass(frozen=True)
class Factor:
    """What became of one factor.

    Attributes:
        name: Of the setting that was varied.
        default: Its value in the other runs.
        levels: The settings, in the order that was asked for.
        winners: Metric to the settings of best mean: several where they tie, none where all runs failed.
        chosen: Settings that most metrics name; several where they tie.
    """

    name: str
    default: Any
    levels: tuple[Level, ...]
    winners: Mapping[str, tuple[Any, ...]]
    chosen: tuple[Any, ...]


@dataclass(frozen=True)
class Plan:
    """One factor at a time around a default.

    Attributes:
        default: Settings that are not varied at the moment.
        factors: Name of a setting to the values that it takes.
        metrics: What is looked at, and which values of it are good.
        seeds: Every setting is trained once with each.
    """

    default: Settings
    factors: Mapping[str, Sequence[Any]]
    metrics: Mapping[str, Better]
    seeds: Sequence[int]

    def __post_init__(self) -> None:
        if not self.factors or not self.metrics or not self.seeds:
            raise InvalidInput("a sweep needs a factor, a metric and a seed", where=("factors",))
        for name, values in self.factors.items():
            if name not in self.default:
                raise InvalidInput(f"{name} has no default", where=("factors", name), remedy=f"vary one of: {', '.join(self.default)}")
            if len({json.dumps(value) for value in values}) < max(2, len(values)):
                raise InvalidInput(f"{name}: give at least 2 different values", where=("factors", name))

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run once; the default is shared by the factors."""
        runs = [
            Run({**self.default, name: value}, seed) for name, values in self.factors.items() for value in values for seed in self.seeds
        ]
        return tuple({run.key: run for run in runs}.values())

    def concluded(self, results: Mapping[str, Results]) -> tuple[Factor, ...]:
        """What the results say of each factor.

        Args:
            results: Key of a run to its metrics, for every run of the plan.

        Raises:
            InvalidInput: A run or a metric is missing.
        """
        return tuple(self._factor(name, values, results) for name, values in self.factors.items())

    def _factor(self, name: str, values: Sequence[Any], results: Mapping[str, Results]) -> Factor:
        levels = tuple(self._level(name, value, results) for value in values)
        winners = {metric: _winners(levels, metric, better) for metric, better in self.metrics.items()}
        votes = Counter(json.dumps(value) for won in winners.values() for value in won)
        most = max(votes.values(), default=0)
        chosen = tuple(level.value for level in levels if most and votes[json.dumps(level.value)] == most)
        return Factor(name, self.default[name], levels, winners, chosen)

    def _level(self, name: str, value: Any, results: Mapping[str, Results]) -> Level:
        told = [self._told(Run({**self.default, name: value}, seed), results) for seed in self.seeds]
        known = np.array([row for row in told if np.isfinite(row).all()]).reshape(-1, len(self.metrics))
        mean = known.mean(axis=0) if len(known) else np.full(len(self.metrics), np.nan)
        std = known.std(axis=0, ddof=1) if len(known) > 1 else np.full(len(self.metrics), np.nan)
        by_name = [dict(zip(self.metrics, figures.tolist(), strict=True)) for figures in (mean, std)]
        return Level(value, by_name[0], by_name[1], len(known))

    def _told(self, run: Run, results: Mapping[str, Results]) -> list[float]:
        if run.key not in results:
            raise InvalidInput(f"the run {run.key} is not done", where=("results",), remedy="finish the sweep first")
        return [metric_of(results[run.key], metric) for metric in self.metrics]


def metric_of(results: Results, metric: str) -> float:
    """One metric of a run.

    Raises:
        InvalidInput: The run does not tell it.
    """
    if metric not in results:
        raise InvalidInput(f"a run told no {metric}", where=("metrics",), remedy=f"name one of: {', '.join(results)}")
    return float(results[metric])


def _winners(levels: Sequence[Level], metric: str, better: Better) -> tuple[Any, ...]:
    """Settings whose mean is the best to the last bit."""
    known = [level.mean[metric] for level in levels if isfinite(level.mean[metric])]
    best = (min if better == "low" else max)(known, default=np.nan)
    return tuple(level.value for level in levels if level.mean[metric] == best)


def one_at_a_time(
    plan: Plan,
    evaluate: Evaluate,
    finished: Mapping[str, Results] | None = None,
    keep: Keep | None = None,
    watch: Watch | None = None,
) -> tuple[Factor, ...]:
    """Run what is not finished of a plan, one run after the other, and conclude.

    Args:
        plan: What to run.
        evaluate: Trains with some settings and a seed, and tells the metrics.
        finished: Key of a run to its metrics, from an earlier sitting.
        keep: Told of every new run at once.
        watch: Told of the progress.

    Raises:
        Cancelled: ``watch`` said so.
        InvalidInput: A run does not tell a metric.
    """
    results = dict(finished or {})
    for done, run in enumerate(plan.runs):
        tell(watch, done / len(plan.runs), run.key)
        attempt(run, evaluate, results, keep)
    return plan.concluded(results)


def attempt(run: Run, evaluate: Evaluate, results: dict[str, Results], keep: Keep | None) -> Results:
    """The metrics of a run: those that are known, or else new ones, which are kept."""
    if run.key not in results:
        results[run.key] = evaluate(run.settings, run.seed)
        if keep:
            keep(run, results[run.key])
    return results[run.key]
