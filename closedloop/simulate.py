"""A small lab to try a campaign on: recipes of silver nanoplates in, noisy absorbance spectra out, posted over HTTP.

The model is made up; it has what makes the real thing hard: a band that moves, widens and saturates with
four interacting quantities, replicates that scatter, and now and then an air bubble in the flow cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from closedloop.client import Client

if TYPE_CHECKING:
    from closedloop.types import Batch, Posted

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


def measure(recipe: Mapping[str, float], rng: np.random.Generator) -> FloatArray:
    """One noisy replicate of a recipe; rarely with an air bubble, which lifts and flattens the curve."""
    curve = spectrum(recipe) * (1 + _BATCH_SPREAD * rng.standard_normal()) + _NOISE * rng.standard_normal(AXIS.size)
    return 0.4 * curve + 0.5 if rng.random() < _BUBBLES else curve


@dataclass(frozen=True)
class Lab:
    """Measures batches and posts them as a real lab does: in no order, some replicates twice, and a well may fail.

    The same seed measures the same curves.

    Attributes:
        seed: Seed of everything random.
        replicates: Replicates per well.
        repeated: Share of the replicates that are posted twice.
        fail_in: Round in which one well fails; 0 for none.
    """

    seed: int = 0
    replicates: int = 4
    repeated: float = 0.1
    fail_in: int = 2

    def run_round(self, client: Client, campaign: str, batch: Batch) -> Posted:
        """Make, measure and post the open wells of a batch.

        Returns:
            What became of all replicates, as a bulk upload would say.
        """
        rng = np.random.default_rng([self.seed, batch["round"]])
        wells = [well for well in batch["designs"] if well["state"] == "approved"]
        failed = wells.pop(int(rng.integers(len(wells)))) if batch["round"] == self.fail_in else None
        outcomes = [outcome for well in wells for outcome in self._measured(well["id"], batch["round"], well["well"], well["planned"])]
        if failed:
            client.edit_design(campaign, failed["id"], state="failed", reason="channel clogged")
        order = rng.permutation(len(outcomes))
        twice = rng.choice(order[:-1], int(self.repeated * len(order)), replace=False)
        for index in [*order[:-1], *twice, order[-1]]:
            client.put_replicate(campaign, **outcomes[index])
        return {"created": len(order), "unchanged": len(twice), "measured": [well["id"] for well in wells]}

    def _measured(self, design: str, round: int, well: int, recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
        rng, moment = np.random.default_rng([self.seed, round, well]), datetime.now(UTC)
        return [
            {"design": design, "replicate": number, "values": measure(recipe, rng), "measured_at": moment}
            for number in range(1, self.replicates + 1)
        ]
