"""What the rules tell about the wells that they picked, and what rules with a model of the loss start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from optimizer import acquisition, candidates, plates
from optimizer.candidates import Picks
from optimizer.state import CampaignState
from optimizer.surrogate import LossModel, fit_loss_model
from optimizer.types import Dataset, FloatArray, Proposal

_BEST_DATA = 6


@dataclass(frozen=True)
class Start:
    """What a rule with a model of the loss starts from.

    Attributes:
        state: The campaign; its space is one plate where wells of a batch share values.
        data: Measured wells.
        model: The fitted model of the loss.
        X: The pool of feasible rows, shape (c, d).
        best: The incumbent: the lowest posterior mean at the data, on the model's scale.
        n: Wells to propose.
    """

    state: CampaignState
    data: Dataset
    model: LossModel
    X: FloatArray
    best: float
    n: int

    @classmethod
    def of(cls, state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Self:
        """Fit the model, choose the plate where values are shared, and draw a pool for ``n`` wells.

        Raises:
            NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
        """
        model = fit_loss_model(state, data)
        means = model.middle(data.X)
        best = float(means.min())
        state = plates.settle(state, n, rng, lambda X: acquisition.log_ei(*model.latent(X), best))
        near = data.X[np.argsort(means, kind="stable")[:_BEST_DATA]]
        return cls(state, data, model, candidates.pool(state, data, n, rng, near), best, n)

    @cached_property
    def inputs(self) -> FloatArray:
        """Model inputs of the pool, shape (c, model inputs)."""
        return self.state.space.encode(self.X)

    @cached_property
    def beliefs(self) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of the pool on the model's scale, shape (c,) each."""
        return self.model.latent(self.X)

    @cached_property
    def gains(self) -> FloatArray:
        """Log expected improvement of the pool on the model's scale, shape (c,)."""
        return acquisition.log_ei(*self.beliefs, self.best)

    def extended(self, X: FloatArray) -> FloatArray:
        """Rows (m, d) as model inputs, followed by what prior tasks predict there."""
        return self.model.gp.extend(self.state.space.encode(X))

    def picks(self) -> Picks:
        """An empty batch over the pool."""
        return Picks(self.state, self.data, self.X, self.n)

    def log_ei(self, X: FloatArray) -> FloatArray:
        """Log expected improvement of rows (m, d) on the model's scale, shape (m,)."""
        return acquisition.log_ei(*self.model.latent(X), self.best)

    def card(self) -> dict[str, Any]:
        """Figures of the model for people."""
        return {"data": len(self.data), "incumbent": float(self.model.gp.warp.inverse(self.best))} | self.model.card()

    def proposals(
        self, rule: str, rows: FloatArray, scores: Sequence[float], whys: Sequence[str], penalties: Sequence[float | None] | None = None
    ) -> tuple[Proposal, ...]:
        """Proposals with what the model says of each well.

        Args:
            rule: Name of the rule.
            rows: Wells in order of rank, shape (n, d).
            scores: Values that the rule maximised.
            whys: What set each well apart, in words.
            penalties: Products of penalties, where the rule has any; None of a well without.
        """
        seed = (self.state.seed, self.state.last_round + 1)
        told = []
        for k, (mean, std, latent, spread) in enumerate(zip(*self.model.posterior(rows), *self.model.latent(rows), strict=True)):
            gain = self.model.improvement(float(latent), float(spread), self.best)
            hope = "predicted to beat the incumbent" if latent < self.best else "uncertain enough to beat the incumbent"
            why = f"{hope}: loss {mean:.3g} ± {std:.2g}, expected improvement {gain:.2g}; {whys[k]}"
            penalty = None if penalties is None else penalties[k]
            told.append(Proposal(rows[k], k + 1, rule, seed, float(mean), float(std), float(scores[k]), gain, penalty, why))
        return tuple(told)


def blind(rule: str, state: CampaignState, rows: FloatArray, why: str) -> tuple[Proposal, ...]:
    """Proposals of a rule without a model: no prediction, score or improvement is claimed.

    Args:
        rule: Name of the rule.
        state: Gives the seed.
        rows: Wells in order of rank, shape (n, d).
        why: How they were chosen, in words.
    """
    seed = (state.seed, state.last_round + 1)
    return tuple(Proposal(row, rank, rule, seed, why=why) for rank, row in enumerate(rows, 1))
