"""Requests that arrive once: retries with backoff, one Idempotency-Key over all tries, problems as exceptions, event streams."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from time import sleep
from typing import Any
from uuid import uuid4

import httpx

from closedloop.errors import Unreachable, service_error

_BUSY = {429, 502, 503, 504}
_THIS_MACHINE = ("http://127.0.0.1", "http://localhost", "http://[::1]")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _LONGEST_WISH_S = 0.2, 5.0, 60.0


class StreamBroken(Exception):
    """An event stream broke off; it can be taken up after the last event."""


class Transport:
    """Talks to one service with one key.

    Args:
        url: Address of the service, without ``/api/v1``.
        key: API key; None for what needs none.
        timeout: Seconds to wait for an answer, per try.
        retries: Tries after the first one.
        inner: Transport of httpx, for tests.
    """

    def __init__(self, url: str, key: str | None, timeout: float, retries: int, inner: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._url, self._retries = url.rstrip("/"), retries
        # A proxy for the outside world, set in the environment, does not know this machine's own services.
        outside = not self._url.startswith(_THIS_MACHINE)
        self._http = httpx.Client(headers=headers, timeout=timeout, transport=inner, trust_env=outside)
        self._close = weakref.finalize(self, self._http.close)  # also where nobody calls close()

    def close(self) -> None:
        """Close the connections."""
        self._close()

    def send(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any) -> httpx.Response:
        """Make a request until it is answered.

        Args:
            method: HTTP method; a POST gets an Idempotency-Key, so that it takes effect once.
            path: Path under ``/api/v1``.
            body: Anything that JSON can hold, NumPy arrays and times included.
            headers: Further headers.
            options: Passed to ``httpx``: ``params``, ``files``, ``data``.

        Raises:
            ServiceError: The service refused, or was still busy at the last try.
            Unreachable: No answer to any try.
        """
        response = self._open(method, path, body=body, headers=headers, **options)
        response.read()
        return response

    def stream(self, path: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """The data of server-sent events, parsed from JSON, until the stream ends.

        Raises:
            StreamBroken: The connection was lost in between.
        """
        response = self._open("GET", path, params=params)
        try:
            yield from map(json.loads, event_data(_lines(response.iter_text())))
        except httpx.TransportError as error:
            raise StreamBroken(str(error)) from error
        finally:
            response.close()

    def _open(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        sent = dict(headers or {})
        if method == "POST":
            sent["Idempotency-Key"] = str(uuid4())
        if body is not None:
            sent["Content-Type"] = "application/json"
            options["content"] = json.dumps(body, default=_plain)
        for attempt in range(self._retries + 1):
            pause = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
            try:
                response = self._try(method, path, headers=sent, **options)
            except httpx.TransportError as error:
                if attempt == self._retries:
                    raise Unreachable(
                        f"{self._url} does not answer: {error or type(error).__name__}; is `closedloop serve` running?"
                    ) from error
            else:
                if response.status_code not in _BUSY or attempt == self._retries:
                    return _accepted(response)
                response.close()
                pause = _wish(response, pause)
            sleep(pause)
        raise AssertionError("every last try returns or raises")

    def _try(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.send(self._http.build_request(method, f"{self._url}/api/v1{path}", **options), stream=True)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Unreachable(f"{self._url!r} is no address of a service: {error}") from error


def _accepted(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    response.read()
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    raise service_error(response.status_code, problem if isinstance(problem, dict) else {})


def _wish(response: httpx.Response, pause: float) -> float:
    """The pause that a Retry-After in seconds asks for, else the one given."""
    wished = response.headers.get("Retry-After", "")
    return min(float(wished), _LONGEST_WISH_S) if wished.isdigit() else pause


def _plain(value: Any) -> Any:
    """What JSON does not know: NumPy's arrays and numbers, and times."""
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _lines(chunks: Iterable[str]) -> Iterator[str]:
    # Not httpx's iter_lines: that also splits at U+2028 and its like, which JSON texts may hold.
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from (line.removesuffix("\r") for line in whole)


def event_data(lines: Iterable[str]) -> Iterator[str]:
    """The data of each server-sent event; comments are left out, and so is an event that broke off."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
