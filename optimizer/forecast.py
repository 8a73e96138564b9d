"""What the model of a campaign expects of wells that are not yet run, and which of them to run first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.state import CampaignState
from optimizer.types import FloatArray


@dataclass(frozen=True)
class Forecast:
    """What is expected of one well.

    Attributes:
        rank: Place among the wells by expected improvement, from 1; equal ones by predicted loss.
        mean: Predicted loss.
        std: Its standard deviation.
        improvement: Expected improvement over the lowest predicted loss of the measured wells, in units of the loss.
    """

    rank: int
    mean: float
    std: float
    improvement: float


def forecasts(state: CampaignState, X: FloatArray) -> tuple[Forecast, ...]:
    """Forecasts of wells in their order, under the objective of the state, whatever rule proposed them.

    Args:
        state: The campaign, with data.
        X: Rows, shape (n, d).
    """
    # Late, like all of scipy: the web process imports this module, but never computes.
    from optimizer.predictor import fitted

    if not len(X):
        return ()
    mean, std, improvement = fitted(state).expected(X)
    ranks = np.empty(len(X), int)
    ranks[np.lexsort((mean, -improvement))] = np.arange(1, len(X) + 1)
    return tuple(Forecast(int(rank), *map(float, figures)) for rank, *figures in zip(ranks, mean, std, improvement, strict=True))
