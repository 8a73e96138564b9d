"""Errors as problem+json (RFC 9457): one table from exception to status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from db.engine import DatabaseBusy
from optimizer.types import ClosedLoopError, InvalidInput

MEDIA_TYPE = "application/problem+json"
Handler = Callable[[Request, Exception], JSONResponse]


class NotFound(ClosedLoopError):
    """A thing that the path names does not exist."""


class Conflict(ClosedLoopError):
    """The request contradicts what is stored, or the state of the campaign."""


class Unauthorized(ClosedLoopError):
    """No valid API key."""


class Forbidden(ClosedLoopError):
    """The key's role does not allow this."""


class PreconditionRequired(ClosedLoopError):
    """An edit without If-Match."""


class PreconditionFailed(ClosedLoopError):
    """Somebody else has edited since the version that If-Match names."""


class TooLarge(ClosedLoopError):
    """A body over the limit."""


_STATUS: dict[type[Exception], tuple[int, str]] = {
    InvalidInput: (422, "Invalid input"),
    NotFound: (404, "Not found"),
    Conflict: (409, "Conflict"),
    Unauthorized: (401, "API key missing or unknown"),
    Forbidden: (403, "Not allowed"),
    PreconditionRequired: (428, "If-Match required"),
    PreconditionFailed: (412, "Edited meanwhile"),
    TooLarge: (413, "Body too large"),
    DatabaseBusy: (503, "Database unavailable"),
}


class FieldError(BaseModel):
    """One thing wrong with the input."""

    field: str = Field(description="Path of the field, e.g. `space.parameters.0.low`; rows of a file as `row 17`")
    message: str
    remedy: str = Field("", description="What to do about it")


class Problem(BaseModel):
    """A problem report."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


_ERRORS = {
    400: "The body cannot be read.",
    401: "No valid API key.",
    403: "The role of the key does not allow this.",
    404: "Nothing of that name.",
    409: "Contradicts what is stored.",
    412: "Edited meanwhile; read again.",
    413: "Body too large.",
    422: "Invalid input, field by field.",
    428: "If-Match is missing.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may answer with these errors; 401, 403 and 422 always come with them."""
    return {status: response(status) for status in sorted({401, 403, 422, *statuses})}


def response(status: int) -> dict[str, Any]:
    """The documentation of an error."""
    return {"description": _ERRORS[status], "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def problem(status: int, title: str, detail: str, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem as a response."""
    body = Problem(title=title, status=status, detail=detail, errors=list(errors))
    return JSONResponse(body.model_dump(), status, headers, media_type=MEDIA_TYPE)


def _known(_request: Request, error: Exception) -> JSONResponse:
    status, title = next(entry for kind, entry in _STATUS.items() if isinstance(error, kind))
    errors = (
        [FieldError(field=path(error.where), message=str(error), remedy=error.remedy or _LOOK_UP)]
        if isinstance(error, InvalidInput)
        else []
    )
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}.get(status)
    return problem(status, title, str(error), errors, headers)


def path(where: Sequence[str | int]) -> str:
    """A field path as text."""
    return ".".join(str(part) for part in where)


_LOOK_UP = "correct the field; /docs shows what it takes"
_REMEDIES = {
    "missing": "add the field",
    "extra_forbidden": "remove the field, or check its spelling",
    "finite_number": "NaN and Infinity are no data: leave the value out, or mark the well failed",
    "json_invalid": "send valid JSON; NaN and Infinity are not part of it",
}


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Validation errors, without echoing the input."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [
        FieldError(
            field=path(_place(item, error.body)) or "body",
            message=str(item["msg"]).encode("ascii", "backslashreplace").decode(),
            remedy=_REMEDIES.get(item["type"], _LOOK_UP),
        )
        for item in error.errors()[:20]
    ]
    return problem(
        422, "Invalid input", f"{len(error.errors())} field(s) are wrong; the first: {found[0].field}: {found[0].message}", found
    )


def _place(item: Mapping[str, Any], body: Any) -> list[str | int]:
    """Where in the request an error is: without what pydantic puts there to say which kind of a body it took."""
    place = [part for part in item["loc"] if part != "body"]
    if isinstance(body, dict) and place and place[0] not in body and place[0] in body.values():
        place = place[1:]
    return [*place, item["ctx"]["discriminator"].strip("'")] if item["type"].startswith("union_tag") else place


def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    status, detail = error.status_code, str(error.detail)
    errors = [FieldError(field="body", message=detail, remedy="send a well-formed body of the declared type")] if status == 400 else []
    return problem(status, HTTPStatus(status).phrase, detail, errors, dict(error.headers or {}))


_HANDLERS: dict[type[Exception], Handler] = {
    **dict.fromkeys(_STATUS, _known),
    RequestValidationError: _invalid,
    HTTPException: _http,
}
KNOWN = tuple(_HANDLERS)
"""Errors that have an answer."""


def answer(request: Request, error: Exception) -> JSONResponse:
    """The answer to one of ``KNOWN``."""
    return next(handler for kind, handler in _HANDLERS.items() if isinstance(error, kind))(request, error)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
