"""Curves freed of what is known already: of the elements, and of the size.

Notation: composition with mean squared form factor <f^2> and nearest-neighbour distance d; s = q d; N atoms; radius of gyration
Rg, and reduced intensity I0 = N^2 at q = 0.

    reduced             I / <f^2> over s            the same for all elements, but for displacements B / d^2 and strain
    structure_factor    I / (<f^2> sqrt(I0)) over s the same per atom: 1 at wide angles, peaks that tell how atoms are stacked
    form                I / (<f^2> I0) over q Rg    the same for all sizes of a shape, as far as atoms do not show

Who measures knows the elements, so none asks for more than a curve and a composition: Rg and I0 come from the curve itself.

Sources: Guinier, Ann. Phys. 11, 161 (1939), here with the next term of the series in q^2. Krogh-Moe, Acta Cryst. 9, 951
(1956), and Norman, Acta Cryst. 10, 370 (1957): the scale of a curve from its wide angles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.scattering import elements
from models.scattering.elements import Composition
from models.scattering.reader import BadCurve
from models.surrogate import BoolArray, FloatArray
from models.table import Field, Table

REDUCED: FloatArray = np.arange(2, 1881) / 40
"""Axis s of reduced curves: for all elements it lies within the axis of the published programme."""
STRUCTURE: FloatArray = np.arange(20, 471) / 10
"""Axis s of structure factors: small angles, which tell the form, are left out."""
FORM: FloatArray = np.arange(10, 121) / 10
"""Axis q Rg of forms: Guinier's law, the same for all shapes, is left out."""
AXES: Mapping[str, tuple[FloatArray, str]] = {"reduced": (REDUCED, "q d"), "structure_factor": (STRUCTURE, "q d"), "form": (FORM, "q Rg")}
"""Axis of each field, and its unit."""
_WIDE, _WIDE_END = 10.0, 30.0
"""From where on, in s, atoms scatter one by one on average, and how far a curve has to reach for that average."""
_LIMIT, _CURVED = 1.8, 0.01
"""Largest q Rg of the series; root mean square of ln I about it, above which it does not hold."""
_COUNTS = np.unique((4 * 1.1 ** np.arange(36)).astype(int))
"""Points that are tried for it: up to 112, at s = 2.8, since no Rg is below 0.6; the fewest serve the largest particles."""


@dataclass(frozen=True, eq=False)
class Invariants:
    """What a curve is without elements and size.

    Attributes:
        reduced: On ``REDUCED``.
        structure_factor: On ``STRUCTURE``.
        form: On ``FORM``.
        atoms: Their number, the root of I0.
        rg: Radius of gyration in nearest-neighbour distances.
    """

    reduced: FloatArray
    structure_factor: FloatArray
    form: FloatArray
    atoms: float
    rg: float


def invariants(q: FloatArray, intensity: FloatArray, composition: Composition) -> Invariants:
    """What is left of a curve, logarithms interpolated linearly.

    Args:
        q: In 1/Angstrom, increasing, shape (m,).
        intensity: In squared electrons per particle, positive, shape (m,).
        composition: What the particles are made of.

    Raises:
        BadCurve: The curve does not reach either end of an axis, or does not fall in its beginning.
        BadParticle: The composition is none.
    """
    elements.check(composition)
    s = q * elements.distance(composition)
    if s[0] > REDUCED[0] or s[-1] < REDUCED[-1]:
        remedy = "measure that range, or train on curves as they are measured"
        raise BadCurve(f"q d runs from {s[0]:.3g} to {s[-1]:.3g}, not {REDUCED[0]:g} to {REDUCED[-1]:g}", "q", remedy)
    logarithm = np.interp(REDUCED, s, np.log(intensity / elements.form_factors(composition, q)[0]))
    return of_reduced(logarithm)


def of_reduced(logarithm: FloatArray) -> Invariants:
    """What is left of a curve whose elements are left out already.

    Args:
        logarithm: Of the reduced curve, on ``REDUCED``; on another than the absolute scale ``form`` and ``rg`` hold still.

    Raises:
        BadCurve: It does not reach far enough for a form, or does not fall in its beginning.
    """
    rg, level = _guinier(REDUCED, logarithm)
    if FORM[-1] > rg * REDUCED[-1]:
        raise BadCurve(f"q Rg ends at {rg * REDUCED[-1]:.3g}, not {FORM[-1]:g}", "q", "measure wider angles")
    form = np.interp(FORM, rg * REDUCED, logarithm - level)
    structure_factor = np.interp(STRUCTURE, REDUCED, logarithm - level / 2)
    return Invariants(np.exp(logarithm), np.exp(structure_factor), np.exp(form), float(np.exp(level / 2)), rg)


def scale(found: Invariants, known: BoolArray) -> float:
    """By how much a curve lies above the absolute scale, without knowing the number of atoms.

    At wide angles N atoms scatter as N, at q = 0 as N^2: of a curve c times too large, the one squared over the other is c. The
    average at wide angles is weighted by q^2, which leaves nothing of the oscillations but the density within an atom.

    Args:
        found: What is left of the curve.
        known: Points of ``REDUCED`` that were measured.

    Raises:
        BadCurve: Wide angles were not measured.
    """
    used = known & (REDUCED >= _WIDE)
    if not used.any() or REDUCED[used][-1] < _WIDE_END:
        remedy = "measure wider angles; or send squared electrons per particle, and say absolute; or ask a model that sees form alone"
        raise BadCurve(f"q d ends below {_WIDE_END:g}: the scale of the curve cannot be told", "absolute", remedy)
    return float(np.average(found.reduced[used], weights=REDUCED[used] ** 2) / found.atoms) ** 2


def with_invariants(table: Table) -> Table:
    """The table with fields ``reduced``, ``structure_factor`` and ``form`` derived from its fields ``intensity`` and ``element``.

    Args:
        table: Of pure elements, as ``dataset.table`` makes it; curves not divided.

    Raises:
        BadCurve: See ``invariants``; or curves are divided already.
        BadParticle: An element is none.
    """
    curves, element = table["intensity"], table["element"]
    if curves.unit != "electrons^2" or curves.axis is None:
        raise BadCurve("the curves are divided already", "intensity", "build the table with divided = false")
    found = [invariants(curves.axis, row, ((element.classes[code], 1.0),)) for row, code in zip(curves.values, element.values, strict=True)]
    new = [Field(name, np.array([getattr(one, name) for one in found]), "", *of) for name, of in AXES.items()]
    return Table((*table.fields, *new))


def _guinier(s: FloatArray, logarithm: FloatArray) -> tuple[float, float]:
    """Rg in the inverse unit of s, and ln I0, of a parabola in s^2 through as many points as it holds for, beside the noise."""
    found = None
    noise = float(np.median(np.abs(np.diff(logarithm, 2))) / (0.6745 * np.sqrt(6)))
    for count in _COUNTS:
        x, y = s[:count] ** 2, logarithm[:count]
        level, slope, bend = np.polynomial.polynomial.polyfit(x, y, 2)
        scatter = float(np.sqrt(np.mean((y - level - slope * x - bend * x**2) ** 2)))
        good = -3 * slope * x[-1] <= _LIMIT**2 and scatter <= _CURVED + 2 * noise
        if slope < 0 and (good or count == _COUNTS[0]):
            found = float(np.sqrt(-3 * slope)), float(level)
    if found is None:
        raise BadCurve("the intensity does not fall in the beginning of the curve", "intensity", "subtract less background")
    return found
