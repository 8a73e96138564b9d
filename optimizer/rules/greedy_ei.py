"""Greedy expected improvement, averaged over what the wells picked before may turn out to give.

Every pick maximises the expected improvement integrated over 32 quasi-random fantasies of the earlier picks' and the
pending wells' outcomes; the model learns from each fantasy, so later picks know which regions earlier ones settle. The
incumbent of a fantasy is the lowest posterior mean at the data and picks, as that fantasy has it.
Source: Snoek, Larochelle and Adams, NeurIPS 25 (2012), section 3.2; Wilson, Hutter and Deisenroth, NeurIPS 31 (2018).
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from scipy.stats import qmc

from optimizer import acquisition
from optimizer.candidates import Picks
from optimizer.rules.fantasies import Fantasies
from optimizer.rules.proposals import Start
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset, FloatArray

NAME = "greedy_ei"
_FANTASIES = 32


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells.

    Args:
        state: Gives the space, the settings, the seed and the pending wells, whose outcomes are imagined like those of picks.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the pool, of the fantasies and of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    start = Start.of(state, data, n, rng)
    picks = start.picks()
    scores = pick(start, picks, n, rng)
    return Batch(
        start.proposals(NAME, picks.rows, scores, whys(start, n)), warnings=start.model.warnings + picks.warnings, model=start.card()
    )


def pick(start: Start, picks: Picks, n: int, rng: np.random.Generator) -> list[float]:
    """Add ``n`` wells to an empty batch, each refined; their scores.

    Args:
        start: Gives the model and the pool.
        picks: Where the wells go.
        n: Wells to pick.
        rng: Source of the fantasies and of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: There are fewer.
    """
    state, encode = start.state, start.state.space.encode
    story, best = Fantasies(start.model.gp, start.inputs, _FANTASIES), np.full(_FANTASIES, start.best)

    def score(X: FloatArray) -> FloatArray:
        return integrated(*story.believe(encode(X)), best)

    scores = []
    deviates = qmc.MultivariateNormalQMC(np.zeros(len(state.pending) + n), rng=rng).random(_FANTASIES).T
    for k, z in enumerate(deviates):
        if k < len(state.pending):
            row = state.pending[k]
        else:
            row = picks.take(integrated(story.mean, story.std, best), score, rng)
            scores.append(float(score(row[None, :])[0]))
        best = np.minimum(best, story.imagine(encode(row[None, :]), z))
    return scores


def whys(start: Start, n: int) -> list[str]:
    """What sets the first ``n`` wells of a batch apart."""
    pending = len(start.state.pending)
    return [f"the largest one on average over what {k} earlier wells may give" for k in range(pending, pending + n)]


def integrated(mean: FloatArray, std: FloatArray, best: FloatArray) -> FloatArray:
    """Log of the expected improvement averaged over histories.

    Args:
        mean: Means in every history, shape (F, m).
        std: Standard deviations, shape (m,).
        best: Incumbents, shape (F,).

    Returns:
        Shape (m,).
    """
    return np.asarray(logsumexp(acquisition.log_ei(mean - best[:, None], std, 0.0), axis=0) - np.log(len(best)))
