"""Questions to a model that come while it answers others are answered together, by one call of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import anyio
import numpy as np
import numpy.typing as npt

from app.predicting import Held, Models, answered, samples
from app.schemas.surrogates import PredictIn
from optimizer.types import InvalidInput

_ROWS = 64
"""Rows that questions are taken together for; one question may have more."""
_QUICK = 20_000
"""Bytes of a body that are read at once; a longer one is read in a thread, and nobody waits for it."""

Question = tuple[PredictIn, asyncio.Future[bytes]]


@dataclass
class _Waiting:
    """What a model is asked next."""

    held: Held
    questions: list[Question] = field(default_factory=list)
    running: asyncio.Task[None] | None = None

    def take(self) -> list[Question]:
        """The next questions to be answered by one call, one at least."""
        count = sum(rows <= _ROWS for rows in accumulate(len(body.rows) for body, _ in self.questions))
        taken, self.questions = self.questions[: max(count, 1)], self.questions[max(count, 1) :]
        return taken


class Together:
    """Asks models on behalf of many at once.

    The last digits of an answer may depend on what it was computed together with, as in any product of matrices.

    Args:
        models: Whom to ask.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._waiting: dict[str, _Waiting] = {}

    async def predict(self, id: str, content: bytes) -> bytes:
        """The answer (``PredictOut``) to a body (``PredictIn``), both as JSON.

        Raises:
            NotFound, Conflict: See ``Models.held``.
            ValidationError: The body is not of this shape.
            InvalidInput: Names the row and the field at fault.
        """
        if len(content) > _QUICK or id not in self._models:
            held, body = await anyio.to_thread.run_sync(self._question, id, content, limiter=self._models.limiter)
        else:
            held, body = self._question(id, content)
        waiting = self._waiting.setdefault(id, _Waiting(held))
        future = asyncio.get_running_loop().create_future()
        waiting.questions.append((body, future))
        if waiting.running is None:
            waiting.running = asyncio.create_task(self._answer(id, waiting))
        return await future

    def _question(self, id: str, content: bytes) -> tuple[Held, PredictIn]:
        body = PredictIn.model_validate_json(content)
        return self._models.held(id), body

    async def _answer(self, id: str, waiting: _Waiting) -> None:
        """Answer all that wait, and all that come meanwhile."""
        while waiting.questions:
            taken = waiting.take()
            bodies = [body for body, _ in taken]
            try:
                told = await anyio.to_thread.run_sync(self._asked, waiting.held, bodies, limiter=self._models.limiter)
            except Exception as error:  # whatever a model raises is the answer to those who asked it
                told = [error] * len(taken)
            for (_, future), answer in zip(taken, told, strict=True):
                _settle(future, answer)
        del self._waiting[id]

    def _asked(self, held: Held, bodies: list[PredictIn]) -> list[bytes | Exception]:
        found = samples(held.task, bodies)
        told = iter(self._told(held, [X for X in found if not isinstance(X, InvalidInput)]))
        return [X if isinstance(X, InvalidInput) else next(told) for X in found]

    def _told(self, held: Held, parts: list[npt.NDArray[Any]]) -> list[bytes]:
        if not parts:
            return []
        answers, verdicts = self._models.ask(held, np.concatenate(parts))
        ends = accumulate(len(X) for X in parts)
        return [answered(held, answers, verdicts, slice(end - len(X), end)) for X, end in zip(parts, ends, strict=True)]


def _settle(future: asyncio.Future[bytes], answer: bytes | Exception) -> None:
    if future.cancelled():  # whoever asked has gone
        return
    if isinstance(answer, bytes):
        future.set_result(answer)
    else:
        future.set_exception(answer)
