"""The loop as one stateless function: same history, same answer, after any restart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from optimizer import plates, stopping
from optimizer.rules import get_rule
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset, Proposal, StopReport, Waiting

if TYPE_CHECKING:
    from optimizer.surrogate import LossModel

_PROBES = 256


def next_step(state: CampaignState) -> Batch | StopReport | Waiting:
    """Decide what comes next: a first design, the next batch, the end, or nothing yet.

    Random numbers come from the campaign's seed and the number of the next round alone.

    Raises:
        NotEnoughPoints: Fewer distinct feasible wells exist than a batch needs.
    """
    if state.last_round == 0:
        return _first_batch(state)
    if len(state.pending) and not state.overlap:
        return Waiting(f"{len(state.pending)} wells of round {state.last_round} or before are still to be measured")
    if not len(state.data):
        return _first_batch(state)
    report = check_stop(state)
    if report.stop:
        return report
    rng = np.random.default_rng([state.seed, state.last_round + 1])
    batch = get_rule(state.strategy.rule)(state, state.data, state.batch_size, rng)
    return replace(_told(state, batch), report=report)


def _told(state: CampaignState, batch: Batch) -> Batch:
    """The batch, with what its wells share and use among its figures."""
    return replace(batch, model={**batch.model, **plates.figures(state.space, np.array([p.x for p in batch.proposals]))})


def _first_batch(state: CampaignState) -> Batch:
    """An initial design; a later one, with its own seed, when no well of the earlier rounds gave data."""
    # Late, like all of scipy and torch: the web process imports this module, but never computes.
    from optimizer.initial import initial_design

    seed = (state.seed, state.last_round + 1)
    size = state.strategy.initial_size
    rows = initial_design(state.space, state.strategy.initial, size, seed)
    why = f"initial design, {state.strategy.initial}"
    batch = Batch(tuple(Proposal(row, rank, state.strategy.initial, seed, why=why) for rank, row in enumerate(rows, 1)))
    return _told(state, batch)


def check_stop(state: CampaignState) -> StopReport:
    """Check the campaign's stop conditions on what has been measured.

    Predictions for the stability and accuracy legs come from surrogates fitted anew to the rounds
    up to each of the last few, so the verdict depends on the history alone.
    """
    best = best_per_round(state.data)
    loss, stability, accuracy = state.stop.loss, state.stop.stability, state.stop.accuracy
    evidence = list(stopping.loss_leg(best, loss)) if loss else []
    models = _models(state, sorted(best))
    if stability:
        probes = state.space.sample(_PROBES, np.random.default_rng(state.seed))
        surfaces = {r: model.predict(probes) for r, model in models.items()}
        evidence += stopping.stability_leg(surfaces, best, stability)
    if accuracy:
        batches = {r: state.data.where(state.data.rounds == r) for r in best}
        forecasts = {r: models[r - 1].predict(batches[r].X) for r in best if r - 1 in models}
        evidence += stopping.accuracy_leg(forecasts, {r: batch.loss for r, batch in batches.items()}, accuracy)
    return stopping.verdict(max(best), evidence, state.stop, state.reopened_after)


def _models(state: CampaignState, rounds: list[int]) -> dict[int, LossModel]:
    """Models of the loss that know the rounds up to each of the last few, as many as the stop legs need."""
    needed = stopping.rounds_needed(state.stop)
    if not needed:
        return {}
    # Late, since it loads torch, which the web process must not.
    from optimizer.surrogate import fit_loss_model

    return {r: fit_loss_model(state, state.data.until(r)) for r in rounds[-needed:]}


def best_per_round(data: Dataset) -> dict[int, float]:
    """Lowest aggregated loss of each round that has data."""
    return {int(r): float(data.loss[data.rounds == r].min()) for r in np.unique(data.rounds)}
