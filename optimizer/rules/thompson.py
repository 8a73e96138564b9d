"""Thompson sampling: every well is the minimum of one sample path of the model.

Source: Kandasamy et al., AISTATS 84 (2018), the parallel form; paths are exact joint samples over the feasible pool.
"""

from __future__ import annotations

import numpy as np

from optimizer.rules.proposals import Start
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset

NAME = "thompson"
_PATH_ROWS = 1500
"""Rows over which paths are drawn: those of lowest mean minus three deviations."""


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells, the lowest free row of one path each.

    Args:
        state: Gives the space, the settings, the seed and the pending wells, which are not proposed again.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the pool and of the paths.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    start = Start.of(state, data, n, rng)
    mean, std = start.beliefs
    rows = np.argsort(mean - 3 * std, kind="stable")[:_PATH_ROWS]
    paths, picks = start.model.gp.paths(start.inputs[rows], n, rng), start.picks()
    scores = []
    for path in paths:
        values = -mean
        values[rows] = -path
        row = picks.take(values)
        scores.append(float(values[(row == start.X).all(axis=1)][0]))
    whys = [f"the lowest well of sample path {k}" for k in range(1, n + 1)]
    return Batch(start.proposals(NAME, picks.rows, scores, whys), warnings=start.model.warnings + picks.warnings, model=start.card())
