"""Files of size-exclusion chromatography: CSV in the variants that instruments write, and RepTate's ``.gpc``."""

from __future__ import annotations

import numpy as np

from models.polymer.chains import LOG_M
from models.polymer.coefficients import BadPolymer
from models.polymer.targets import Target, averages, from_arrays
from models.surrogate import FloatArray

_LARGEST_LOG = 12.0
"""A first column that stays below holds log10 M: no polymer is heavier, and a distribution of lighter molecules is none."""


def read(text: str, name: str = "") -> Target:
    """The distribution in a file: log10 M or M in g/mol, and the mass per decade, in the first two columns.

    Columns are parted by tab, semicolon, comma or blanks; with the first two, numbers may have a decimal comma. Lines that do not
    begin with a number, such as headers and the first line of a ``.gpc``, are passed over at the top and refused below.

    Args:
        text: The file.
        name: Of the file: a ``.gpc`` holds M.

    Raises:
        BadPolymer: It is no such file, or no distribution.
    """
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    rows = [_row(line) for line in lines]
    start = next((i for i, row in enumerate(rows) if row is not None), len(rows))
    body = rows[start:]
    if None in body:
        raise BadPolymer(f"line {lines[start + body.index(None)]!r} holds no two numbers", "mmd", "correct or delete it")
    values = np.array(body, float).reshape(-1, 2)
    logarithmic = not name.lower().endswith(".gpc") and bool(len(values)) and values[:, 0].max() < _LARGEST_LOG
    return from_arrays(values[:, 0], values[:, 1], "log10 M" if logarithmic else "M")


def _row(line: str) -> tuple[float, float] | None:
    """The first two numbers of a line."""
    mark = next((mark for mark in "\t;" if mark in line), None)
    cells = line.replace(",", ".").split(mark) if mark else line.split("," if "," in line else None)
    try:
        return float(cells[0]), float(cells[1])
    except (ValueError, IndexError):
        return None


def to_csv(w: FloatArray) -> str:
    """A distribution (100,) as CSV of log10 M and w."""
    return "log10 M,w\n" + "".join(f"{x:.2f},{value:.9g}\n" for x, value in zip(LOG_M, w, strict=True))


def to_gpc(w: FloatArray) -> str:
    """A distribution (100,) as RepTate reads it: averages in the first line, then M and dw/dlog10 M."""
    Mn, Mw = (float(value) for value in averages(w))
    lines = (f"{M:.9g}\t{value:.9g}\n" for M, value in zip(10**LOG_M, w, strict=True))
    return f"Mn={Mn:.6g};Mw={Mw:.6g};PDI={Mw / Mn:.6g}\n" + "".join(lines)
