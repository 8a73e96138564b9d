"""Files of data sets in and out: CSV, XLSX, parquet or NPZ, and a declaration of what is in them, become a table."""

from __future__ import annotations

import math
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

import numpy as np

from app.columns import MAX_BYTES, Columns, Sheet, refused
from app.npz import Npz, write_npz
from app.parquet import Parquet
from app.problems import TooLarge
from app.schemas.datasets import CategoryIn, CurveIn, FieldIn, NumberIn
from app.tables_io import write_csv
from models.psd import units
from models.table import BadTable, Field, Table
from optimizer.types import FloatArray, InvalidInput

_MOST_CLASSES, _LONGEST_CLASS = 1000, 80
_PICKLES = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_UNIT = re.compile(r"[(\[]([^()\[\]]+)[)\]]$")
_SAME = "give every field the same samples, and values of its kind"
Where = tuple[str | int, ...]


def read_dataset(content: bytes, fields: Sequence[FieldIn]) -> Table:
    """The declared fields out of a file, which says itself of what kind it is.

    Args:
        content: The file.
        fields: What is in it; other columns are left out.

    Raises:
        InvalidInput: Names the field or the column, the row, and the remedy.
        TooLarge: It holds more than is accepted.
    """
    columns, read = _opened(content), list[Field]()
    for index, declared in enumerate(fields):
        where = ("declaration", "fields", index)
        with _explained(where):
            read.append(_field(columns, declared, where))
        if sum(field.values.nbytes for field in read) > MAX_BYTES:
            raise TooLarge(f"the values take more than {MAX_BYTES >> 20} MiB; split the file")
    with _explained(("declaration", "fields")):
        table = Table(tuple(read))
    if len(table) < 2:
        raise InvalidInput("the file holds one sample", where=("file",), remedy="a data set needs two samples at least")
    return table


def to_npz(table: Table) -> bytes:
    """A table as an NPZ file: an array per field, classes by name, and ``axis/NAME`` for the axis of a curve."""
    arrays = {f.name: np.array(f.classes)[f.values] if f.classes else f.values for f in table.fields}
    return write_npz(arrays | {f"axis/{f.name}": f.axis for f in table.fields if f.axis is not None})


def to_csv(table: Table) -> bytes:
    """A table as CSV: a column per field, and of a curve ``NAME/POINT`` per point of its axis.

    Raises:
        InvalidInput: It holds images.
    """
    header, columns = list[str](), list[list[float | str]]()
    for field in table.fields:
        if field.kind == "stack":
            raise InvalidInput(f"{field.name!r} holds images, which CSV cannot", where=("format",), remedy="use format=npz")
        header += [field.name] if field.axis is None else [f"{field.name}/{point!r}" for point in field.axis.tolist()]
        columns += [[field.classes[code] for code in field.values]] if field.classes else np.atleast_2d(field.values.T).tolist()
    return write_csv(header, zip(*columns, strict=True)).encode()


def _opened(content: bytes) -> Columns:
    if content.startswith(_PICKLES):
        raise InvalidInput(
            "the file is a pickle, which can run code and is never read", where=("file",), remedy="save arrays by numpy.savez"
        )
    if content.startswith(b"\x93NUMPY"):
        raise InvalidInput("the file is a single array without a name", where=("file",), remedy="save it under a name with numpy.savez")
    if content.startswith(b"PAR1"):
        return Parquet(content)
    return Npz(content) if content.startswith(b"PK") and not _is_workbook(content) else Sheet(content)


def _is_workbook(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InvalidInput("the file is a damaged archive", where=("file",), remedy="write the XLSX or NPZ file again") from error


@contextmanager
def _explained(where: Where) -> Iterator[None]:
    """What a table says of its fields, as said of the declaration."""
    try:
        yield
    except BadTable as error:
        raise InvalidInput(f"field {error.field!r}: {error}", where=where, remedy=error.remedy or _SAME) from error


def _field(columns: Columns, declared: FieldIn, where: Where) -> Field:
    if isinstance(declared, CurveIn):
        return _curve(columns, declared, where)
    name = _known(columns, declared.column or declared.name, (*where, "column"))
    if isinstance(declared, NumberIn):
        _check_unit(name, declared.unit, where)
        return Field(declared.name, _numbers(columns, name), declared.unit)
    if isinstance(declared, CategoryIn):
        return _category(columns, declared, name, where)
    unit = "" if declared.um_per_pixel is None else units.of_pixels(declared.um_per_pixel)
    return Field(declared.name, columns.images(name), unit)


def _known(columns: Columns, name: str, where: Where) -> str:
    if name not in columns.names:
        names = ", ".join(repr(known) for known in columns.names[:20])
        raise InvalidInput(f"the file has no column {name!r}", where=where, remedy=f"its columns are: {names}")
    return name


def _check_unit(column: str, unit: str, where: Where) -> None:
    """Whether a column that says its unit, as in ``flow (uL/min)``, says the declared one."""
    said = _UNIT.search(column)
    if said and _plain(said[1]) != _plain(unit):
        remedy = "declare the unit that the values have, or rename the column"
        raise InvalidInput(f"column {column!r} says {said[1]!r}, the declaration {unit!r}", where=(*where, "unit"), remedy=remedy)


def _plain(unit: str) -> str:
    return unicodedata.normalize("NFKC", unit).replace("\N{GREEK SMALL LETTER MU}", "u").replace(" ", "")


def _numbers(columns: Columns, name: str) -> FloatArray:
    """A column of finite numbers, shape (n,)."""
    values = _finite(columns, name)
    if values.ndim != 1:
        raise refused(name, f"there are {values.shape[1]} numbers for each sample", "declare a curve")
    return values


def _finite(columns: Columns, name: str) -> FloatArray:
    values = columns.numbers(name)
    if not values.size:
        raise refused(name, "it is empty", "a data set needs two samples at least")
    gaps = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    if gaps.size:
        row = columns.first_row + int(gaps[0])
        raise refused(name, "a value is missing or not finite", "drop the row, or fill the gap before the upload", row)
    return values


def _curve(columns: Columns, declared: CurveIn, where: Where) -> Field:
    names = declared.columns if declared.prefix is None else _headed(columns, declared.prefix, where)
    if names is None:
        name = _known(columns, declared.column or declared.name, (*where, "column"))
        _check_unit(name, declared.unit, where)
        values = _finite(columns, name)
        if values.ndim != 2:
            raise refused(
                name, "there is one number for each sample", "declare a number; or list the columns of the curve, or their prefix"
            )
    else:
        points = [_numbers(columns, _known(columns, name, (*where, "columns"))) for name in names]
        if len({len(point) for point in points}) > 1:
            raise InvalidInput("the columns are of unequal length", where=(*where, "columns"), remedy="give every sample every point")
        values = np.column_stack(points)
    return Field(declared.name, values, declared.unit, _axis(columns, declared, names, where), declared.axis_unit)


def _headed(columns: Columns, prefix: str, where: Where) -> list[str]:
    """The columns whose header is the prefix and a number."""
    names = [name for name in columns.names if name.startswith(prefix) and _number(name.removeprefix(prefix)) is not None]
    if len(names) < 2:
        message = f"{len(names)} columns are headed by {prefix!r} and a number; a curve needs two"
        raise InvalidInput(message, where=(*where, "prefix"), remedy="correct the prefix, or list the columns")
    return names


def _axis(columns: Columns, declared: CurveIn, names: list[str] | None, where: Where) -> FloatArray:
    if isinstance(declared.axis, list):
        return np.array(declared.axis)
    if declared.axis is not None:
        return _numbers(columns, _known(columns, declared.axis, (*where, "axis")))
    points = [_number(name.removeprefix(declared.prefix or "")) for name in names or ()]
    if not points or None in points:
        remedy = "list its points, or name the array that holds them"
        raise InvalidInput(f"field {declared.name!r}: nothing says where the points are", where=(*where, "axis"), remedy=remedy)
    return np.array(points, dtype=float)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _category(columns: Columns, declared: CategoryIn, name: str, where: Where) -> Field:
    texts = columns.texts(name)
    found = set(texts)
    if len(found) > _MOST_CLASSES:
        raise refused(
            name, f"there are {len(found)} classes, and {_MOST_CLASSES} at most can be kept", "declare a number, or merge classes"
        )
    classes = declared.classes or sorted(found)
    code = {text: number for number, text in enumerate(classes)}
    for row, text in enumerate(texts, columns.first_row):
        if not (text and text.isprintable() and len(text) <= _LONGEST_CLASS):
            raise refused(
                name, f"{text[:40]!r} is no name of a class", f"give 1 to {_LONGEST_CLASS} printable characters, or drop the row", row
            )
        if text not in code:
            raise refused(name, f"{text!r} is no declared class", f"declare it, or use: {', '.join(classes[:20])}", row)
    if empty := [text for text in classes if text not in found]:
        message = f"field {declared.name!r}: class {empty[0]!r} has no rows"
        raise InvalidInput(message, where=(*where, "classes"), remedy="leave the class out, or add rows of it")
    return Field(declared.name, np.array([code[text] for text in texts], dtype=np.int64), classes=tuple(classes))
