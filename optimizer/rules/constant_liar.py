"""Constant liar: expected improvement, with the incumbent imagined as the outcome of every well picked before.

The lie is the incumbent, the lowest posterior mean at the data: the noise-proof form of the published liar
``L = min(Y)``, which did best there. Hyperparameters stay as fitted.
Source: Ginsbourger, Le Riche and Carraro, Kriging is well-suited to parallelize optimization (2010), section 4.3.
"""

from __future__ import annotations

import numpy as np

from optimizer import acquisition
from optimizer.rules.fantasies import Fantasies
from optimizer.rules.proposals import Start
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset, FloatArray

NAME = "constant_liar"


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells.

    Args:
        state: Gives the space, the settings, the seed and the pending wells, about which it lies like about picks.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the pool and of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    start = Start.of(state, data, n, rng)
    story, picks, encode = Fantasies(start.model.gp, start.inputs, 1), start.picks(), state.space.encode

    def lie(row: FloatArray) -> None:
        x = encode(row[None, :])
        story.imagine(x, story.deviates(x, start.best))

    def score(X: FloatArray) -> FloatArray:
        mean, std = story.believe(encode(X))
        return acquisition.log_ei(mean[0], std, start.best)

    for row in state.pending:
        lie(row)
    scores = []
    for _ in range(n):
        row = picks.take(acquisition.log_ei(story.mean[0], story.std, start.best), score, rng)
        scores.append(float(score(row[None, :])[0]))
        lie(row)
    whys = [f"the largest one, had {k} wells before it given the incumbent" for k in range(len(state.pending), len(state.pending) + n)]
    return Batch(start.proposals(NAME, picks.rows, scores, whys), warnings=start.model.warnings + picks.warnings, model=start.card())
