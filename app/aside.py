"""A process beside the web process, for what somebody waits for: seconds at most, but too much for a thread of a server.

The processes of jobs are no place for it, since trainings may keep them for minutes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from app.executor import ProcessExecutor
from app.settings import Settings

T = TypeVar("T")


class Aside:
    """The process, started when it is first needed; what is asked of it waits in turn.

    Args:
        settings: Deadline and memory.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._process: ProcessExecutor | None = None

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function of a module returns, or raises; this thread waits."""
        return self._submit(function, *arguments).result()

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The same, and no thread waits."""
        return await asyncio.wrap_future(self._submit(function, *arguments))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()

    def _submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        with self._lock:
            if self._process is None:
                self._process = ProcessExecutor(1, self._settings.deadline_s, self._settings.memory_mb)
        return self._process.submit(function, *arguments)


def _of(request: Request) -> Aside:
    aside: Aside = request.app.state.aside
    return aside


Beside = Annotated[Aside, Depends(_of)]
