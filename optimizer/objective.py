"""What a campaign minimises: outcomes of wells in, losses and their reasons out.

Notation: n outcomes, m values each (1 for a number, the points of the axis for a curve).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from optimizer.types import FloatArray, InvalidInput, Spectrum

DIM, SATURATED = 0.7, 1.2
"""Absorbances between which a spectrum counts as well exposed (Mekki-Berrada et al. 2021)."""
_FLAT = 1e-5
"""Share of its largest value by which a constant spectrum may vary in single precision."""


@dataclass(frozen=True)
class Losses:
    """Losses of outcomes.

    Attributes:
        loss: To be minimised, shape (n,).
        reasons: What made the loss, one word per outcome, empty where there is nothing to say.
    """

    loss: FloatArray
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Scalar:
    """Common part of the objectives whose outcome is one number.

    Attributes:
        outcome: Name of the measured quantity.
    """

    outcome: str

    @property
    def axis(self) -> FloatArray | None:
        """Abscissa of an outcome: none, it is one number."""
        return None

    @property
    def width(self) -> int:
        """Values per outcome."""
        return 1


@dataclass(frozen=True)
class Minimize(_Scalar):
    """The smaller the outcome the better: the loss is the outcome, in its unit."""

    unit: str = ""

    def losses(self, outcomes: FloatArray) -> Losses:
        """Losses of outcomes, shape (n, 1).

        Raises:
            InvalidInput: The outcomes have another shape, or hold NaN or infinity.
        """
        return Losses(_numbers(outcomes), ("",) * len(outcomes))


@dataclass(frozen=True)
class Maximize(_Scalar):
    """The larger the outcome the better: the loss is the negative outcome, in its unit."""

    unit: str = ""

    def losses(self, outcomes: FloatArray) -> Losses:
        """Losses of outcomes, shape (n, 1).

        Raises:
            InvalidInput: The outcomes have another shape, or hold NaN or infinity.
        """
        return Losses(-_numbers(outcomes), ("",) * len(outcomes))


@dataclass(frozen=True)
class TargetValue(_Scalar):
    """The nearer the target the better: the loss is the distance to it, in the unit of the outcome."""

    target: float
    unit: str = ""

    def __post_init__(self) -> None:
        if not np.isfinite(self.target):
            raise InvalidInput("the target must be a finite number", where=("objective", "target"))

    def losses(self, outcomes: FloatArray) -> Losses:
        """Losses of outcomes, shape (n, 1), with the reasons ``above`` and ``below`` the target.

        Raises:
            InvalidInput: The outcomes have another shape, or hold NaN or infinity.
        """
        excess = _numbers(outcomes) - self.target
        return Losses(np.abs(excess), tuple("above" if e > 0 else "below" if e < 0 else "" for e in excess))


@dataclass(frozen=True, eq=False)
class Matching(ABC):
    """Common part of the objectives whose outcome is a curve that is to be like a target.

    Attributes:
        outcome: Name of the measured curve.
        axis: Abscissa of every outcome, strictly increasing, shape (m,).
        target: The wanted curve, on an axis of its own that covers ``axis``; None where it is not known yet.
        unit: Unit of the axis.
        resampling: How the target is brought onto the axis.
    """

    outcome: str
    axis: FloatArray
    target: Spectrum | None
    unit: str = ""
    resampling: Literal["linear"] = "linear"

    def __post_init__(self) -> None:
        if self.axis.ndim != 1 or self.axis.size < 2 or not np.isfinite(self.axis).all() or not (np.diff(self.axis) > 0).all():
            raise InvalidInput("the axis needs 2 or more finite values that increase strictly", where=("objective", "axis"))
        if self.resampling != "linear":
            raise InvalidInput(f"resampling {self.resampling!r} is not known", where=("objective", "resampling"), remedy="use: linear")
        if self.target is not None:
            _ = self._reference

    @property
    def width(self) -> int:
        """Values per outcome: the points of the axis."""
        return len(self.axis)

    @abstractmethod
    def _scaled_target(self, values: FloatArray) -> FloatArray:
        """What outcomes are held against, out of the target on the axis, both (m,)."""

    @cached_property
    def _reference(self) -> FloatArray:
        """What outcomes are held against, shape (m,)."""
        if self.target is None:
            raise InvalidInput(
                "there is no target spectrum yet", where=("objective", "target"), remedy="give the target as a two-column CSV"
            )
        try:
            values = self.target.resample(self.axis).values
        except InvalidInput as error:
            raise InvalidInput(f"target: {error}", where=("objective", "target"), remedy=error.remedy) from error
        return self._scaled_target(values)


@dataclass(frozen=True, eq=False)
class SpectrumMatch(Matching):
    """The nearer the shape of a spectrum to that of a target the better, at an absorbance of 0.7 to 1.2.

    With A the largest absorbance, s and t the spectrum and the target min-max scaled to [0, 1] on
    the same axis, the loss is ``1 - delta(A) * s.t / (|s| |t|)``, in [0, 1]; delta(A) is 0 for
    A > 1.2, 1 down to A = 0.7, A / 0.7 down to A = 0, and 0 below. A constant spectrum has loss 1.
    Source: Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021) and its code AgBONN.
    """

    def _scaled_target(self, values: FloatArray) -> FloatArray:
        """A vector of length 1."""
        low, top = values.min(), values.max()
        if low == top:
            raise InvalidInput("the target is constant on the axis, so it has no shape to match", where=("objective", "target"))
        scaled = _scaled(values, low, top)
        return np.asarray(scaled / np.linalg.norm(scaled))

    def losses(self, outcomes: FloatArray) -> Losses:
        """Losses of spectra, shape (n, m), on the axis of the objective.

        The reason is ``saturated`` for A > 1.2, else ``flat`` for a constant spectrum, else ``dim``
        for A < 0.7, else ``shape``.

        Raises:
            InvalidInput: There is no target; or the spectra have another shape, or hold NaN or infinity.
        """
        direction = self._reference
        _check_outcomes(outcomes, self.width)
        low, top = outcomes.min(axis=1), outcomes.max(axis=1)
        flat, delta = low == top, np.where(top > SATURATED, 0.0, np.clip(top / DIM, 0.0, 1.0))
        shaped = (delta > 0) & ~flat
        scaled = _scaled(outcomes[shaped], low[shaped, None], top[shaped, None])
        cosine = np.zeros(len(outcomes))
        cosine[shaped] = scaled @ direction / np.linalg.norm(scaled, axis=1)
        reasons = np.select([top > SATURATED, flat, top < DIM], ["saturated", "flat", "dim"], "shape")
        return Losses(np.clip(1 - delta * cosine, 0.0, 1.0), tuple(reasons.tolist()))

    def screen(self, outcomes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Losses of finite spectra, shape (n, m), in single precision, without reasons; the spectra are overwritten.

        Raises:
            InvalidInput: There is no target.
        """
        direction = self._reference.astype(np.float32)
        low, top = outcomes.min(axis=1), outcomes.max(axis=1)
        outcomes -= low[:, None]
        length = np.sqrt(np.einsum("ij,ij->i", outcomes, outcomes))
        cosine = outcomes @ direction / np.maximum(length, np.finfo(np.float32).tiny)
        flat = top - low <= _FLAT * np.abs(top)
        delta = np.where(flat | (top > np.float32(SATURATED)), 0, np.clip(top / np.float32(DIM), 0, 1))
        return np.asarray(np.clip(1 - delta * cosine, 0, 1), np.float32)


@dataclass(frozen=True, eq=False)
class CurveMatch(Matching):
    """The nearer a curve comes to a target the better, both scaled to unit area.

    The ``overlap`` loss is half the area between the two, in [0, 1]: one minus the area that they share, where no value is
    negative. Half the L1 distance of two densities is their total variation, the most by which they differ in the share of any
    range of the axis. It is flat where they share nothing.

    The ``wasserstein`` loss is the mean way that area has to be moved along the axis to make one of the other, in the unit of the
    axis: the area between the cumulative curves. It tells how far apart they are also where they share nothing.
    Source: Vallender, Theory Probab. Appl. 18, 784 (1974).

    Attributes:
        distance: Which of the two.
    """

    distance: Literal["overlap", "wasserstein"] = "overlap"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distance not in ("overlap", "wasserstein"):
            message = f"the distance {self.distance!r} is not known"
            raise InvalidInput(message, where=("objective", "distance"), remedy="use: overlap, wasserstein")

    def _scaled_target(self, values: FloatArray) -> FloatArray:
        """At unit area."""
        if (values < 0).any() or not (area := float(self._weights @ values)) > 0:
            raise InvalidInput(
                "the target needs an area above 0 and no value below", where=("objective", "target"), remedy="subtract its baseline"
            )
        return np.asarray(values / area)

    @cached_property
    def _weights(self) -> FloatArray:
        """Of the trapezoidal rule on the axis, shape (m,)."""
        steps = np.diff(self.axis)
        return np.asarray((np.r_[steps, 0.0] + np.r_[0.0, steps]) / 2)

    def losses(self, outcomes: FloatArray) -> Losses:
        """Losses of curves, shape (n, m), on the axis of the objective.

        The reason says where the middle of the area lies: ``left`` or ``right`` of the target's; ``empty`` without any.

        Raises:
            InvalidInput: There is no target; or the curves have another shape, or hold NaN or infinity.
        """
        target = self._reference
        _check_outcomes(outcomes, self.width)
        area = outcomes @ self._weights
        some = area > 0
        excess = outcomes / np.where(some, area, 1.0)[:, None] - target
        shift = excess @ (self._weights * self.axis)
        reasons = np.select([~some, shift < 0, shift > 0], ["empty", "left", "right"], "")
        return Losses(np.where(some, np.minimum(self._distances(excess), self._farthest), self._farthest), tuple(reasons.tolist()))

    def _distances(self, excess: FloatArray) -> FloatArray:
        """Distances from the target of densities less the target (n, m), shape (n,)."""
        if self.distance == "overlap":
            return np.asarray(np.abs(excess) @ self._weights / 2)
        return np.asarray(np.abs(np.cumsum(excess * self._weights, axis=1)[:, :-1]) @ np.diff(self.axis))

    @cached_property
    def _farthest(self) -> float:
        """The largest distance of a density: nothing is shared; or all of it lies at the end farther from the target's mean."""
        if self.distance == "overlap":
            return 1.0
        mean = float((self._weights * self._reference) @ self.axis)
        return float(max(mean - self.axis[0], self.axis[-1] - mean))


Objective = Minimize | Maximize | TargetValue | SpectrumMatch | CurveMatch


def _check_outcomes(outcomes: FloatArray, width: int) -> None:
    if outcomes.ndim != 2 or outcomes.shape[1] != width:
        raise InvalidInput(f"outcomes need the shape (n, {width}), not {outcomes.shape}", where=("outcome",))
    if not np.isfinite(outcomes).all():
        raise InvalidInput("outcomes must not hold NaN or infinity", where=("outcome",))


def _numbers(outcomes: FloatArray) -> FloatArray:
    _check_outcomes(outcomes, 1)
    return outcomes[:, 0]


def _scaled(values: FloatArray, low: FloatArray, top: FloatArray) -> FloatArray:
    """Values between low and top, scaled to [0, 1]; these two must differ."""
    scaled = values - low
    scaled /= top - low
    return scaled


def parse_curve(text: str) -> Spectrum:
    """Read a curve from two columns, axis and values.

    Columns are separated by tabs, semicolons or commas, decimals by a point; a first row without
    any number is a header; empty rows are skipped.

    Raises:
        InvalidInput: Names the row (from 1, as a text editor counts) that has another number of
            columns, no finite numbers, or an axis value not above the one before; or says that
            fewer than 2 points were given.
    """
    lines = [(number, line) for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1) if line.strip()]
    separator = next((mark for mark in "\t;," if lines and mark in lines[-1][1]), ",")
    rows = [(number, [cell.strip().strip('"') for cell in line.split(separator)]) for number, line in lines]
    if rows and not any(_is_number(cell) for cell in rows[0][1]):
        rows = rows[1:]
    points = [_point(cells, number) for number, cells in rows]
    for (number, _), before, here in zip(rows[1:], points, points[1:], strict=False):
        if here[0] <= before[0]:
            raise _bad_row(number, "the axis does not increase", "sort the curve by its axis and drop repeated points")
    if len(points) < 2:
        raise InvalidInput(
            f"a curve needs 2 points at least, this one has {len(points)}", where=("curve",), remedy="give two columns, axis and values"
        )
    columns = np.array(points).T.copy()
    return Spectrum(columns[0], columns[1])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _point(cells: list[str], number: int) -> tuple[float, float]:
    if len(cells) != 2:
        raise _bad_row(number, f"there are {len(cells)} columns, not 2", "give two columns, axis and values, with a decimal point")
    bad = next((cell for cell in cells if not (_is_number(cell) and np.isfinite(float(cell)))), None)
    if bad is not None:
        raise _bad_row(number, f"{bad[:40]!r} is no finite number", "use a decimal point, and leave no cell empty")
    return float(cells[0]), float(cells[1])


def _bad_row(number: int, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(f"row {number}: {what}", where=("curve", number), remedy=remedy)
