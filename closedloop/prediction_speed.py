"""What ``closedloop bench predict`` measures: how long many clients wait for a predicted spectrum while a model trains."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any, Self
from urllib.parse import urlsplit

from closedloop.client import Client
from closedloop.errors import ClosedLoopError
from closedloop.local import LocalService, local_service

CLIENTS, TARGET_MS = 200, 150.0
ROUNDS = 10
"""Questions of every client."""
_RECIPE = {"QAgNO3": 30.0, "Qpva": 16.0, "Qtsc": 6.5, "Qseed": 4.5, "Qtot": 850.0}
_TICKS = 100.0
"""Units of CPU time in a second, in /proc."""


@dataclass(frozen=True)
class Load:
    """What was measured of the service.

    Attributes:
        waits: Seconds to every answer, increasing.
        cpu_s: CPU seconds of its web process per answer; None where the system does not tell.
        rate: Answers per second.
    """

    waits: Sequence[float]
    cpu_s: float | None
    rate: float

    def percentile(self, share: int) -> float:
        """Milliseconds within which so many percent of the answers came."""
        return 1e3 * quantiles(self.waits, n=100)[share - 1]


def prediction_rows(learner: str = "components_gp", clients: int = CLIENTS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Figures of the time to an answer, with and without a training, for two kinds of load.

    At once: each client asks again as soon as it is answered, so that as many questions as there are clients wait at any
    moment. Each second: every client asks once in a second, at a moment of its own, whether it was answered or not.
    Every question is another recipe, and the answer a spectrum of 421 points with its intervals.
    """
    rows = list[dict[str, Any]]()
    with _trained(learner) as (service, client, path):
        for training in (False, True):
            if training:
                _start_training(client)
            for name, way in (("at once", _at_once), ("each second", _each_second)):
                load = asyncio.run(_measured(service, path, way, clients, rounds))
                rows += _rows(f"{clients} {name}, {'while a model trains' if training else 'while nothing trains'}", load, training)
            if training and next(client.follow_training("busy"))["state"] != "running":
                raise ClosedLoopError("the training ended before the last answer: nothing was measured beside it")
    return rows


def _rows(name: str, load: Load, training: bool) -> list[dict[str, Any]]:
    p99 = load.percentile(99)
    judged = {"target": TARGET_MS, "met": p99 < TARGET_MS} if training else {"target": None, "met": None}
    figures = [("median", load.percentile(50), "ms"), ("answers", load.rate, "1/s")]
    figures += [("CPU of the service per answer", 1e3 * load.cpu_s, "ms")] if load.cpu_s is not None else []
    plain = [{"name": f"{name}: {what}", "value": value, "unit": unit, "target": None, "met": None} for what, value, unit in figures]
    return [{"name": f"{name}: p99", "value": p99, "unit": "ms"} | judged, *plain]


@contextmanager
def _trained(learner: str) -> Iterator[tuple[LocalService, Client, str]]:
    """A service with a model of spectra of 421 points, and the path to ask it."""
    with (
        tempfile.TemporaryDirectory(prefix="closedloop-") as folder,
        local_service(folder) as service,
        Client(service.url, service.key, timeout=300) as client,
    ):
        client.build_dataset("Spectra", "nanoparticle", 120, seed=1)
        made = client.train_surrogate("Asked", "spectra", list(_RECIPE), ["absorbance"], learner, seeds=1, sizes=[])
        client.wait_for_surrogate(made["id"])
        client.predict(made["id"], [_RECIPE])  # loads the model
        yield service, client, f"/api/v1/surrogates/{made['id']}/predict"


def _start_training(client: Client) -> None:
    settings = {"trees": 2000}
    client.train_surrogate("Busy", "spectra", list(_RECIPE), ["absorbance"], "forest", learner_settings=settings, seeds=10)
    while next(client.follow_training("busy"))["progress"] is None:
        time.sleep(0.1)


# The load


class _Connection(asyncio.Protocol):
    """A connection that is kept, as bare as can be: what measures must not be what is measured."""

    def __init__(self, head: bytes, rng: random.Random) -> None:
        self._head, self._rng = head, rng
        self._got, self._left = b"", -1
        self._answered: asyncio.Future[None] | None = None

    @classmethod
    async def open(cls, service: LocalService, path: str, number: int) -> Self:
        """A connection to a service, with questions of its own."""
        address = urlsplit(service.url)
        headers = [f"POST {path} HTTP/1.1", f"Host: {address.netloc}", f"Authorization: Bearer {service.key}"]
        head = "\r\n".join([*headers, "Content-Type: application/json", "Content-Length: "]).encode()
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: cls(head, random.Random(number)), address.hostname, address.port)  # noqa: S311
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    async def ask(self) -> float:
        """Seconds until a recipe was answered.

        Raises:
            ClosedLoopError: It was refused.
        """
        body = json.dumps({"rows": [{name: value * self._rng.uniform(0.7, 1.3) for name, value in _RECIPE.items()}]}).encode()
        self._answered = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self._transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        await self._answered
        return time.perf_counter() - began

    def data_received(self, data: bytes) -> None:
        """Count what comes, until the answer is whole."""
        if self._left < 0:
            self._got += data
            head, end, data = self._got.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 200"):
                self._end(ClosedLoopError(f"the service answered {head.splitlines()[0].decode()}"))
                return
            self._left = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        self._left -= len(data)
        if not self._left:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for an answer that cannot come."""
        self._end(ClosedLoopError("the service closed the connection"))

    def _end(self, error: ClosedLoopError | None = None) -> None:
        self._got, self._left = b"", -1
        if self._answered and not self._answered.done():
            self._answered.set_result(None) if error is None else self._answered.set_exception(error)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


_Way = Callable[[_Connection, int, int], Awaitable[list[float]]]


async def _measured(service: LocalService, path: str, way: _Way, clients: int, rounds: int) -> Load:
    connections = [await _Connection.open(service, path, number) for number in range(clients)]
    cpu, began = _cpu_s(service.pid), time.perf_counter()
    try:
        waits = await asyncio.gather(*(way(connection, number, rounds) for number, connection in enumerate(connections)))
    finally:
        for connection in connections:
            connection.close()
    spent, used = time.perf_counter() - began, _cpu_s(service.pid)
    count = clients * rounds
    return Load(sorted(wait for own in waits for wait in own), None if cpu is None or used is None else (used - cpu) / count, count / spent)


async def _at_once(connection: _Connection, number: int, rounds: int) -> list[float]:
    return [await connection.ask() for _ in range(rounds)]


async def _each_second(connection: _Connection, number: int, rounds: int) -> list[float]:
    """Questions at moments that do not depend on the answers: one that waits for the answer before counts from its moment on."""
    waits, began = list[float](), time.perf_counter() + random.Random(number).random()  # noqa: S311
    answered = began
    for round in range(rounds):
        moment = began + round
        await asyncio.sleep(max(moment - time.perf_counter(), 0.0))
        waits.append(max(answered - moment, 0.0) + await connection.ask())
        answered = time.perf_counter()
    return waits


def _cpu_s(pid: int) -> float | None:
    """CPU time that a process has used, as Linux tells it."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return None
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
