"""A new objective for what was measured: history is scored anew, wells not yet run are ranked anew, old decisions stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from app import service, views
from app.problems import Conflict
from app.schemas.campaign import AnyObjective, CampaignDocument
from app.schemas.rescore import LossChange, RescoreIn, RescoreOut
from app.schemas.wells import RescoredOut
from app.security import Principal
from app.views import Campaign
from db import jobs, store
from db.engine import Session
from db.tables import CampaignRow, DesignRow, PastObjectiveRow
from optimizer.forecast import Forecast
from optimizer.objective import Objective
from optimizer.types import DesignState, FloatArray, InvalidInput

_NOT_YET_RUN = (DesignState.PROPOSED, DesignState.APPROVED)


def preview(campaign: Campaign, body: RescoreIn) -> RescoreOut:
    """What a new objective would change; nothing is stored.

    Raises:
        InvalidInput: The objective asks for other outcomes than were measured, or is wrong in itself.
        Conflict: It is the present one.
    """
    return _report(campaign, replace(campaign, scored=_checked(campaign, body)), body)


def rescore(session: Session, who: Principal, row: CampaignRow, body: RescoreIn) -> RescoreOut:
    """Replace the objective of a campaign, keep the old one with its losses, and queue the ranking of the wells not yet run.

    Raises:
        InvalidInput: See ``preview``.
        Conflict: See ``preview``.
    """
    campaign = views.load(session, row)
    found = preview(campaign, body)
    session.add(_past(campaign, who, body))
    row.document = {**row.document, "objective": body.objective.model_dump(mode="json")}
    row.version += 1
    job = jobs.enqueue(session, "rescore", row.id, len(campaign.batches), {}) if found.waiting and found.losses else None
    session.flush()
    detail = {"objective": found.objective, "kind": body.objective.kind, "after_round": len(campaign.batches), "reason": body.reason}
    store.record(session, who.name, "objective replaced", row.id, **detail, job=job and job.id)
    return found.model_copy(update={"dry_run": False, "version": row.version, "job": job and job.id})


def _checked(campaign: Campaign, body: RescoreIn) -> Objective:
    """The new objective, if outcomes as they were measured suit it and it differs from the present one."""
    _check_outcome(campaign.document.objective.domain(), body.objective.domain())
    if campaign.document.objective == body.objective:
        raise Conflict(f"this is objective {campaign.objective_number} of the campaign already: there is nothing to score anew")
    edited = campaign.document.model_copy(update={"objective": body.objective})
    edited.check()
    return edited.objective.domain()


def _check_outcome(present: Objective, new: Objective) -> None:
    anew = "create a campaign with this objective and import data that suit it"
    if (present.axis is None) != (new.axis is None):
        measured, asked = ("numbers", "curves") if present.axis is None else ("curves", "numbers")
        kinds = "minimize, maximize or target_value" if present.axis is None else "spectrum_match or curve_match"
        remedy = f"use {kinds}, or {anew}"
        raise InvalidInput(f"the campaign measured {measured}, this objective scores {asked}", where=("objective", "kind"), remedy=remedy)
    if present.axis is not None and not np.array_equal(present.axis, new.axis):
        remedy = f"give the axis of the campaign; the target may have another one that covers it. For curves on another axis, {anew}"
        raise InvalidInput("the axis is not that of the measured curves", where=("objective", "axis"), remedy=remedy)
    for field in ("outcome", "unit"):
        old, given = getattr(present, field), getattr(new, field)
        if old != given:
            message = f"the {field} of what was measured is {old!r}, not {given!r}"
            raise InvalidInput(message, where=("objective", field), remedy=f"give {old!r}: raw values are kept as they are")
    if getattr(new, "target", 0.0) is None:
        raise InvalidInput("there is no target spectrum", where=("objective", "target"), remedy="give the target with its axis and values")


def _report(before: Campaign, after: Campaign, body: RescoreIn) -> RescoreOut:
    old = dict(zip(before.dataset.designs, before.dataset.loss.tolist(), strict=True))
    new = sorted(zip(after.dataset.loss.tolist(), after.dataset.designs, strict=True))
    return RescoreOut(
        dry_run=True,
        objective=before.objective_number + 1,
        state=before.row.state,
        version=before.row.version,
        best_before=views.best_out(before),
        best=views.best_out(after),
        best_per_round_before=before.best_per_round,
        best_per_round=after.best_per_round,
        losses=[LossChange(design=design, before=old[design], after=loss) for loss, design in new],
        waiting=list(waiting(before)),
        job=None,
        notes=_notes(before.document, before.row.state, body),
    )


def _notes(document: CampaignDocument, state: str, body: RescoreIn) -> list[str]:
    notes = []
    if state == "stopped":
        notes.append("the campaign stays stopped; reopen it with PATCH {state: active, reason: ...}")
    if document.stop.loss is not None:
        limit = f"{document.stop.loss.threshold:g}"
        notes.append(f"stop.loss keeps its threshold of {limit}, which the next check holds against losses of the new objective")
    if _scale(body.objective) != _scale(document.objective) and (document.stop.stability or document.stop.accuracy):
        notes.append("stop.stability and stop.accuracy keep their thresholds, in units of the new loss")
    return notes


def _scale(objective: AnyObjective) -> tuple[str, str]:
    """What the size of a loss depends on."""
    return objective.kind, getattr(objective, "distance", "")


def _past(campaign: Campaign, who: Principal, body: RescoreIn) -> PastObjectiveRow:
    data = campaign.dataset
    return PastObjectiveRow(
        campaign_id=campaign.row.id,
        number=campaign.objective_number,
        objective=campaign.row.document["objective"],
        last_round=len(campaign.batches),
        losses=dict(zip(data.designs, data.loss.tolist(), strict=True)),
        replaced_at=store.now(),
        actor=who.name,
        reason=body.reason,
    )


def waiting(campaign: Campaign) -> dict[str, FloatArray]:
    """The wells that are not yet run, with their rows."""
    return {row.id: store.from_blob(row.executed) for row in campaign.designs if row.state in _NOT_YET_RUN}


def commit_ranks(
    session: Session, job_id: str, attempt: int, outcome: Sequence[Forecast], wells: Mapping[str, FloatArray], objective: int
) -> bool:
    """Store forecasts of wells beside their proposals, together with the job's end; False when another attempt has taken over.

    Wells that have begun to run or were planned anew meanwhile are left as they are.

    Args:
        session: An open transaction.
        job_id: The job.
        attempt: The attempt that made the forecasts.
        outcome: The forecasts.
        wells: What they were made of, in the same order.
        objective: Number of the objective that they were made under; where it is replaced by now, the job goes back to the queue.
    """
    job = jobs.job(session, job_id)
    if job is None:
        return False
    row = service.find_campaign(session, job.campaign_id, lock=True)
    if objective != len(store.past_objectives(session, row.id)) + 1:
        jobs.release(session, job_id, attempt)
        return False
    made = sorted(zip(outcome, wells.items(), strict=True), key=lambda pair: pair[0].rank)
    kept = [(design, forecast) for forecast, (name, x) in made if (design := _still_waiting(session, row.id, name, x))]
    names = [design.id for design, _ in kept]
    if not jobs.finish(session, job_id, attempt, f"under objective {objective}, {len(names)} wells in this order: {', '.join(names)}"):
        return False
    for design, forecast in kept:
        _keep(design, forecast, objective)
    store.record(session, "service", "wells re-ranked", row.id, job=job_id, objective=objective, wells=names)
    return True


def _still_waiting(session: Session, campaign_id: str, name: str, x: FloatArray) -> DesignRow | None:
    """A well, if it is not yet run and its row is still ``x``."""
    design = store.design(session, campaign_id, name)
    same = design is not None and design.state in _NOT_YET_RUN and np.array_equal(store.from_blob(design.executed), x)
    return design if same else None


def _keep(design: DesignRow, forecast: Forecast, objective: int) -> None:
    """Store a forecast with its well, in place of an earlier one under the same objective."""
    made = RescoredOut(objective=objective, rank=forecast.rank, mean=forecast.mean, std=forecast.std, acquisition=forecast.improvement)
    others = [entry for entry in design.info.get("rescored", []) if entry["objective"] != objective]
    design.info = {**design.info, "rescored": [*others, made.model_dump()]}
