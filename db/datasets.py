"""Queries on data sets. The versions of one are numbered from 1 without gaps, and never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import DatasetRow


def lock(session: Session, id: str) -> None:
    """Keep other writers of a data set out until the transaction ends, also before it has a version."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"dataset {id}"))))


def dataset(session: Session, id: str, version: int | None = None) -> DatasetRow | None:
    """A version of a data set, the newest unless told; its content is read when it is asked for."""
    query = select(DatasetRow).where(DatasetRow.id == id).order_by(DatasetRow.version.desc()).limit(1)
    return session.scalar(query if version is None else query.where(DatasetRow.version == version))


def datasets(session: Session, limit: int, after: str | None) -> Sequence[DatasetRow]:
    """The newest versions of a page of data sets in order of their identifiers, from the one that follows ``after``."""
    newest = select(DatasetRow.id, func.max(DatasetRow.version).label("version")).group_by(DatasetRow.id).subquery()
    query = select(DatasetRow).join(newest, (DatasetRow.id == newest.c.id) & (DatasetRow.version == newest.c.version))
    query = query.order_by(DatasetRow.id).limit(limit)
    return session.scalars(query.where(DatasetRow.id > after) if after else query).all()


def with_digest(session: Session, id: str, digest: str) -> DatasetRow | None:
    """The version of a data set that has this content."""
    return session.scalar(select(DatasetRow).where(DatasetRow.id == id, DatasetRow.digest == digest))


def last_version(session: Session, id: str) -> int:
    """Number of the newest version, 0 where there is none."""
    return session.scalar(select(func.max(DatasetRow.version)).where(DatasetRow.id == id)) or 0
