"""What a campaign has taught: asked for, computed by a job, kept with the campaign."""

from __future__ import annotations

from typing import Any

import numpy as np

from app import replaying, service
from app.problems import Conflict, NotFound
from app.schemas.base import located
from app.schemas.knowledge import KnowledgeOut, KnowledgeRequest, RegionShape
from app.security import Principal
from app.views import Campaign
from db import jobs, store
from db.engine import Session
from db.tables import JobRow, KnowledgeRow
from optimizer.objective import Objective
from optimizer.state import CampaignState
from optimizer.types import FloatArray, InvalidInput

_BASIS = ("space", "objective", "history")
"""What must be as it was for knowledge to be current."""


def request_knowledge(session: Session, who: Principal, campaign: Campaign, body: KnowledgeRequest) -> JobRow:
    """Queue a job that learns what a campaign has taught, or find it there.

    Raises:
        InvalidInput: A recipe lacks a parameter, or a region holds no point of the axis.
        Conflict: Nothing was measured; or a job with another request is under way.
    """
    if not len(campaign.dataset):
        raise Conflict("no well is measured yet: there is nothing to learn from; measure a round first")
    for index, recipe in enumerate(body.recipes):
        with located("recipes", index):
            campaign.space.row(recipe)
    _check_regions(body.regions, campaign.objective)
    request = body.model_dump(mode="json")
    job = jobs.enqueue(session, "knowledge", campaign.row.id, len(campaign.batches), request)
    if job.request != request:
        raise Conflict(f"job {job.id} is under way with another request; repeat this one when it has ended")
    session.flush()
    store.record(session, who.name, "knowledge asked for", campaign.row.id, job=job.id, recipes=len(body.recipes))
    return job


def _check_regions(regions: list[RegionShape], objective: Objective) -> None:
    axis = objective.axis
    if regions and axis is None:
        raise InvalidInput("outcomes are numbers and have no regions", where=("regions",), remedy="leave regions out")
    names = [region.name for region in regions]
    for index, region in enumerate(regions):
        where = ("regions", index)
        if region.name == "loss" or region.name in names[:index]:
            raise InvalidInput(f"two outputs are named {region.name!r}", where=where, remedy="give every region a name of its own")
        if axis is not None and not ((axis >= region.low) & (axis <= region.high)).any():
            remedy = f"use parts of {axis[0]:g} to {axis[-1]:g}, low before high"
            raise InvalidInput(f"the region {region.name!r} holds no point of the axis", where=where, remedy=remedy)


def task(campaign: Campaign, request: dict[str, Any]) -> tuple[CampaignState, FloatArray, list[RegionShape]]:
    """What the job computes on: the campaign, rows of the recipes to predict, and regions."""
    body, space = KnowledgeRequest.model_validate(request), campaign.space
    asked = np.array([space.row(recipe) for recipe in body.recipes]).reshape(-1, space.dimension)
    return service.state_of(campaign, overlap=True), asked, body.regions


def commit_knowledge(session: Session, job_id: str, attempt: int, outcome: dict[str, Any], basis: dict[str, Any], round: int) -> bool:
    """Keep what a job found in place of what was known, together with the job's end; False when another attempt has taken over.

    Args:
        session: An open transaction.
        job_id: The job.
        attempt: The attempt that found it.
        outcome: What was found.
        basis: What it was found from: ``app.replaying.basis_of`` then.
        round: Newest round then.
    """
    job = jobs.job(session, job_id)
    if job is None:
        return False
    row = service.find_campaign(session, job.campaign_id, lock=True)
    first = outcome["explanation"]["importance"][0]["parameter"]
    if not jobs.finish(session, job_id, attempt, f"knowledge of {len(outcome['measured'])} wells; the most important parameter is {first}"):
        return False
    kept = {name: basis[name] for name in _BASIS}
    session.merge(KnowledgeRow(campaign_id=row.id, round=round, basis=kept, content=outcome, made_at=store.now()))
    store.record(session, "service", "knowledge found", row.id, job=job_id, round=round)
    return True


def knowledge_out(session: Session, campaign: Campaign) -> KnowledgeOut:
    """What the last job found.

    Raises:
        NotFound: There was none.
    """
    row = store.knowledge(session, campaign.row.id)
    if row is None:
        raise NotFound(f"nothing was learnt of {campaign.row.id!r} yet; POST /api/v1/campaigns/{campaign.row.id}/knowledge asks for it")
    now = replaying.basis_of(campaign)
    current = row.basis == {name: now[name] for name in _BASIS}
    return KnowledgeOut(**row.content, made_at=row.made_at, round=row.round, objective=row.basis["objective"], current=current)
