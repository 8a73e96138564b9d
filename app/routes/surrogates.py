"""Surrogates: train models on data sets, read their cards, promote and retire them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import BaseModel

from app import examples, surrogates, views
from app.deps import IfMatch, Reading, Repeatable, Writing, etag, match
from app.problems import documented
from app.schemas.flow import JobOut
from app.schemas.surrogates import State, SurrogateIn, SurrogateOut, SurrogatePage, SurrogatePatch
from app.security import Chemist, Viewer
from db import surrogates as kept

router = APIRouter(prefix="/surrogates", tags=["surrogates"])
SurrogateId = Annotated[str, Path(max_length=80, pattern="^[a-z0-9-]+$", openapi_examples={"example": {"value": "silver-spectra-linear"}})]
_MODELS = examples.shown(linear=examples.SURROGATE, gaussian_process=examples.CURVE_SURROGATE, scattering=examples.SCATTERING_SURROGATE)
_PATCHES = examples.shown(
    promote={"state": "promoted", "reason": "errors below the noise of the lab in both splits"},
    retire={"state": "retired", "reason": "a model on more data has taken its place"},
)


@router.post("", status_code=202, response_model=SurrogateOut, responses=documented(409, 413), summary="Train a surrogate")
def create(who: Chemist, session: Reading, once: Repeatable, body: Annotated[SurrogateIn, Body(openapi_examples=_MODELS)]) -> Response:
    """Check fields, learner and settings against the data, put the model on record, and queue its training.

    Its identifier is made from its name. `GET /jobs/{job}` tells how far the training is, `/jobs/{job}/events` as it goes on.
    """
    # Before the writing transaction: large data take their time, and on SQLite all other writers would wait.
    found = surrogates.checked(session, body)

    def act() -> tuple[int, BaseModel]:
        row = surrogates.create(once.session, who, body, found)
        return 202, surrogates.shown(once.session, row)

    return once(body, act, lambda answer: {"Location": f"/api/v1/surrogates/{answer.id}"})


@router.get("", responses=documented(), summary="List surrogates")
def index(
    _who: Viewer,
    session: Reading,
    state: Annotated[State | None, Query(description="Only those of this state")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(max_length=80, pattern="^[a-z0-9-]+$", description="Last identifier of the page before")] = None,
) -> SurrogatePage:
    """Models in order of their identifiers, page by page."""
    rows = kept.surrogates(session, state, limit + 1, after)
    items = [surrogates.line(row) for row in rows[:limit]]
    return SurrogatePage(items=items, next=items[-1].id if len(rows) > limit else None)


@router.get("/{surrogate}", responses=documented(404), summary="Read a surrogate's card")
def read(_who: Viewer, session: Reading, surrogate: SurrogateId, response: Response) -> SurrogateOut:
    """What a model was trained on and how, its training, and its card. The ETag is needed to promote or retire it."""
    return _answer(session, surrogate, response)


@router.patch("/{surrogate}", responses=documented(404, 409, 412, 428), summary="Promote or retire a surrogate")
def edit(
    who: Chemist,
    session: Writing,
    surrogate: SurrogateId,
    response: Response,
    patch: Annotated[SurrogatePatch, Body(openapi_examples=_PATCHES)],
    if_match: IfMatch = None,
) -> SurrogateOut:
    """Say, with a reason, that a model is fit for use, or no longer. Both can be asked; campaigns take promoted ones only."""
    row = surrogates.find(session, surrogate, lock=True)
    match(if_match, row.version)
    surrogates.patch(session, who, row, patch)
    session.flush()
    return _answer(session, surrogate, response)


@router.post("/{surrogate}/retry", status_code=202, response_model=JobOut, responses=documented(404), summary="Train again")
def retry(who: Chemist, once: Repeatable, surrogate: SurrogateId) -> Response:
    """Queue the training once more if it has failed; answers with its job, whatever its state."""

    def act() -> tuple[int, BaseModel]:
        row = surrogates.find(once.session, surrogate, lock=True)
        return 202, views.job_out(surrogates.retry(once.session, who, row))

    return once(b"", act, lambda answer: {"Location": f"/api/v1/jobs/{answer.id}"})


@router.get(
    "/{surrogate}/artifact",
    response_class=Response,
    responses={**documented(404, 409), 200: {"description": "The files", "content": {"application/zip": {}}}},
    summary="Download a surrogate",
)
def artifact(_who: Viewer, session: Reading, surrogate: SurrogateId) -> Response:
    """The trained model as a ZIP of safetensors and JSON; `models.trained.Trained.load` reads the unpacked folder."""
    headers = {"Content-Disposition": f'attachment; filename="{surrogate}.zip"'}
    return Response(surrogates.artifact(session, surrogates.find(session, surrogate)), 200, headers, "application/zip")


def _answer(session: Reading, surrogate: str, response: Response) -> SurrogateOut:
    answer = surrogates.shown(session, surrogates.find(session, surrogate))
    response.headers["ETag"] = etag(answer.version)
    return answer
