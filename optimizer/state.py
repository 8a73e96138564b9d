"""CampaignState: one snapshot of a campaign, the only input of ``next_step`` and of every rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from optimizer.objective import Objective
from optimizer.space import SearchSpace
from optimizer.switch import Phase, Switch
from optimizer.types import Batch, Dataset, FloatArray, StopSettings, Strategy

if TYPE_CHECKING:
    from optimizer.registered import Registered  # late: it loads scipy


@dataclass(frozen=True)
class PriorTask:
    """What is known of a related task: another target, another lot of a reagent, another instrument.

    Attributes:
        name: The campaign that the data were taken from.
        data: Its reduced measurements, with losses under the present objective; rows may lie outside the present space.
    """

    name: str
    data: Dataset


@dataclass(frozen=True)
class CampaignState:
    """Everything the next step depends on.

    Attributes:
        space: Where wells may lie.
        objective: What is minimised.
        data: Reduced measurements of all rounds.
        pending: Executed rows of wells whose data may still come, shape (p, d).
        last_round: Number of the newest round, 0 before the first.
        strategy: How wells are chosen.
        stop: When to stop.
        batch_size: Wells per round.
        seed: Seed of the campaign.
        reopened_after: Stop checks look only at rounds after this one.
        overlap: Propose although wells are pending.
        priors: Related tasks to learn from; only the present one is optimised.
        switch: How a second rule takes over from the first one; None for one rule to the end.
        phase: Phase of the newest round.
        phase_since: The phase began after this round; only rounds after it speak for another phase.
        origins: Identifiers of wells to the names of the rules that proposed them.
        predictor: A model that was trained elsewhere, which ``spectral_grid`` asks in place of a network of its own.
    """

    space: SearchSpace
    objective: Objective
    data: Dataset
    pending: FloatArray
    last_round: int
    strategy: Strategy = field(default_factory=Strategy)
    stop: StopSettings = field(default_factory=StopSettings)
    batch_size: int = 15
    seed: int = 0
    reopened_after: int = 0
    overlap: bool = False
    priors: tuple[PriorTask, ...] = ()
    switch: Switch | None = None
    phase: Phase = Phase.INITIAL
    phase_since: int = 0
    origins: Mapping[str, str] = field(default_factory=dict)
    predictor: Registered | None = None


Rule = Callable[[CampaignState, Dataset, int, np.random.Generator], Batch]
"""A batch rule: state, data, number of wells, random numbers -> a batch without a stop report."""
