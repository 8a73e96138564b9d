"""The campaign as a state machine: which phase the next round belongs to, by evidence, as a pure function of history.

initial -> bo as soon as there are data; bo -> both and both -> network as the switch says, several steps at once where it
says so; network -> both where the network gains nothing. Only rounds after the present phase began speak for another one,
so what a person sets is not undone by what was known before. Stopping is up to the stop conditions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optimizer.state import CampaignState
from optimizer.stopping import best_per_round, curve_accuracy_leg, evidence, held
from optimizer.switch import Advance, Phase, PhaseReport, Switch
from optimizer.types import Dataset, Evidence, FloatArray, Leg

Rows = tuple[Evidence, ...]


def decide(state: CampaignState, foreseen: Mapping[int, FloatArray]) -> PhaseReport:
    """The phase of the next round.

    Args:
        state: The campaign, with data.
        foreseen: Curves of the wells with data of rounds, in order of the data, shape (n, m), as the model of the second rule
            predicted them before; only asked for in the phase ``bo``, where the switch has a condition on them.
    """
    phase, since, rows = state.phase, state.phase_since, Rows()
    while (way := _way(state, phase, since, foreseen)) is not None:
        target, found, met = way
        rows += found
        if not met:
            break
        backwards, phase, since = phase is Phase.NETWORK, target, state.last_round
        if backwards:
            break
    return PhaseReport(state.phase, phase, state.last_round, rows, _reason(state.phase, phase, rows))


def accuracy_rounds(state: CampaignState) -> list[int]:
    """The rounds whose curves the second rule must have foretold for ``decide``; none where no condition speaks of them."""
    switch = state.switch
    if switch is None or switch.to_both is None or switch.to_both.leg is None or state.phase is not Phase.BO:
        return []
    rounds = [int(r) for r in np.unique(state.data.rounds)]
    newest = [r for r in rounds[1:] if r > state.phase_since]
    return newest[-switch.to_both.leg.rounds :]


def _way(state: CampaignState, phase: Phase, since: int, foreseen: Mapping[int, FloatArray]) -> tuple[Phase, Rows, bool] | None:
    """The phase that the present one may lead to, the evidence for it, and whether that suffices; None for no other phase."""
    switch, last = state.switch, state.last_round
    if phase is Phase.INITIAL:
        lacking = evidence("data", "measured wells that a model still lacks", last, max(1 - len(state.data), 0), Leg(0))
        return Phase.BO, (lacking,), lacking.met
    if switch is None:
        return None
    if phase is Phase.BO and switch.to_both:
        return Phase.BOTH, *_advance(switch.to_both, last, since, _accuracy(state, switch.to_both, since, foreseen))
    if phase is Phase.BOTH and switch.to_network:
        return Phase.NETWORK, *_advance(switch.to_network, last, since, _lead(state, switch, switch.to_network, since))
    if phase is Phase.NETWORK and switch.back:
        rows = gain_leg(best_per_round(state.data), since, switch.back)
        return Phase.BOTH, rows, held(last, rows, switch.back)
    return None


def _advance(conditions: Advance, last_round: int, since: int, rows: Rows) -> tuple[Rows, bool]:
    """The evidence for leaving a phase, and whether all conditions are met."""
    left = max(conditions.after_rounds - (last_round - since), 0)
    to_come = evidence("rounds", "rounds of the phase still to come", last_round, left, Leg(0))
    enough = conditions.leg is None or held(last_round, rows, conditions.leg)
    return (to_come, *rows), to_come.met and enough


def _accuracy(state: CampaignState, conditions: Advance, since: int, foreseen: Mapping[int, FloatArray]) -> Rows:
    if conditions.leg is None:
        return ()
    measured = {r: state.data.Y[state.data.rounds == r] for r in foreseen if r > since}
    return curve_accuracy_leg(foreseen, measured, conditions.leg)


def _lead(state: CampaignState, switch: Switch, conditions: Advance, since: int) -> Rows:
    if conditions.leg is None:
        return ()
    first, second = (best_per_round(_proposed_by(state, rule)) for rule in (state.strategy.rule, switch.rule))
    return lead_leg({r: loss for r, loss in first.items() if r > since}, second, conditions.leg)


def lead_leg(first: Mapping[int, float], second: Mapping[int, float], leg: Leg) -> Rows:
    """Whether the second rule finds better wells than the first one.

    Args:
        first: Lowest loss of each round among the wells of the first rule.
        second: The same of the second rule.
        leg: The threshold on the difference, in units of the loss; 0 asks for wells as good, less for a lead.

    Returns:
        One row for each round in which both have wells.
    """
    metric = "lowest loss of the network less that of the other rule"
    return tuple(evidence("lead", metric, r, second[r] - first[r], leg) for r in sorted(first.keys() & second.keys()))


def gain_leg(best: Mapping[int, float], since: int, leg: Leg) -> Rows:
    """Whether a phase finds nothing better than what was known before.

    Args:
        best: Lowest loss of each round.
        since: The phase began after this round.
        leg: The threshold on the gain, in units of the loss.

    Returns:
        One row for each round of the phase; none where nothing was known before.
    """
    before = [loss for r, loss in best.items() if r <= since]
    metric = "gain over the lowest loss before the phase"
    return tuple(evidence("gain", metric, r, min(before) - best[r], leg) for r in sorted(best) if before and r > since)


def _proposed_by(state: CampaignState, rule: str) -> Dataset:
    return state.data.where(np.array([state.origins.get(name) == rule for name in state.data.designs], bool))


def _reason(before: Phase, after: Phase, rows: Rows) -> str:
    figures = [f"{row.metric} {row.value:.4g} {'<=' if row.met else 'is not <='} {row.threshold:g} (round {row.round})" for row in rows]
    move = f"{before} stays" if before is after else f"{before} -> {after}"
    return f"{move}: {'; '.join(figures) or 'no condition leads on'}"
