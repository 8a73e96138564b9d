"""Runs of a benchmark: in parallel over processes, and kept, so that a run that is finished is never made again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_SCIENCE = ("optimizer", "models")
_LIBRARIES = ("closedloop", "numpy", "scipy", "torch", "botorch", "gpytorch")


@dataclass(frozen=True)
class Outcome:
    """What came of a set of tasks.

    Attributes:
        results: Key -> result, as JSON knows it.
        failures: Key -> what went wrong.
        reused: How many results were there before.
    """

    results: dict[str, dict[str, Any]]
    failures: dict[str, str]
    reused: int


class Store:
    """Results by key in a file of JSON lines, to which a line is added as soon as a run ends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """All results; a line that a killed process left half is passed over."""
        found = {}
        for line in self.path.read_text().splitlines() if self.path.is_file() else ():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            found[entry["key"]] = entry["result"]
        return found

    def add(self, key: str, result: Mapping[str, Any]) -> None:
        """Keep a result."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            # The line break in front ends what a killed process may have left.
            file.write(b"\n" + json.dumps({"key": key, "result": result}).encode() + b"\n")


def compute(
    tasks: Mapping[str, Any], work: Callable[[Any], Any], store: Store, executor: Executor, console: Console, *, fresh: bool = False
) -> Outcome:
    """Do the tasks whose results are not kept yet.

    Args:
        tasks: Key -> argument of ``work``; the key names everything that the result depends on.
        work: Returns a dataclass of plain values; runs in the executor.
        store: Where results are kept.
        executor: Runs the tasks.
        console: Shows how far they are.
        fresh: Do all tasks, also those whose results are kept.
    """
    kept = {} if fresh else store.read()
    results, failures = {key: kept[key] for key in tasks if key in kept}, {}
    reused = len(results)
    with _progress(console) as progress:
        bar = progress.add_task("runs", total=len(tasks), completed=reused)
        waiting = {executor.submit(work, task): key for key, task in tasks.items() if key not in results}
        try:
            for future in as_completed(waiting):
                key, error = waiting[future], future.exception()
                if error is None:
                    results[key] = json.loads(json.dumps(asdict(future.result())))
                    store.add(key, results[key])
                else:
                    failures[key] = f"{type(error).__name__}: {error}"
                progress.advance(bar)
        finally:
            for future in waiting:
                future.cancel()
    return Outcome(results, failures, reused)


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """Fresh processes that compute on one thread each."""
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_prepare) as pool:
        yield pool


def key(parts: Mapping[str, Any]) -> str:
    """A key that tells apart whatever differs in any part."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def code() -> str:
    """Checksum of the source of the science: whatever changes it makes kept results worthless."""
    digest = hashlib.sha256()
    for package in _SCIENCE:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """What results depend on beside the code."""
    return {"python": platform.python_version(), "machine": platform.machine()} | {name: version(name) for name in _LIBRARIES}


def _prepare() -> None:
    """In a new process, before a numerical library is loaded: one thread, and it ends with its parent, on Ctrl-C without a traceback."""
    os.environ["OMP_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = parent_process()
    assert parent is not None  # noqa: S101 - only processes of a pool prepare themselves
    parent.join()
    os._exit(1)  # else a training goes on for hours, for nobody


def _progress(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=console)
