"""Tables of scattering curves as they are asked for by name: a design, and a part of the axis."""

from __future__ import annotations

from typing import Any, Literal

from models.scattering import elements
from models.scattering.curves import Q
from models.scattering.dataset import published_table, scattering_table
from models.scattering.invariant import REDUCED, with_invariants
from models.scattering.presets import part
from models.scattering.shapes import BadParticle
from models.surrogate import FloatArray
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
    invariants: bool = False,
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
        invariants: Whether fields ``reduced``, ``structure_factor`` and ``form`` are added, see ``invariant.with_invariants``.
        settings: Further ones of ``scattering_table``.

    Raises:
        BadParticle: Rows or their number are missing or not to be chosen, too few points are left, or a number is out of range;
            or there is no telling what is invariant, of divided curves or on this part of the axis.
        BadCurve: A curve is so noisy that it does not fall in its beginning.
    """
    if (rows is None) != (design == "published"):
        raise BadParticle("their number belongs to random samples", "rows", "give it there, and leave it out for the published grid")
    end = high * (1 + 1e-9)  # the upper end counts
    kept = Q[(low <= Q) & (end > Q)][::step]
    if len(kept) < _LEAST:
        raise BadParticle(f"{len(kept)} points are left from {low:g} to {high:g}", "high", f"keep {_LEAST} at least: widen the range")
    if invariants:
        _check_invariants(kept, divided)
    whole = published_table(divided) if rows is None else scattering_table(rows, seed, divided=divided, **settings)
    asked = part(whole, low, end, step)
    return with_invariants(asked) if invariants else asked


def _check_invariants(q: FloatArray, divided: bool) -> None:
    """Raise BadParticle, before anything is simulated, where curves are divided or q does not reach far enough for all elements."""
    if divided:
        raise BadParticle("the curves are divided already", "divided", "leave it out: invariants are freed of the form factor anyway")
    first, last = REDUCED[0] / max(elements.DISTANCES.values()), REDUCED[-1] / min(elements.DISTANCES.values())
    if q[0] > first or q[-1] < last:
        fault = f"q runs from {q[0]:g} to {q[-1]:g}, it has to reach from {first:.4f} to {last:.3f} 1/Angstrom"
        raise BadParticle(fault, "low" if q[0] > first else "high", "leave out low, high and step, or set invariants to false")
