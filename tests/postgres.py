"""A private Postgres server: in a folder of its own, on a Unix socket, gone after the tests."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.needs import missing

# The data does not outlive the tests, so nothing has to reach the disk; the socket is the only door.
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off
synchronous_commit = off
full_page_writes = off
"""


@dataclass(frozen=True)
class PostgresServer:
    programs: Path
    folder: Path

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, dropped at the end with whatever is still connected."""
        name = f"test_{uuid4().hex}"
        self.run("createdb", "-h", self.folder, "-U", "postgres", name)
        try:
            yield f"postgresql+psycopg://postgres@/{name}?host={self.folder}"
        finally:
            self.run("dropdb", "-h", self.folder, "-U", "postgres", "--force", name)

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of the server's programs, as another user where this one is root: Postgres refuses to run as root."""
        # A file, not a pipe: the server inherits the output of the program that starts it, and would hold a pipe open.
        with (self.folder / "log").open("ab") as log:
            command = [self.programs / program, *arguments]
            done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120, **_identity())
        assert done.returncode == 0, (self.folder / "log").read_text()


def find_programs() -> Path | None:
    """The folder of the newest Postgres server on this machine."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in installed), key=lambda path: int(re.sub(r"\D", "", path.parts[-2])), default=None)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    programs = find_programs()
    if programs is None:
        missing("Postgres", "install it: apt-get install postgresql")
    # Not below pytest's folder, which only its owner may enter; and a socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = PostgresServer(programs, folder)
    try:
        if identity := _identity():
            shutil.chown(folder, identity["user"], identity["group"])
        server.run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS.format(folder=folder))
        server.run("pg_ctl", "-D", "data", "-w", "start")
        try:
            yield server
        finally:
            server.run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _identity() -> dict:
    """The arguments that let a child process run as a user who is not root."""
    if os.geteuid() != 0:
        return {}
    known = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in known else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
