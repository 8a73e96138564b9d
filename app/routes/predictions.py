"""Questions to surrogates."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app import examples
from app.deps import IdempotencyKey
from app.problems import documented
from app.routes.surrogates import SurrogateId
from app.schemas.surrogates import PredictOut
from app.security import Asker
from optimizer.types import InvalidInput

_JSON = re.compile(r"application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)
router = APIRouter(prefix="/surrogates", tags=["surrogates"])
_EXAMPLES = examples.shown(one_recipe=examples.PREDICTION)
_BODY = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PredictIn"}, "examples": _EXAMPLES}}}


@router.post(
    "/{surrogate}/predict",
    response_model=PredictOut,
    responses=documented(404, 409, 413),
    summary="Predict with a surrogate",
    openapi_extra={"requestBody": _BODY},
)
async def predict(_who: Asker, request: Request, surrogate: SurrogateId, idempotency_key: IdempotencyKey = None) -> Response:
    """What a trained model tells of samples: mean, standard deviation, intervals that hold 90 %, probabilities, and a verdict.

    Nothing is stored, and no Idempotency-Key is needed. A curve on another axis, or a value in another unit, is refused.
    """
    if not _JSON.match(request.headers.get("Content-Type", "")):
        raise InvalidInput("the body is not declared as JSON", where=("body",), remedy="send Content-Type: application/json")
    return await answer(request, surrogate)  # most requests get there by app.short_way


async def answer(request: Request, surrogate: str) -> Response:
    """The answer to a request whose key was found good.

    Raises:
        RequestValidationError: The body is not of the documented shape.
    """
    try:
        content = await request.app.state.together.predict(surrogate, await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error
    return Response(content, media_type="application/json")
