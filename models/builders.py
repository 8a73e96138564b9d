"""Tables that simulators build, and the simulators behind them: under the name that people ask for them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.nanoparticle.dataset import FULL, silver_spectra, silver_table
from models.nanoparticle.growth import FLOWS
from models.polymer.coefficients import RECIPE
from models.polymer.dataset import built as polymer_table
from models.polymer.dataset import distributions
from models.psd.dataset import psd_table
from models.scattering.building import built as scattering_table
from models.surrogate import FloatArray
from models.table import Table

BUILDERS: Mapping[str, Callable[..., Table]] = {
    "nanoparticle": silver_table,
    "scattering": scattering_table,
    "polymer": polymer_table,
    "psd": psd_table,
}
"""Takes ``rows``, ``seed`` and what else the function names; the same arguments build the same table."""


@dataclass(frozen=True)
class Simulator:
    """What a builder knows of the outcome of any recipe, without noise.

    Attributes:
        inputs: Fields of the recipe, in order.
        outcome: Field that is simulated.
        simulate: Recipes (n, d) -> outcomes (n, m) in the units and on the axis of the table; NaN where none can be run.
        limits: Linear constraints that every recipe keeps to: coefficients by field, and what their sum may be at most.
    """

    inputs: tuple[str, ...]
    outcome: str
    simulate: Callable[[FloatArray], FloatArray]
    limits: tuple[tuple[Mapping[str, float], float], ...] = ()


SIMULATORS: Mapping[str, Simulator] = {
    "nanoparticle": Simulator(FLOWS, "absorbance", silver_spectra, ((dict.fromkeys(FLOWS[:4], 1.0), FULL),)),
    "polymer": Simulator(RECIPE, "mmd", distributions),
}
"""Builders whose outcomes can be simulated recipe by recipe."""
