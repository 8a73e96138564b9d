"""A service of one's own on this machine: a process that listens on the loopback address and keeps its data in a folder."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from closedloop.errors import NotStarted

_POLL_S, _START_S, _STOP_S = 0.05, 120.0, 15.0
_SAID = re.compile(r"https?://[\w.:\[\]]+")


@dataclass(frozen=True)
class LocalService:
    """A running service.

    Attributes:
        url: Its address.
        key: An administrator's key.
        log: Where it writes what it does.
        database: SQLAlchemy URL of its data, for another service to open later.
        pid: Its process.
    """

    url: str
    key: str
    log: Path
    database: str
    pid: int


@contextmanager
def local_service(folder: str | Path, port: int = 0, workers: int = 1) -> Iterator[LocalService]:
    """Run a service on SQLite as long as the block lasts.

    Args:
        folder: Where database, key and log are kept; used before or not.
        port: Port on 127.0.0.1; any free one when 0.
        workers: Processes for jobs.

    Raises:
        NotStarted: The service did not get ready; the message ends with its log.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "closedloop.db"
    database = f"sqlite:///{file}"
    key, log = _key(folder, file), folder / "service.log"
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers), "--database", database]
    with log.open("w") as out:
        process = subprocess.Popen(_command(*arguments), env=_environment(key), stdin=subprocess.DEVNULL, stdout=out, stderr=out)  # noqa: S603
    try:
        yield LocalService(_wait(process, log), key, log, database, process.pid)
    finally:
        _end(process)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "closedloop.cli", *arguments]


def _environment(key: str) -> dict[str, str]:
    """This process's environment, without the settings of another service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOSEDLOOP_")}
    return {**kept, "CLOSEDLOOP_ADMIN_KEY": key, "PYTHONUNBUFFERED": "1"}


def _key(folder: Path, database: Path) -> str:
    """The key kept in the folder; a new one, known to the service from its first start or made for a database that exists."""
    path = folder / "admin.key"
    if path.exists():
        return path.read_text().strip()
    key = f"cl_{secrets.token_urlsafe(32)}"
    if database.exists():
        name = f"local-{secrets.token_hex(4)}"
        create = _command("key", "create", name, "--role", "admin", "--database", f"sqlite:///{database}")
        made = subprocess.run(create, env=_environment(key), capture_output=True, text=True, check=False)  # noqa: S603
        if made.returncode:
            raise NotStarted(f"no key could be made for {database}: {made.stderr.strip()}")
        key = made.stdout.strip()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{key}\n")
    return key


def _wait(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address, as soon as the service says that it is ready."""
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        said = _SAID.search(log.read_text(errors="replace"))
        if said:
            with suppress(httpx.TransportError):
                if httpx.get(f"{said[0]}/api/v1/ready", trust_env=False).is_success:
                    return said[0]
        time.sleep(_POLL_S)
    state = "is not ready" if process.poll() is None else f"ended with status {process.returncode}"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise NotStarted(f"the local service {state}; its log {log} ends with:\n{tail}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
