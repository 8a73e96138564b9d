"""The campaign on the virtual crystallization lab: recipes that give a wanted particle size distribution."""

from __future__ import annotations

from functools import cache

from models.psd import lab
from models.psd.crystallizer import HIGH, LOW, RECIPE, UNITS
from optimizer.objective import CurveMatch
from optimizer.space import Continuous, SearchSpace
from optimizer.types import Spectrum

ERROR = 1
"""Seed of the hidden error of the lab's kinetics."""
OPTIMUM = 2.3e-3
"""Lowest noise-free loss of the space in this lab, to what its smallest steps allow."""
_STEPS = (0.1, 1.0, 1.0, 0.05, 0.1)
"""Smallest differences that a lab sets, columns ``models.psd.crystallizer.RECIPE``."""


def space() -> SearchSpace:
    """The ranges of the crystallizer."""
    columns = zip(RECIPE, LOW.tolist(), HIGH.tolist(), UNITS, _STEPS, strict=True)
    return SearchSpace(tuple(Continuous(*column) for column in columns))


@cache
def objective() -> CurveMatch:
    """The Wasserstein distance to the wanted distribution by number, in units of ln d."""
    return CurveMatch("psd", lab.AXIS, Spectrum(lab.AXIS, lab.target()), "ln(um)", distance="wasserstein")
