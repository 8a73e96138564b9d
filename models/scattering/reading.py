"""A measured curve made ready for a model: on its axis, on its scale, beside the curves it was trained on, and checked.

Intensities are rarely measured in squared electrons per particle. So unless they are told to be, a curve is put on the
scale of the known curve that lies closest to it; and what was not measured of the range of a model is filled in from that one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from models.scattering import elements
from models.scattering.elements import Composition
from models.scattering.neighbours import Library, Neighbour
from models.scattering.reader import BadCurve, Curve, resampled
from models.surrogate import BoolArray, FloatArray
from models.validity import Status

LEAST_NOISE = 0.02
"""Relative noise that is not held against a curve, whatever the model was trained on: learners stand it, and where points are few
the figure itself errs by as much."""
_LEAST_RESIDUAL = 1e-3
_PARTLY = 0.1
"""Share of the range of a model that may be missing before a curve is outside of it."""
_FAR = 1.5
"""Limits from which on a figure is outside, as in ``models.validity``."""
_CLEARLY = 0.5
"""Residual with the other unit of q, over that with the one told, below which people are asked about the unit."""
_ALIKE = 2
"""Factor of a curve above which its scale is worth a word, either way."""


@dataclass(frozen=True)
class Ask:
    """How a curve is to be taken.

    Attributes:
        composition: What the particles are made of, None where that is not known.
        absolute: Whether the intensities are in squared electrons per particle; else a factor is left free.
        missing: Largest share of the range of the model that may not have been measured.
        count: Known curves to tell of.
    """

    composition: Composition | None = None
    absolute: bool = False
    missing: float = 0.0
    count: int = 5


@dataclass(frozen=True)
class Check:
    """A figure of a curve held against what the model was trained on.

    Attributes:
        name: ``coverage``, the share of the range that was not measured; ``noise``, the relative noise; or ``library``,
            the residual of the nearest known curve.
        status: As of ``models.validity``.
        value: The figure.
        limit: What it is held against.
    """

    name: Literal["coverage", "noise", "library"]
    status: Status
    value: float
    limit: float


@dataclass(frozen=True, eq=False)
class Ready:
    """A curve as a model takes it.

    Attributes:
        curve: As it was measured.
        values: Intensity on the axis and the scale of the model, shape (m,).
        known: Points of it that were measured, shape (m,).
        scale: What measured intensities are divided by on the axis to get there, shape (m,).
        nearest: Known curves, the closest first.
        checks: Figures held against their limits.
        flags: What a person should look at, one sentence each.
    """

    curve: Curve
    values: FloatArray
    known: BoolArray
    scale: FloatArray
    nearest: tuple[Neighbour, ...]
    checks: tuple[Check, ...]
    flags: tuple[str, ...]


def ready(curve: Curve, axis: FloatArray, library: Library, divided: bool, noise: float, ask: Ask) -> Ready:
    """A measured curve as a model takes it.

    Args:
        curve: As measured.
        axis: Of the model, in 1/Angstrom, shape (m,).
        library: The curves it was trained on, on this axis.
        divided: Whether these are divided by the mean squared form factor.
        noise: Relative noise that the model was trained to stand.
        ask: How the curve is to be taken.

    Raises:
        BadCurve: It is on another range, or the composition is missing.
        BadParticle: The composition is none.
    """
    if divided and ask.composition is None:
        raise BadCurve("the model takes curves divided by the form factor", "composition", "tell what the particles are made of")
    on_axis = resampled(curve, axis, ask.missing)
    factors = elements.form_factors(ask.composition, axis)[0] if divided and ask.composition else np.ones(len(axis))
    logarithm, known = np.log(on_axis.intensity / factors), _covered(curve, axis)
    nearest = library.nearest(logarithm, known, ask.count, not ask.absolute)
    best, course = nearest[0], library.logarithms[nearest[0].row].astype(float)
    placed = np.where(known, logarithm - np.log(best.factor), course)
    scale = factors * best.factor
    scatter = _noise(curve, axis, course + np.log(scale))
    checks = (
        _coverage(on_axis.made_up),
        _held("noise", scatter, max(noise, LEAST_NOISE)),
        _held("library", best.residual, max(float(np.hypot(library.usual, scatter)), _LEAST_RESIDUAL)),
    )
    flags = (*on_axis.flags, *_said(on_axis.made_up, best), *_unit_doubt(curve, axis, factors, library, checks[2]))
    return Ready(curve, np.exp(placed), known, scale, nearest, checks, flags)


def _said(made_up: float, best: Neighbour) -> list[str]:
    told = []
    if made_up:
        told.append("what was not measured was filled in from the nearest known curve: measure it, or train a model on the overlap")
    if not 1 / _ALIKE < best.factor < _ALIKE:
        told.append(f"intensities were divided by {best.factor:.3g} to lie on the nearest known curve: their scale tells nothing here")
    return told


def _covered(curve: Curve, axis: FloatArray) -> BoolArray:
    positive = curve.q[curve.intensity > 0]
    return np.asarray((axis >= positive[0] * (1 - 1e-9)) & (axis <= positive[-1] * (1 + 1e-9)))


def _noise(curve: Curve, axis: FloatArray, course: FloatArray) -> float:
    """Relative noise, from the second differences of what a smooth course (m,) on the axis leaves (median, as of normal noise)."""
    used = (curve.intensity > 0) & (curve.q >= axis[0]) & (curve.q <= axis[-1])
    left = np.log(curve.intensity[used]) - np.interp(curve.q[used], axis, course)
    return float(np.median(np.abs(np.diff(left, 2))) / (0.6745 * np.sqrt(6))) if len(left) > 2 else 0.0


def _unit_doubt(curve: Curve, axis: FloatArray, factors: FloatArray, library: Library, found: Check) -> list[str]:
    """Whether a curve that nothing comes near to would lie much nearer with its q in the other unit."""
    if found.status == "inside":
        return []
    other, ratio = ("1/nm", 0.1) if curve.unit == "1/Angstrom" else ("1/Angstrom", 10.0)
    turned = replace(curve, q=curve.q * ratio, flags=())
    known = _covered(turned, axis)
    if known.mean() < 1 - _PARTLY:
        return []
    logarithm = np.log(resampled(turned, axis, 1.0).intensity / factors)
    if library.nearest(logarithm, known, 1)[0].residual > _CLEARLY * found.value:
        return []
    return [f"with q in {other} the curve would lie much nearer to a known one: check the unit"]


def _coverage(missing: float) -> Check:
    return Check("coverage", "inside" if not missing else "edge" if missing <= _PARTLY else "outside", missing, 0.0)


def _held(name: Literal["noise", "library"], value: float, limit: float) -> Check:
    return Check(name, _status(value / limit), value, limit)


def _status(share: float) -> Status:
    return "inside" if share <= 1 else "edge" if share <= _FAR else "outside"
