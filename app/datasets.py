"""Data sets: stored in versions, described in figures, read in parts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from app import service
from app.aside import Aside
from app.problems import Conflict, NotFound
from app.scattering import explained
from app.schemas.datasets import DatasetLine, DatasetOut, FieldOut, NanoparticleBuild, PolymerBuild, PsdBuild, RowsOut, ScatteringBuild
from app.security import Principal
from db import datasets, store
from db.engine import Session
from db.tables import DatasetRow
from models.builders import BUILDERS
from models.table import Field, Table
from optimizer.types import InvalidInput

_MOST_VALUES = 500_000
"""Values in one answer: 10 MB of JSON."""


def build(wanted: NanoparticleBuild | PolymerBuild | ScatteringBuild | PsdBuild, aside: Aside) -> Table:
    """The table that a simulator makes of a request; bounds on its rows keep that to some seconds."""
    make = partial(BUILDERS[wanted.simulator], **wanted.model_dump(exclude={"name", "simulator"}))
    if wanted.simulator == "nanoparticle":
        return make()
    with explained():
        return aside.run(make)


def store_table(session: Session, who: Principal, name: str, table: Table, source: dict[str, Any]) -> tuple[DatasetRow, bool]:
    """Keep a table as the next version of the data set of a name, unless it is kept already.

    Returns:
        The version that holds it, and whether it is new.

    Raises:
        Conflict: The name differs from an earlier one in nothing but capitals and signs.
        InvalidInput: No identifier can be made from the name.
    """
    id = service.slug(name)
    if not id:
        remedy = "let the name hold a letter from a to z, or a digit"
        raise InvalidInput(f"no identifier can be made from {name!r}", where=("name",), remedy=remedy)
    datasets.lock(session, id)
    newest = datasets.dataset(session, id)
    if newest is not None and newest.name != name:
        raise Conflict(f"data set {id!r} is named {newest.name!r}: use that name for its next version, or quite another one")
    known = datasets.with_digest(session, id, table.digest)
    if known is not None:
        return known, False
    row = DatasetRow(
        id=id,
        version=1 if newest is None else newest.version + 1,
        name=name,
        digest=table.digest,
        rows=len(table),
        description={"fields": [_described(field) for field in table.fields], "warnings": _warnings(table)},
        source=source,
        created_at=store.now(),
        actor=who.name,
        content=table.to_bytes(),
    )
    session.add(row)
    store.record(session, who.name, "data set stored", dataset=id, version=row.version, sha256=row.digest, rows=row.rows)
    session.flush()
    return row, True


def _described(field: Field) -> dict[str, Any]:
    figures = (None, None, None) if field.classes else (float(f(field.values)) for f in (np.min, np.median, np.max))
    counts = np.bincount(field.values, minlength=len(field.classes)).tolist() if field.classes else []
    low, median, high = figures
    return FieldOut(
        name=field.name,
        kind=field.kind,
        unit=field.unit or None,
        shape=list(field.values.shape[1:]),
        axis=None if field.axis is None else field.axis.tolist(),
        axis_unit=field.axis_unit or None,
        min=low,
        median=median,
        max=high,
        classes=dict(zip(field.classes, counts, strict=True)) or None,
    ).model_dump()


def _warnings(table: Table) -> list[str]:
    constant = [field.name for field in table.fields if (field.values == field.values[:1]).all()]
    return [f"{name!r} is the same in every row: it tells nothing" for name in constant]


def find(session: Session, id: str, version: int | None = None) -> DatasetRow:
    """A version of a data set, the newest unless told.

    Raises:
        NotFound: There is none of this identifier, or no such version.
    """
    row = datasets.dataset(session, id, version)
    if row is None:
        last = datasets.last_version(session, id)
        raise NotFound(
            f"data set {id!r} has no version {version}; it has {last}"
            if last
            else f"there is no data set {id!r}; GET /api/v1/datasets lists them"
        )
    return row


def table_of(row: DatasetRow) -> Table:
    """The table of a version, to the last bit."""
    return Table.from_bytes(row.content)


def line(row: DatasetRow) -> DatasetLine:
    """A data set in a list."""
    names = [field["name"] for field in row.description["fields"]]
    return DatasetLine(id=row.id, name=row.name, version=row.version, rows=row.rows, fields=names, created_at=row.created_at)


def dataset_out(session: Session, row: DatasetRow) -> DatasetOut:
    """A version of a data set."""
    return DatasetOut(
        id=row.id,
        name=row.name,
        version=row.version,
        newest=datasets.last_version(session, row.id),
        sha256=row.digest,
        rows=row.rows,
        source=row.source,
        created_at=row.created_at,
        actor=row.actor,
        **row.description,
    )


def rows_out(row: DatasetRow, offset: int, limit: int) -> RowsOut:
    """Some rows, in order; fewer at the end.

    Raises:
        InvalidInput: They hold more values than an answer can.
    """
    table = table_of(row)
    part = range(offset, min(offset + limit, row.rows))
    shown = [field for field in table.fields if field.kind != "stack"]
    values = len(part) * sum(field.values[0].size for field in shown)
    if values > _MOST_VALUES:
        message = f"{len(part)} rows hold {values} values, an answer {_MOST_VALUES}"
        raise InvalidInput(message, where=("limit",), remedy="ask for fewer rows at a time, or for the content as NPZ")
    columns = {field.name: _cells(field, slice(part.start, part.stop)) for field in table.fields}
    cells = [{name: column[index] for name, column in columns.items()} for index in range(len(part))]
    return RowsOut(id=row.id, version=row.version, offset=offset, total=row.rows, rows=cells)


def _cells(field: Field, part: slice) -> list[Any]:
    values = field.values[part]
    if field.kind == "stack":
        return [None] * len(values)
    return [field.classes[code] for code in values] if field.classes else values.tolist()
