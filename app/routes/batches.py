"""Batches: ask for the next one, read them, replay them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel

from app import examples, replaying, service, views
from app.deps import CampaignId, IfMatch, Reading, Repeatable, Round, Writing, etag, match
from app.problems import documented
from app.schemas.flow import JobOut
from app.schemas.wells import BatchLine, BatchOut, BatchPatch, BatchRequest
from app.security import Chemist, Lab, Viewer
from db.tables import JobRow

router = APIRouter(prefix="/campaigns/{campaign}/batches", tags=["batches"])
_LABELS = examples.shown(as_published={"label": "run 7, BO and DNN"}, none={"label": None})
_REQUESTS = examples.shown(next={}, ahead_of_open_wells={"overlap": True})


@router.post(
    "",
    status_code=202,
    response_model=JobOut,
    responses={200: {"model": BatchOut, "description": "A round is open: this one"}, **documented(404, 409)},
    summary="Ask for the next batch",
)
def propose(
    who: Chemist, once: Repeatable, campaign: CampaignId, request: Annotated[BatchRequest, Body(openapi_examples=_REQUESTS)]
) -> Response:
    """Queue a job that checks the stop conditions and proposes wells; answers with the open round while there is one.

    A failed job is queued again. Once a round is complete, its next step is queued by itself.
    """

    def act() -> tuple[int, BaseModel]:
        row = service.find_campaign(once.session, campaign, lock=True)
        found = service.request_batch(once.session, who, row, request)
        if isinstance(found, JobRow):
            return 202, views.job_out(found)
        return 200, views.batch_out(views.load(once.session, row), found)

    return once(request, act, lambda answer: {"Location": f"/api/v1/jobs/{answer.id}"} if isinstance(answer, JobOut) else {})


@router.get("", responses=documented(404), summary="List batches")
def index(_who: Viewer, session: Reading, campaign: CampaignId) -> list[BatchLine]:
    """All rounds, oldest first."""
    loaded = views.load(session, service.find_campaign(session, campaign))
    return [views.batch_line(loaded, row) for row in loaded.batches]


@router.get("/{round}", responses=documented(404), summary="Read a batch")
def read(_who: Viewer, session: Reading, campaign: CampaignId, round: Round, response: Response) -> BatchOut:
    """A round with its wells, their predictions, and what was measured. The ETag is needed to label it."""
    return _answer(session, campaign, round, response)


@router.patch("/{round}", responses=documented(404, 412, 428), summary="Label a batch")
def edit(
    who: Lab,
    session: Writing,
    campaign: CampaignId,
    round: Round,
    response: Response,
    patch: Annotated[BatchPatch, Body(openapi_examples=_LABELS)],
    if_match: IfMatch = None,
) -> BatchOut:
    """Give a round the name that people call it by. Nothing depends on it."""
    service.find_campaign(session, campaign, lock=True)
    row = service.find_batch(session, campaign, round)
    match(if_match, row.version)
    service.patch_batch(session, who, row, patch)
    session.flush()
    return _answer(session, campaign, round, response)


def _answer(session: Reading, campaign: str, round: int, response: Response) -> BatchOut:
    loaded = views.load(session, service.find_campaign(session, campaign))
    answer = views.batch_out(loaded, service.find_batch(session, campaign, round))
    response.headers["ETag"] = etag(answer.version)
    return answer


@router.post("/{round}/replay", status_code=202, response_model=JobOut, responses=documented(404, 409), summary="Replay a proposal")
def replay(who: Chemist, once: Repeatable, campaign: CampaignId, round: Round) -> Response:
    """Queue a job that proposes a round once more from the history before it; its result says whether the batch is the same.

    Nothing is changed. Wells that a person planned are not compared; imported rounds cannot be replayed.
    """

    def act() -> tuple[int, BaseModel]:
        row = service.find_campaign(once.session, campaign, lock=True)
        return 202, views.job_out(replaying.request_replay(once.session, who, row, round))

    return once(b"", act, lambda answer: {"Location": f"/api/v1/jobs/{answer.id}"})
