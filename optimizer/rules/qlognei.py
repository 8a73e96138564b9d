"""BoTorch's qLogNoisyExpectedImprovement on the campaign's own model, maximised greedily over feasible wells.

Source: Ament et al., Unexpected improvements to expected improvement, NeurIPS 36 (2023); BoTorch (Balandat et al.,
NeurIPS 33, 2020). The acquisition function is BoTorch's; the wells are settings of the lab, as in every rule here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from optimizer.rules.proposals import Start
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset, FloatArray

NAME = "qlognei"
_SAMPLES, _BASELINE, _SHORT = 64, 24, 128
"""Samples of the acquisition function, data that may hold its incumbent, and rows of the pool that it scores."""

Acquisition = Callable[[FloatArray, FloatArray], FloatArray]
"""Model inputs (m, d), and those of the wells taken (j, d), to values (m,)."""


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells.

    Args:
        state: Gives the space, the settings, the seed and the pending wells, which count like picks.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the pool, of the samples and of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    start = Start.of(state, data, n, rng)
    picks, encode = start.picks(), start.extended
    rough = start.gains
    scores = []
    with _quiet():
        acquisition = _acquisition(start, int(rng.integers(2**31)))

        def score(X: FloatArray) -> FloatArray:
            return acquisition(encode(X), encode(picks.taken))

        for _ in range(n):
            free = np.flatnonzero(picks.free(start.X))
            short = free[np.argsort(-rough[free], kind="stable")[:_SHORT]]
            values = rough - 1e9  # rows off the short list come last, in the order of their expected improvement
            if len(short):
                values[short] = score(start.X[short])
            taken = picks.taken
            row = picks.take(values, score, rng)
            scores.append(float(acquisition(encode(row[None, :]), encode(taken))[0]))
    whys = ["the largest noisy one", *(f"the largest noisy one beyond what {k} earlier picks may gain" for k in range(1, n))]
    return Batch(start.proposals(NAME, picks.rows, scores, whys), warnings=start.model.warnings + picks.warnings, model=start.card())


def _acquisition(start: Start, seed: int) -> Acquisition:
    """The acquisition function of the fitted process; the loss is minimised, so its samples change sign."""
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.acquisition.objective import GenericMCObjective
    from botorch.sampling import SobolQMCNormalSampler

    model = start.model.gp.to_botorch()
    known = start.data.X[np.argsort(start.model.middle(start.data.X), kind="stable")[:_BASELINE]]
    baseline = torch.tensor(start.extended(known))
    objective = GenericMCObjective(lambda samples, X=None: -samples[..., 0])

    def values(inputs: FloatArray, taken: FloatArray) -> FloatArray:
        sampler = SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed)
        pending = torch.tensor(taken) if len(taken) else None
        # BoTorch would prune the baseline with random numbers of its own.
        function = qLogNoisyExpectedImprovement(
            model, baseline, sampler=sampler, objective=objective, X_pending=pending, prune_baseline=False
        )
        with torch.no_grad():
            return np.asarray(function(torch.tensor(inputs)[:, None, :]).numpy(), float)

    return values


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the libraries say of themselves as they load, and of a nearly singular covariance, which they cure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from linear_operator.utils.warnings import NumericalWarning

        warnings.simplefilter("ignore", NumericalWarning)
        yield
