"""Local-penalization batch expected improvement (Gonzalez 2016), in our variant.

Against the textbook: M comes from sample paths instead of the best datum, distances are whitened by the fitted length
scales, radii are clamped at the lab's resolution, and every candidate is a feasible setting of the lab before it is
scored. The formulas are in ``optimizer.acquisition``; this module only moves wells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer import acquisition
from optimizer.space import SearchSpace, distinct
from optimizer.state import CampaignState
from optimizer.surrogate import LossModel, fit_loss_model
from optimizer.types import Batch, BoolArray, Dataset, FloatArray, NotEnoughPoints, Proposal

NAME = "lp_ei"
_CANDIDATES = 1500
_LOCAL = ((0.02, 32), (0.1, 32), (0.3, 32))
"""Scale in the unit cube and number of perturbations of each of the best data."""
_BEST_DATA = 6
_REFINE = ((0.1, 32), (0.03, 32), (0.01, 32), (0.003, 32))
_PATHS, _PATH_ROWS = 32, 1000
_SAME = 1e-6
"""Share of the resolution below which two wells are one."""


@dataclass(frozen=True)
class _Terms:
    """What the batch is scored with: the model, the incumbent and the three constants of the penalties."""

    model: LossModel
    best: float
    slope: float
    minimum: float
    floor: float

    def log_penalty(self, X: FloatArray, taken: FloatArray) -> FloatArray:
        if not len(taken):
            return np.zeros(len(X))
        mean, std = self.model.latent(taken)
        radii = acquisition.radius(mean, self.minimum, self.slope, self.floor)
        return acquisition.log_penalty(self.model.whiten(X), self.model.whiten(taken), radii, std / self.slope)

    def log_ei(self, X: FloatArray) -> FloatArray:
        return acquisition.log_ei(*self.model.latent(X), self.best)


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells.

    Args:
        state: Gives the space, the settings, the seed and the pending wells, which are penalized like batch members.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the candidates and of the sample paths.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    model = fit_loss_model(state, data)
    X = _candidates(state, data, model, n, rng)
    terms, warnings = _terms(model, data, X, rng)
    rows, ease = _pick(terms, X, state.pending, data.X, n, rng)
    to_loss = model.gp.warp.inverse
    figures = {"data": len(data), "incumbent": float(to_loss(terms.best)), "M": float(to_loss(terms.minimum)), "L": terms.slope}
    return Batch(_proposals(terms, rows, state), warnings=model.warnings + warnings + ease, model=figures | model.card())


def _candidates(state: CampaignState, data: Dataset, model: LossModel, n: int, rng: np.random.Generator) -> FloatArray:
    """Feasible settings, shape (c, d): spread over the space, so many that most are new, and around the best data.

    Raises:
        NotEnoughPoints: Fewer than ``n`` of them are not pending, and the space holds no more.
    """
    space, pending = state.space, state.pending
    spread = space.sample(_CANDIDATES + len(data) + len(pending), rng)
    best = data.X[np.argsort(model.latent(data.X)[0], kind="stable")[:_BEST_DATA]]
    X = distinct(np.vstack([spread, *(_around(space, row, _LOCAL, rng) for row in best)]))
    free = int(space.apart(X, pending, _SAME).sum())
    if free < n:
        raise NotEnoughPoints(free, n)
    return X


def _around(space: SearchSpace, row: FloatArray, scales: tuple[tuple[float, int], ...], rng: np.random.Generator) -> FloatArray:
    """Feasible settings near a row: normal steps in the unit cube, snapped."""
    steps = np.vstack([scale * rng.standard_normal((count, space.dimension)) for scale, count in scales])
    X = space.snap(space.from_unit(np.clip(space.to_unit(row[None, :]) + steps, 0, 1)))
    return X[space.feasible(X)]


def _terms(model: LossModel, data: Dataset, X: FloatArray, rng: np.random.Generator) -> tuple[_Terms, tuple[str, ...]]:
    mean, std = model.latent(X)
    lowest = np.argsort(mean - 2 * std, kind="stable")[:_PATH_ROWS]
    inputs = model.space.encode(X)
    minimum = acquisition.lowest(model.gp.paths(inputs[lowest], _PATHS, rng))
    slope, warnings = _slope(model, inputs)
    return _Terms(model, float(model.latent(data.X)[0].min()), slope, minimum, model.resolution), warnings


def _slope(model: LossModel, inputs: FloatArray) -> tuple[float, tuple[str, ...]]:
    """L, or where the mean is flat the slope that the prior expects."""
    slope, prior = acquisition.lipschitz(model.gp.gradient(inputs)), float(np.sqrt(model.gp.hyper.scale))
    if slope >= acquisition.LEAST_SLOPE:
        return slope, ()
    return prior, (f"the predicted loss is flat (L = {slope:.1e}): L was set to {prior:.3g}, one prior deviation per length scale",)


def _pick(
    terms: _Terms, X: FloatArray, pending: FloatArray, measured: FloatArray, n: int, rng: np.random.Generator
) -> tuple[FloatArray, tuple[str, ...]]:
    """Greedy choice of n rows out of X, each refined; the wells first, then what had to be eased."""
    space = terms.model.space
    base, taken, eased = terms.log_ei(X) + terms.log_penalty(X, pending), pending, set()
    new = space.apart(X, measured)
    for _ in range(n):
        free, ease = _free(space, X, new, taken)
        if not free.any():
            raise NotEnoughPoints(len(taken) - len(pending), n)
        eased |= ease
        row = X[np.where(free, base, -np.inf).argmax()]
        if not ease:
            row = _refine(terms, row, taken, measured, rng)
        taken = np.vstack([taken, row])
        base = base + terms.log_penalty(X, taken[-1:])
    return taken[len(pending) :], tuple(sorted(eased))


def _free(space: SearchSpace, X: FloatArray, new: BoolArray, taken: FloatArray) -> tuple[BoolArray, set[str]]:
    """Which rows may still be taken, and what had to be eased for there to be any."""
    apart = space.apart(X, taken)
    if (apart & new).any():
        return apart & new, set()
    if apart.any():
        return apart, {"no unmeasured well was left: wells measured before are proposed again"}
    return space.apart(X, taken, _SAME), {"no well a full step apart was left: wells nearer to each other than the resolution are proposed"}


def _refine(terms: _Terms, row: FloatArray, taken: FloatArray, measured: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The best of a row and of ever closer neighbours, none taken or measured before."""
    space = terms.model.space
    for scale in _REFINE:
        X = _around(space, row, (scale,), rng)
        X = np.vstack([row, X[space.apart(X, np.vstack([taken, measured]))]])
        row = X[(terms.log_ei(X) + terms.log_penalty(X, taken)).argmax()]
    return row


def _proposals(terms: _Terms, rows: FloatArray, state: CampaignState) -> tuple[Proposal, ...]:
    model, seed = terms.model, (state.seed, state.last_round + 1)
    means, stds = model.posterior(rows)
    latent_means, latent_stds = model.latent(rows)
    gains = terms.log_ei(rows)
    proposals = []
    for k, row in enumerate(rows):
        log_penalty = float(terms.log_penalty(row[None, :], np.vstack([state.pending, rows[:k]]))[0])
        gain = model.improvement(float(latent_means[k]), float(latent_stds[k]), terms.best)
        why = _why(latent_means[k] < terms.best, means[k], stds[k], gain, k)
        proposals.append(
            Proposal(
                row,
                k + 1,
                NAME,
                seed,
                float(means[k]),
                float(stds[k]),
                float(gains[k]) + log_penalty,
                gain,
                float(np.exp(log_penalty)),
                why,
            )
        )
    return tuple(proposals)


def _why(better: bool, mean: float, std: float, gain: float, earlier: int) -> str:
    reason = "predicted to beat the incumbent" if better else "uncertain enough to beat the incumbent"
    place = "the largest expected improvement" if not earlier else f"the largest one outside the balls around {earlier} earlier picks"
    return f"{reason}: loss {mean:.3g} ± {std:.2g}, {place}, {gain:.2g}"
