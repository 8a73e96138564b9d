"""Wells that a registered model foretells the lowest losses for, apart from each other: the grid search by a model that stays.

The grid and its refinement are those of ``spectral_grid``; the model is not trained but taken as it is, and learns nothing
from the campaign. So wells keep clear of those that were measured as well, if by less, and a further round goes on to the
next best places. Wells outside of what the model was trained on are taken only where no others are left.

Source: step 2 of Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021), which took the lowest points of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from optimizer import candidates, plates
from optimizer.grid import Grid, Search, predicted_losses
from optimizer.registered import Oracle
from optimizer.rules.composite import log_gain
from optimizer.space import SearchSpace, distinct
from optimizer.state import CampaignState
from optimizer.types import Batch, BoolArray, Dataset, FloatArray, Proposal

POINTS = 20_000
"""Points of the grid at most."""
_APART, _NEW = 0.1, 0.03
"""Least distance in the unit cube between the wells of a batch, and from those measured before."""
_SHORT, _NEAR, _PASSES = 256, 6, 2
_CLOSER = ((0.1, 16), (0.03, 32), (0.01, 32), (0.003, 16))
"""Cells whose best points are candidates; candidates around which more are tried, how often, and how."""
_CROWDED, _UNBACKED = 1e3, 1e6
"""Log gain that a well near another one is set back by, and one outside of what the model was trained on."""


@dataclass(frozen=True)
class _Model:
    """The model as it is asked, and what is to be beaten."""

    state: CampaignState
    data: Dataset
    oracle: Oracle

    def losses(self, X: FloatArray) -> FloatArray:
        """Losses (c,) of the outcomes that are foretold of rows."""
        return predicted_losses(self.oracle, self.state.objective, X)

    def gains(self, X: FloatArray) -> FloatArray:
        """Log gains (c,) of rows one by one, those outside of the training of the model set back."""
        outside = np.array([verdict.status == "outside" for verdict in self.oracle.verdicts(X)], float)
        return log_gain(self.losses(X)[:, None], self.incumbent, self.softness) - _UNBACKED * outside

    @cached_property
    def incumbent(self) -> FloatArray:
        """The lowest loss that was measured, shape (1,)."""
        return np.array([self.data.loss.min()])

    @property
    def softness(self) -> float:
        """Loss over which an improvement fades into none."""
        return 1e-3 * (float(np.ptp(self.data.loss)) or 1.0)


def propose(rule: str, oracle: Oracle, state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells.

    Args:
        rule: Name of the rule that asks.
        oracle: The model.
        state: Gives the space, the objective, the seed and the pending wells, which wells keep clear of.
        data: Measured wells, one at least.
        n: Wells to propose.
        rng: Source of the candidates.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    model = _Model(state, data, oracle)
    model = replace(model, state=plates.settle(state, n, rng, model.gains))
    X, values, points = _pool(model, n, rng)
    picks, scores = candidates.Picks(model.state, data, X, n), []
    taken = [(row, _NEW) for row in data.X] + [(row, _APART) for row in state.pending]
    near = np.any([_near(state.space, X, row, distance) for row, distance in taken], axis=0)
    for _ in range(n):
        row = picks.take(values - _CROWDED * near)
        scores.append(float(values[int((row == X).all(axis=1).argmax())]))
        near |= _near(state.space, X, row, _APART)
    figures = {"predictor": state.predictor.name if state.predictor else "", "incumbent": float(model.incumbent[0]), "grid": points}
    return Batch(_proposals(rule, model, picks.rows, scores), warnings=picks.warnings, model=figures)


def _near(space: SearchSpace, X: FloatArray, row: FloatArray, distance: float) -> BoolArray:
    """Which rows (c, d) are nearer to one (d,) than a distance in the unit cube, shape (c,)."""
    return np.asarray(np.linalg.norm(space.to_unit(X) - space.to_unit(row[None, :]), axis=1) < distance)


def _pool(model: _Model, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    """Candidates, dense around the best of them, their gains, and the number of feasible points of the grid."""
    state, space = model.state, model.state.space
    X = candidates.pool(state, model.data, n, rng)
    grid, points = Grid.within(space, POINTS), 0
    if grid is not None:
        search = Search(grid, model.oracle, state.objective, n + len(model.data), _APART, encoded=False)
        best = search.scan(0, grid.size)
        X, points = distinct(np.vstack([grid.at(best.index[:_SHORT]), X])), best.feasible
    values = model.gains(X)
    for _ in range(_PASSES):
        for centre in X[np.argsort(-values, kind="stable")[:_NEAR]]:
            local = candidates.around(space, centre, _CLOSER, rng)
            local = local[space.apart(local, X)]
            X, values = np.vstack([X, local]), np.r_[values, model.gains(local)] if len(local) else values
    return X, values, points


def _proposals(rule: str, model: _Model, rows: FloatArray, scores: list[float]) -> tuple[Proposal, ...]:
    seed = (model.state.seed, model.state.last_round + 1)
    told = zip(rows, model.losses(rows).tolist(), scores, model.oracle.verdicts(rows), strict=True)
    return tuple(
        Proposal(row, k, rule, seed, mean=loss, score=score, why=f"the registered model foretells a loss of {loss:.3g}", validity=verdict)
        for k, (row, loss, score, verdict) in enumerate(told, 1)
    )
