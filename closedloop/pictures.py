"""A lab that takes pictures, and a model at the service that reads them: how campaigns on crystal sizes are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from closedloop.client import Client
from closedloop.lab import Instrument

_ROWS, _DATASET, _MODEL, _LEARNER = 600, "Spheres, 600 stacks", "Sizes of spheres", "features"
"""What is built and trained where no model is named."""


def trained(client: Client, console: Console) -> str:
    """A model that reads size distributions by number, trained now unless it was before; the data are simulated."""
    known = next((line for line in client.surrogates() if line["name"] == _MODEL and line["state"] != "retired"), None)
    if known is None:
        console.print(f"Drawing {_DATASET.lower()}, and training {_LEARNER} on them ...")
        data = client.build_dataset(_DATASET, "psd", _ROWS)
        told = [{"name": "psd", "shares": True}]
        known = client.train_surrogate(_MODEL, data["id"], ["images"], told, _LEARNER, version=data["version"], sizes=[], seeds=1)
    with console.status("Training"):
        return client.wait_for_surrogate(known["id"])["id"]


def instrument(client: Client, model: str, error: int) -> Instrument:
    """Crystallizes a recipe, takes stacks of pictures, and lets the model read each: shares of the bins, by number.

    Args:
        client: Of the service.
        model: Reads the pictures.
        error: Seed of the hidden error of the lab's kinetics.
    """
    made = dict[tuple[Any, ...], NDArray[np.float64]]()

    def measure(recipe: Mapping[str, Any], k: int, rng: np.random.Generator) -> NDArray[np.float64]:
        seed = int(rng.integers(2**31))
        asked = (*recipe.items(), k, seed)
        if asked not in made:  # replicates of a well are asked for one by one
            batches = client.simulate_crystallization([recipe], k, seed=seed, error=error)
            stacks, scale = batches["batches"][0]["stacks"], batches["um_per_pixel"]
            made[asked] = np.array([client.read_images(model, stack, scale)["shares"] for stack in stacks])
        return made[asked]

    return measure
