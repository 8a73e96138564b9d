"""Published data: a folder of one's own first, then the cache, then the network; and never a wrong file."""

import hashlib
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from closedloop import DataUnavailable, data

CONTENT = b"a,b\n1,2\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no folder of one's own, and a data set of eight bytes."""
    small = replace(data.DATASETS["agnp"], sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
    monkeypatch.setitem(data.DATASETS, "agnp", small)
    monkeypatch.delenv("CLOSEDLOOP_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "closedloop" / "agnp"


def serving(content: bytes, status: int = 200) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, content=content))


def offline(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Name or service not known")


OFFLINE = httpx.MockTransport(offline)


def test_a_download_is_kept_for_the_next_time(cache: Path):
    path = data.fetch("agnp", serving(CONTENT))
    assert path == cache / "AgNP_dataset.csv"
    assert path.read_bytes() == CONTENT
    assert data.fetch("agnp", OFFLINE) == path


def test_a_folder_of_ones_own_comes_first(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data.fetch("agnp", serving(CONTENT))
    mine = tmp_path / "mine" / "agnp" / "AgNP_dataset.csv"
    mine.parent.mkdir(parents=True)
    monkeypatch.setenv("CLOSEDLOOP_DATA", str(tmp_path / "mine"))
    assert data.fetch("agnp", OFFLINE) == cache / "AgNP_dataset.csv"
    mine.write_bytes(CONTENT)
    assert data.fetch("agnp", OFFLINE) == mine


def test_a_download_of_other_content_is_not_kept(cache: Path):
    with pytest.raises(DataUnavailable, match="not the published file"):
        data.fetch("agnp", serving(b"<html>moved</html>"))
    assert not cache.exists()


def test_a_damaged_file_in_the_cache_is_not_used(cache: Path):
    cache.mkdir(parents=True)
    (cache / "AgNP_dataset.csv").write_bytes(CONTENT[:-1])
    with pytest.raises(DataUnavailable, match="delete it"):
        data.fetch("agnp", serving(CONTENT))


@pytest.mark.parametrize("transport", [OFFLINE, serving(b"", 404)])
def test_without_a_network_the_error_says_what_to_do(transport: httpx.MockTransport, cache: Path):
    with pytest.raises(DataUnavailable, match="CLOSEDLOOP_DATA"):
        data.fetch("agnp", transport)
    assert not cache.exists()


def test_an_unknown_data_set_is_an_error():
    with pytest.raises(DataUnavailable, match="there are: agnp"):
        data.fetch("AgNP")


def test_the_published_file_has_the_checksum_on_record(agnp_csv: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    content = agnp_csv.read_bytes()
    assert len(content) == data.DATASETS["agnp"].size
    assert hashlib.sha256(content).hexdigest() == data.DATASETS["agnp"].sha256
