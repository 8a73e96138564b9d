"""Columns of a file by name, whatever kind of file it is; those of CSV and XLSX are here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from app.tables_io import Cell, read_table
from optimizer.types import FloatArray, InvalidInput

MAX_BYTES = 128 * 2**20
"""What the values of one data set may take in memory."""


class Columns(Protocol):
    """A file, open for reading; every method raises InvalidInput that names the column, and the row where it is one's fault.

    Attributes:
        names: Of its columns, or arrays.
        first_row: Number that people give to its first sample.
    """

    names: Sequence[str]
    first_row: int

    def numbers(self, name: str) -> FloatArray:
        """A column of numbers (n,), or of curves (n, m); perhaps not finite."""

    def texts(self, name: str) -> list[str]:
        """A column of names; empty where there is none."""

    def images(self, name: str) -> npt.NDArray[np.uint8]:
        """A column of image stacks."""


def refused(name: str, what: str, remedy: str, row: int | None = None) -> InvalidInput:
    """The error that a column deserves."""
    place = f"column {name!r}" if row is None else f"row {row}, column {name!r}"
    where = ("file", name) if row is None else ("file", f"row {row}", name)
    return InvalidInput(f"{place}: {what}", where=where, remedy=remedy)


class Sheet:
    """A CSV file, or the first sheet of a workbook: a header, and a sample a row."""

    first_row = 2

    def __init__(self, content: bytes) -> None:
        header, self._rows = read_table(content)
        self.names: Sequence[str] = header
        self._position = {name: column for column, name in enumerate(header)}

    def numbers(self, name: str) -> FloatArray:
        """A column of numbers, shape (n,)."""
        column = self._position[name]
        return np.array([self._number(name, row[column], number) for number, row in enumerate(self._rows, self.first_row)])

    def texts(self, name: str) -> list[str]:
        """A column of names; whole numbers without a decimal point."""
        column = self._position[name]
        return [_text(row[column]) for row in self._rows]

    def images(self, name: str) -> npt.NDArray[np.uint8]:
        """Refused: cells hold no images."""
        raise refused(name, "a table holds no images", "send image stacks as an NPZ file")

    def _number(self, name: str, cell: Cell, row: int) -> float:
        try:
            return float(cell) if isinstance(cell, str | int | float) and not isinstance(cell, bool) else math.nan
        except ValueError:
            shown = repr(str(cell)[:40]) if cell != "" else "an empty cell"
            raise refused(name, f"{shown} is no number", "correct the cell, delete the row, or declare a category", row) from None


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, date):
        return cell.isoformat()
    return "" if cell is None else str(cell).strip()
