"""Fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.chromium import find_chromium
from tests.postgres import PostgresServer, postgres_server

# Before numpy or torch load: threads that wait for each other on a busy machine cost many times the work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every run and machine, and no failure because a shared machine was slow.
settings.register_profile("closedloop", deadline=None, derandomize=True)
settings.load_profile("closedloop")


@pytest.fixture(scope="session", name="postgres_server")
def _postgres_server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of this test's own, once on SQLite and once on Postgres."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/closedloop.db"
    else:
        # Asked for here, not as an argument, so that tests on SQLite start no server.
        with request.getfixturevalue("postgres_server").database() as url:
            yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser; a test that calls `screenshot` or `dump_dom` asks for it first."""
    return find_chromium()


@pytest.fixture(scope="session")
def agnp_csv() -> Path:
    """The published silver nanoparticle data set, which is not part of the repository."""
    folder = Path(os.environ.get("CLOSEDLOOP_DATA", ROOT.parent / "shared" / "data"))
    path = folder / "agnp" / "AgNP_dataset.csv"
    if not path.is_file():
        pytest.skip(f"{path} not found; run `closedloop data fetch agnp` or set CLOSEDLOOP_DATA")
    return path
