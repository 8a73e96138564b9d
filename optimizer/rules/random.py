"""Random search: wells drawn evenly from the feasible space, without regard to the data; a yardstick for other rules."""

from __future__ import annotations

import numpy as np

from optimizer import candidates, plates
from optimizer.rules.proposals import blind
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset

NAME = "random"


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells at random.

    Args:
        state: Gives the space, the seed and the pending wells, which are not proposed again.
        data: Measured wells, proposed again only where nothing else is left; their outcomes are not looked at.
        n: Wells to propose.
        rng: Source of the wells.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    state = plates.settle(state, n, rng)
    X = candidates.pool(state, data, n, rng)
    picks, order = candidates.Picks(state, data, X, n), rng.random(len(X))
    for _ in range(n):
        picks.take(order)
    return Batch(blind(NAME, state, picks.rows, "drawn at random from the feasible space"), warnings=picks.warnings)
