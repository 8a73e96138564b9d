"""Curves that reports show."""

from __future__ import annotations

import numpy as np

from models.corruption import Corruption, Missing, Noise, Range, Step
from models.scattering.curves import WIDE, Q, Sample, intensity
from models.scattering.shapes import SHAPES
from models.surrogate import FloatArray
from models.table import Field

Curves = dict[str, tuple[FloatArray, FloatArray]]
"""Name to q and intensity."""
_ATOMS = 309
_SHOWN: tuple[Corruption, ...] = (Noise(0.15), Missing(0.9), Step(20), Range(0.0, WIDE), Range(0.3, 8.0))


def shapes() -> Curves:
    """A silver particle of every shape, with about 309 atoms each."""
    found = {}
    for shape in SHAPES.values():
        n = min(range(shape.first, 15), key=lambda size: abs(np.log(shape.count(size) / _ATOMS)))
        found[f"{shape.name} {n}, {shape.count(n)} atoms"] = (Q, intensity(Sample(shape.name, n, (("Ag", 1.0),))))
    return found


def corrupted() -> Curves:
    """One curve, clean and as corruptions leave it; each a hundred times below the one before, to tell them apart."""
    clean = Field("intensity", intensity(Sample("cuboctahedron", 4, (("Ag", 1.0),)))[None], "electrons^2", Q, "1/Angstrom")
    found = {"clean": (Q, clean.values[0])}
    for k, corruption in enumerate(_SHOWN, 1):
        field = corruption(clean, clean, np.random.default_rng(0))
        axis = Q if field.axis is None else field.axis
        found[f"{corruption.name} {corruption.label}, over 10^{2 * k}"] = (axis, field.values[0] / 100.0**k)
    return found
