"""Objectives over time: score the history anew, read what decisions were made under."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel

from app import examples, rescoring, service, views
from app.deps import CampaignId, IfMatch, Reading, Repeatable, etag, match
from app.problems import documented
from app.schemas.rescore import ObjectiveOut, RescoreIn, RescoreOut
from app.security import Chemist, Viewer

router = APIRouter(prefix="/campaigns/{campaign}", tags=["objectives"])


@router.post(
    "/rescore", response_model=RescoreOut, responses=documented(404, 409, 412, 428), summary="Set a new objective, and score history by it"
)
def rescore(
    who: Chemist,
    once: Repeatable,
    campaign: CampaignId,
    body: Annotated[RescoreIn, Body(openapi_examples=examples.shown(new_target=examples.RESCORING))],
    dry_run: Annotated[bool, Query(description="Only say what would change; needs no If-Match")] = False,
    if_match: IfMatch = None,
) -> Response:
    """Give a campaign a new target, or another kind of objective for the same outcomes, with a reason.

    Every replicate is scored anew, so losses, the best well and the stop checks to come follow the new objective. A job ranks
    the wells that are not yet run; no well is added, and those that run are left as they are. Batches, predictions, stop checks
    and the old losses stay readable, and replays of earlier rounds use the objective of their time.
    """

    def act() -> tuple[int, BaseModel]:
        row = service.find_campaign(once.session, campaign, lock=True)
        if dry_run:
            return 200, rescoring.preview(views.load(once.session, row), body)
        match(if_match, row.version)
        return 200, rescoring.rescore(once.session, who, row, body)

    return once(body, act, lambda answer: {"ETag": etag(answer.version)})


@router.get("/objectives", responses=documented(404), summary="List objectives")
def index(_who: Viewer, session: Reading, campaign: CampaignId) -> list[ObjectiveOut]:
    """Every objective that the campaign has had, oldest first, with its rounds and the losses that these were decided on."""
    return views.objectives_out(views.load(session, service.find_campaign(session, campaign)))
