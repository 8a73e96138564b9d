"""Data sets: upload or build, read, take out."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Body, File, Form, Path, Query, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app import datasets, examples
from app.aside import Beside
from app.datasets_io import read_dataset, to_csv, to_npz
from app.deps import Reading, Repeatable
from app.problems import documented
from app.schemas.datasets import BuildIn, DatasetIn, DatasetOut, DatasetPage, RowsOut
from app.security import Chemist, Viewer
from app.uploads import bytes_of
from db import datasets as stored
from models.table import Table

router = APIRouter(prefix="/datasets", tags=["data sets"])
_ID = "^[a-z0-9-]+$"
DatasetId = Annotated[str, Path(max_length=80, pattern=_ID, openapi_examples={"example": {"value": "silver-spectra"}})]
Version = Annotated[int | None, Query(ge=1, le=1_000_000, description="The newest when left out")]
_WRITERS = {"npz": (to_npz, "application/zip"), "csv": (to_csv, "text/csv; charset=utf-8")}
_BUILDS = examples.shown(
    silver=examples.BUILD, polymer=examples.POLYMER_BUILD, scattering=examples.SCATTERING_BUILD, psd=examples.PSD_BUILD
)
_KNOWN = {200: {"model": DatasetOut, "description": "A version has this content already: this one"}}


@router.post("", status_code=201, response_model=DatasetOut, responses={**_KNOWN, **documented(409, 413)}, summary="Upload a data set")
def upload(
    who: Chemist,
    once: Repeatable,
    file: Annotated[UploadFile, File(description="CSV (UTF-8), XLSX, parquet, or NPZ without pickles; one sample a row")],
    declaration: Annotated[
        str, Form(max_length=1_000_000, description="What is in the file, as JSON (`DatasetIn`)", examples=[json.dumps(examples.DATASET)])
    ],
) -> Response:
    """Store the declared fields of a file: all of its rows, or nothing. New content under a known name is its next version."""
    try:
        declared = DatasetIn.model_validate_json(declaration)
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("declaration", *item["loc"])} for item in error.errors()]) from error
    content = bytes_of(file)
    # Before the transaction: reading takes seconds, and on SQLite all other writers would wait.
    table = read_dataset(content, declared.fields)
    return _kept(once, who, content + declaration.encode(), declared.name, table, {"file": (file.filename or "")[:200]})


@router.post("/build", status_code=201, response_model=DatasetOut, responses={**_KNOWN, **documented(409, 413)}, summary="Build a data set")
def build(who: Chemist, once: Repeatable, aside: Beside, body: Annotated[BuildIn, Body(openapi_examples=_BUILDS)]) -> Response:
    """Let a simulator make the samples. The same arguments build the same data, which are then the same version."""
    return _kept(once, who, body, body.name, datasets.build(body, aside), body.model_dump(exclude={"name"}))


def _kept(once: Repeatable, who: Chemist, body: BaseModel | bytes, name: str, table: Table, source: dict[str, object]) -> Response:
    def act() -> tuple[int, BaseModel]:
        row, new = datasets.store_table(once.session, who, name, table, source)
        return 201 if new else 200, datasets.dataset_out(once.session, row)

    return once(body, act, lambda answer: {"Location": f"/api/v1/datasets/{answer.id}?version={answer.version}"})


@router.get("", responses=documented(), summary="List data sets")
def index(
    _who: Viewer,
    session: Reading,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(max_length=80, pattern=_ID, description="Last identifier of the page before")] = None,
) -> DatasetPage:
    """The newest version of each data set in order of their identifiers, page by page."""
    rows = stored.datasets(session, limit + 1, after)
    items = [datasets.line(row) for row in rows[:limit]]
    return DatasetPage(items=items, next=items[-1].id if len(rows) > limit else None)


@router.get("/{dataset}", responses=documented(404), summary="Read a data set")
def read(_who: Viewer, session: Reading, dataset: DatasetId, version: Version = None) -> DatasetOut:
    """What a version holds, field by field in figures, where it came from, and what a person should look at."""
    return datasets.dataset_out(session, datasets.find(session, dataset, version))


@router.get("/{dataset}/rows", responses=documented(404), summary="Read rows of a data set")
def rows(
    _who: Viewer,
    session: Reading,
    dataset: DatasetId,
    version: Version = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> RowsOut:
    """Samples as they are stored, in order."""
    return datasets.rows_out(datasets.find(session, dataset, version), offset, limit)


@router.get(
    "/{dataset}/content",
    response_class=Response,
    responses={**documented(404), 200: {"description": "The file", "content": {kind: {} for _, kind in _WRITERS.values()}}},
    summary="Take out a data set",
)
def content(_who: Viewer, session: Reading, dataset: DatasetId, version: Version = None, format: Literal["npz", "csv"] = "npz") -> Response:
    """All samples as an NPZ file (an array per field, `axis/NAME` for the axis of a curve) or as CSV, in full precision."""
    row = datasets.find(session, dataset, version)
    write, kind = _WRITERS[format]
    headers = {"Content-Disposition": f'attachment; filename="{row.id}-v{row.version}.{format}"'}
    return Response(write(datasets.table_of(row)), 200, headers, kind)
