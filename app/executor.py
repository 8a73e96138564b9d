"""Where jobs compute: pure functions, arrays in and arrays out; compute never sees the database."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from pebble import ProcessPool


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
    """

    def __init__(self, workers: int, deadline_s: float) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["app.preload"])
        self._deadline_s = deadline_s
        self._pool = ProcessPool(max_workers=workers, context=context, initializer=_leave_with_parent)
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


def open_executor(workers: int, deadline_s: float, dask: str | None) -> Executor:
    """The executor that the settings ask for."""
    return DaskExecutor(dask, deadline_s) if dask else ProcessExecutor(workers, deadline_s)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
