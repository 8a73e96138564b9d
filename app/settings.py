"""Settings of the service, read once from ``CLOSEDLOOP_*`` variables."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from optimizer.types import InvalidInput

_SAFE = ("tls://", "tcp://127.", "tcp://localhost:", "tcp://[::1]:")


def _folder() -> Path:
    return Path(os.environ.get("CLOSEDLOOP_FOLDER", Path.home() / ".closedloop"))


def _database() -> str:
    return os.environ.get("CLOSEDLOOP_DATABASE", f"sqlite:///{_folder() / 'closedloop.db'}")


def _half_of_the_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**21


@dataclass(frozen=True)
class Settings:
    """How one process of the service runs.

    Attributes:
        database: SQLAlchemy URL.
        admin_key: Key to install as administrator at the first start; made up and printed when None.
        workers: Processes for jobs in the web process; 0 leaves jobs to ``closedloop worker``.
        dask: Address of a Dask scheduler that runs the jobs instead of own processes.
        deadline_s: Longest time a job may run.
        memory_mb: Most memory that an own process may ask for; half of the machine's unless given.
        lease_s: Time after which a job of a silent worker is taken over.
        max_body: Largest request body, in bytes.
    """

    database: str = field(default_factory=_database)
    admin_key: str | None = field(default_factory=lambda: os.environ.get("CLOSEDLOOP_ADMIN_KEY"))
    workers: int = field(default_factory=lambda: int(os.environ.get("CLOSEDLOOP_WORKERS", "1")))
    dask: str | None = field(default_factory=lambda: os.environ.get("CLOSEDLOOP_DASK"))
    deadline_s: float = field(default_factory=lambda: float(os.environ.get("CLOSEDLOOP_DEADLINE_S", "600")))
    memory_mb: int = field(default_factory=lambda: int(os.environ.get("CLOSEDLOOP_MEMORY_MB", str(_half_of_the_memory()))))
    lease_s: float = 15.0
    max_body: int = 32 * 1024 * 1024

    @property
    def unfinished(self) -> Path:
        """Where jobs keep what they have done, in a folder each, until they end."""
        return (self._beside_database or _folder()) / "unfinished"

    @property
    def _beside_database(self) -> Path | None:
        """The folder of a database file."""
        file = self.database.removeprefix("sqlite:///")
        return None if file == self.database else Path(file).parent

    def prepare(self) -> None:
        """Create the folder of a database file, and check what cannot be left to chance.

        Raises:
            InvalidInput: The Dask scheduler is another machine's and unencrypted: whoever reaches it runs code here.
        """
        if self.dask:
            check_dask(self.dask)
        if self._beside_database is not None:
            self._beside_database.mkdir(parents=True, exist_ok=True)


def check_dask(address: str) -> None:
    """Check that no one between here and a Dask scheduler can run code here.

    Raises:
        InvalidInput: The scheduler is another machine's, and unencrypted.
    """
    if not address.startswith(_SAFE):
        raise InvalidInput(f"{address} is not encrypted", where=("dask",), remedy="use a tls:// scheduler, or one on this machine")
