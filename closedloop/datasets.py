"""The part of the client that stores data to learn from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

from closedloop.connection import Connection, path_of

Kind = Literal["number", "curve", "category", "stack"]
Simulator = Literal["nanoparticle", "polymer", "scattering", "psd"]


class DatasetLine(TypedDict):
    """The newest version of a data set, in a list; ``fields`` are names."""

    id: str
    name: str
    version: int
    rows: int
    fields: list[str]
    created_at: str


class DatasetField(TypedDict):
    """A field in figures: ``shape`` is that of one row, ``classes`` counts rows; what a kind has not is None."""

    name: str
    kind: Kind
    unit: str | None
    shape: list[int]
    axis: list[float] | None
    axis_unit: str | None
    min: float | None
    median: float | None
    max: float | None
    classes: dict[str, int] | None


class Dataset(TypedDict):
    """A version of a data set; ``source`` says which file or which simulator it came from."""

    id: str
    name: str
    version: int
    newest: int
    sha256: str
    rows: int
    fields: list[DatasetField]
    warnings: list[str]
    source: dict[str, Any]
    created_at: str
    actor: str


class DatasetRows(TypedDict):
    """Some rows: by field a number, a class, or the values of a curve; None for images."""

    id: str
    version: int
    offset: int
    total: int
    rows: list[dict[str, float | str | list[float] | None]]


class Datasets(Connection):
    """Uploads data sets, has them built, and reads them."""

    def upload_dataset(self, path: str | Path, name: str, fields: Iterable[Mapping[str, Any]]) -> Dataset:
        """Store a file as a data set: all of its rows, or nothing.

        Args:
            path: CSV, XLSX, parquet, or NPZ without pickles; one sample a row.
            name: Of the data set; new content under a known name is its next version.
            fields: What is in it: ``name``, ``kind``, ``unit``, and where it stands; see ``DatasetIn`` at ``/docs``.

        Returns:
            The version that has this content, also where that was stored before.

        Raises:
            InvalidInput: Names the field or the column, and the row.
        """
        file, declaration = Path(path), {"name": name, "fields": [dict(field) for field in fields]}
        parts = {"file": (file.name, file.read_bytes())}
        return self._send("POST", "/datasets", files=parts, data={"declaration": json.dumps(declaration)})

    def build_dataset(self, name: str, simulator: Simulator, rows: int | None = None, seed: int = 0, **settings: Any) -> Dataset:
        """Let a simulator make a data set; the same arguments make the same one.

        Args:
            name: Of the data set; new content under a known name is its next version.
            simulator: Its name.
            rows: Samples; None for a published design.
            seed: Of the samples and their noise.
            settings: What else the simulator takes: ``replicates`` of each recipe in ``nanoparticle``; in ``polymer`` the
                ``design``, ``latin_hypercube`` or ``published``; in ``scattering`` the same, ``random`` or ``published``, and
                ``low``, ``high``, ``step``, ``divided``, ``invariants``, ``largest``, ``strain``, ``noise`` and others; in
                ``psd`` ``images``, ``pixels``, ``particles`` and ``weighting``; see ``BuildIn`` at ``/docs``.
        """
        body = {"name": name, "simulator": simulator, "seed": seed, **settings} | ({} if rows is None else {"rows": rows})
        return self._send("POST", "/datasets/build", body=body)

    def datasets(self) -> Iterator[DatasetLine]:
        """The newest version of each data set, in order of their identifiers; read page by page."""
        after: dict[str, str] = {}
        while True:
            page = self._send("GET", "/datasets", params=after)
            yield from page["items"]
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    def dataset(self, id: str, version: int | None = None) -> Dataset:
        """A version of a data set, the newest when None."""
        return self._send("GET", path_of("datasets", id), params=_versioned(version))

    def dataset_rows(self, id: str, offset: int = 0, limit: int = 20, version: int | None = None) -> DatasetRows:
        """Some rows of a data set, in order; fewer at the end."""
        return self._send("GET", f"{path_of('datasets', id)}/rows", params={"offset": offset, "limit": limit, **_versioned(version)})

    def dataset_content(
        self, id: str, format: Literal["npz", "csv"] = "npz", version: int | None = None, path: str | Path | None = None
    ) -> bytes:
        """All rows of a data set as a file, in full precision.

        Args:
            id: The data set.
            format: ``npz`` has an array per field and ``axis/NAME`` for the axis of a curve; ``csv`` holds no images.
            version: The newest when None.
            path: Where the file is written too, if anywhere.
        """
        params = {"format": format, **_versioned(version)}
        content = self._transport.send("GET", f"{path_of('datasets', id)}/content", params=params).content
        if path is not None:
            Path(path).write_bytes(content)
        return content


def _versioned(version: int | None) -> dict[str, int]:
    return {} if version is None else {"version": version}
