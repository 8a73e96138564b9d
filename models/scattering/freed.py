"""A measured curve made ready for models of what is left of it without elements and size.

The curve is held against the known ones as a reduced curve, so that those of all elements are its neighbours. What depends on
the scale of intensities takes it from the wide angles of the curve itself, unless they are told to be absolute; the form
depends on none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.scattering import elements
from models.scattering.invariant import AXES, FORM, REDUCED, of_reduced, scale
from models.scattering.neighbours import Library
from models.scattering.reader import BadCurve, Curve, resampled
from models.scattering.reading import Ask, Ready, ready
from models.surrogate import FloatArray

_SCALED = (
    "the scale of the intensities was taken from wide angles, where atoms scatter one by one on average: "
    "a background that is left there falsifies it"
)


@dataclass(frozen=True, eq=False)
class Freed:
    """A curve as a model takes it.

    Attributes:
        ready: The reduced curve beside the known ones.
        axis: Of that one, in 1/Angstrom, shape (m,).
        values: What the model sees, by the name of the field.
    """

    ready: Ready
    axis: FloatArray
    values: Mapping[str, FloatArray]


def freed(curve: Curve, seen: Mapping[str, FloatArray], library: Library, noise: float, ask: Ask) -> Freed:
    """A measured curve as a model takes it.

    Args:
        curve: As measured.
        seen: Fields that the model sees, with their axes: of ``AXES``, and curves over 1/Angstrom in squared electrons.
        library: The reduced curves that it was trained on, on ``REDUCED``.
        noise: Relative noise that the model was trained to stand.
        ask: How the curve is to be taken.

    Raises:
        BadCurve: The composition is missing; the curve is on another range; or its scale is needed, and cannot be told.
        BadParticle: The composition is none.
    """
    if ask.composition is None:
        raise BadCurve("the model takes curves freed of the elements", "composition", "tell what the particles are made of: Au, Au3Ag")
    elements.check(ask.composition)
    axis = REDUCED / elements.distance(ask.composition)
    found = ready(curve, axis, library, True, noise, ask)
    left = of_reduced(np.log(found.values))
    begin = left.rg * REDUCED[found.known][0]
    if begin > FORM[0]:
        raise BadCurve(f"q Rg begins at {begin:.3g}: the size cannot be told", "q", f"measure smaller angles, up from q Rg = {FORM[0]:g}")
    values, factor = {name: getattr(left, name) for name in seen if name in AXES}, 1.0
    if not ask.absolute and set(seen) != {"form"}:
        factor = scale(left, found.known)
        found = replace(found, flags=(*found.flags, _SCALED))
    for name, power in (("reduced", 1.0), ("structure_factor", 0.5)):
        if name in seen:
            values[name] = values[name] / factor**power
    for name in seen.keys() - AXES.keys():
        values[name] = resampled(curve, seen[name]).intensity / (factor * found.nearest[0].factor)
    return Freed(found, axis, values)
