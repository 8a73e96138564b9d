"""The shared fixtures do what the other tests take for granted."""

import contextlib
import os
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from tests.chromium import browse, dump_dom, screenshot
from tests.needs import missing
from tests.postgres import PostgresServer

PAGE = "data:text/html,<p id=p>before</p><script>setTimeout(() => p.textContent = 'after', 300)</script>"


@contextlib.contextmanager
def connection(url: str):
    engine = create_engine(url)
    with engine.begin() as connected:
        yield connected
    engine.dispose()


def test_postgres_answers(postgres_server: PostgresServer):
    with postgres_server.database() as url, connection(url) as connected:
        assert connected.scalar(text("SELECT version()")).startswith("PostgreSQL")


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_has_an_empty_database(database_url: str, turn: int):
    with connection(database_url) as connected:
        assert inspect(connected).get_table_names() == []
        connected.execute(text("CREATE TABLE leftover (id INTEGER)"))


def test_a_database_is_dropped_while_someone_is_connected(postgres_server: PostgresServer):
    with postgres_server.database() as url:
        connected = create_engine(url).connect()
    with postgres_server.database() as other, connection(other) as watching:
        names = watching.scalars(text("SELECT datname FROM pg_database")).all()
    connected.invalidate()
    assert make_url(url).database not in names


def test_chromium_runs_scripts(chromium: str):
    assert '<p id="p">after</p>' in dump_dom(PAGE, until="p.textContent == 'after'")


def test_chromium_draws(chromium: str, tmp_path: Path):
    screenshot(PAGE, tmp_path / "page.png", size=(320, 200))
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_chromium_reports_what_goes_wrong_in_a_page(chromium: str):
    with browse() as page:
        page.open("data:text/html,<script>throw Error('broken')</script>")
        assert "broken" in str(page.problems)
        with pytest.raises(AssertionError, match="still waiting"):
            page.wait("missing.textContent == 'never'", timeout_s=0.2)
        with pytest.raises(AssertionError, match="ReferenceError"):
            page.evaluate("missing")
        with pytest.raises(AssertionError, match="ERR_UNSAFE_PORT"):
            page.open("http://127.0.0.1:1")


def test_the_nanoparticle_data_has_its_columns(agnp_csv: Path):
    with agnp_csv.open() as lines:
        assert len(next(lines).split(",")) > 5


def test_what_is_missing_skips_on_a_desk_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"):
        missing("Postgres", "install it: apt-get install postgresql")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Postgres not found"):
        missing("Postgres", "install it: apt-get install postgresql")


def test_postgres_runs_as_someone_else_than_root(postgres_server: PostgresServer):
    assert os.stat(postgres_server.folder / "data" / "PG_VERSION").st_uid != 0
