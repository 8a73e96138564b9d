"""Studies of trained models: asked for, computed by a job, kept with the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from app import card_figures, datasets, explaining, hardening, inverting, surrogates, sweeping, wanting
from app.problems import Conflict, NotFound
from app.progress import Progress
from app.schemas.base import Shape
from app.schemas.studies import ExplainIn, FiguresOut, InverseIn, RobustnessIn, StudyKind, StudyOut, SweepIn
from app.security import Principal
from app.subject import Found, Material, Subject
from db import jobs, store
from db import surrogates as kept
from db.engine import Session
from db.tables import JobRow, StudyRow, SurrogateRow
from models import cards
from models.table import Table
from models.task import Task
from models.trained import Trained

Answer = TypeVar("Answer", bound=StudyOut)


class _Kind(NamedTuple):
    """A kind of study: its request, what is wrong with one, and what it finds."""

    body: type[Shape]
    check: Callable[[Subject, Any], None]
    found: Callable[[Material, Any], Found]


KINDS: Mapping[StudyKind, _Kind] = {
    "inverse": _Kind(InverseIn, wanting.check, inverting.found),
    "explain": _Kind(ExplainIn, explaining.check, explaining.found),
    "robustness": _Kind(RobustnessIn, hardening.check, hardening.found),
    "sweep": _Kind(SweepIn, sweeping.check, sweeping.found),
}


def subject(session: Session, row: SurrogateRow) -> Subject:
    """A model as studies see it.

    Raises:
        Conflict: It is not trained.
    """
    model = kept.file(session, row.id, "model.json")
    if model is None or row.card is None:
        raise Conflict(f"the surrogate {row.id!r} is not trained; GET /api/v1/surrogates/{row.id} tells how far its job is")
    task = Task.from_card(json.loads(model)["task"])
    return Subject(task, row.card, datasets.find(session, row.dataset_id, row.dataset_version).source)


def request_study(session: Session, who: Principal, row: SurrogateRow, kind: StudyKind, body: Shape) -> JobRow:
    """Queue a study, or find it there; a request that failed is tried again.

    Raises:
        InvalidInput: Names the field at fault.
        Conflict: The model is not trained, or the study does not suit it; or one with another request is under way.
    """
    KINDS[kind].check(subject(session, row), body)
    request = body.model_dump(mode="json")
    job = jobs.enqueue_for_surrogate(session, kind, row.id, request)
    if job.request != request:
        raise Conflict(f"job {job.id} is under way with another request; repeat this one when it has ended")
    session.flush()
    store.record(session, who.name, "study asked for", surrogate=row.id, kind=kind, job=job.id)
    return job


# The job


def task(session: Session, job: JobRow) -> tuple[StudyKind, dict[str, bytes], bytes, dict[str, Any], dict[str, Any]]:
    """What a study works on: its kind, the files of the model, the stored table and where that came from, and the request."""
    row = surrogates.find(session, job.surrogate_id or "")
    data = datasets.find(session, row.dataset_id, row.dataset_version)
    kind = next(kind for kind in KINDS if kind == job.kind)
    return kind, surrogates.files(session, row), data.content, data.source, job.request


def studied(
    kind: StudyKind,
    files: dict[str, bytes],
    content: bytes,
    source: dict[str, Any],
    request: dict[str, Any],
    progress: Progress,
    folder: Path | None = None,
) -> Found:
    """Carry a study out, where jobs are computed."""
    model = Trained.from_files(files)
    material = Material(
        model,
        Table.from_bytes(content),
        Subject(model.task, model.card, source),
        progress.tell,
        folder if folder and folder.is_dir() else None,
    )
    return KINDS[kind].found(material, KINDS[kind].body.model_validate(request))


def commit_study(session: Session, job_id: str, attempt: int, found: Found) -> bool:
    """Keep what was found in place of what was known, together with the job's end; False when another attempt has taken over."""
    job = jobs.job(session, job_id)
    if job is None or job.surrogate_id is None or not jobs.finish(session, job_id, attempt, found.said):
        return False
    files = kept.files(session, job.surrogate_id)
    digest = hashlib.sha256(b"".join(name.encode() + hashlib.sha256(content).digest() for name, content in sorted(files.items())))
    row = StudyRow(
        surrogate_id=job.surrogate_id,
        kind=job.kind,
        request=job.request,
        result=cards.plain(found.result),
        figures=[cards.plain(vars(drawn)) for drawn in found.figures],
        digest=digest.hexdigest(),
        made_at=store.now(),
    )
    session.merge(row)
    store.record(session, "service", "study done", surrogate=row.surrogate_id, kind=job.kind, job=job_id)
    return True


# Views


def shown(session: Session, id: str, kind: StudyKind, shape: type[Answer]) -> Answer:
    """The last study of a kind on a model.

    Raises:
        NotFound: There is no such model, or no such study of it yet; says how far its job is.
    """
    surrogates.find(session, id)
    row = kept.study(session, id, kind)
    if row is None:
        job = jobs.of_kind(session, id, kind)
        path = f"/api/v1/surrogates/{id}/{kind}"
        so_far = f"POST {path} asks for it" if job is None else f"its job {job.id} is {job.state}{f': {job.error}' if job.error else ''}"
        raise NotFound(f"there is no study of this kind of {id!r} yet; {so_far}")
    return shape.model_validate(
        {
            "surrogate": id,
            "sha256": row.digest,
            "made_at": row.made_at,
            "request": row.request,
            "result": row.result,
            "figures": row.figures,
        }
    )


def figures(session: Session, id: str) -> FiguresOut:
    """The figures of the card of a model.

    Raises:
        NotFound: There is no such model.
        Conflict: It is not trained.
    """
    row = surrogates.find(session, id)
    drawn = card_figures.figures_of(subject(session, row))
    return FiguresOut.model_validate({"surrogate": id, "figures": [vars(one) for one in drawn]})
