"""The job queue: a lease table. Jobs run at least once; the attempt number fences their effect to exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from db.store import now
from db.tables import JobRow

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"


def enqueue(session: Session, kind: str, campaign_id: str, round: int, request: dict[str, Any]) -> JobRow:
    """The job of a kind on a campaign's round: the one that exists, set back to the queue if it had ended, or a new one."""
    return _queued(session, request, kind=kind, campaign_id=campaign_id, round=round)


def enqueue_for_surrogate(session: Session, kind: str, surrogate_id: str, request: dict[str, Any]) -> JobRow:
    """The same on a surrogate."""
    return _queued(session, request, kind=kind, surrogate_id=surrogate_id)


def _queued(session: Session, request: dict[str, Any], **owner: Any) -> JobRow:
    job = session.scalar(select(JobRow).filter_by(**owner).with_for_update())
    if job is None:
        job = JobRow(id=uuid4().hex, request=request, state=QUEUED, attempt=0, created_at=now(), **owner)
        session.add(job)
    elif job.state in (FAILED, DONE):
        job.state, job.request, job.error, job.result = QUEUED, request, None, None
        job.started_at = job.finished_at = None
    return job


def job(session: Session, id: str) -> JobRow | None:
    """One job."""
    return session.get(JobRow, id)


def of_campaign(session: Session, campaign_id: str) -> Sequence[JobRow]:
    """The jobs of a campaign, oldest round first."""
    return session.scalars(select(JobRow).where(JobRow.campaign_id == campaign_id).order_by(JobRow.round, JobRow.created_at)).all()


def of_kind(session: Session, surrogate_id: str, kind: str) -> JobRow | None:
    """The job of a kind on a surrogate."""
    return session.scalar(select(JobRow).filter_by(surrogate_id=surrogate_id, kind=kind))


def _ready() -> ColumnElement[bool]:
    return or_(JobRow.state == QUEUED, and_(JobRow.state == RUNNING, JobRow.lease_until < now()))


def any_ready(session: Session) -> bool:
    """Whether ``claim`` would find a job."""
    return session.scalar(select(JobRow.id).where(_ready()).limit(1)) is not None


def claim(session: Session, worker: str, lease_s: float, limit: int = 1) -> Sequence[JobRow]:
    """Lease up to ``limit`` jobs that wait, or whose worker let its lease run out; each gets a new attempt number."""
    waiting = session.scalars(
        select(JobRow).where(_ready()).order_by(JobRow.created_at).limit(limit).with_for_update(skip_locked=True)
    ).all()
    for row in waiting:
        row.state, row.worker, row.attempt = RUNNING, worker, row.attempt + 1
        row.started_at, row.lease_until = now(), now() + timedelta(seconds=lease_s)
        row.progress = row.doing = None
    return waiting


def renew(session: Session, id: str, attempt: int, lease_s: float) -> bool:
    """Prolong a lease; False when another attempt has taken over."""
    row = _held(session, id, attempt)
    if row is not None:
        row.lease_until = now() + timedelta(seconds=lease_s)
    return row is not None


def advance(session: Session, id: str, attempt: int, progress: float, doing: str) -> bool:
    """Say how far a job is; False when another attempt has taken over."""
    row = _held(session, id, attempt)
    if row is not None:
        row.progress, row.doing = progress, doing[:200]
    return row is not None


def finish(session: Session, id: str, attempt: int, result: str) -> bool:
    """End a job well; False, and nothing may be committed with it, when another attempt has taken over."""
    return _end(session, id, attempt, DONE, result=result)


def fail(session: Session, id: str, attempt: int, error: str) -> bool:
    """End a job with its error; it can be queued again. False when another attempt has taken over."""
    return _end(session, id, attempt, FAILED, error=error)


def release(session: Session, id: str, attempt: int) -> bool:
    """Give a job back unfinished, as a worker does that shuts down."""
    row = _held(session, id, attempt)
    if row is not None:
        row.state, row.worker, row.lease_until = QUEUED, None, None
    return row is not None


def _held(session: Session, id: str, attempt: int) -> JobRow | None:
    return session.scalar(select(JobRow).where(JobRow.id == id, JobRow.attempt == attempt, JobRow.state == RUNNING).with_for_update())


def _end(session: Session, id: str, attempt: int, state: str, *, result: str | None = None, error: str | None = None) -> bool:
    row = _held(session, id, attempt)
    if row is None:
        return False
    row.state, row.result, row.error = state, result, error
    row.finished_at, row.lease_until = now(), None
    return True
