"""What ``closedloop bench predict`` measures: how long many clients wait for a predicted spectrum while a model trains."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from closedloop.client import Client
from closedloop.errors import ClosedLoopError
from closedloop.local import LocalService, local_service

CLIENTS, TARGET_MS = 200, 150.0
_REQUESTS = 10
_INPUTS = ("QAgNO3", "Qpva", "Qtsc", "Qseed", "Qtot")
_RECIPE = {"QAgNO3": 30.0, "Qpva": 16.0, "Qtsc": 6.5, "Qseed": 4.5, "Qtot": 850.0}


def prediction_rows(learner: str = "components_gp") -> list[dict[str, Any]]:
    """Median and 99th percentile of the time to an answer, of 200 clients that all ask at once, with and without a training.

    Each client keeps its connection and asks again as soon as it is answered.
    """
    rows = list[dict[str, Any]]()
    with _trained(learner) as (service, client, path):
        for training in (False, True):
            if training:
                _start_training(client)
            waits = sorted(asyncio.run(_ask_all(service, path)))
            if training and next(client.follow_training("busy"))["state"] != "running":
                raise ClosedLoopError("the training ended before the last answer: nothing was measured beside it")
            state = "while a model trains" if training else "while nothing trains"
            p50, p99 = quantiles(waits, n=100)[49], quantiles(waits, n=100)[98]
            rows.append({"name": f"{CLIENTS} at once, {state}: median", "value": p50 * 1e3, "unit": "ms", "target": None, "met": None})
            rows.append({"name": f"{CLIENTS} at once, {state}: p99", "value": p99 * 1e3, "unit": "ms"} | _judged(p99 * 1e3, training))
    return rows


def _judged(value: float, judged: bool) -> dict[str, Any]:
    return {"target": TARGET_MS, "met": value < TARGET_MS} if judged else {"target": None, "met": None}


@contextmanager
def _trained(learner: str) -> Iterator[tuple[LocalService, Client, str]]:
    """A service with a model of spectra of 421 points, and the path to ask it."""
    with (
        tempfile.TemporaryDirectory(prefix="closedloop-") as folder,
        local_service(folder) as service,
        Client(service.url, service.key, timeout=300) as client,
    ):
        client.build_dataset("Spectra", "nanoparticle", 120, seed=1)
        made = client.train_surrogate("Asked", "spectra", _INPUTS, ["absorbance"], learner, seeds=1, sizes=[])
        client.wait_for_surrogate(made["id"])
        client.predict(made["id"], [_RECIPE])  # loads the model
        yield service, client, f"/api/v1/surrogates/{made['id']}/predict"


def _start_training(client: Client) -> None:
    settings = {"trees": 2000}
    client.train_surrogate("Busy", "spectra", _INPUTS, ["absorbance"], "forest", learner_settings=settings, seeds=10)
    while next(client.follow_training("busy"))["progress"] is None:
        time.sleep(0.1)


async def _ask_all(service: LocalService, path: str) -> list[float]:
    """Seconds that every request of every client waited for its answer."""
    address = urlsplit(service.url)
    body = json.dumps({"rows": [_RECIPE]}).encode()
    headers = [f"POST {path} HTTP/1.1", f"Host: {address.netloc}", f"Authorization: Bearer {service.key}"]
    headers += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    request = "\r\n".join(headers).encode() + body
    connections = [await asyncio.open_connection(address.hostname, address.port) for _ in range(CLIENTS)]
    try:
        waits = await asyncio.gather(*(_ask(reader, writer, request) for reader, writer in connections))
    finally:
        for _, writer in connections:
            writer.close()
    return [wait for own in waits for wait in own]


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> list[float]:
    waits = []
    for _ in range(_REQUESTS):
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise ClosedLoopError(f"the service answered {head.splitlines()[0].decode()}")
        waits.append(time.perf_counter() - began)
    return waits
