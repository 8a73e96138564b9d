"""Settings of a model chosen by the loop itself: settings are a search space, the score is the objective.

The wells of a batch are trainings, their replicates are seeds. A Latin hypercube comes first, then batches of the rule
that campaigns of numbers use; the same history gives the same batch, so a search can be taken up again from its runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np

from models.study import Better, Watch, tell
from optimizer.loop import next_step
from optimizer.objective import Maximize, Minimize
from optimizer.parameters import Categorical
from optimizer.replicates import reduce
from optimizer.rules import default_rule
from optimizer.space import SearchSpace
from optimizer.state import CampaignState
from optimizer.sweep import Evaluate, Keep, Results, Run, Settings, attempt, metric_of
from optimizer.types import Batch, Design, DesignState, FloatArray, InvalidInput, Measurement, Strategy

_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Tuning:
    """What to search, and how long.

    Attributes:
        space: Settings that are searched.
        metric: Name of the score.
        better: Which values of it are good.
        default: Settings that are not searched.
        log: Parameters whose value in the space is the decimal logarithm of the setting.
        seeds: Every setting is trained once with each.
        batches: After the first one.
        size: Settings per batch.
        seed: Of the search.
    """

    space: SearchSpace
    metric: str
    better: Better
    default: Settings
    log: frozenset[str] = frozenset()
    seeds: Sequence[int] = (0,)
    batches: int = 4
    size: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        numbers = {p.name for p in self.space.parameters if not isinstance(p, Categorical)}
        if unknown := sorted(self.log - numbers):
            raise InvalidInput(
                f"{unknown[0]} is no number of the space", where=("log",), remedy=f"name one of: {', '.join(sorted(numbers))}"
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InvalidInput("give at least one seed, each once", where=("seeds",))

    def settings(self, row: FloatArray) -> dict[str, Any]:
        """All settings of a row of the space, shape (d,); parameters of whole settings give whole numbers."""
        recipe: dict[str, Any] = self.space.recipe(row)
        for parameter in self.space.parameters:
            if parameter.name in self.log:
                recipe[parameter.name] = float(10 ** recipe[parameter.name])
            elif not isinstance(parameter, Categorical) and parameter.levels is not None and not (parameter.levels % 1).any():
                recipe[parameter.name] = int(recipe[parameter.name])
        return {**self.default, **recipe}


@dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    Attributes:
        settings: All of them.
        round: The batch, from 1.
        rule: Who proposed them.
        scores: One per seed, NaN where the run failed.
        score: Their median, NaN where any failed.
    """

    settings: Settings
    round: int
    rule: str
    scores: tuple[float, ...]
    score: float


@dataclass(frozen=True)
class Tuned:
    """What was found.

    Attributes:
        trials: All of them, in order.
        best: The trial that is expected to score best when it is run again; None where all failed.
    """

    trials: tuple[Trial, ...]
    best: Trial | None


def tune(
    tuning: Tuning,
    evaluate: Evaluate,
    finished: Mapping[str, Results] | None = None,
    keep: Keep | None = None,
    watch: Watch | None = None,
) -> Tuned:
    """Search settings with the loop of the campaigns.

    Args:
        tuning: What to search, and how long.
        evaluate: Trains with some settings and a seed, and tells the metrics.
        finished: Key of a run to its metrics, from an earlier sitting.
        keep: Told of every new run at once.
        watch: Told of the progress.

    Raises:
        Cancelled: ``watch`` said so.
        InvalidInput: A run does not tell the metric, or the space holds too few settings for a batch.
    """
    results, trials = dict(finished or {}), list[Trial]()
    objective = Minimize(tuning.metric) if tuning.better == "low" else Maximize(tuning.metric)
    designs, measurements = list[Design](), list[Measurement]()
    total = (tuning.batches + 1) * tuning.size
    for round in range(1, tuning.batches + 2):
        data = reduce(designs, measurements, objective)
        strategy = Strategy(initial_size=tuning.size, rule=default_rule(objective))
        pending = np.empty((0, tuning.space.dimension))
        state = CampaignState(tuning.space, objective, data, pending, round - 1, strategy, batch_size=tuning.size, seed=tuning.seed)
        for proposal in _batch(state).proposals:
            tell(watch, len(trials) / total, f"batch {round}, {len(trials) + 1} of {total}")
            trial = _trial(tuning, proposal.x, round, proposal.rule, evaluate, results, keep)
            trials.append(trial)
            name, known = f"t{len(trials):04d}", isfinite(trial.score)
            ended = DesignState.MEASURED if known else DesignState.FAILED
            designs.append(Design(name, round, len(trials), proposal.x, proposal.x, proposal.rule, ended))
            if known:
                measurements += [Measurement(name, k, np.array([score]), _NO_TIME) for k, score in enumerate(trial.scores, 1)]
    data = reduce(designs, measurements, objective)
    return Tuned(tuple(trials), trials[int(data.designs[data.best][1:]) - 1] if len(data) else None)


def _batch(state: CampaignState) -> Batch:
    step = next_step(state)
    if not isinstance(step, Batch):
        raise TypeError(f"a campaign without stop conditions or open wells got {step!r} instead of a batch")
    return step


def _trial(
    tuning: Tuning, row: FloatArray, round: int, rule: str, evaluate: Evaluate, results: dict[str, Results], keep: Keep | None
) -> Trial:
    """Settings run with every seed."""
    settings = tuning.settings(row)
    told = [metric_of(attempt(Run(settings, seed), evaluate, results, keep), tuning.metric) for seed in tuning.seeds]
    scores = tuple(score if isfinite(score) else float("nan") for score in told)
    return Trial(settings, round, rule, scores, float(np.median(scores)))
