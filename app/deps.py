"""What routes depend on: transactions, repeated requests, versions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import Depends, Header, Path, Request, Response
from pydantic import BaseModel

from app.problems import Conflict, PreconditionFailed, PreconditionRequired
from app.security import Who
from db import keys
from db.engine import Database, Session


def database(request: Request) -> Database:
    """The database of the application."""
    return request.app.state.database


def _reading(request: Request) -> Iterator[Session]:
    with database(request).read() as session:
        yield session


def _writing(request: Request) -> Iterator[Session]:
    with database(request).write() as session:
        yield session


# With scope "function" the transaction ends before the answer is sent: a 2xx means committed.
Reading = Annotated[Session, Depends(_reading, scope="function")]
Writing = Annotated[Session, Depends(_writing, scope="function")]

_ID = "^[a-z0-9-]+$"
CampaignId = Annotated[str, Path(max_length=80, pattern=_ID, openapi_examples={"example": {"value": "silver-prisms"}})]
DesignId = Annotated[str, Path(max_length=32, pattern=_ID, openapi_examples={"example": {"value": "r01-w01"}})]
Round = Annotated[int, Path(ge=1, le=1_000_000, openapi_examples={"example": {"value": 1}})]
ReplicateNumber = Annotated[int, Path(ge=1, le=10_000, openapi_examples={"example": {"value": 1}})]
IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=200, description="Any unique text: a repetition with the same key and body gets the first answer again, and does nothing"
    ),
]
IfMatch = Annotated[
    str | None,
    Header(max_length=80, description="The ETag of the version that is edited, or `*` for any", openapi_examples={"any": {"value": "*"}}),
]


class Once:
    """Runs a POST at most once per Idempotency-Key and keeps its answer in the same transaction."""

    def __init__(self, request: Request, session: Writing, who: Who, idempotency_key: IdempotencyKey = None) -> None:
        self.session = session
        self._request, self._actor, self._key = request, who.name, idempotency_key

    def __call__(
        self,
        body: BaseModel | bytes,
        act: Callable[[], tuple[int, BaseModel]],
        headers: Callable[[BaseModel], dict[str, str]] = lambda _: {},
    ) -> Response:
        """Answer a request.

        Args:
            body: The request's body; a key that comes again with another body is refused.
            act: Does the work and returns status and answer.
            headers: Makes the answer's headers.

        Raises:
            Conflict: The key was used with another request.
        """
        fingerprint = self._fingerprint(body)
        if self._key is not None:
            earlier = keys.earlier_answer(self.session, self._actor, self._key)
            if earlier is not None:
                if earlier.fingerprint != fingerprint:
                    raise Conflict("this Idempotency-Key was used with another request; use a new key for a new request")
                return Response(earlier.body, earlier.status, {**earlier.headers, "Idempotent-Replay": "true"}, "application/json")
        status, answer = act()
        content, extra = answer.model_dump_json().encode(), headers(answer)
        if self._key is not None:
            keys.keep_answer(self.session, self._actor, self._key, fingerprint, status, extra, content)
        return Response(content, status, extra, "application/json")

    def _fingerprint(self, body: BaseModel | bytes) -> str:
        content = body if isinstance(body, bytes) else body.model_dump_json().encode()
        return hashlib.sha256(f"{self._request.method} {self._request.url.path}?{self._request.url.query}\n".encode() + content).hexdigest()


Repeatable = Annotated[Once, Depends(scope="function")]


def etag(version: int) -> str:
    """A version as an ETag."""
    return f'"{version}"'


def match(if_match: str | None, version: int) -> None:
    """Check that an edit speaks of the present version.

    Raises:
        PreconditionRequired: No If-Match was sent.
        PreconditionFailed: The version is another.
    """
    if if_match is None:
        raise PreconditionRequired(f"send If-Match with the ETag that you last read, or * ; the present one is {etag(version)}")
    if if_match.strip() not in ("*", etag(version)):
        raise PreconditionFailed(f"edited meanwhile: the present version is {etag(version)}; read it again and repeat the edit")
