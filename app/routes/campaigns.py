"""Campaigns: make, read, edit, stop and reopen, set the target, export."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Body, File, Query, Response, UploadFile
from pydantic import BaseModel

from app import examples, exporting, service, views
from app.deps import CampaignId, IfMatch, Reading, Repeatable, Writing, etag, match
from app.problems import documented
from app.schemas.campaign import CampaignDocument, CampaignLine, CampaignOut, CampaignPage, CampaignPatch
from app.schemas.flow import PhasesOut, StopOut
from app.security import Chemist, Viewer
from app.uploads import text_of
from db import store

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
_DOCUMENTS = examples.shown(
    spectrum=examples.CAMPAIGN,
    yield_with_constraint=examples.SCALAR_CAMPAIGN,
    one_flow_rate_a_plate=examples.PLATE_CAMPAIGN,
    then_a_network=examples.TWO_STEP_CAMPAIGN,
)
_PATCHES = examples.shown(
    reopen={"state": "active", "reason": "the target can still be approached"},
    stop={"state": "stopped", "reason": "silver nitrate has run out"},
    network={"phase": "both", "reason": "compare the network with Bayesian optimization", "switch": {"network": "spectral_grid"}},
    edit={"stop": {"loss": {"threshold": 0.15, "rounds": 2}}},
)


@router.post("", status_code=201, response_model=CampaignOut, responses=documented(409, 413), summary="Create a campaign")
def create(who: Chemist, once: Repeatable, document: Annotated[CampaignDocument, Body(openapi_examples=_DOCUMENTS)]) -> Response:
    """Check and store a campaign. Its identifier is made from its name. Ask for the first batch next."""

    def act() -> tuple[int, BaseModel]:
        row = service.create_campaign(once.session, who, document)
        once.session.flush()
        return 201, views.campaign_out(views.load(once.session, row))

    return once(document, act, lambda answer: {"Location": f"/api/v1/campaigns/{answer.id}", "ETag": etag(answer.version)})


@router.get("", responses=documented(), summary="List campaigns")
def index(
    _who: Viewer,
    session: Reading,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(max_length=80, pattern="^[a-z0-9-]+$", description="Last identifier of the page before")] = None,
) -> CampaignPage:
    """Campaigns in order of their identifiers, page by page."""
    rows = store.campaigns(session, limit + 1, after)
    items = [CampaignLine(id=row.id, name=row.document["name"], state=row.state, created_at=row.created_at) for row in rows[:limit]]
    return CampaignPage(items=items, next=items[-1].id if len(rows) > limit else None)


@router.get("/{campaign}", responses=documented(404), summary="Read a campaign")
def read(_who: Viewer, session: Reading, campaign: CampaignId, response: Response) -> CampaignOut:
    """The campaign document, where it stands, and its best well. The ETag is needed to edit it."""
    return _answer(session, campaign, response)


@router.patch("/{campaign}", responses=documented(404, 409, 412, 428), summary="Edit, stop or reopen a campaign, or set its phase")
def edit(
    who: Chemist,
    session: Writing,
    campaign: CampaignId,
    response: Response,
    patch: Annotated[CampaignPatch, Body(openapi_examples=_PATCHES)],
    if_match: IfMatch = None,
) -> CampaignOut:
    """Change settings; or stop or reopen the campaign, or set its phase, with a reason. Data and past batches stay as they are."""
    row = service.find_campaign(session, campaign, lock=True)
    match(if_match, row.version)
    service.patch_campaign(session, who, row, patch)
    session.flush()
    return _answer(session, campaign, response)


@router.put("/{campaign}/target", responses=documented(404, 409, 412, 413, 428), summary="Upload the target curve")
def target(
    who: Chemist,
    session: Writing,
    campaign: CampaignId,
    response: Response,
    file: Annotated[UploadFile, File(description="CSV of two columns, axis and values")],
    if_match: IfMatch = None,
) -> CampaignOut:
    """Set the target of a campaign on curves, before its first batch; it is resampled linearly onto the axis."""
    row = service.find_campaign(session, campaign, lock=True)
    match(if_match, row.version)
    service.set_target(session, who, row, text_of(file))
    session.flush()
    return _answer(session, campaign, response)


@router.get(
    "/{campaign}/export",
    response_class=Response,
    responses={**documented(404), 200: {"description": "The file", "content": {kind: {} for kind in exporting.MEDIA_TYPES.values()}}},
    summary="Export a campaign",
)
def export(_who: Viewer, session: Reading, campaign: CampaignId, format: Literal["csv", "xlsx", "json", "zip"] = "csv") -> Response:
    """All replicates as CSV or XLSX; everything that is stored, log included, as JSON or ZIP."""
    loaded = views.load(session, service.find_campaign(session, campaign))
    headers = {"Content-Disposition": f'attachment; filename="{campaign}.{format}"'}
    return Response(exporting.export(session, loaded, format), 200, headers, exporting.MEDIA_TYPES[format])


@router.get("/{campaign}/stop", responses=documented(404), summary="Read the stop checks")
def stop(_who: Viewer, session: Reading, campaign: CampaignId) -> StopOut:
    """Whether the campaign has stopped, and every check so far with its evidence."""
    row = service.find_campaign(session, campaign)
    return StopOut(state=row.state, checks=[views.stop_check_out(check) for check in store.stop_checks(session, campaign)])


@router.get("/{campaign}/phases", responses=documented(404), summary="Read the phases")
def phases(_who: Viewer, session: Reading, campaign: CampaignId) -> PhasesOut:
    """Whether Bayesian optimization, a network or both propose, and every check or decision that led there with its evidence."""
    return views.phases_out(service.find_campaign(session, campaign), store.phase_checks(session, campaign))


def _answer(session: Reading, campaign: str, response: Response) -> CampaignOut:
    answer = views.campaign_out(views.load(session, service.find_campaign(session, campaign)))
    response.headers["ETag"] = etag(answer.version)
    return answer
