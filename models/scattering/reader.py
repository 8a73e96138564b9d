"""Measured curves: read from ASCII columns or NXcanSAS files, checked, and brought onto the axis of a model.

Curves are kept in 1/Angstrom. Whether a file has q in 1/nm or in 1/Angstrom cannot be seen from its numbers, so the unit has
to be told, by the file or by who reads it; where both tell one, they have to agree.

Source: NXcanSAS, NeXus application definitions (2024).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np

from models.faults import Fault
from models.surrogate import FloatArray

Unit = Literal["1/Angstrom", "1/nm"]
_PER_ANGSTROM: dict[Unit, float] = {"1/Angstrom": 1.0, "1/nm": 0.1}
_SPELLINGS: dict[Unit, str] = {
    "1/Angstrom": r"1\s*/\s*(?:a|å|ang|angstrom)s?\b|\b(?:a|ang|angstrom)s?\s*(?:\^|\*\*)?\s*\(?-1\b|å\s*\^?\s*(?:-1|⁻¹)",
    "1/nm": r"1\s*/\s*(?:nm|nanometer|nanometre)s?\b|\b(?:nm|nanometer|nanometre)s?\s*(?:\^|\*\*)?\s*\(?-1\b|nm\s*⁻¹",
}
_LEAST, _MOST, _MOST_COLUMNS = 10, 100_000, 4
_COLUMNS = ("Q", "I", "Idev", "Qdev")
"""Of NXcanSAS."""
_FAR = 30.0
"""In 1/Angstrom: beyond what X-rays of 80 keV reach."""
_COARSE = 1.5
"""Steps of a curve over those of a model, above which points are made up between points."""


class BadCurve(Fault):
    """A measured curve that cannot be read or used."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A measured curve.

    Attributes:
        q: In 1/Angstrom, positive and increasing, shape (m,).
        intensity: In any unit, finite, shape (m,).
        sigma: Standard deviation of the intensity, shape (m,), or None.
        resolution: Of q, in 1/Angstrom, shape (m,), or None.
        unit: Of q in the file.
        flags: What a person should look at, one sentence each.

    Raises:
        BadCurve: There are too few points, or they are not finite or not in order.
    """

    q: FloatArray
    intensity: FloatArray
    sigma: FloatArray | None = None
    resolution: FloatArray | None = None
    unit: Unit = "1/Angstrom"
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("q", "intensity", "sigma", "resolution"):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != self.q.shape or values.ndim != 1 or not _LEAST <= len(values) <= _MOST:
                raise BadCurve(f"shape {values.shape}", name, f"give {_LEAST} to {_MOST} points, as many as q has")
            if not np.isfinite(values).all():
                raise BadCurve(f"point {np.flatnonzero(~np.isfinite(values))[0] + 1} is not finite", name, "drop the point")
        if self.q[0] <= 0 or (np.diff(self.q) <= 0).any():
            raise BadCurve("the points are not above 0 and increasing", "q", "sort them by q, drop q = 0 and merge equal ones")
        if self.sigma is not None and self.sigma.min() < 0:
            raise BadCurve("there are negative deviations", "sigma", "check the order of the columns: q, I, sigma, resolution")


@dataclass(frozen=True, eq=False)
class Resampled:
    """A curve on the axis of a model.

    Attributes:
        intensity: Positive, shape (m,).
        made_up: Share of the axis beyond the ends of the curve, where its last point goes on.
        flags: What a person should look at, one sentence each; none where the curve came on this axis.
    """

    intensity: FloatArray
    made_up: float
    flags: tuple[str, ...]


def read_ascii(text: str, unit: Unit | None = None) -> Curve:
    """The curve of a text of 2 to 4 columns: q, intensity, its deviation, resolution of q.

    Columns are separated by blanks, tabs, commas or semicolons; lines before the numbers, and those that begin with a sign
    such as # or %, are the header, in which a unit of q is looked for.

    Args:
        text: Of the file.
        unit: Of q; may be left out where the header tells it.

    Raises:
        BadCurve: A line cannot be read, the unit is not told or told differently, or the curve is bad.
    """
    header: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = _numbers(line)
        if cells is None:
            if rows and line.strip() and line.strip()[0] not in "#%!;/":
                raise BadCurve(f"line {number} holds no numbers: {line.strip()[:40]!r}", "file", "remove the line")
            header.append(line)
        elif not 2 <= len(cells) <= _MOST_COLUMNS or (rows and len(cells) != len(rows[0])):
            raise BadCurve(f"line {number} has {len(cells)} columns", "file", "give 2, 3 or 4 columns, as many in every line")
        else:
            rows.append(cells)
    if not rows:
        raise BadCurve("there are no numbers", "file", "give columns q, I and, where known, sigma and the resolution of q")
    return curve_of(list(np.array(rows).T), unit, told_unit("\n".join(header)))


def read_nxcansas(content: bytes, unit: Unit | None = None) -> Curve:
    """The first one-dimensional curve of an NXcanSAS file; needs the optional package h5py.

    Args:
        content: Of the HDF5 file.
        unit: Of q; may be left out where the file tells it.

    Raises:
        BadCurve: There is no such curve, the unit is not told or told differently, or the curve is bad.
        ImportError: h5py is not installed.
    """
    import h5py

    try:
        file = h5py.File(BytesIO(content), "r")
    except OSError as error:
        raise BadCurve("it is no HDF5 file", "file", "export the curve as NXcanSAS, or as text") from error
    with file:
        group = next((group for group in _groups(file) if _is_curve(group)), None)
        if group is None:
            raise BadCurve("there is no group of class SASdata with one-dimensional Q and I", "file", "export a reduced curve")
        columns = [_column(group, name) if name in group else None for name in _COLUMNS]
        return curve_of(columns, unit, told_unit(_text(group["Q"].attrs.get("units", ""))))


def told_unit(text: str) -> Unit | None:
    """The unit of q that a text names, or None where it names none.

    Raises:
        BadCurve: It names both.
    """
    found = [unit for unit, spelling in _SPELLINGS.items() if re.search(spelling, text.lower())]
    if len(found) > 1:
        raise BadCurve("the header names 1/nm and 1/Angstrom", "unit", "leave one of them in the header")
    return found[0] if found else None


def resampled(curve: Curve, axis: FloatArray, most: float = 0.0) -> Resampled:
    """A curve on the axis of a model, its logarithm interpolated linearly.

    Args:
        curve: As measured; points that are not positive are left out.
        axis: Of the model, in 1/Angstrom, shape (m,).
        most: Largest share of the axis that may lie beyond the ends of the curve.

    Raises:
        BadCurve: A larger share does, or too few points are positive.
    """
    kept, flags = curve.intensity > 0, list(curve.flags)
    if kept.sum() < _LEAST:
        raise BadCurve(f"{kept.sum()} points are positive", "intensity", "subtract less background")
    if not kept.all():
        flags.append(f"{(~kept).sum()} points are not positive and were left out")
    q, logarithm = curve.q[kept], np.log(curve.intensity[kept])
    beyond = float(np.mean((axis < q[0] * (1 - 1e-9)) | (axis > q[-1] * (1 + 1e-9))))
    if beyond > most:
        ranges = f"the curve runs from {q[0]:g} to {q[-1]:g} 1/Angstrom, the model knows {axis[0]:g} to {axis[-1]:g}"
        raise BadCurve(ranges, "q", "check the unit of q, measure that range, or train a model on the overlap")
    if beyond:
        flags.append(f"{beyond:.0%} of the range of the model were not measured")
    if len(q) != len(axis) or not np.allclose(q, axis, rtol=1e-6):
        flags.append("the curve was brought onto the axis of the model by interpolation")
    if np.median(np.diff(q)) > _COARSE * np.median(np.diff(axis)):
        flags.append("the curve has fewer points than the model was trained on")
    return Resampled(np.exp(np.interp(axis, q, logarithm)), beyond, tuple(flags))


def curve_of(columns: Sequence[FloatArray | None], unit: Unit | None, told: Unit | None = None) -> Curve:
    """The curve of columns q, intensity and, where known, deviation and resolution.

    Args:
        columns: Shape (m,) each.
        unit: Of q, as whoever reads it says.
        told: The same, as the file says.

    Raises:
        BadCurve: Neither says it, they do not agree, or the curve is bad.
    """
    if unit and told and unit != told:
        raise BadCurve(f"the file says {told}, the request {unit}", "unit", "correct the one that is wrong")
    known = unit or told
    if known is None:
        raise BadCurve("neither the file nor the request tells it", "unit", f"tell one of: {', '.join(_PER_ANGSTROM)}")
    scale = _PER_ANGSTROM[known]
    q, intensity, sigma, resolution = (None if c is None else np.asarray(c, float) for c in (*columns, None, None)[:_MOST_COLUMNS])
    if q is None or intensity is None or not q.size:
        raise BadCurve("q or the intensity is missing", "file", "give both")
    far = f"q goes up to {scale * q.max():g} 1/Angstrom, farther than X-rays reach: is it in 1/nm?"
    flags = (far,) if scale * q.max() > _FAR else ()
    return Curve(scale * q, intensity, sigma, None if resolution is None else scale * resolution, known, flags)


def _numbers(line: str) -> list[float] | None:
    """The numbers of a line, or None of one that is empty or holds anything else."""
    try:
        return [float(cell) for cell in re.split(r"[\s,;]+", line.strip()) if cell] or None
    except ValueError:
        return None


def _groups(file: Any) -> Iterator[Any]:
    """All groups of an HDF5 file, in order."""
    found: list[Any] = []
    file.visititems(lambda _, item: found.append(item) if hasattr(item, "keys") else None)
    return iter(found)


def _is_curve(group: Any) -> bool:
    named = _text(group.attrs.get("canSAS_class", group.attrs.get("NX_class", "")))
    return named in ("SASdata", "NXdata") and all(name in group and group[name].ndim == 1 for name in ("Q", "I"))


def _column(group: Any, name: str) -> FloatArray:
    """The values of a data set, looked at before it is read: it may unpack to more than memory holds, or lead to other files.

    Raises:
        BadCurve: It does, or holds no numbers.
    """
    import h5py

    column = group[name]
    if isinstance(group.get(name, getlink=True), h5py.ExternalLink) or column.external or column.is_virtual:
        raise BadCurve(f"{name} stands in another file", "file", "export the curve into one file")
    if column.dtype.kind not in "fiu" or column.size > _MOST:
        raise BadCurve(f"{name} holds {column.size} values of {column.dtype}", "file", f"export numbers, {_MOST} points at most")
    return np.asarray(column[()], float)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
