"""The campaign on the virtual polymer lab: recipes that give a wanted molar mass distribution."""

from __future__ import annotations

from functools import cache

from models.polymer import lab
from models.polymer.chains import LOG_M
from models.polymer.coefficients import RECIPE
from models.polymer.dataset import HIGH, LOW, UNITS
from optimizer.objective import CurveMatch
from optimizer.space import Continuous, SearchSpace
from optimizer.types import Spectrum

ERROR = 1
"""Seed of the hidden error of the lab's kinetics."""
OPTIMUM = 9.66e-5
"""Lowest noise-free loss of the space in this lab, to what its smallest steps allow."""
_STEPS = (0.01, 0.0001, 0.5, 10.0)
"""Smallest differences that a lab sets, columns ``models.polymer.coefficients.RECIPE``."""


def space() -> SearchSpace:
    """The ranges of the published study."""
    columns = zip(RECIPE, LOW.tolist(), HIGH.tolist(), UNITS, _STEPS, strict=True)
    return SearchSpace(tuple(Continuous(*column) for column in columns))


@cache
def objective() -> CurveMatch:
    """One minus the overlap with the wanted distribution."""
    return CurveMatch("w(log M)", LOG_M, Spectrum(LOG_M, lab.target()), "log10(g/mol)")
