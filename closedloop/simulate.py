"""A small lab to try a campaign on: recipes of silver nanoplates in, noisy absorbance spectra out.

The model is made up; it has what makes the real thing hard: a band that moves, widens and saturates with
four interacting quantities, replicates that scatter, and now and then an air bubble in the flow cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

AXIS: FloatArray = np.arange(380.0, 801.0, 5.0)
"""Wavelengths in nm."""
TARGET: FloatArray = np.exp(-(((AXIS - 650) / 45) ** 2))
"""The wanted band."""
_NOISE, _BATCH_SPREAD, _BUBBLES = 0.004, 0.015, 0.04


def campaign_document(seed: int = 0, threshold: float = 0.05, replicates: int = 4) -> dict[str, Any]:
    """A campaign on this lab that stops at the first round whose best loss is at or below the threshold."""
    shares = {"silver": (5, 60), "citrate": (2, 40), "seeds": (1, 30)}
    parameters = [{"name": name, "low": low, "high": high, "unit": "%", "step": 0.5} for name, (low, high) in shares.items()]
    parameters.append({"name": "flow", "low": 200, "high": 1000, "unit": "uL/min", "step": 10})
    return {
        "name": "Demo: silver nanoplates",
        "space": {
            "parameters": [{"kind": "continuous", **parameter} for parameter in parameters],
            "mixture": {"balance": "water", "components": list(shares), "total": 100, "low": 10},
        },
        "objective": {
            "kind": "spectrum_match",
            "axis": AXIS.tolist(),
            "unit": "nm",
            "target": {"axis": AXIS.tolist(), "values": TARGET.tolist()},
        },
        "replicates": replicates,
        "stop": {"loss": {"threshold": threshold}},
        "seed": seed,
    }


def spectrum(recipe: Mapping[str, float]) -> FloatArray:
    """The absorbance that a recipe gives, without noise.

    Args:
        recipe: ``silver``, ``citrate``, ``seeds`` in %, ``flow`` in uL/min.

    Returns:
        Absorbance on ``AXIS``.
    """
    silver, citrate, seeds, flow = (float(recipe[name]) for name in ("silver", "citrate", "seeds", "flow"))
    growth = 1 - np.exp(-silver / (2.5 * (seeds + 2)))  # silver per seed: how far plates grow
    shape = np.exp(-(((citrate - 0.3 * silver - 6) / 6) ** 2))  # too little or too much citrate: spheres
    mixing = flow / (flow + 250)
    centre = 410 + 330 * growth * (0.35 + 0.65 * shape)
    width = 25 + 60 * (1 - mixing) + 60 * (1 - shape)
    height = 0.05 * silver * (0.3 + 0.7 * shape) * mixing + 0.02 * seeds
    spheres = 0.6 * height * (1 - shape * growth)
    return np.asarray(height * np.exp(-(((AXIS - centre) / width) ** 2)) + spheres * np.exp(-(((AXIS - 405) / 30) ** 2)))


def measure(recipe: Mapping[str, float], k: int, rng: np.random.Generator) -> FloatArray:
    """Noisy replicates of a recipe, shape (k, 85); rarely with an air bubble, which lifts and flattens the curve."""
    return np.array([_replicate(recipe, rng) for _ in range(k)])


def _replicate(recipe: Mapping[str, float], rng: np.random.Generator) -> FloatArray:
    curve = spectrum(recipe) * (1 + _BATCH_SPREAD * rng.standard_normal()) + _NOISE * rng.standard_normal(AXIS.size)
    return 0.4 * curve + 0.5 if rng.random() < _BUBBLES else curve
