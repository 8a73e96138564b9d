"""Guards: what a person should look at, and what to do about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel

from app import examples, guards, service, views
from app.deps import CampaignId, Reading, Repeatable, etag
from app.problems import documented
from app.schemas.campaign import CampaignOut
from app.schemas.checks import ChecksOut, ExtensionIn
from app.security import Chemist, Viewer

router = APIRouter(prefix="/campaigns/{campaign}", tags=["guards"])


@router.get("/checks", responses=documented(404), summary="Read the guards")
def checks(
    _who: Viewer,
    session: Reading,
    campaign: CampaignId,
    round: Annotated[int | None, Query(ge=1, le=1_000_000, description="Only this round; all when left out")] = None,
) -> ChecksOut:
    """Whether wells pile up at a bound, crowd at one place or repeat others: every figure, flagged or not.

    Each round is held against the box under which it was planned. Proposed extensions start from the present one.
    """
    return guards.checks(session, service.find_campaign(session, campaign), round)


@router.post("/bounds", response_model=CampaignOut, responses=documented(404, 409), summary="Approve an extension of bounds")
def extend(
    who: Chemist,
    once: Repeatable,
    campaign: CampaignId,
    body: Annotated[ExtensionIn, Body(openapi_examples=examples.shown(extension=examples.EXTENSION))],
) -> Response:
    """Widen the range of a continuous parameter, with a reason. Rounds proposed from now on use it; past plans stay as they are."""

    def act() -> tuple[int, BaseModel]:
        row = service.find_campaign(once.session, campaign, lock=True)
        guards.extend_bounds(once.session, who, row, body)
        once.session.flush()
        return 200, views.campaign_out(views.load(once.session, row))

    return once(body, act, lambda answer: {"ETag": etag(answer.version)})
