"""Studies of trained models: inverse design, explanation, robustness, sweeps of settings; and the figures of their cards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel

from app import examples, studies, surrogates, views
from app.deps import Reading, Repeatable
from app.problems import documented
from app.routes.surrogates import SurrogateId
from app.schemas.base import Shape
from app.schemas.flow import JobOut
from app.schemas.studies import (
    ExplainIn,
    ExplainOut,
    FiguresOut,
    InverseIn,
    InverseOut,
    RobustnessIn,
    RobustnessOut,
    StudyKind,
    SweepIn,
    SweepOut,
)
from app.security import Chemist, Principal, Viewer

router = APIRouter(prefix="/surrogates/{surrogate}", tags=["surrogates"])
_INVERSE = examples.shown(spectrum=examples.INVERSE)
_EXPLAIN = examples.shown(plain={}, regions=examples.EXPLANATION)
_ROBUSTNESS = examples.shown(noise_and_gaps=examples.ROBUSTNESS, usual={})
_SWEEP = examples.shown(one_at_a_time=examples.SWEEP, loop=examples.LOOP)


@router.post("/inverse", status_code=202, response_model=JobOut, responses=documented(404, 409), summary="Ask for inputs")
def invert(who: Chemist, once: Repeatable, surrogate: SurrogateId, body: Annotated[InverseIn, Body(openapi_examples=_INVERSE)]) -> Response:
    """Queue a search for inputs of different kinds that should lead to a wanted number or curve.

    Where a simulator built the data, candidates are refined and judged on it, else on the model. The same request again tries
    anew what has failed.
    """
    return _asked(once, who, surrogate, "inverse", body)


@router.get("/inverse", responses=documented(404), summary="Read the inputs that were found")
def inverse(_who: Viewer, session: Reading, surrogate: SurrogateId) -> InverseOut:
    """Candidates of the last inverse design, best first, each with its predicted outcome, distance, verdict and bounds; and figures."""
    return studies.shown(session, surrogate, "inverse", InverseOut)


@router.post("/explain", status_code=202, response_model=JobOut, responses=documented(404, 409), summary="Ask what a surrogate looks at")
def ask_why(
    who: Chemist, once: Repeatable, surrogate: SurrogateId, body: Annotated[ExplainIn, Body(openapi_examples=_EXPLAIN)]
) -> Response:
    """Queue an explanation: Shapley values of inputs and regions of curves, per target and region, on rows held out.

    And permutation importance per target, of a sibling that is trained without these rows.
    """
    return _asked(once, who, surrogate, "explain", body)


@router.get("/explain", responses=documented(404), summary="Read what a surrogate looks at")
def explanation(_who: Viewer, session: Reading, surrogate: SurrogateId) -> ExplainOut:
    """Shapley values and permutation importance of the last explanation, and figures."""
    return studies.shown(session, surrogate, "explain", ExplainOut)


@router.post(
    "/robustness", status_code=202, response_model=JobOut, responses=documented(404, 409), summary="Ask how a surrogate stands bad inputs"
)
def harden(
    who: Chemist, once: Repeatable, surrogate: SurrogateId, body: Annotated[RobustnessIn, Body(openapi_examples=_ROBUSTNESS)]
) -> Response:
    """Queue a study of robustness: corruptions by levels, met by a model trained on clean data, and by one trained on such data."""
    return _asked(once, who, surrogate, "robustness", body)


@router.get("/robustness", responses=documented(404), summary="Read how a surrogate stands bad inputs")
def robustness(_who: Viewer, session: Reading, surrogate: SurrogateId) -> RobustnessOut:
    """Every metric of clean and of corrupted rows held out, of the last study; and figures."""
    return studies.shown(session, surrogate, "robustness", RobustnessOut)


@router.post("/sweep", status_code=202, response_model=JobOut, responses=documented(404, 409), summary="Ask which settings are best")
def try_settings(
    who: Chemist, once: Repeatable, surrogate: SurrogateId, body: Annotated[SweepIn, Body(openapi_examples=_SWEEP)]
) -> Response:
    """Queue a sweep of the learner's settings around those of the model, on its data.

    One at a time, every metric names its winner of a factor, and most votes decide; or the loop of the campaigns searches.
    """
    return _asked(once, who, surrogate, "sweep", body)


@router.get("/sweep", responses=documented(404), summary="Read which settings are best")
def sweep(_who: Viewer, session: Reading, surrogate: SurrogateId) -> SweepOut:
    """Factors with their winners, or the trials of the loop, of the last sweep; and figures."""
    return studies.shown(session, surrogate, "sweep", SweepOut)


@router.get("/figures", responses=documented(404, 409), summary="Draw a surrogate's card")
def figures(_who: Viewer, session: Reading, surrogate: SurrogateId) -> FiguresOut:
    """Figures of the card as plain Plotly dicts: told over true values of rows held out, confusion, learning curve."""
    return studies.figures(session, surrogate)


def _asked(once: Repeatable, who: Principal, id: str, kind: StudyKind, body: Shape) -> Response:
    def act() -> tuple[int, BaseModel]:
        row = surrogates.find(once.session, id, lock=True)
        return 202, views.job_out(studies.request_study(once.session, who, row, kind, body))

    return once(body, act, lambda answer: {"Location": f"/api/v1/jobs/{answer.id}"})
