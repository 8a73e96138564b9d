"""From the queue to the executor and back: lease, compute, commit under the attempt's fence."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pebble import ProcessExpired

from app import knowledge, replaying, rescoring, service, studies, surrogates, views
from app.executor import Executor
from app.findings import findings
from app.progress import Progress
from db import jobs, store
from db.engine import Database, DatabaseBusy, Session
from db.tables import JobRow
from optimizer.forecast import forecasts
from optimizer.loop import next_step
from optimizer.types import ClosedLoopError

_log = logging.getLogger(__name__)
_POLL_S = 0.2
_FAILED = {
    "propose": "step failed",
    "replay": "replay failed",
    "rescore": "re-ranking failed",
    "knowledge": "learning failed",
    "train": "training failed",
    **dict.fromkeys(studies.KINDS, "study failed"),
}
_REASONS: dict[type[BaseException], str] = {
    TimeoutError: "the job ran into its deadline; ask for less, or set CLOSEDLOOP_DEADLINE_S higher",
    MemoryError: "the job asked for more memory than it may have; ask for less, or set CLOSEDLOOP_MEMORY_MB higher",
    ProcessExpired: "the process of the job was killed, perhaps for want of memory; ask for the job again",
}
_KEEPING = ("train", "sweep")
"""Kinds of jobs that go on from what they had done when they were killed."""
_CUT_SHORT = (TimeoutError, ProcessExpired)
"""Ends after which what was done is kept, for somebody to ask for the job again."""


@dataclass
class _Running:
    job: str
    attempt: int
    future: Future[Any]
    commit: Callable[..., bool]
    progress: Progress
    kept: Path | None
    told: tuple[float, str] | None = None


class Worker:
    """Takes jobs from the queue as long as it runs; any number of workers may share a database.

    Args:
        database: Where the queue is.
        executor: Computes the jobs.
        slots: Jobs at once.
        lease_s: Seconds after which a job is taken over, unless the lease was renewed.
        unfinished: Folder where jobs keep what they have done, for the attempt after one that was killed; None to keep nothing.
    """

    def __init__(self, database: Database, executor: Executor, slots: int, lease_s: float, unfinished: Path | None = None) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{id(self):x}"
        self._database, self._executor, self._slots, self._lease_s = database, executor, slots, lease_s
        self._unfinished = unfinished
        self._running: list[_Running] = []
        self._renew_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="closedloop-worker", daemon=True)

    def start(self) -> None:
        """Work in a thread of its own."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread works."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop, and give unfinished jobs back to the queue."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=30)

    def run(self) -> None:
        """Work until stopped."""
        while not self._stop.wait(_POLL_S):
            try:
                self.step()
            except DatabaseBusy:
                _log.warning("the database does not answer; trying again", exc_info=True)
        self._give_back()

    def step(self) -> bool:
        """Commit what is done, keep the leases of what runs, take what waits.

        Returns:
            Whether anything still runs.
        """
        for entry in [entry for entry in self._running if entry.future.done()]:
            self._settle(entry)
            entry.progress.close()
            self._running.remove(entry)
        self._tell()
        self._take()
        self._renew()
        return bool(self._running)

    def _take(self) -> None:
        free = self._slots - len(self._running)
        with self._database.read() as session:
            waiting = free > 0 and jobs.any_ready(session)
        if not waiting:
            return
        with self._database.write() as session:
            claimed = jobs.claim(session, self.name, self._lease_s, free)
        for job in claimed:
            self._begin(job)

    def _begin(self, job: JobRow) -> None:
        progress, kept = Progress.open(), self._folder(job)
        try:
            with self._database.read() as session:
                function, arguments, commit = _prepare(session, job, progress, kept)
        except ClosedLoopError as error:
            progress.close()
            self._fail(job.id, job.attempt, error)
            return
        self._running.append(_Running(job.id, job.attempt, self._executor.submit(function, *arguments), commit, progress, kept))

    def _folder(self, job: JobRow) -> Path | None:
        """Where a job keeps what it has done: the same at every attempt at the same request."""
        if self._unfinished is None or job.kind not in _KEEPING:
            return None
        asked = hashlib.sha256(json.dumps(job.request, sort_keys=True).encode()).hexdigest()
        folder = self._unfinished / f"{job.id}-{asked[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _tell(self) -> None:
        news = [(entry, told) for entry in self._running if (told := entry.progress.read()) and told != entry.told]
        if not news:
            return
        with self._database.write() as session:
            for entry, told in news:
                jobs.advance(session, entry.job, entry.attempt, *told)
                entry.told = told

    def _settle(self, entry: _Running) -> None:
        try:
            outcome = entry.future.result()
            with self._database.write() as session:
                ended = entry.commit(session, entry.job, entry.attempt, outcome)
        except DatabaseBusy:
            raise
        except Exception as error:  # whatever a job raises is its record, and must not end the worker
            ended = self._fail(entry.job, entry.attempt, error) and not isinstance(error, _CUT_SHORT)
        if ended and entry.kept is not None:
            shutil.rmtree(entry.kept, ignore_errors=True)

    def _fail(self, job: str, attempt: int, error: BaseException) -> bool:
        """Record why a job failed; False when another attempt has taken over."""
        _log.warning("job %s failed", job, exc_info=error)
        with self._database.write() as session:
            failed = jobs.fail(session, job, attempt, describe(error))
            if failed:
                row = jobs.job(session, job)
                action = _FAILED[row.kind] if row else "step failed"
                store.record(session, "service", action, row.campaign_id if row else None, job=job, error=describe(error))
        return failed

    def _renew(self) -> None:
        if not self._running or time.monotonic() < self._renew_at:
            return
        with self._database.write() as session:
            for entry in self._running:
                jobs.renew(session, entry.job, entry.attempt, self._lease_s)
        self._renew_at = time.monotonic() + self._lease_s / 3

    def _give_back(self) -> None:
        with self._database.write() as session:
            for entry in self._running:
                jobs.release(session, entry.job, entry.attempt)
                entry.progress.close()


def _prepare(
    session: Session, job: JobRow, progress: Progress, kept: Path | None
) -> tuple[Callable[..., Any], tuple[Any, ...], Callable[..., bool]]:
    """What a job computes, from what, and how what it finds is stored."""
    if job.kind == "train":
        return surrogates.trained, (*surrogates.task(session, job), progress, kept), surrogates.commit_training
    if job.kind in studies.KINDS:
        return studies.studied, (*studies.task(session, job), progress, kept), studies.commit_study
    campaign = views.load(session, service.find_campaign(session, job.campaign_id))
    if job.kind == "replay":
        state, unchanged = replaying.state_before(campaign, campaign.batches[job.round - 1])
        return next_step, (state,), partial(replaying.commit_replay, unchanged=unchanged)
    if job.kind == "rescore":
        wells = rescoring.waiting(campaign)
        made = partial(rescoring.commit_ranks, wells=wells, objective=campaign.objective_number)
        return forecasts, (service.state_of(campaign, overlap=True), np.array(list(wells.values()))), made
    if job.kind == "knowledge":
        found = partial(knowledge.commit_knowledge, basis=replaying.basis_of(campaign), round=len(campaign.batches))
        return findings, knowledge.task(campaign, job.request), found
    state = service.state_of(campaign, overlap=bool(job.request.get("overlap")))
    return next_step, (state,), partial(service.commit_step, basis=replaying.basis_of(campaign))


def describe(error: BaseException) -> str:
    """An error as one line for the job's record, with the remedy where there is one."""
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return f"{type(error).__name__}: {reason}"
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    remedy = getattr(error, "remedy", "")
    return f"{text}; {remedy}" if remedy else text
