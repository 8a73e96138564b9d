"""Queries on trained models and their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, defer

from db.tables import ArtifactRow, StudyRow, SurrogateRow


def surrogate(session: Session, id: str, *, lock: bool = False) -> SurrogateRow | None:
    """One model; ``lock`` keeps other writers of it out until the transaction ends."""
    query = select(SurrogateRow).where(SurrogateRow.id == id)
    return session.scalar(query.with_for_update() if lock else query)


def surrogates(session: Session, state: str | None, limit: int, after: str | None) -> Sequence[SurrogateRow]:
    """A page of models, of all states or of one, in order of their identifiers, from the one that follows ``after``."""
    query = select(SurrogateRow).order_by(SurrogateRow.id).limit(limit)
    query = query.where(SurrogateRow.state == state) if state else query
    return session.scalars(query.where(SurrogateRow.id > after) if after else query).all()


def artifacts(session: Session, id: str) -> Sequence[ArtifactRow]:
    """The files of a model in order of their names; their content is read when it is asked for."""
    query = select(ArtifactRow).where(ArtifactRow.surrogate_id == id).order_by(ArtifactRow.name)
    return session.scalars(query.options(defer(ArtifactRow.content))).all()


def files(session: Session, id: str) -> dict[str, bytes]:
    """Name and content of each file of a model."""
    rows = session.scalars(select(ArtifactRow).where(ArtifactRow.surrogate_id == id).order_by(ArtifactRow.name))
    return {row.name: row.content for row in rows}


def keep_files(session: Session, id: str, files: Mapping[str, bytes]) -> None:
    """Keep the files of a model, in place of those that it has."""
    session.execute(delete(ArtifactRow).where(ArtifactRow.surrogate_id == id))
    session.add_all(ArtifactRow(surrogate_id=id, name=name, content=content) for name, content in files.items())


def file(session: Session, id: str, name: str) -> bytes | None:
    """One file of a model, None before it is trained."""
    row = session.get(ArtifactRow, (id, name))
    return None if row is None else row.content


def study(session: Session, id: str, kind: str) -> StudyRow | None:
    """The last study of a kind on a model."""
    return session.get(StudyRow, (id, kind))
