"""Half of a batch by joint expected improvement, half by local penalization around these wells.

The joint half goes where the model expects most, as near to each other as it pays, and finds an optimum fast; alone it now and
then stays at a wrong one. The penalized half has to keep away from all wells of the batch, so it looks elsewhere; where a
parameter is categorical, half a length scale away at least or in another category.
Sources: those of ``greedy_ei`` and of ``lp_ei``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.rules import greedy_ei, lp_ei, penalized
from optimizer.rules.proposals import Start
from optimizer.space import Categorical
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset

NAME = "hybrid_ei"
_APART = 0.5
"""Least radius of the balls in length scales where a parameter is categorical."""


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells, those of joint expected improvement first; they are the more where ``n`` is odd.

    Args:
        state: Gives the space, the settings, the seed and the pending wells, whose outcomes are imagined and which are penalized.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the pool, of the fantasies, of the sample paths and of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    start = Start.of(state, data, n, rng)
    picks, joint = start.picks(), n - n // 2
    scores = greedy_ei.pick(start, picks, joint, rng)
    balls, warnings = lp_ei.balls_of(start, rng)
    if any(isinstance(parameter, Categorical) for parameter in state.space.parameters):
        balls = replace(balls, floor=max(balls.floor, _APART))
    more, penalties, _ = penalized.pick(balls, picks, n // 2, rng)
    whys = [*greedy_ei.whys(start, joint), *penalized.whys(n // 2, joint)]
    proposals = start.proposals(NAME, picks.rows, [*scores, *more], whys, [*[None] * joint, *penalties])
    return Batch(proposals, warnings=start.model.warnings + warnings + picks.warnings, model=start.card() | lp_ei.card(balls))
