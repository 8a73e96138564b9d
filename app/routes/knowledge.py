"""Knowledge: which parameters matter, where the loss is low, what a recipe should give."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel

from app import examples, knowledge, service, views
from app.deps import CampaignId, Reading, Repeatable
from app.problems import documented
from app.schemas.flow import JobOut
from app.schemas.knowledge import KnowledgeOut, KnowledgeRequest
from app.security import Chemist, Viewer

router = APIRouter(prefix="/campaigns/{campaign}/knowledge", tags=["knowledge"])
_REQUESTS = examples.shown(plain={}, recipes_and_regions=examples.KNOWLEDGE)


@router.post("", status_code=202, response_model=JobOut, responses=documented(404, 409), summary="Ask what a campaign has taught")
def ask(
    who: Chemist, once: Repeatable, campaign: CampaignId, body: Annotated[KnowledgeRequest, Body(openapi_examples=_REQUESTS)]
) -> Response:
    """Queue a job that fits the model and learns from it; it takes some seconds. Read what it found once it is done."""

    def act() -> tuple[int, BaseModel]:
        row = service.find_campaign(once.session, campaign, lock=True)
        return 202, views.job_out(knowledge.request_knowledge(once.session, who, views.load(once.session, row), body))

    return once(body, act, lambda answer: {"Location": f"/api/v1/jobs/{answer.id}"})


@router.get("", responses=documented(404), summary="Read what a campaign has taught")
def read(_who: Viewer, session: Reading, campaign: CampaignId) -> KnowledgeOut:
    """What the last job found, and whether it is still current.

    Shapley values of every parameter on the loss and on the curve, region by region; maps of the loss minimised over the other
    parameters; predictions along each parameter from the best well, and of the recipes that were asked for.
    """
    return knowledge.knowledge_out(session, views.load(session, service.find_campaign(session, campaign)))
