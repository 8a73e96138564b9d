"""API keys and answered requests."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.store import now, record
from db.tables import IdempotencyRow, KeyRow
from optimizer.types import InvalidInput


def add(session: Session, name: str, role: str, digest: str) -> None:
    """Store a key's digest.

    Raises:
        InvalidInput: A key of this name exists.
    """
    if session.scalar(select(KeyRow).where(KeyRow.name == name)):
        raise InvalidInput(f"a key named {name!r} exists, or has existed", where=("name",), remedy="choose another name")
    session.add(KeyRow(id=uuid4().hex, name=name, role=role, digest=digest, created_at=now()))
    record(session, "command", "key created", name=name, role=role)


def by_digest(session: Session, digest: str) -> KeyRow | None:
    """The key with this SHA-256 digest, unless revoked."""
    return session.scalar(select(KeyRow).where(KeyRow.digest == digest, KeyRow.revoked_at.is_(None)))


def every(session: Session) -> Sequence[KeyRow]:
    """All keys, oldest first."""
    return session.scalars(select(KeyRow).order_by(KeyRow.created_at)).all()


def revoke(session: Session, name: str) -> None:
    """Make a key worthless.

    Raises:
        InvalidInput: No such key is in use.
    """
    row = session.scalar(select(KeyRow).where(KeyRow.name == name, KeyRow.revoked_at.is_(None)))
    if row is None:
        raise InvalidInput(f"no key named {name!r} is in use", where=("name",), remedy="see the names in `closedloop key list`")
    row.revoked_at = now()
    record(session, "command", "key revoked", name=name)


def earlier_answer(session: Session, actor: str, key: str) -> IdempotencyRow | None:
    """What an earlier request with this Idempotency-Key answered; requests with one key follow each other."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"{actor}/{key}"})
    return session.get(IdempotencyRow, (actor, key))


def keep_answer(session: Session, actor: str, key: str, fingerprint: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Keep what a request answered, for its repetitions."""
    session.add(IdempotencyRow(actor=actor, key=key, fingerprint=fingerprint, status=status, headers=headers, body=body, created_at=now()))
