"""The loop as one stateless function: same history, same answer, after any restart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer import phases, plates, stopping
from optimizer.domain import judged
from optimizer.hindsight import Hindsight
from optimizer.rules import get_rule
from optimizer.side_by_side import side_by_side
from optimizer.state import CampaignState
from optimizer.switch import Phase
from optimizer.types import Batch, Evidence, FloatArray, Proposal, StopReport, Waiting

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
    past = Hindsight(state)
    report = check_stop(state, past)
    if report.stop:
        return report
    phase = phases.decide(state, _foreseen(state, past))
    rng = np.random.default_rng([state.seed, state.last_round + 1])
    return replace(_told(state, _proposed(state, phase.after, rng)), report=report, phase=phase)


def _proposed(state: CampaignState, phase: Phase, rng: np.random.Generator) -> Batch:
    """A batch by the rule of the phase, or by both rules."""
    if state.switch is None or phase is Phase.BO:
        return get_rule(state.strategy.rule)(state, state.data, state.batch_size, rng)
    if phase is Phase.NETWORK:
        return get_rule(state.switch.rule)(state, state.data, state.batch_size, rng)
    return side_by_side(state, state.switch, rng)


def _foreseen(state: CampaignState, past: Hindsight) -> dict[int, FloatArray]:
    """Curves as the model of the second rule foretold them, of the rounds that the next phase depends on."""
    if state.switch is None:
        return {}
    rounds = {r: state.data.where(state.data.rounds == r).X for r in phases.accuracy_rounds(state)}
    return {r: past.curves(state.switch.rule, r - 1, X) for r, X in rounds.items()}


def _told(state: CampaignState, batch: Batch) -> Batch:
    """The batch, with what its wells share and use among its figures, and how far its predictions are backed by data."""
    batch = judged(state.space, state.data, batch)
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


def check_stop(state: CampaignState, past: Hindsight | None = None) -> StopReport:
    """Check the campaign's stop conditions on what has been measured.

    Predictions for the stability and accuracy legs come from surrogates fitted anew to the rounds
    up to each of the last few, so the verdict depends on the history alone.

    Args:
        state: The campaign, with data.
        past: Where the models are taken from; made here when None.
    """
    best = stopping.best_per_round(state.data)
    needed = stopping.rounds_needed(state.stop)
    known = sorted(best)[-needed:] if needed else []
    check = _losses_foretold if state.objective.axis is None else _curves_foretold
    evidence = list(stopping.loss_leg(best, state.stop.loss)) if state.stop.loss else []
    evidence += check(state, past or Hindsight(state), best, known)
    return stopping.verdict(max(best), evidence, state.stop, state.reopened_after)


def _losses_foretold(state: CampaignState, past: Hindsight, best: dict[int, float], known: list[int]) -> list[Evidence]:
    """The legs on predictions where the outcome is a number; the models know the rounds up to each of ``known``."""
    evidence: list[Evidence] = []
    if state.stop.stability:
        surfaces = {r: past.losses(r, _probes(state)) for r in known}
        evidence += stopping.stability_leg(surfaces, best, state.stop.stability)
    if state.stop.accuracy:
        batches = {r: state.data.where(state.data.rounds == r) for r in best if r - 1 in known}
        forecasts = {r: past.losses(r - 1, batch.X) for r, batch in batches.items()}
        evidence += stopping.accuracy_leg(forecasts, {r: batch.loss for r, batch in batches.items()}, state.stop.accuracy)
    return evidence


def _curves_foretold(state: CampaignState, past: Hindsight, best: dict[int, float], known: list[int]) -> list[Evidence]:
    """The same where the outcome is a curve: by the model of the second rule once that takes part, else by components."""
    rule = state.switch.rule if state.switch and state.phase in (Phase.BOTH, Phase.NETWORK) else "composite"
    evidence: list[Evidence] = []
    if state.stop.stability:
        curves = {r: past.curves(rule, r, _probes(state)) for r in known}
        evidence += stopping.curve_stability_leg(curves, state.stop.stability)
    if state.stop.accuracy:
        batches = {r: state.data.where(state.data.rounds == r) for r in best if r - 1 in known}
        forecasts = {r: past.curves(rule, r - 1, batch.X) for r, batch in batches.items()}
        evidence += stopping.curve_accuracy_leg(forecasts, {r: batch.Y for r, batch in batches.items()}, state.stop.accuracy)
    return evidence


def _probes(state: CampaignState) -> FloatArray:
    """The fixed probe set: wells spread over the present space, the same in every round of a campaign, shape (p, d)."""
    return state.space.sample(_PROBES, np.random.default_rng(state.seed))
