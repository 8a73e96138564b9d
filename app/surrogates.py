"""Models on record: asked for, trained by a job, promoted and retired."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app import datasets, service
from app.problems import Conflict, NotFound
from app.progress import Progress
from app.schemas.surrogates import SurrogateIn, SurrogateLine, SurrogateOut, SurrogatePatch
from app.security import Principal
from app.views import job_out
from db import jobs, store
from db import surrogates as kept
from db.engine import Session
from db.tables import DatasetRow, JobRow, SurrogateRow
from models.learners import BadSettings
from models.spec import Spec
from models.table import BadTable, Table
from optimizer.types import InvalidInput

Outcome = tuple[dict[str, bytes], dict[str, Any]]
"""Files and card of a trained model."""


def checked(session: Session, body: SurrogateIn) -> DatasetRow:
    """The data that a model is to be trained on, once they are found fit for it.

    Raises:
        InvalidInput: Names the field at fault; there is no such data set.
    """
    try:
        found = datasets.find(session, body.dataset.id, body.dataset.version)
    except NotFound as error:
        raise InvalidInput(str(error), where=("dataset",), remedy="upload or build it first; GET /api/v1/datasets lists them") from error
    with _explained(body):
        body.spec().task(datasets.table_of(found))
    return found


def create(session: Session, who: Principal, body: SurrogateIn, found: DatasetRow) -> SurrogateRow:
    """Put a model on record, and queue its training on a data set that was found fit for it."""
    row = SurrogateRow(
        id=store.free_id(session, service.slug(body.name) or "surrogate", SurrogateRow.id),
        name=body.name,
        state="candidate",
        dataset_id=found.id,
        dataset_version=found.version,
        digest=found.digest,
        spec=body.spec().card(),
        card=None,
        version=1,
        actor=who.name,
        created_at=store.now(),
    )
    session.add(row)
    session.flush()
    _queue(session, who, row)
    return row


def retry(session: Session, who: Principal, row: SurrogateRow) -> JobRow:
    """Queue a training once more if it has failed.

    Returns:
        The job, whatever its state.
    """
    job = _training(session, row)
    return _queue(session, who, row) if job.state == jobs.FAILED else job


def _queue(session: Session, who: Principal, row: SurrogateRow) -> JobRow:
    job = jobs.enqueue_for_surrogate(session, "train", row.id, {})
    session.flush()
    store.record(session, who.name, "training queued", surrogate=row.id, job=job.id, dataset=row.dataset_id, sha256=row.digest)
    return job


def _training(session: Session, row: SurrogateRow) -> JobRow:
    job = jobs.of_kind(session, row.id, "train")
    assert job is not None  # noqa: S101 - no model is put on record without it
    return job


@contextmanager
def _explained(body: SurrogateIn) -> Iterator[None]:
    """Turn what the science says against data or settings into errors that name the field of the request."""
    try:
        yield
    except BadSettings as error:
        where = ("learner", "kind") if error.field == "kind" else ("learner", "settings", *filter(None, [error.field]))
        raise InvalidInput(str(error), where=where, remedy=error.remedy) from error
    except BadTable as error:
        raise InvalidInput(
            f"{error.field}: {error}" if error.field else str(error), where=_place(body, error.field), remedy=error.remedy
        ) from error


def _place(body: SurrogateIn, field: str) -> tuple[str | int, ...]:
    for part in ("inputs", "targets"):
        names = [use.name for use in getattr(body, part)]
        if field in names:
            return (part, names.index(field))
    return ("group",) if field and field == body.group else ("dataset",)


def find(session: Session, id: str, *, lock: bool = False) -> SurrogateRow:
    """A model.

    Raises:
        NotFound: There is none of this identifier.
    """
    row = kept.surrogate(session, id, lock=lock)
    if row is None:
        raise NotFound(f"there is no surrogate {id!r}; GET /api/v1/surrogates lists them")
    return row


def patch(session: Session, who: Principal, row: SurrogateRow, change: SurrogatePatch) -> None:
    """Promote or retire a model.

    Raises:
        Conflict: It has no card, or is in this state.
    """
    if row.state == change.state:
        raise Conflict(f"the surrogate is {row.state} already")
    if row.card is None and change.state == "promoted":
        raise Conflict("the surrogate is not trained: there is no card to judge it by; wait for its job, or retry it")
    row.state, row.version = change.state, row.version + 1
    store.record(session, who.name, f"surrogate {change.state}", surrogate=row.id, reason=change.reason)


def artifact(session: Session, row: SurrogateRow) -> bytes:
    """The files of a model as a ZIP; the same model gives the same bytes.

    Raises:
        Conflict: It is not trained.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files(session, row).items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def files(session: Session, row: SurrogateRow) -> dict[str, bytes]:
    """Name and content of each file of a model.

    Raises:
        Conflict: It is not trained.
    """
    if row.card is None:
        raise Conflict(f"the surrogate {row.id!r} is not trained; GET /api/v1/surrogates/{row.id} tells how far its job is")
    return kept.files(session, row.id)


# The job


def task(session: Session, job: JobRow) -> tuple[bytes, dict[str, Any]]:
    """What a training works on: the stored table, and the training as JSON."""
    row = find(session, job.surrogate_id or "")
    return datasets.find(session, row.dataset_id, row.dataset_version).content, row.spec


def trained(content: bytes, spec: dict[str, Any], progress: Progress, folder: Path | None = None) -> Outcome:
    """Train a model, where jobs are computed; from where an attempt before was killed, if its folder is here."""
    from models.programme import train  # late: the web process trains nothing

    model = train(Table.from_bytes(content), Spec.from_card(spec), progress.tell, folder if folder and folder.is_dir() else None)
    return model.to_files(), model.card


def commit_training(session: Session, job_id: str, attempt: int, outcome: Outcome) -> bool:
    """Keep card and files, together with the job's end; False when another attempt has taken over."""
    files, card = outcome
    job = jobs.job(session, job_id)
    if job is None or job.surrogate_id is None:
        return False
    row = find(session, job.surrogate_id, lock=True)
    result = f"trained on {card['data']['rows']} rows in {card['cpu_s']:.3g} CPU seconds"
    if not jobs.finish(session, job_id, attempt, result):
        return False
    row.card, row.version = card, row.version + 1
    kept.keep_files(session, row.id, files)
    store.record(session, "service", "surrogate trained", surrogate=row.id, job=job_id, sha256=row.digest)
    return True


# Views


def line(row: SurrogateRow) -> SurrogateLine:
    """A model in a list."""
    return SurrogateLine(**_line(row))


def shown(session: Session, row: SurrogateRow) -> SurrogateOut:
    """A model with its training and its card."""
    return SurrogateOut(
        **_line(row),
        version=row.version,
        sha256=row.digest,
        spec=row.spec,
        actor=row.actor,
        job=job_out(_training(session, row)),
        card=row.card,
    )


def _line(row: SurrogateRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "trained": row.card is not None,
        "learner": row.spec["kind"],
        "inputs": [use["name"] for use in row.spec["inputs"]],
        "targets": [use["name"] for use in row.spec["targets"]],
        "dataset": row.dataset_id,
        "dataset_version": row.dataset_version,
        "created_at": row.created_at,
    }
