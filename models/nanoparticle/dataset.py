"""Tables built by the virtual silver lab: recipes in, spectra out, as many replicates of each as are asked for."""

from __future__ import annotations

import numpy as np

from models.nanoparticle.growth import FLOWS
from models.nanoparticle.lab import AXIS, VirtualLab
from models.surrogate import FloatArray
from models.table import Field, Table

UNITS = ("%", "%", "%", "%", "uL/min")
"""Of ``growth.FLOWS``."""
LOW, HIGH = np.array([0.5, 10.0, 0.5, 0.5, 200.0]), np.array([80.0, 40.0, 80.0, 80.0, 1000.0])
"""The widest ranges that the published lab ran (Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021))."""
FULL = 90.0
"""Share of the flow in % that silver, polymer, citrate and seeds may take; the rest is water."""
_DRAWN = 4096
"""Recipes drawn at once, of which a fifth is feasible; part of what a seed means."""


def silver_table(rows: int, seed: int, replicates: int | None = None) -> Table:
    """Spectra of random recipes, uniform over all feasible ones.

    The same seed gives the same recipes, and a longer table begins with the shorter one.

    Args:
        rows: Spectra, of two recipes at least.
        seed: Of recipes and noise.
        replicates: Spectra of each recipe, next to each other and with the noise of the published lab; the last recipe may
            have fewer. One noise-free spectrum each when None.

    Returns:
        The fields ``recipe``, a category to group by; the flows, of ``growth.FLOWS``; and ``absorbance`` over nm.

    Raises:
        ValueError: All rows would be of one recipe.
    """
    each = replicates or 1
    if rows <= each:
        raise ValueError(f"{rows} rows are of one recipe where each has {each} replicates; ask for more rows")
    recipe, lab = np.arange(rows) // each, VirtualLab()
    X = _recipes(int(recipe[-1]) + 1, seed)
    if replicates is None:
        spectra = lab.spectra(X)
    else:
        spectra = np.vstack([lab.measure(x, each, np.random.default_rng([seed, j])) for j, x in enumerate(X)])[:rows]
    names = Field("recipe", recipe, classes=tuple(f"r{j:04d}" for j in range(1, len(X) + 1)))
    flows = tuple(Field(name, X[recipe, j], UNITS[j]) for j, name in enumerate(FLOWS))
    return Table((names, *flows, Field("absorbance", spectra, "1", AXIS, "nm")))


def silver_spectra(X: FloatArray) -> FloatArray:
    """Noise-free spectra (n, 421) of recipes (n, 5), columns ``FLOWS``; NaN where a flow is not above 0."""
    known = (X > 0).all(axis=1)
    spectra = np.full((len(X), len(AXIS)), np.nan)
    spectra[known] = VirtualLab().spectra(X[known])
    return spectra


def _recipes(count: int, seed: int) -> FloatArray:
    """Feasible recipes (count, 5), columns ``FLOWS``; each drawn until it leaves room for water."""
    rng, kept = np.random.default_rng(seed), np.empty((0, len(FLOWS)))
    while len(kept) < count:
        drawn = rng.uniform(LOW, HIGH, (_DRAWN, len(FLOWS)))
        kept = np.vstack([kept, drawn[drawn[:, :4].sum(axis=1) <= FULL]])
    return kept[:count]
