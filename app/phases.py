"""The phase of a campaign: the record of its checks, and what a person sets it to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.problems import Conflict
from app.security import Principal
from db import store
from db.engine import Session
from db.tables import CampaignRow, PhaseRow
from optimizer.switch import Phase, PhaseReport
from optimizer.types import InvalidInput, StopReport


def standing(checks: Sequence[PhaseRow]) -> tuple[Phase, int]:
    """The phase that rounds belong to, stops left out, and the round after which it began."""
    for row in reversed(checks):
        if row.before != row.after and Phase.STOPPED not in (row.before, row.after):
            return Phase(row.after), row.round
    return Phase.INITIAL, 0


def present(campaign: CampaignRow, checks: Sequence[PhaseRow]) -> Phase:
    """The phase as people see it: that of the rounds, or stopped."""
    return Phase.STOPPED if campaign.state == "stopped" else standing(checks)[0]


def record_check(session: Session, campaign: CampaignRow, report: PhaseReport) -> None:
    """Keep the check that a batch was proposed on, unless it had nothing to look at, or a person has set the phase meanwhile."""
    if report.evidence and standing(store.phase_checks(session, campaign.id))[0] is report.before:
        evidence = [asdict(row) for row in report.evidence]
        _record(session, campaign, "service", (report.before, report.after), report.reason, report.round, evidence)


def record_stop(session: Session, campaign: CampaignRow, report: StopReport) -> None:
    """Keep the end that the stop conditions brought."""
    moved = standing(store.phase_checks(session, campaign.id))[0], Phase.STOPPED
    _record(session, campaign, "service", moved, report.reason, report.round, [asdict(row) for row in report.evidence])


def record_state(session: Session, who: Principal, campaign: CampaignRow, reason: str) -> None:
    """Keep that a person has just stopped or reopened the campaign."""
    phase = standing(store.phase_checks(session, campaign.id))[0]
    moved = (phase, Phase.STOPPED) if campaign.state == "stopped" else (Phase.STOPPED, phase)
    _record(session, campaign, who.name, moved, reason, store.last_round(session, campaign.id))


def set_phase(session: Session, who: Principal, campaign: CampaignRow, phase: Phase, reason: str | None) -> None:
    """Set the phase of the rounds to come; what was measured up to now no longer speaks for another one.

    Raises:
        InvalidInput: There is no reason, or the campaign has one rule only.
        Conflict: The campaign is stopped, or has no round yet.
    """
    if not reason:
        raise InvalidInput("setting the phase takes a reason", where=("reason",), remedy="say why, for the record")
    if campaign.document["strategy"]["switch"] is None:
        remedy = "set switch as well: it names the rule of the second step"
        raise InvalidInput("the campaign has one rule only, and no phases to choose from", where=("phase",), remedy=remedy)
    if campaign.state != "active":
        raise Conflict("the campaign is stopped; reopen it with PATCH {state: active, phase: ..., reason: ...}")
    last = store.last_round(session, campaign.id)
    if not last:
        raise Conflict("the campaign has no round yet, and its first one is an initial design; ask for it, then set the phase")
    before = standing(store.phase_checks(session, campaign.id))[0]
    if before is not phase:
        _record(session, campaign, who.name, (before, phase), reason, last)


def _record(
    session: Session,
    campaign: CampaignRow,
    actor: str,
    moved: tuple[Phase, Phase],
    reason: str,
    round: int,
    evidence: Sequence[dict[str, Any]] = (),
) -> None:
    before, after = moved
    row = PhaseRow(
        campaign_id=campaign.id,
        round=round,
        checked_at=store.now(),
        before=before,
        after=after,
        actor=actor,
        reason=reason,
        evidence=list(evidence),
    )
    session.add(row)
    session.flush()
    if before is not after:
        store.record(session, actor, "phase changed", campaign.id, round=round, before=before, after=after, reason=reason)
