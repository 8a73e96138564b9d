"""Published data sets: from a folder of your own, from the cache, or from where they were published, checksum verified."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx

from closedloop.errors import DataUnavailable


@dataclass(frozen=True)
class DataSet:
    """A published file.

    Attributes:
        path: Where it lies in a data folder.
        url: Where it was published, at one fixed version.
        sha256: Its checksum.
        size: Its length in bytes.
        licence: What may be done with it.
        citations: What to cite.
    """

    path: str
    url: str
    sha256: str
    size: int
    licence: str
    citations: tuple[str, ...]


DATASETS = {
    "agnp": DataSet(
        "agnp/AgNP_dataset.csv",
        "https://raw.githubusercontent.com/PV-Lab/Benchmarking/b653ddabe53f6c95c3fb9eb71f1dbf714f82b47d/datasets/AgNP_dataset.csv",
        "d25ec6fbb178bbb1b58350ff1c933034b409cdced4f9b20f7d7be61ffaed0d08",
        197_618,
        "MIT, (c) 2020 MIT PVLab",
        ("Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021)", "Liang et al., npj Comput. Mater. 7, 188 (2021)"),
    )
}


def fetch(name: str, transport: httpx.BaseTransport | None = None) -> Path:
    """The path of a data set: in the folder ``CLOSEDLOOP_DATA``, else in the cache, where it is downloaded to if need be.

    Args:
        name: Which one, a key of ``DATASETS``.
        transport: Transport of httpx, for tests.

    Raises:
        DataUnavailable: There is none of this name, it cannot be downloaded, or its checksum is wrong.
    """
    if name not in DATASETS:
        raise DataUnavailable(f"there is no data set {name!r}; there are: {', '.join(DATASETS)}")
    dataset = DATASETS[name]
    for folder in folders():
        path = folder / dataset.path
        if path.is_file():
            _verify(path.read_bytes(), dataset, f"{path}: delete it, and fetch it again")
            return path
    content = _download(dataset, transport)
    _verify(content, dataset, f"{dataset.url}: try again later, or put the file into the folder CLOSEDLOOP_DATA")
    return _store(content, cache() / dataset.path)


def folders() -> list[Path]:
    """Where published files are looked for: the folder ``CLOSEDLOOP_DATA``, if it is set, and the cache."""
    own = os.environ.get("CLOSEDLOOP_DATA")
    return [*([Path(own)] if own else []), cache()]


def cache() -> Path:
    """The folder that is kept between commands and may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "closedloop"


def _verify(content: bytes, dataset: DataSet, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != dataset.sha256:
        message = f"{len(content)} bytes with SHA-256 {found[:12]}... instead of {dataset.size} with {dataset.sha256[:12]}..."
        raise DataUnavailable(f"this is not the published file: {message}; {where}")


def _download(dataset: DataSet, transport: httpx.BaseTransport | None) -> bytes:
    try:
        with httpx.Client(transport=transport, timeout=60, follow_redirects=True) as http:
            return http.get(dataset.url).raise_for_status().content
    except httpx.HTTPError as error:
        remedy = f"without a network, put the file into a folder as {dataset.path} and set CLOSEDLOOP_DATA to that folder"
        raise DataUnavailable(f"{dataset.url} could not be downloaded: {error}; {remedy}") from error


def _store(content: bytes, path: Path) -> Path:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
    return path
