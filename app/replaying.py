"""What a proposal was made from, kept with its batch, and its repetition: the same history gives the same batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from app import service
from app.problems import Conflict
from app.schemas.campaign import SpaceShape
from app.schemas.stopping import SwitchShape
from app.security import Principal
from app.views import Campaign
from db import jobs, store
from db.engine import Session
from db.tables import BatchRow, CampaignRow, DesignRow, JobRow
from optimizer import replicates
from optimizer.state import CampaignState
from optimizer.switch import Phase, Switch
from optimizer.types import Batch, Design, DesignState, FloatArray, Measurement, Quality, StopSettings

_TOLERANCE = 1e-9
"""Share of a value by which two machines may differ."""


def basis_of(campaign: Campaign) -> dict[str, Any]:
    """What a proposal is made from, as far as it can change: box, objective, size, pending wells with their data so far, data."""
    designs, measurements = _history(campaign)
    pending = {design.id: {"executed": design.executed.tolist(), "replicates": []} for design in designs if design.state.pending}
    for measurement in measurements:
        if measurement.design in pending:
            pending[measurement.design]["replicates"].append(measurement.replicate)
    return {
        "space": campaign.row.document["space"],
        "objective": campaign.objective_number,
        "batch_size": campaign.document.batch_size,
        "switch": campaign.row.document["strategy"]["switch"],
        "predictor": campaign.row.document["strategy"].get("predictor"),
        "pending": pending,
        "history": _digest(designs, measurements),
    }


def request_replay(session: Session, who: Principal, row: CampaignRow, round: int) -> JobRow:
    """Queue the repetition of a round's proposal; once it is done, a further request repeats it again.

    Raises:
        NotFound: There is no such round.
        Conflict: The service did not propose it, or a person has planned all of its wells anew.
    """
    batch = service.find_batch(session, row.id, round)
    if "history" not in batch.info:
        raise Conflict(f"round {round} was imported, not proposed: replay a round whose rule is not {batch.rule!r}")
    if not any(_proposed(design) for design in store.designs(session, row.id, round)):
        raise Conflict(f"a person has planned every well of round {round}: no proposal is left to compare with; replay another round")
    job = jobs.enqueue(session, "replay", row.id, round, {})
    session.flush()
    store.record(session, who.name, "replay queued", row.id, job=job.id, round=round)
    return job


def state_before(campaign: Campaign, batch: BatchRow) -> tuple[CampaignState, bool]:
    """The state that a round was proposed from, and whether the data in it are those of then.

    Checks of stop and phase are left out: the round was proposed, in the phase that it says.
    """
    campaign = campaign.under(batch.info["objective"])
    designs, measurements = _history_before(campaign, batch)
    space = SpaceShape.model_validate(batch.info["space"]).domain()
    pending = [entry["executed"] for entry in batch.info["pending"].values()]
    state = replace(
        service.state_of(campaign, overlap=True),
        space=space,
        data=replicates.reduce(designs, measurements, campaign.objective, campaign.document.aggregate),
        pending=np.array(pending, float).reshape(-1, space.dimension),
        last_round=batch.round - 1,
        stop=StopSettings(),
        batch_size=batch.info["batch_size"],
        switch=_unconditional(batch.info["switch"]),
        phase=Phase(batch.phase),
    )
    return state, _digest(designs, measurements) == batch.info["history"]


def _unconditional(stored: dict[str, Any] | None) -> Switch | None:
    """The two rules of a round, without what leads from one to the other."""
    return None if stored is None else replace(SwitchShape.model_validate(stored).domain(), to_both=None, to_network=None, back=None)


def _history_before(campaign: Campaign, batch: BatchRow) -> tuple[list[Design], list[Measurement]]:
    """Wells and replicates of the rounds before; those of wells that were pending as they were then."""
    designs, measurements = _history(campaign)
    then = {id: (np.array(entry["executed"]), set(entry["replicates"])) for id, entry in batch.info["pending"].items()}
    before = [
        replace(design, executed=then[design.id][0], state=DesignState.RUNNING) if design.id in then else design
        for design in designs
        if design.round < batch.round
    ]
    known = {design.id for design in before}
    return before, [m for m in measurements if m.design in known and (m.design not in then or m.replicate in then[m.design][1])]


def _history(campaign: Campaign) -> tuple[list[Design], list[Measurement]]:
    designs = [store.domain_design(row) for row in campaign.designs]
    return designs, [m for row in campaign.replicates if (m := store.domain_measurement(row)).quality is Quality.OK]


def _digest(designs: Sequence[Design], measurements: Sequence[Measurement]) -> str:
    """A fingerprint of the raw data that a model learns from."""
    used = {design.id: design for design in designs if design.state.pending or design.state is DesignState.MEASURED}
    digest = hashlib.sha256()
    for m in sorted((m for m in measurements if m.design in used), key=lambda m: (m.design, m.replicate)):
        digest.update(f"{m.design} {m.replicate} ".encode() + store.to_blob(used[m.design].executed) + store.to_blob(m.outcome))
    return digest.hexdigest()


def commit_replay(session: Session, job_id: str, attempt: int, outcome: Batch, unchanged: bool) -> bool:
    """Store whether a replayed batch equals the stored one; False when another attempt has taken over."""
    job = jobs.job(session, job_id)
    if job is None:
        return False
    result = _verdict(store.designs(session, job.campaign_id, job.round), [proposal.x for proposal in outcome.proposals], unchanged)
    if not jobs.finish(session, job_id, attempt, result):
        return False
    store.record(session, "service", "replay done", job.campaign_id, job=job_id, round=job.round, result=result)
    return True


def _verdict(stored: Sequence[DesignRow], rows: Sequence[FloatArray], unchanged: bool) -> str:
    compared = [design for design in stored if _proposed(design)]
    different = [design.id for design in compared if not _equal(design, rows)]
    by_hand = [design.id for design in stored if not _proposed(design)]
    parts = [f"another batch: {', '.join(different)} differ" if different else f"same batch: {len(compared)} wells"]
    parts.append("the data before it are as they were" if unchanged else "the data before it have changed since")
    if by_hand:
        parts.append(f"not compared, since planned by a person: {', '.join(by_hand)}")
    return "; ".join(parts)


def _proposed(design: DesignRow) -> bool:
    """Whether the plan is a rule's."""
    return design.origin != "person"


def _equal(design: DesignRow, rows: Sequence[FloatArray]) -> bool:
    return design.well <= len(rows) and np.allclose(store.from_blob(design.planned), rows[design.well - 1], rtol=_TOLERANCE, atol=0)
