"""A bound on every request body, before anything reads it."""

from __future__ import annotations

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
        seen, started = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise _Exceeded
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            if declared.isdigit() and int(declared) > self._limit:
                raise _Exceeded
            await self._app(scope, counted, watched)
        except _Exceeded:
            if started:
                raise
            detail = f"a request may have {self._limit // 2**20} MiB; split the file, or the list of measurements"
            await problem(413, "Body too large", detail)(scope, receive, send)
