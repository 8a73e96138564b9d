"""Local-penalization batch expected improvement (Gonzalez 2016), in our variant.

Against the textbook: M comes from sample paths instead of the best datum, distances are whitened by the fitted length
scales, radii are clamped at the lab's resolution, and every candidate is a feasible setting of the lab before it is
scored. The formulas are in ``optimizer.acquisition``, the loop is in ``optimizer.rules.penalized``.
"""

from __future__ import annotations

import numpy as np

from optimizer import acquisition
from optimizer.rules.penalized import Balls, penalize
from optimizer.rules.proposals import Start
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset

NAME = "lp_ei"
_PATHS, _PATH_ROWS = 32, 1000


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells.

    Args:
        state: Gives the space, the settings, the seed and the pending wells, which are penalized like batch members.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the pool, of the sample paths and of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    start = Start.of(state, data, n, rng)
    balls, warnings = balls_of(start, rng)
    batch = penalize(NAME, balls, n, rng)
    figures = card(balls) | {"coincident": batch.coincident}
    return Batch(batch.proposals, warnings=start.model.warnings + warnings + batch.warnings, model=start.card() | figures)


def balls_of(start: Start, rng: np.random.Generator) -> tuple[Balls, tuple[str, ...]]:
    """The balls that penalize, and what had to be assumed about them."""
    minimum, (slope, warnings) = _minimum(start, rng), _slope(start)
    return Balls(start, minimum, slope, start.model.gp.hyper.lengths, start.model.resolution), warnings


def card(balls: Balls) -> dict[str, float]:
    """Figures of the balls for people."""
    return {"M": float(balls.start.model.gp.warp.inverse(balls.minimum)), "L": balls.slope}


def _minimum(start: Start, rng: np.random.Generator) -> float:
    """M: the mean of the minima of sample paths over the rows that may be lowest."""
    mean, std = start.beliefs
    lowest = np.argsort(mean - 2 * std, kind="stable")[:_PATH_ROWS]
    return acquisition.lowest(start.model.gp.paths(start.inputs[lowest], _PATHS, rng))


def _slope(start: Start) -> tuple[float, tuple[str, ...]]:
    """L, or where the mean is flat the slope that the prior expects."""
    gp = start.model.gp
    slope, prior = acquisition.lipschitz(gp.gradient(start.inputs)), float(np.sqrt(gp.hyper.scale))
    if slope >= acquisition.LEAST_SLOPE:
        return slope, ()
    return prior, (f"the predicted loss is flat (L = {slope:.1e}): L was set to {prior:.3g}, one prior deviation per length scale",)
