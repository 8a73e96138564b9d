"""Files in and out as plain tables: CSV and XLSX, with bounds on what is read."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.problems import TooLarge
from optimizer.types import InvalidInput

MAX_ROWS = 200_000
MAX_COLUMNS = 21_000
_MAX_UNZIPPED = 300 * 1024 * 1024
Cell = str | float | int | bool | None
_DAMAGES: tuple[type[Exception], ...] = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
_DAMAGES += (SyntaxError, LookupError, ValueError, TypeError, AttributeError)
"""What a damaged workbook raises: from its packing first, then from its XML and what that is taken for."""


def read_table(content: bytes) -> tuple[list[str], list[list[Cell]]]:
    """Read a CSV (UTF-8; comma, semicolon or tab) or the first sheet of an XLSX file.

    Returns:
        Header and rows; rows without any value are left out.

    Raises:
        InvalidInput: The file is empty, of another kind, or its rows are of unequal length.
        TooLarge: More rows or columns than are accepted.
    """
    rows = _read_xlsx(content) if content.startswith(b"PK\x03\x04") else _read_csv(content)
    table: list[Sequence[Cell]] = []
    for row in rows:
        if len(table) > MAX_ROWS or len(row) > MAX_COLUMNS:
            raise TooLarge(f"a table may have {MAX_ROWS} rows and {MAX_COLUMNS} columns; split the file")
        if any(cell not in (None, "") for cell in row):
            table.append(row)
    if len(table) < 2:
        raise InvalidInput("the file has no row of data under a header", where=("file",), remedy="add a header, and rows under it")
    header = ["" if cell is None else str(cell).strip() for cell in table[0]]
    repeated = {name for name in header if name and header.count(name) > 1}
    if repeated:
        raise InvalidInput(
            f"two columns are named {sorted(repeated)[0]!r}", where=("file", "row 1"), remedy="give every column its own name"
        )
    for number, row in enumerate(table[1:], 2):
        if len(row) != len(header):
            message = f"row {number} has {len(row)} cells, the header {len(header)}"
            raise InvalidInput(message, where=("file", f"row {number}"), remedy="give every row a cell for every column")
    return header, [list(row) for row in table[1:]]


def _read_csv(content: bytes) -> Iterable[Sequence[Cell]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"the file is neither XLSX nor UTF-8 text (byte {error.start})", where=("file",), remedy="save it as CSV, UTF-8"
        ) from error
    if "\0" in text:
        raise InvalidInput("the file holds NUL characters", where=("file",), remedy="save it as CSV, UTF-8")
    first = text.split("\n", 1)[0]
    return csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))


def _read_xlsx(content: bytes) -> Iterator[Sequence[Cell]]:
    # Late, here and below: openpyxl takes long to load, and most processes never read a workbook.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_UNZIPPED:
                raise TooLarge("the workbook unpacks to more than 300 MB; split it")
        yield from load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0].iter_rows(values_only=True)
    except (InvalidFileException, *_DAMAGES) as error:
        raise InvalidInput("the file is no readable XLSX workbook", where=("file",), remedy="save it as XLSX or CSV") from error


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV; numbers in full precision, texts safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_harmless(name) for name in header])
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def write_xlsx(sheets: dict[str, tuple[Sequence[str], Iterable[Sequence[Any]]]]) -> bytes:
    """Tables as sheets of a workbook."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for title, (header, rows) in sheets.items():
        sheet = book.create_sheet(title)
        sheet.append([_harmless(name) for name in header])
        for row in rows:
            sheet.append([_harmless(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return "'" + cell if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") else cell
