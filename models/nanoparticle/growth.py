"""Growth rules: from a recipe of flows to the particles that leave the channel.

Seeds, silver nitrate, citrate and polyvinyl alcohol meet in droplets. Citrate holds the flat faces, so that a nucleus
grows into a plate sideways, at a constant thickness (Aherne et al., Adv. Funct. Mater. 18, 2005 (2008)); silver that
finds no plate becomes spheres. Every rule is a rate law: a factor, its value at the reference recipe, times powers of the
flows, the orders. With flows relative to the reference, and the laws ``reduction`` R, ``selectivity`` S, ``nuclei`` N:

    reduced silver   m = QAgNO3 (1 - exp(-R))
    share in plates  p = S / (1 + S)
    plate diameter   d^2 = d0^2 (1 + p m / (N (Qseed + background))), mean over the plates

The law ``dispersity`` is the spread of their sizes. Values and sources of the constants are in ``constants.json``, line by line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from models.surrogate import FloatArray

FLOWS = ("QAgNO3", "Qpva", "Qtsc", "Qseed", "Qtot")
"""Columns of a recipe: silver nitrate, polymer, citrate, seeds in % of the flow; total flow in uL/min."""
REFERENCE = np.array([20.0, 20.0, 5.0, 5.0, 600.0])
"""The recipe at which a law has the value of its factor."""
_SEED = 8.0
"""Diameter in nm from which plates start: seeds of a few nm, of which plates a little larger than thick are made first."""
_SPREADS = 0.05, 1.2
"""Range of the spread, which a power law would leave far from the recipes that were measured."""

Constants = Mapping[str, float]
"""Factors by the name of their law, orders by ``law.flow``; a flow that is left out has order 0."""


@dataclass(frozen=True, eq=False)
class Particles:
    """What grows, one entry per recipe, shape (n,) each.

    Attributes:
        silver: Reduced silver, 1 for all of that of the reference recipe.
        plates: Share of it in plates; the rest is in spheres.
        diameter: Root mean square diameter of the plates in nm.
        spread: Standard deviation of the logarithm of their diameters.
    """

    silver: FloatArray
    plates: FloatArray
    diameter: FloatArray
    spread: FloatArray


def grow(X: FloatArray, constants: Constants) -> Particles:
    """The particles of recipes (n, 5), columns ``FLOWS``, all flows above 0."""
    flows = X / REFERENCE
    reduction, selectivity, nuclei, dispersity = (
        law(name, flows, constants) for name in ("reduction", "selectivity", "nuclei", "dispersity")
    )
    silver, plates = flows[:, 0] * -np.expm1(-reduction), selectivity / (1 + selectivity)
    per_plate = plates * silver / (nuclei * (flows[:, 3] + constants["background"]))
    return Particles(silver, plates, _SEED * np.sqrt(1 + per_plate), np.clip(dispersity, *_SPREADS))


def law(name: str, flows: FloatArray, constants: Constants) -> FloatArray:
    """Values of a rate law at flows (n, 5) relative to the reference, shape (n,)."""
    orders = [constants.get(f"{name}.{flow}", 0.0) for flow in FLOWS]
    return np.asarray(constants[name] * np.prod(flows**orders, axis=1))


@cache
def published() -> Constants:
    """The constants of growth and of noise that come with the package, those of ``constants.json``."""
    lines = json.loads(files("models.nanoparticle").joinpath("constants.json").read_text())["constants"]
    return {line["name"]: float(line["value"]) for line in lines}
