"""Local penalization as published (Gonzalez et al., AISTATS 51, 2016) and as GPyOpt runs it; for comparison only.

M and the incumbent are the best datum, distances are those of the unit cube, radii are not clamped. Where the model
predicts below the best datum the radius is negative, the ball vanishes, and the rule would pick the same well again:
such picks are counted, announced, and replaced by the best free well.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer import acquisition
from optimizer.rules.penalized import Balls, penalize
from optimizer.rules.proposals import Start
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset

NAME = "lp_textbook"
_PLAIN_SLOPE = 10.0
"""L where the mean is flat: GPyOpt's constant."""


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells.

    Args:
        state: Gives the space, the settings, the seed and the pending wells, which are penalized like batch members.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the pool and of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    start = Start.of(state, data, n, rng)
    gp = start.model.gp
    start = replace(start, best=float(gp.warp.forward(data.loss).min()))
    slope, warnings = acquisition.lipschitz(gp.gradient(start.inputs) / gp.hyper.lengths), start.model.warnings
    if slope < acquisition.LEAST_SLOPE:
        warnings += (f"the predicted loss is flat (L = {slope:.1e}): L was set to {_PLAIN_SLOPE:g}, as in GPyOpt",)
        slope = _PLAIN_SLOPE
    batch = penalize(NAME, Balls(start, start.best, slope, scales=1.0, floor=-np.inf), n, rng)
    if batch.coincident:
        warnings += (f"{batch.coincident} of {n} picks coincided with a well taken before: the best free wells were taken instead",)
    figures = {"M": float(gp.warp.inverse(start.best)), "L": slope, "coincident": batch.coincident}
    return Batch(batch.proposals, warnings=warnings + batch.warnings, model=start.card() | figures)
