"""Virtual labs behind the wire."""

from __future__ import annotations

import numpy as np

from app.schemas.simulate import SilverRecipe, SimulationIn, SimulationOut
from models.nanoparticle.growth import FLOWS
from models.nanoparticle.lab import AXIS, VirtualLab
from optimizer.types import FloatArray, InvalidInput

_SPECTRA = 1000
"""Spectra in one answer: 8 MB of JSON, made in a tenth of a second."""
_FULL = 90.0
"""Share of the flow in % that silver, polymer, citrate and seeds may take."""


def nanoparticle(wanted: SimulationIn) -> SimulationOut:
    """Spectra of the virtual silver lab.

    Raises:
        InvalidInput: A recipe leaves no room for water, or too many spectra are asked for.
    """
    count = len(wanted.recipes) * (wanted.replicates or 1)
    if count > _SPECTRA:
        raise InvalidInput(
            f"{count} spectra are asked for, an answer holds {_SPECTRA}",
            where=("recipes",),
            remedy="send fewer recipes or replicates at a time; the seed keeps the noise of a recipe the same",
        )
    X, lab = np.array([_row(index, recipe) for index, recipe in enumerate(wanted.recipes)]), VirtualLab()
    if wanted.replicates is None:
        spectra = lab.spectra(X)[:, None, :]
    else:
        spectra = np.stack([lab.measure(x, wanted.replicates, _generator(wanted.seed, x)) for x in X])
    return SimulationOut(axis=AXIS.tolist(), spectra=spectra.tolist())


def _row(index: int, recipe: SilverRecipe) -> list[float]:
    row = [getattr(recipe, flow) for flow in FLOWS]
    if sum(row[:4]) > _FULL + 1e-9:
        raise InvalidInput(
            f"silver, polymer, citrate and seeds take {sum(row[:4]):g} % of the flow",
            where=("recipes", index),
            remedy=f"let QAgNO3, Qpva, Qtsc and Qseed add up to {_FULL:g} % at most; the rest is water",
        )
    return row


def _generator(seed: int, x: FloatArray) -> np.random.Generator:
    """Random numbers of a recipe, whatever stands beside it."""
    return np.random.default_rng([seed, *x.view(np.uint32).tolist()])
