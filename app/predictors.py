"""Registered surrogates as predictors of campaigns: held against a campaign when it is created, and frozen in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from app.problems import Conflict
from app.schemas.base import located
from app.schemas.campaign import CampaignDocument
from app.schemas.predictor import PredictorShape
from app.views import Campaign
from db import surrogates
from db.engine import Session
from db.tables import SurrogateRow
from models.task import Task
from optimizer.registered import Registered, check
from optimizer.types import InvalidInput


def frozen(session: Session, document: CampaignDocument) -> CampaignDocument:
    """The document with version and digest of the surrogate that it names as its predictor.

    Raises:
        InvalidInput: The surrogate is unknown or not promoted, is not the one that was meant, or does not fit the campaign.
    """
    wanted = document.strategy.predictor
    if wanted is None:
        return document
    with located("strategy", "predictor"):
        row = _promoted(session, wanted.surrogate)
        files = surrogates.files(session, row.id)
        taken = PredictorShape(surrogate=row.id, version=row.version, sha256=_digest(files))
        if wanted.sha256 not in (None, taken.sha256):
            raise InvalidInput("the surrogate has other files", where=("sha256",), remedy=f"leave sha256 out, or set it to {taken.sha256}")
        objective = document.objective.domain()
        outcome = document.objective.outcome, document.objective.unit, objective.axis
        check(Task.from_card(json.loads(files["model.json"])["task"]), document.space.domain(), *outcome)
    return document.model_copy(update={"strategy": document.strategy.model_copy(update={"predictor": taken})})


def _promoted(session: Session, id: str) -> SurrogateRow:
    row = surrogates.surrogate(session, id)
    if row is None:
        raise InvalidInput(f"there is no surrogate {id!r}", remedy="GET /api/v1/surrogates lists them; train and promote one first")
    if row.state != "promoted":
        remedy = f'promote it with PATCH /api/v1/surrogates/{id} {{"state": "promoted", "reason": ...}} if it is fit for use'
        raise InvalidInput(f"the surrogate {id!r} is {row.state}; campaigns take promoted ones only", remedy=remedy)
    return row


def registered(campaign: Campaign) -> Registered | None:
    """The predictor of a campaign, whatever has become of the surrogate meanwhile.

    Raises:
        Conflict: Its files are not those that the campaign was created with.
    """
    taken = campaign.document.strategy.predictor
    if taken is None:
        return None
    files = {row.name: row.content for row in campaign.artifacts}
    if _digest(files) != taken.sha256:
        raise Conflict(f"the files of surrogate {taken.surrogate!r} are not those that the campaign was created with")
    return Registered(taken.surrogate, files)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name} {len(files[name])} ".encode() + files[name])
    return digest.hexdigest()
