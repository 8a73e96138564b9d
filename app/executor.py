"""Where jobs compute: pure functions, arrays in and arrays out; compute never sees the database."""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from pebble import ProcessPool

from app.settings import Settings

_NICE = 10
"""By how much jobs yield to the service, which has people waiting."""


class Executor(Protocol):
    """Runs functions elsewhere."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a function; its future fails when the function fails, dies or exceeds the deadline."""

    def close(self) -> None:
        """Give up everything that still runs."""


class ProcessExecutor:
    """Own processes: one that dies or hangs fails only its own job.

    They are forked from a server that has loaded what jobs need, so this process need not,
    and they leave when this process dies.

    Args:
        workers: How many.
        deadline_s: Longest time a job may run.
        memory_mb: Most memory that a process may ask for; no limit when None.
        nice: By how much the processes yield to others.
    """

    def __init__(self, workers: int, deadline_s: float, memory_mb: int | None = None, nice: int = 0) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["app.preload"])
        self._deadline_s = deadline_s
        self._pool = ProcessPool(max_workers=workers, context=context, initializer=_prepare, initargs=[memory_mb, nice])
        self._pool.schedule(os.getpid)  # starts the server now, so that the first job need not wait for it

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a function in a process of its own; past the deadline the process is killed."""
        return self._pool.schedule(function, args=arguments, timeout=self._deadline_s)

    def close(self) -> None:
        """Kill the processes."""
        self._pool.stop()
        self._pool.join()


class DaskExecutor:
    """The same functions on a Dask cluster.

    Args:
        address: Of the scheduler: ``tls://...``, set up in Dask's own configuration, or ``tcp://...`` on this machine.
        deadline_s: Longest time a job may run.
    """

    def __init__(self, address: str, deadline_s: float) -> None:
        from distributed import Client

        self._client, self._deadline_s = Client(address), deadline_s

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a function on the cluster; past the deadline it is given up."""
        remote, local = self._client.submit(function, *arguments, pure=False), Future[Any]()
        local.set_running_or_notify_cancel()
        threading.Thread(target=self._deliver, args=(remote, local), daemon=True).start()
        return local

    def _deliver(self, remote: Any, local: Future[Any]) -> None:
        try:
            local.set_result(remote.result(timeout=self._deadline_s))
        except BaseException as error:  # whatever the cluster raises belongs to this job
            remote.cancel()
            local.set_exception(error)

    def close(self) -> None:
        """Leave the cluster."""
        self._client.close()


def open_executor(settings: Settings) -> Executor:
    """The executor that the settings ask for."""
    if settings.dask:
        return DaskExecutor(settings.dask, settings.deadline_s)
    return ProcessExecutor(max(settings.workers, 1), settings.deadline_s, settings.memory_mb, _NICE)


def _prepare(memory_mb: int | None, nice: int) -> None:
    os.nice(nice)
    if memory_mb is not None:
        # Not the address space, of which torch reserves far more than it uses: what is asked for beyond the limit is refused,
        # which ends the job with a MemoryError and leaves the process.
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 2**20, most))
    _leave_with_parent()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
