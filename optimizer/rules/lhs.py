"""A fresh Latin hypercube each round, without regard to the outcomes; a yardstick for other rules.

Source: McKay, Beckman and Conover, Technometrics 21, 239 (1979); constraints as in ``optimizer.initial``.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from optimizer import candidates, plates
from optimizer.initial import initial_design
from optimizer.rules.proposals import blind
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset

NAME = "lhs"


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose a Latin hypercube of ``n`` distinct feasible wells.

    Wells that repeat a measured or pending one are replaced by the free wells farthest from the rest of the batch.

    Args:
        state: Gives the space, the seed and the pending wells, which are not proposed again.
        data: Measured wells, proposed again only where nothing else is left; their outcomes are not looked at.
        n: Wells to propose.
        rng: Source of the wells.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    state = plates.settle(state, n, rng)
    space, X = state.space, candidates.pool(state, data, n, rng)
    picks = candidates.Picks(state, data, X, n)
    for row in initial_design(space, "lhs_random", n, int(rng.integers(2**32))):
        if picks.free(row[None, :])[0]:
            picks.add(row)
    units, missing = space.to_unit(X), n - len(picks.rows)
    for _ in range(missing):
        picked = space.to_unit(picks.taken) if len(picks.taken) else np.full((1, space.dimension), 0.5)
        picks.take(cdist(units, picked).min(axis=1))
    why = "one of a Latin hypercube drawn for this round"
    return Batch(blind(NAME, state, picks.rows, why), warnings=picks.warnings)
