"""Every query: rows in and out, domain types where the science needs them.

Functions take an open session; who opens it decides when it commits. Writers first take the
campaign with ``lock=True``, which makes transactions on one campaign follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.tables import BatchRow, CampaignRow, DesignRow, EventRow, KnowledgeRow, PastObjectiveRow, PhaseRow, PriorRow, ReplicateRow, StopRow
from optimizer.types import Design, DesignState, FloatArray, Measurement, Quality


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def to_blob(values: FloatArray) -> bytes:
    """Float64 values as little-endian bytes, bit for bit."""
    return np.ascontiguousarray(values, "<f8").tobytes()


def from_blob(blob: bytes) -> FloatArray:
    """The values of a blob; a fresh array of float64."""
    return np.frombuffer(blob, "<f8").astype(np.float64)


# Campaigns


def campaign(session: Session, id: str, *, lock: bool = False) -> CampaignRow | None:
    """One campaign; ``lock`` keeps other writers of the campaign out until the transaction ends."""
    query = select(CampaignRow).where(CampaignRow.id == id)
    return session.scalar(query.with_for_update() if lock else query)


def campaigns(session: Session, limit: int, after: str | None) -> Sequence[CampaignRow]:
    """A page of campaigns in order of their identifiers, from the one that follows ``after``."""
    query = select(CampaignRow).order_by(CampaignRow.id).limit(limit)
    return session.scalars(query.where(CampaignRow.id > after) if after else query).all()


def free_id(session: Session, wanted: str, ids: InstrumentedAttribute[str] = CampaignRow.id) -> str:
    """``wanted``, or the first of ``wanted-2``, ``wanted-3``, ... that is not among the identifiers of a table."""
    taken = set(session.scalars(select(ids).where(ids.startswith(wanted, autoescape=True))))
    return next(name for number in range(1, len(taken) + 2) if (name := wanted if number == 1 else f"{wanted}-{number}") not in taken)


def priors(session: Session, campaign_id: str) -> Sequence[PriorRow]:
    """The priors of a campaign in the order of its document; their arrays are read when they are asked for."""
    return session.scalars(select(PriorRow).where(PriorRow.campaign_id == campaign_id).order_by(PriorRow.position)).all()


def past_objectives(session: Session, campaign_id: str) -> Sequence[PastObjectiveRow]:
    """The objectives that later ones have replaced, oldest first; the present one has the next number."""
    query = select(PastObjectiveRow).where(PastObjectiveRow.campaign_id == campaign_id)
    return session.scalars(query.order_by(PastObjectiveRow.number)).all()


def knowledge(session: Session, campaign_id: str) -> KnowledgeRow | None:
    """What was learnt from a campaign last."""
    return session.get(KnowledgeRow, campaign_id)


# Batches and wells


def last_round(session: Session, campaign_id: str) -> int:
    """Number of the newest round, 0 before the first."""
    return session.scalar(select(func.max(BatchRow.round)).where(BatchRow.campaign_id == campaign_id)) or 0


def batch(session: Session, campaign_id: str, round: int) -> BatchRow | None:
    """One round."""
    return session.get(BatchRow, (campaign_id, round))


def batches(session: Session, campaign_id: str) -> Sequence[BatchRow]:
    """All rounds, oldest first."""
    return session.scalars(select(BatchRow).where(BatchRow.campaign_id == campaign_id).order_by(BatchRow.round)).all()


def design(session: Session, campaign_id: str, id: str) -> DesignRow | None:
    """One well."""
    return session.get(DesignRow, (campaign_id, id))


def designs(session: Session, campaign_id: str, round: int | None = None) -> Sequence[DesignRow]:
    """The wells of a campaign, or of one round, in order of round and well."""
    query = select(DesignRow).where(DesignRow.campaign_id == campaign_id).order_by(DesignRow.round, DesignRow.well)
    return session.scalars(query if round is None else query.where(DesignRow.round == round)).all()


def open_wells(session: Session, campaign_id: str) -> int:
    """How many wells may still be measured."""
    pending = [state.value for state in DesignState if state.pending]
    query = select(func.count()).select_from(DesignRow).where(DesignRow.campaign_id == campaign_id, DesignRow.state.in_(pending))
    return session.scalar(query) or 0


def design_name(round: int, well: int) -> str:
    """The identifier of a well within its campaign."""
    return f"r{round:02d}-w{well:02d}"


def domain_design(row: DesignRow) -> Design:
    """A well as the science sees it."""
    return Design(row.id, row.round, row.well, from_blob(row.planned), from_blob(row.executed), row.origin, DesignState(row.state))


# Replicates


def replicate(session: Session, campaign_id: str, design_id: str, number: int) -> ReplicateRow | None:
    """One replicate."""
    return session.get(ReplicateRow, (campaign_id, design_id, number))


def replicates(session: Session, campaign_id: str, design_id: str | None = None) -> Sequence[ReplicateRow]:
    """The replicates of a campaign, or of one well, in natural order."""
    query = select(ReplicateRow).where(ReplicateRow.campaign_id == campaign_id).order_by(ReplicateRow.design_id, ReplicateRow.replicate)
    return session.scalars(query if design_id is None else query.where(ReplicateRow.design_id == design_id)).all()


def replicate_count(session: Session, campaign_id: str, design_id: str | None = None) -> int:
    """How many replicates are kept, of a campaign or of one well."""
    query = select(func.count()).select_from(ReplicateRow).where(ReplicateRow.campaign_id == campaign_id)
    return session.scalar(query if design_id is None else query.where(ReplicateRow.design_id == design_id)) or 0


def domain_measurement(row: ReplicateRow) -> Measurement:
    """A replicate as the science sees it."""
    return Measurement(row.design_id, row.replicate, from_blob(row.outcome), row.measured_at, Quality(row.quality))


def new_replicate(campaign_id: str, measurement: Measurement) -> ReplicateRow:
    """A replicate as a row."""
    return ReplicateRow(
        campaign_id=campaign_id,
        design_id=measurement.design,
        replicate=measurement.replicate,
        outcome=to_blob(measurement.outcome),
        measured_at=measurement.measured_at,
        quality=measurement.quality,
        reason=None,
        version=1,
    )


# Checks of stop and phase


def stop_checks(session: Session, campaign_id: str) -> Sequence[StopRow]:
    """All stop checks, oldest first."""
    return session.scalars(select(StopRow).where(StopRow.campaign_id == campaign_id).order_by(StopRow.round, StopRow.checked_at)).all()


def phase_checks(session: Session, campaign_id: str) -> Sequence[PhaseRow]:
    """All checks and settings of the phase, oldest first."""
    return session.scalars(select(PhaseRow).where(PhaseRow.campaign_id == campaign_id).order_by(PhaseRow.id)).all()


# Events


def record(session: Session, actor: str, action: str, campaign_id: str | None = None, **detail: Any) -> None:
    """Append to the audit log."""
    session.add(EventRow(at=now(), actor=actor, action=action, campaign_id=campaign_id, detail=detail))


def events(session: Session, campaign_id: str, after: int, limit: int) -> Sequence[EventRow]:
    """Events of a campaign that follow event ``after``, oldest first."""
    query = select(EventRow).where(EventRow.campaign_id == campaign_id, EventRow.id > after)
    return session.scalars(query.order_by(EventRow.id).limit(limit)).all()
