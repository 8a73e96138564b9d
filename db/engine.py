"""Engines and transactions: one writer at a time on SQLite, any number of readers."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from optimizer.types import ClosedLoopError

_WRITE_WAIT_S = 60
_RETRY_S = 0.02


class DatabaseBusy(ClosedLoopError):
    """The database cannot be reached, is locked or out of space; nothing was stored, and a later try may work."""


@dataclass(frozen=True)
class Database:
    """A database with its two doors.

    Attributes:
        reader: Engine for transactions that only read.
        writer: Engine for transactions that write; on SQLite it holds a single connection, so that
            writers queue in order instead of failing on a lock.
    """

    reader: Engine
    writer: Engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one snapshot and writes nothing."""
        with translated(), Session(self.reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that is committed, and on disk, when the block ends without an error."""
        with translated(), Session(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.writer.dispose()
        self.reader.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what a database says when it cannot work into ``DatabaseBusy``."""
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        raise DatabaseBusy(f"the database does not answer: {type(error).__name__}") from error
    except DatabaseError as error:
        # The bare class is SQLite's word for a file that is none of its own; the subclasses are bugs of ours.
        if type(error) is not DatabaseError:
            raise
        raise DatabaseBusy(f"the database cannot be read: {error.orig}") from error


def open_database(url: str) -> Database:
    """Open a database by its SQLAlchemy URL (``sqlite:///file.db`` or ``postgresql+psycopg://...``)."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(reader=_sqlite(parsed, "DEFERRED", 8), writer=_sqlite(parsed, "IMMEDIATE", 1))
    engine = create_engine(parsed, pool_size=10, max_overflow=10, pool_pre_ping=True)
    # At Postgres' own level, READ COMMITTED, each statement has its own snapshot: a batch could be read without its wells.
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Database(reader=snapshot, writer=engine)


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite does not wait for the lock that this takes when processes start at once."""
    end = time.monotonic() + _WRITE_WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(_RETRY_S)


def _sqlite(url: URL, begin: str, connections: int) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_WRITE_WAIT_S,
        connect_args={"check_same_thread": False, "timeout": _WRITE_WAIT_S},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin too late; "begin" below opens them instead.
        connection.isolation_level = None
        _enter_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    return engine
