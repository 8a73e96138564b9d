"""What every part of the client shares: one connection, and how requests are sent over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from closedloop.errors import InvalidInput
from closedloop.transport import Transport

DEFAULT_URL = "http://127.0.0.1:8000"


class Connection:
    """A connection to a closedloop service; ``Client`` tells its arguments."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        timeout: float = 60.0,
        *,
        retries: int = 5,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = (url or os.environ.get("CLOSEDLOOP_URL") or DEFAULT_URL).rstrip("/")
        self._transport = Transport(self.url, key or os.environ.get("CLOSEDLOOP_KEY"), timeout, retries, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _send(self, method: str, path: str, **options: Any) -> Any:
        return self._transport.send(method, path, **options).json()

    def _edit(self, path: str, changes: Mapping[str, Any], version: int | None = None) -> Any:
        headers = self._if_match(path) if version is None else {"If-Match": f'"{version}"'}
        return self._send("PATCH", path, body=changes, headers=headers)

    def _if_match(self, path: str) -> dict[str, str]:
        return {"If-Match": self._transport.send("GET", path).headers["ETag"]}


def path_of(*parts: str | int) -> str:
    """The path of a thing by its identifiers.

    Raises:
        InvalidInput: One of them is empty.
    """
    if "" in parts:
        raise InvalidInput(422, "Invalid input", "an identifier is empty")
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)
