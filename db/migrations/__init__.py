"""Schema migrations, run at start behind a lock, so that any number of processes may start at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from db.engine import Database, translated

_LOCK = 0x636C6F7365  # "close": any number that no other program on the server takes


def migrate(database: Database) -> str:
    """Bring the schema to the newest version; on SQLite the write transaction is the lock.

    Returns:
        The version reached.
    """
    with translated(), database.writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return current(connection)


def state_of(database: Database) -> tuple[str, str | None]:
    """The version that the schema has, and the one that this code needs."""
    with database.reader.connect() as connection:
        return current(connection), ScriptDirectory.from_config(_config()).get_current_head()


def current(connection: Connection) -> str:
    """The version of the schema behind a connection, ``empty`` before the first migration."""
    return MigrationContext.configure(connection).get_current_revision() or "empty"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
