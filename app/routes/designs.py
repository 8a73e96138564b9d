"""Wells and their replicates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel

from app import examples, intake, service, views
from app.deps import CampaignId, DesignId, IfMatch, Reading, Repeatable, ReplicateNumber, Writing, etag, match
from app.problems import documented
from app.schemas.wells import DesignDetail, DesignIn, DesignPatch, Outcome, ReplicateOut, ReplicatePatch
from app.security import Chemist, Lab, Viewer

router = APIRouter(prefix="/campaigns/{campaign}/designs", tags=["wells"])
_PATCHES = examples.shown(
    run={"state": "running"},
    executed_differently={"executed": {**examples.DESIGN["recipe"], "total": 848.7}},
    failed={"state": "failed", "reason": "channel clogged"},
)
_OUTCOMES = examples.shown(curve=examples.CURVE, number={"value": 0.42})


@router.post("", status_code=201, response_model=DesignDetail, responses=documented(404, 409), summary="Add a well")
def add(
    who: Chemist,
    once: Repeatable,
    campaign: CampaignId,
    body: Annotated[DesignIn, Body(openapi_examples=examples.shown(well=examples.DESIGN))],
) -> Response:
    """Add a well of your own to the open round."""

    def act() -> tuple[int, BaseModel]:
        row = service.find_campaign(once.session, campaign, lock=True)
        design = service.add_design(once.session, who, row, body)
        once.session.flush()
        return 201, views.design_detail(views.load(once.session, row), design)

    return once(body, act, lambda answer: {"Location": f"/api/v1/campaigns/{campaign}/designs/{answer.id}", "ETag": etag(answer.version)})


@router.get("/{design}", responses=documented(404), summary="Read a well")
def read(_who: Viewer, session: Reading, campaign: CampaignId, design: DesignId, response: Response) -> DesignDetail:
    """A well with its prediction, replicates and figures. The ETag is needed to edit it."""
    return _answer(session, campaign, design, response)


@router.patch("/{design}", responses=documented(404, 409, 412, 428), summary="Edit a well")
def edit(
    who: Lab,
    session: Writing,
    campaign: CampaignId,
    design: DesignId,
    response: Response,
    patch: Annotated[DesignPatch, Body(openapi_examples=_PATCHES)],
    if_match: IfMatch = None,
) -> DesignDetail:
    """Approve, reject or run a well, or report what was executed. Approving, rejecting and planning take a chemist's key."""
    campaign_row = service.find_campaign(session, campaign, lock=True)
    row = service.find_design(session, campaign, design)
    match(if_match, row.version)
    service.patch_design(session, who, campaign_row, row, patch)
    session.flush()
    return _answer(session, campaign, design, response)


@router.put(
    "/{design}/replicates/{number}",
    status_code=201,
    responses={200: {"model": ReplicateOut, "description": "Stored before with the same content"}, **documented(404, 409, 413)},
    summary="Store a replicate",
)
def put_replicate(
    who: Lab,
    session: Writing,
    campaign: CampaignId,
    design: DesignId,
    number: ReplicateNumber,
    response: Response,
    body: Annotated[Outcome, Body(openapi_examples=_OUTCOMES)],
) -> ReplicateOut:
    """Store a number or a curve under its natural key. The same content again is fine; other content is refused."""
    campaign_row = service.find_campaign(session, campaign, lock=True)
    design_row = service.find_design(session, campaign, design)
    row, created = intake.put_replicate(session, who, campaign_row, design_row, number, body)
    session.flush()
    response.status_code = 201 if created else 200
    response.headers["ETag"] = etag(row.version)
    return views.replicate_out(views.load_well(session, campaign_row, design_row), row)


@router.get("/{design}/replicates/{number}", responses=documented(404), summary="Read a replicate")
def read_replicate(
    _who: Viewer, session: Reading, campaign: CampaignId, design: DesignId, number: ReplicateNumber, response: Response
) -> ReplicateOut:
    """The raw outcome as it was posted, with its loss."""
    campaign_row = service.find_campaign(session, campaign)
    design_row = service.find_design(session, campaign, design)
    row = service.find_replicate(session, campaign, design, number)
    response.headers["ETag"] = etag(row.version)
    return views.replicate_out(views.load_well(session, campaign_row, design_row), row)


@router.patch("/{design}/replicates/{number}", responses=documented(404, 412, 428), summary="Exclude a replicate, or take it back in")
def edit_replicate(
    who: Chemist,
    session: Writing,
    campaign: CampaignId,
    design: DesignId,
    number: ReplicateNumber,
    response: Response,
    patch: Annotated[
        ReplicatePatch, Body(openapi_examples=examples.shown(exclude={"quality": "excluded", "reason": "air bubble in the flow cell"}))
    ],
    if_match: IfMatch = None,
) -> ReplicateOut:
    """Leave an outlier out of the aggregate, with a reason. The raw values stay."""
    campaign_row = service.find_campaign(session, campaign, lock=True)
    design_row = service.find_design(session, campaign, design)
    row = service.find_replicate(session, campaign, design, number)
    match(if_match, row.version)
    intake.patch_replicate(session, who, campaign_row, row, patch)
    session.flush()
    response.headers["ETag"] = etag(row.version)
    return views.replicate_out(views.load_well(session, campaign_row, design_row), row)


def _answer(session: Reading, campaign: str, design: str, response: Response) -> DesignDetail:
    loaded = views.load(session, service.find_campaign(session, campaign))
    answer = views.design_detail(loaded, service.find_design(session, campaign, design))
    response.headers["ETag"] = etag(answer.version)
    return answer
