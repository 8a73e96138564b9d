"""Tables of image stacks of random suspensions with the particle size distribution that each was drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.psd import units
from models.psd.bins import CENTRES, Weighting
from models.psd.particles import FIELD
from models.psd.render import stack
from models.psd.suspension import BadSuspension, Suspension, drawn
from models.study import Watch, tell
from models.surrogate import FloatArray
from models.table import Field, Table

CONCENTRATIONS = ("low", "middle", "high")
SIZES = ("small", "medium", "large")
_PHI, _D50 = (0.08, 0.2), (75.0, 140.0)
"""Where the classes end: of the area fraction, and of the median by number in um."""
_BATCH = 50
"""Rows between two reports of progress."""


def psd_table(
    rows: int,
    seed: int,
    images: int = 5,
    pixels: int = 64,
    particles: Literal["spheres", "spheroids"] = "spheres",
    weighting: Weighting = "number",
    workers: int = 1,
    watch: Watch | None = None,
) -> Table:
    """Stacks of random suspensions, each of another PSD, in a field of view of 1024 um.

    The same seed gives the same suspensions whatever else is asked for, and a longer table begins with the shorter one.

    Args:
        rows: Stacks, two at least.
        seed: Of suspensions, particles and noise.
        images: Of a stack.
        pixels: Along either side: of 8 um where there are 128, of 16 um, which are those binned, where there are 64.
        particles: Spheres, or prolate spheroids of aspect ratios from 1 to 3.
        weighting: Of ``psd`` and of the percentiles.
        workers: Threads that draw; they draw side by side where numba is installed.
        watch: Told of the progress.

    Returns:
        As ``table`` tells.

    Raises:
        BadSuspension: There are not two rows, or a number is out of its range.
        Cancelled: ``watch`` said so.
    """
    if rows < 2:
        raise BadSuspension(f"{rows} are no set", "rows", "ask for 2 at least")
    for name, count in (("images", images), ("pixels", pixels), ("workers", workers)):
        if count < 1:
            raise BadSuspension(f"{count}", name, "ask for 1 at least")
    suspensions = [drawn(np.random.default_rng([seed, row]), particles == "spheroids") for row in range(rows)]
    stacks = np.empty((rows, images, pixels, pixels), np.uint8)

    def draw(row: int) -> None:
        stacks[row] = stack(suspensions[row], (seed, row), images, pixels)

    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, rows, _BATCH):
            tell(watch, first / rows, f"stack {first + 1} of {rows}")
            list(pool.map(draw, range(first, min(first + _BATCH, rows))))
    tell(watch, 1.0, "done")
    return table(suspensions, stacks, weighting)


def table(suspensions: Sequence[Suspension], stacks: npt.NDArray[np.uint8], weighting: Weighting) -> Table:
    """Suspensions and their stacks (n, images, pixels, pixels) of the field of 1024 um as a table.

    Returns:
        ``images``; ``psd``, shares of the bins over their geometric means; the percentiles ``D10``, ``D50`` and ``D90`` and the span
        (D90 - D10) / D50 of the exact distribution; ``phi``, and its class ``concentration``, which ends at 0.08 and 0.2;
        ``size``, the class of the median by number, which ends at 75 and 140 um; and ``um_per_pixel``.
    """
    marks = np.array([one.percentiles((10, 50, 90), weighting) for one in suspensions])
    medians = np.array([one.percentiles((50,))[0] for one in suspensions])
    phi = np.array([one.phi for one in suspensions])
    um_per_pixel = FIELD / stacks.shape[-1]
    percentiles = (Field(name, marks[:, j], "um") for j, name in enumerate(("D10", "D50", "D90")))
    return Table(
        (
            Field("images", stacks, units.of_pixels(um_per_pixel)),
            Field("psd", np.array([one.shares(weighting) for one in suspensions]), units.of_shares(weighting), CENTRES, "um"),
            *percentiles,
            Field("span", (marks[:, 2] - marks[:, 0]) / marks[:, 1]),
            Field("phi", phi),
            _classes("concentration", phi, _PHI, CONCENTRATIONS),
            _classes("size", medians, _D50, SIZES),
            Field("um_per_pixel", np.full(len(phi), um_per_pixel), "um"),
        )
    )


def _classes(name: str, values: FloatArray, ends: Sequence[float], classes: tuple[str, ...]) -> Field:
    return Field(name, np.digitize(values, ends), classes=classes)
