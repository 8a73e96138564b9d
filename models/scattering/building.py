"""Tables of scattering curves as they are asked for by name: a design, and a part of the axis."""

from __future__ import annotations

from typing import Any, Literal

from models.scattering.curves import Q
from models.scattering.dataset import published_table, scattering_table
from models.scattering.presets import part
from models.scattering.shapes import BadParticle
from models.table import Table

Design = Literal["random", "published"]
_LEAST = 20
"""Points of a curve that something can be learnt from."""


def built(
    rows: int | None,
    seed: int,
    design: Design = "random",
    low: float = 0.0,
    high: float = 20.0,
    step: int = 1,
    divided: bool = False,
    **settings: Any,
) -> Table:
    """The table of a design, with every so manieth point of its curves from low to high.

    Args:
        rows: Of random samples; None for the published grid, which has 5508.
        seed: Of random samples.
        design: Which samples.
        low: First q that is kept, in 1/Angstrom.
        high: Last q that is kept.
        step: 1 keeps all points, 0.01 1/Angstrom apart.
        divided: Whether curves are divided by the mean squared form factor.
        settings: Further ones of ``scattering_table``.

    Raises:
        BadParticle: Rows or their number are missing or not to be chosen, too few points are left, or a number is out of range.
    """
    if (rows is None) != (design == "published"):
        raise BadParticle("their number belongs to random samples", "rows", "give it there, and leave it out for the published grid")
    end = high * (1 + 1e-9)  # the upper end counts
    count = len(Q[(low <= Q) & (end > Q)][::step])
    if count < _LEAST:
        raise BadParticle(f"{count} points are left from {low:g} to {high:g}", "high", f"keep {_LEAST} at least: widen the range")
    whole = published_table(divided) if rows is None else scattering_table(rows, seed, divided=divided, **settings)
    return part(whole, low, end, step)
