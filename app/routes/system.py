"""Jobs, the event stream, and the state of the service itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Annotated

import anyio
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from app import service, views
from app.deps import CampaignId, Reading, database
from app.problems import MEDIA_TYPE, NotFound, documented, problem
from app.schemas.flow import EventOut, Health, JobOut, Ready
from app.security import Viewer
from db import jobs, store
from db.engine import Database, Session
from db.migrations import state_of

router = APIRouter(tags=["system"])
_STREAM_POLL_S = 0.5
_PAGE = 500


JobId = Annotated[str, Path(max_length=32, description="Identifier from the answer to what asked for the job")]


@router.get("/jobs/{job}", tags=["batches"], responses=documented(404), summary="Read a job")
def read_job(_who: Viewer, session: Reading, job: JobId) -> JobOut:
    """How far a job is; its error stays on record when it failed."""
    return _job(session, job)


@router.get(
    "/jobs/{job}/events",
    tags=["batches"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}, **documented(404)},
    summary="Follow a job",
)
async def job_events(_who: Viewer, request: Request, job: JobId) -> StreamingResponse:
    """The job as server-sent events, now and whenever it has got further, until it has ended."""
    base = database(request)
    now = await anyio.to_thread.run_sync(_job_now, base, job)
    return StreamingResponse(_follow(request, base, now), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _job(session: Session, job: str) -> JobOut:
    row = jobs.job(session, job)
    if row is None:
        raise NotFound(f"there is no job {job!r}")
    return views.job_out(row)


def _job_now(base: Database, job: str) -> JobOut:
    with base.read() as session:
        return _job(session, job)


async def _follow(request: Request, base: Database, now: JobOut) -> AsyncIterator[str]:
    told: JobOut | None = None
    while True:
        if now != told:
            yield f"event: job\ndata: {now.model_dump_json()}\n\n"
        else:
            yield ": alive\n\n"
        if now.state in (jobs.DONE, jobs.FAILED) or request.app.state.closing.is_set() or await request.is_disconnected():
            return
        told = now
        await anyio.sleep(_STREAM_POLL_S)
        now = await anyio.to_thread.run_sync(_job_now, base, now.id)


@router.get("/campaigns/{campaign}/jobs", tags=["batches"], responses=documented(404), summary="List jobs")
def list_jobs(_who: Viewer, session: Reading, campaign: CampaignId) -> list[JobOut]:
    """The jobs of a campaign, oldest round first."""
    service.find_campaign(session, campaign)
    return [views.job_out(row) for row in jobs.of_campaign(session, campaign)]


@router.get(
    "/campaigns/{campaign}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}, **documented(404)},
    summary="Follow a campaign's log",
)
async def events(
    _who: Viewer,
    request: Request,
    campaign: CampaignId,
    follow: Annotated[bool, Query(description="Keep the stream open for what comes next")] = False,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="Only events after this one")] = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**31 - 1)] = None,
) -> StreamingResponse:
    """The audit log as server-sent events: what has happened, and with `follow` what happens next."""
    base = database(request)
    await anyio.to_thread.run_sync(_require_campaign, base, campaign)
    return StreamingResponse(
        _stream(request, base, campaign, last_event_id or after, follow),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


def _require_campaign(base: Database, campaign: str) -> None:
    with base.read() as session:
        service.find_campaign(session, campaign)


async def _stream(request: Request, base: Database, campaign: str, after: int, follow: bool) -> AsyncIterator[str]:
    while True:
        page = await anyio.to_thread.run_sync(_page, base, campaign, after)
        for event in page:
            after = event.id
            yield f"id: {event.id}\nevent: {event.action}\ndata: {event.model_dump_json()}\n\n"
        if len(page) == _PAGE:
            continue
        if not follow or request.app.state.closing.is_set() or await request.is_disconnected():
            return
        await anyio.sleep(_STREAM_POLL_S)
        yield ": alive\n\n"


def _page(base: Database, campaign: str, after: int) -> list[EventOut]:
    with base.read() as session:
        rows = store.events(session, campaign, after, _PAGE)
        return [EventOut(id=row.id, at=row.at, actor=row.actor, action=row.action, detail=row.detail) for row in rows]


@router.get("/health", summary="Is the process alive?")
def health() -> Health:
    """Answers as long as the process does; needs no key."""
    return Health(version=version("closedloop"))


@router.get(
    "/ready",
    responses={
        503: {"description": "Not ready, with the reason", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    },
    summary="Is the service ready?",
    response_model=Ready,
)
def ready(request: Request) -> Response | Ready:
    """Whether the database answers with the right schema, and the worker works; needs no key."""
    worker = request.app.state.worker
    if worker is not None and not worker.alive:
        return problem(503, "Not ready", "the worker of this process has stopped; restart the service")
    found, wanted = state_of(database(request))
    if found != wanted:
        return problem(503, "Not ready", f"the schema has version {found}, this code needs {wanted}; run: closedloop migrate")
    return Ready(schema_version=found)
