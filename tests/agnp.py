"""The published silver nanoparticle data set as wells and replicates."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from optimizer.types import Design, DesignState, Measurement

BLOCK = 15


def read_agnp(path: Path) -> tuple[list[Design], list[Measurement]]:
    """164 wells in 11 rounds of 15 (the last of 14), in file order, and their 3 295 replicate losses."""
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    recipes, losses = table[:, :5], table[:, 5:]
    starts = np.flatnonzero(np.r_[True, (recipes[1:] != recipes[:-1]).any(axis=1)])
    designs, measurements = [], []
    for index, (recipe, replicates) in enumerate(zip(recipes[starts], np.split(losses, starts[1:]), strict=True)):
        batch, well = index // BLOCK + 1, index % BLOCK + 1
        name = f"r{batch:02d}-w{well:02d}"
        designs.append(Design(name, batch, well, recipe, recipe, "import", DesignState.MEASURED))
        measurements += [Measurement(name, k, loss, datetime(2021, 1, 1, tzinfo=UTC)) for k, loss in enumerate(replicates, start=1)]
    return designs, measurements
