"""The straight line from a request to the database and to the science: campaigns, batches and wells."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import numpy as np

from app import phases, predictors, priors, views
from app.problems import Conflict, NotFound
from app.schemas.base import located
from app.schemas.campaign import CampaignDocument, CampaignPatch, CurveShape, MatchingObjective, document_of
from app.schemas.wells import BatchPatch, BatchRequest, DesignIn, DesignPatch
from app.security import Principal, Role
from db import jobs, store
from db.engine import Session
from db.tables import BatchRow, CampaignRow, DesignRow, JobRow, ReplicateRow, StopRow
from optimizer.objective import parse_curve
from optimizer.plates import misfit
from optimizer.state import CampaignState
from optimizer.switch import Phase
from optimizer.types import Batch, DesignState, FloatArray, InvalidInput, Proposal, StopReport, Waiting

# Campaigns


def create_campaign(session: Session, who: Principal, document: CampaignDocument) -> CampaignRow:
    """Store a checked campaign under an identifier made from its name, with the data of its priors as they are now."""
    document.check()
    document = predictors.frozen(session, document.settled())
    known = priors.frozen(session, id := store.free_id(session, slug(document.name) or "campaign"), document)
    row = CampaignRow(
        id=id,
        document=document.model_dump(mode="json"),
        state="active",
        reopened_after=0,
        version=1,
        created_at=store.now(),
    )
    session.add(row)
    store.record(session, who.name, "campaign created", row.id, name=document.name)
    session.flush()
    if taken := document.strategy.predictor:
        store.record(session, who.name, "predictor frozen", row.id, **taken.model_dump())
    for prior in known:
        session.add(prior)
        store.record(session, who.name, "prior frozen", row.id, source=prior.source, wells=prior.wells, sha256=prior.digest)
    return row


def slug(name: str) -> str:
    """A name as part of an address; empty where nothing of it can be."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]


def find_campaign(session: Session, id: str, *, lock: bool = False) -> CampaignRow:
    """A campaign.

    Raises:
        NotFound: There is none of this identifier.
    """
    row = store.campaign(session, id, lock=lock)
    if row is None:
        raise NotFound(f"there is no campaign {id!r}; GET /api/v1/campaigns lists them")
    return row


def patch_campaign(session: Session, who: Principal, row: CampaignRow, patch: CampaignPatch) -> None:
    """Edit a campaign; stopping and reopening take a reason."""
    changes = patch.model_dump(mode="json", exclude_unset=True, exclude={"state", "phase", "reason"})
    if None in changes.values():
        raise InvalidInput(
            "a field cannot be emptied", where=(next(k for k, v in changes.items() if v is None),), remedy="leave it out, or give a value"
        )
    if changes:
        document = CampaignDocument.model_validate(_merged(row.document, changes))
        document.check()
        row.document = document.model_dump(mode="json")
        store.record(session, who.name, "campaign edited", row.id, **changes)
    if patch.state is not None and patch.state != row.state:
        _change_state(session, who, row, patch)
    if patch.phase is not None:
        phases.set_phase(session, who, row, Phase(patch.phase), patch.reason)
    row.version += 1


def _merged(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A document with changes, of which the switch belongs to the strategy."""
    top = {name: value for name, value in changes.items() if name != "switch"}
    switch = {"switch": changes["switch"]} if "switch" in changes else {}
    return {**document, **top, "strategy": document["strategy"] | switch}


def _change_state(session: Session, who: Principal, row: CampaignRow, patch: CampaignPatch) -> None:
    if not patch.reason:
        raise InvalidInput("stopping or reopening a campaign takes a reason", where=("reason",), remedy="say why, for the record")
    row.state = patch.state
    if patch.state == "active":
        row.reopened_after = store.last_round(session, row.id)
    store.record(session, who.name, "campaign reopened" if patch.state == "active" else "campaign stopped", row.id, reason=patch.reason)
    phases.record_state(session, who, row, patch.reason)


def set_target(session: Session, who: Principal, row: CampaignRow, text: str) -> None:
    """Take the target curve from an uploaded CSV; only before the first batch."""
    document = document_of(row.document)
    if not isinstance(document.objective, MatchingObjective):
        raise Conflict(f"objective {document.objective.kind} has no target curve; spectrum_match and curve_match have one")
    if store.last_round(session, row.id):
        raise Conflict("the campaign has batches: set the new target with POST /campaigns/{c}/rescore, which scores its data anew")
    curve = parse_curve(text)
    target = CurveShape(axis=curve.axis.tolist(), values=curve.values.tolist())
    edited = document.model_copy(update={"objective": document.objective.model_copy(update={"target": target})})
    edited.check()
    row.document, row.version = edited.model_dump(mode="json"), row.version + 1
    store.record(session, who.name, "target uploaded", row.id, points=len(curve.axis), resampling=edited.objective.resampling)


# Batches


def request_batch(session: Session, who: Principal, row: CampaignRow, request: BatchRequest) -> JobRow | BatchRow:
    """The open batch, or a job that makes the next one."""
    _require_active(row)
    objective = document_of(row.document).objective
    if isinstance(objective, MatchingObjective) and objective.target is None:
        raise Conflict("objective.target is missing: upload it by PUT /campaigns/{c}/target")
    if store.open_wells(session, row.id) and not request.overlap:
        return next(batch for batch in store.batches(session, row.id) if _is_open(session, batch))
    return enqueue_step(session, who.name, row, overlap=request.overlap)


def _require_active(row: CampaignRow) -> None:
    if row.state != "active":
        raise Conflict("the campaign is stopped; reopen it with PATCH {state: active, reason: ...}")


def _is_open(session: Session, batch: BatchRow) -> bool:
    return any(DesignState(design.state).pending for design in store.designs(session, batch.campaign_id, batch.round))


def enqueue_step(session: Session, actor: str, row: CampaignRow, *, overlap: bool = False) -> JobRow:
    """Put the campaign's next step into the queue, or find it there."""
    job = jobs.enqueue(session, "propose", row.id, store.last_round(session, row.id) + 1, {"overlap": overlap})
    session.flush()
    store.record(session, actor, "step queued", row.id, job=job.id, round=job.round)
    return job


def step_when_complete(session: Session, actor: str, row: CampaignRow) -> None:
    """Queue the next step when no well is open any more; part of the transaction that closed the last one."""
    session.flush()
    if row.state == "active" and not store.open_wells(session, row.id):
        enqueue_step(session, actor, row)


def state_of(campaign: views.Campaign, *, overlap: bool) -> CampaignState:
    """The snapshot that ``next_step`` works on."""
    document = campaign.document
    phase, since = phases.standing(campaign.phases)
    pending = [store.from_blob(design.executed) for design in campaign.designs if DesignState(design.state).pending]
    return CampaignState(
        space=campaign.space,
        objective=campaign.objective,
        data=campaign.dataset,
        pending=np.array(pending).reshape(-1, campaign.space.dimension),
        last_round=len(campaign.batches),
        strategy=document.strategy.domain(),
        stop=document.stop.domain(),
        batch_size=document.batch_size,
        seed=document.seed,
        reopened_after=campaign.row.reopened_after,
        overlap=overlap,
        priors=priors.tasks(campaign),
        switch=document.strategy.switch and document.strategy.switch.domain(),
        phase=phase,
        phase_since=since,
        origins={design.id: design.origin for design in campaign.designs},
        predictor=predictors.registered(campaign),
    )


def commit_step(session: Session, job_id: str, attempt: int, outcome: Batch | StopReport | Waiting, basis: dict[str, Any]) -> bool:
    """Store what a job found, together with the job's end; False when another attempt has taken over.

    Args:
        session: An open transaction.
        job_id: The job.
        attempt: The attempt that found it.
        outcome: What was found.
        basis: What it was found from, to be kept with a batch: the campaign may have been edited meanwhile.
    """
    job = jobs.job(session, job_id)
    if job is None:
        return False
    row = find_campaign(session, job.campaign_id, lock=True)
    if row.state == "active" and basis["objective"] != len(store.past_objectives(session, row.id)) + 1:
        jobs.release(session, job_id, attempt)  # another objective was set meanwhile: the step is decided again
        return False
    result = "stopped by a person meanwhile" if row.state != "active" else _describe(outcome)
    if not jobs.finish(session, job_id, attempt, result):
        return False
    if row.state == "active":
        _apply(session, row, job.round, outcome, basis)
    store.record(session, "service", "step done", row.id, job=job_id, result=result)
    return True


def _describe(outcome: Batch | StopReport | Waiting) -> str:
    if isinstance(outcome, Batch):
        return f"batch of {len(outcome.proposals)} wells"
    return f"stop: {outcome.reason}" if isinstance(outcome, StopReport) else f"waiting: {outcome.reason}"


def _apply(session: Session, row: CampaignRow, round: int, outcome: Batch | StopReport | Waiting, basis: dict[str, Any]) -> None:
    report = outcome.report if isinstance(outcome, Batch) else outcome
    if isinstance(report, StopReport):
        stored = {**asdict(report), "legs": dict(report.legs), "objective": basis["objective"]}
        session.add(StopRow(campaign_id=row.id, round=report.round, checked_at=store.now(), report=stored))
        store.record(session, "service", "stop checked", row.id, round=report.round, stop=report.stop, reason=report.reason)
    if isinstance(outcome, StopReport):
        phases.record_stop(session, row, outcome)
        row.state, row.version = "stopped", row.version + 1
        store.record(session, "service", "campaign stopped", row.id, reason=outcome.reason)
    if isinstance(outcome, Batch):
        add_batch(session, row, round, outcome, basis)
        if outcome.phase:
            phases.record_check(session, row, outcome.phase)


def add_batch(session: Session, row: CampaignRow, round: int, batch: Batch, basis: dict[str, Any]) -> None:
    """Store a proposed batch; without review its wells are approved at once."""
    rule = "+".join(dict.fromkeys(proposal.rule for proposal in batch.proposals))
    phase = batch.phase.after if batch.phase else Phase.INITIAL
    info = {"warnings": list(batch.warnings), "model": dict(batch.model), **basis}
    session.add(BatchRow(campaign_id=row.id, round=round, rule=rule, phase=phase, info=info, created_at=store.now()))
    session.flush()
    state = DesignState.PROPOSED if row.document["review"] else DesignState.APPROVED
    for well, proposal in enumerate(batch.proposals, 1):
        session.add(new_design(row, round, well, proposal.x, proposal.rule, state, _proposal_info(proposal)))
    store.record(session, "service", "batch proposed", row.id, round=round, rule=rule, wells=len(batch.proposals))


def find_batch(session: Session, campaign_id: str, round: int) -> BatchRow:
    """A round.

    Raises:
        NotFound: The campaign has none of this number.
    """
    row = store.batch(session, campaign_id, round)
    if row is None:
        raise NotFound(f"campaign {campaign_id!r} has no round {round}; it has {store.last_round(session, campaign_id)}")
    return row


def patch_batch(session: Session, who: Principal, row: BatchRow, patch: BatchPatch) -> None:
    """Label a round."""
    row.label, row.version = patch.label or None, row.version + 1
    store.record(session, who.name, "batch labelled", row.campaign_id, round=row.round, label=row.label)


def _proposal_info(proposal: Proposal) -> dict[str, Any]:
    info = asdict(proposal)
    del info["x"]
    return {**info, "seed": list(proposal.seed)}


def new_design(
    row: CampaignRow, round: int, well: int, x: FloatArray, origin: str, state: DesignState, info: dict[str, Any], reason: str | None = None
) -> DesignRow:
    """A well as a row; executed as planned until the lab says otherwise."""
    blob = store.to_blob(x)
    return DesignRow(
        campaign_id=row.id,
        id=store.design_name(round, well),
        round=round,
        well=well,
        planned=blob,
        executed=blob,
        origin=origin,
        state=state,
        reason=reason,
        info=info,
        version=1,
    )


# Wells


def find_design(session: Session, campaign_id: str, id: str) -> DesignRow:
    """A well.

    Raises:
        NotFound: The campaign has none of this identifier.
    """
    row = store.design(session, campaign_id, id)
    if row is None:
        raise NotFound(f"campaign {campaign_id!r} has no design {id!r}; GET /api/v1/campaigns/{campaign_id}/batches shows what it has")
    return row


def find_replicate(session: Session, campaign_id: str, design_id: str, number: int) -> ReplicateRow:
    """A replicate.

    Raises:
        NotFound: The well has none of this number.
    """
    row = store.replicate(session, campaign_id, design_id, number)
    if row is None:
        raise NotFound(f"design {design_id!r} has no replicate {number}")
    return row


def add_design(session: Session, who: Principal, campaign: CampaignRow, body: DesignIn) -> DesignRow:
    """Add a person's well to the newest round while it is open."""
    _require_active(campaign)
    last = store.last_round(session, campaign.id)
    wells = store.designs(session, campaign.id, last)
    if not any(DesignState(well.state).pending for well in wells):
        raise Conflict("no round is open; ask for a batch first, then add wells to it")
    x = _feasible_row(session, campaign, body.recipe, "recipe", last)
    row = new_design(campaign, last, wells[-1].well + 1, x, "person", DesignState.APPROVED, {}, body.reason)
    session.add(row)
    store.record(session, who.name, "design added", campaign.id, design=row.id, reason=body.reason)
    return row


def _feasible_row(session: Session, campaign: CampaignRow, recipe: dict[str, Any], where: str, round: int, design: str = "") -> FloatArray:
    """A plan for a well of a round, a new one or the one named, as a row."""
    space = document_of(campaign.document).space.domain()
    with located(where):
        x = space.row(recipe)
        if not space.contains(x[None])[0]:
            outside = ", ".join(space.outside(x))
            fault = f"outside the range: {outside}" if outside else "off the step, or against a constraint"
            raise InvalidInput(f"a plan must be feasible; this one is {fault}", remedy="correct it, or widen the space")
        _require_fit(session, campaign, x, round, design)
    return x


def _require_fit(session: Session, campaign: CampaignRow, x: FloatArray, round: int, design: str) -> None:
    """Check that a plan goes with the plans of the other wells of its round, rejected ones left out."""
    space = document_of(campaign.document).space.domain()
    if not space.per_batch:
        return
    wells = [well for well in store.designs(session, campaign.id, round) if well.id != design and well.state != DesignState.REJECTED]
    others = np.array([store.from_blob(well.planned) for well in wells]).reshape(-1, space.dimension)
    if fault := misfit(space, others, x):
        raise InvalidInput(fault, remedy="correct it, or reject other wells of the round; what was made is reported as executed")


_MOVES = {
    DesignState.PROPOSED: {DesignState.APPROVED, DesignState.REJECTED, DesignState.ABANDONED},
    DesignState.APPROVED: {DesignState.RUNNING, DesignState.MEASURED, DesignState.REJECTED, DesignState.FAILED, DesignState.ABANDONED},
    DesignState.RUNNING: {DesignState.APPROVED, DesignState.MEASURED, DesignState.FAILED, DesignState.ABANDONED},
    DesignState.MEASURED: {DesignState.FAILED, DesignState.RUNNING},
    DesignState.REJECTED: {DesignState.APPROVED},
    DesignState.FAILED: {DesignState.APPROVED, DesignState.RUNNING, DesignState.MEASURED},
    DesignState.ABANDONED: {DesignState.APPROVED, DesignState.RUNNING, DesignState.MEASURED},
}
_ENDED_WITHOUT_DATA = {DesignState.REJECTED, DesignState.FAILED, DesignState.ABANDONED}


def patch_design(session: Session, who: Principal, campaign: CampaignRow, row: DesignRow, patch: DesignPatch) -> None:
    """Edit a well: its plan, what was executed, its state."""
    was_pending = DesignState(row.state).pending
    if patch.planned is not None:
        who.need(Role.chemist)
        if row.state not in (DesignState.PROPOSED, DesignState.APPROVED):
            raise Conflict(f"the well is {row.state}: its plan can no longer change; report what was made as executed")
        row.planned = row.executed = store.to_blob(_feasible_row(session, campaign, patch.planned, "planned", row.round, row.id))
        row.origin, row.info = "person", {}
    if patch.executed is not None:
        with located("executed"):
            row.executed = store.to_blob(document_of(campaign.document).space.domain().row(patch.executed))
    if patch.state is not None and patch.state != row.state:
        if row.state == DesignState.REJECTED:
            with located("state"):
                _require_fit(session, campaign, store.from_blob(row.planned), row.round, row.id)
        _move(session, who, row, DesignState(patch.state), patch.reason)
    row.version += 1
    store.record(session, who.name, "design edited", campaign.id, design=row.id, **patch.model_dump(mode="json", exclude_unset=True))
    if was_pending and not DesignState(row.state).pending:
        step_when_complete(session, who.name, campaign)


def _move(session: Session, who: Principal, row: DesignRow, state: DesignState, reason: str | None) -> None:
    if state not in _MOVES[DesignState(row.state)]:
        allowed = ", ".join(sorted(_MOVES[DesignState(row.state)]))
        raise Conflict(f"a well that is {row.state} cannot become {state}; it can become: {allowed}")
    if DesignState.REJECTED in (state, row.state) or row.state == DesignState.PROPOSED:
        who.need(Role.chemist)
    if state in _ENDED_WITHOUT_DATA and not reason:
        raise InvalidInput(f"{state} takes a reason", where=("reason",), remedy="say why, for the record")
    if state == DesignState.MEASURED and not store.replicate_count(session, row.campaign_id, row.id):
        raise Conflict("the well has no replicate; post one before it counts as measured, or mark it failed")
    row.state, row.reason = state, reason or row.reason
