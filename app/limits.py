"""A bound on every request body, before anything reads it."""

from __future__ import annotations

from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import problem


class _Exceeded(Exception):
    """The body is larger than it may be."""


class BodyLimit:
    """Answers 413 to a request whose body is, or turns out to be, over the limit."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        seen = int(declared) if declared.isdigit() else 0
        if seen <= self._limit:
            seen = await self._counted(scope, receive, send)
        if seen > self._limit:
            detail = f"a request may have {self._limit / 2**20:g} MiB; split the file, or the list of measurements"
            await problem(413, "Body too large", detail)(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Pass the request on; past the limit, drop whatever the application makes of the broken body."""
        seen = 0

        async def count() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise _Exceeded
            return message

        async def forward(message: Message) -> None:
            if seen <= self._limit:
                await send(message)

        with suppress(_Exceeded):
            await self._app(scope, count, forward)
        return seen
