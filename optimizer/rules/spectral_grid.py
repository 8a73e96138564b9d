"""Spectrum network and grid: an ensemble of networks learns whole curves, and a grid over the whole space is searched.

The grid is as fine as a number of points allows, on the lab's own steps; the best points of its cells, and ever closer
neighbours of the best of them, are candidates. The members of the ensemble stand for what the truth may be: a batch is
picked greedily by what its wells gain together, member by member, so that wells on which the members agree are not picked
twice. Wells far outside of the data, where members may agree on nonsense, are taken only where no others are left. Past
campaigns are not learned from.

Notation: c candidates, k members, m points of the axis; losses (c, k).
Sources: step 2 of Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021), which took the lowest points of the grid; Wilson,
Hutter and Deisenroth, NeurIPS 31 (2018), greedy joint improvement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from models.nets import NetworkSettings, SpectrumNetwork
from optimizer import candidates, plates
from optimizer.domain import judge
from optimizer.grid import CHUNK, Grid, Search
from optimizer.registered import Oracle
from optimizer.rules import by_predictor, greedy_ei
from optimizer.rules.composite import log_gain, smoothed
from optimizer.space import distinct
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset, FloatArray, InvalidInput, Proposal, ValidityVerdict

NAME = "spectral_grid"
SETTINGS = NetworkSettings()
"""What the networks look like and how they learn."""
POINTS = 200_000
"""Points of the grid at most."""
_APART = 0.2
"""Twice the width of a cell of the grid, in the unit cube: narrower cells crowd the short list around one optimum."""
_SHORT, _NEAR, _PASSES = 512, 6, 2
"""Cells whose best points are candidates; candidates around which the pool is dense; how often."""
_CLOSER = ((0.1, 16), (0.03, 32), (0.01, 32), (0.003, 16))
"""Scale in the unit cube and number of steps around each of the best candidates."""
_TOLD = ("data", "epochs", "cosine", "coverage")
_UNBACKED = 1e6
"""Log gain that a well outside of the data is set back by: behind every other one."""
_ROWS = 128
"""Rows whose curves of all members are held at a time."""


@dataclass(frozen=True)
class NetworkModel:
    """The fitted networks, the loss, and what is to be beaten."""

    state: CampaignState
    data: Dataset
    network: SpectrumNetwork

    def losses(self, X: FloatArray, cliff: bool = False) -> FloatArray:
        """Losses (c, k) of the curves that the members predict at rows; with the cliff as it is, or smoothed."""
        objective = self.state.objective
        found = []
        for first in range(0, len(X), _ROWS):
            curves = self.network.curves(self.state.space.encode(X[first : first + _ROWS]))
            flat = curves.reshape(-1, curves.shape[2])
            losses = objective.losses(flat).loss if cliff else smoothed(objective, flat)
            found.append(losses.reshape(curves.shape[:2]).T)
        return np.vstack(found)

    def gains(self, X: FloatArray) -> FloatArray:
        """Log gains (c,) of rows one by one, those outside of the data set back."""
        losses = self.losses(X)
        return log_gain(losses, np.full(losses.shape[1], self.incumbent), self.softness) - self.setback(X)

    def expectations(self, X: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean and standard deviation of the loss among the members, and the mean improvement, of rows (c, d), shape (c,) each."""
        losses = self.losses(X, cliff=True)
        return losses.mean(axis=1), losses.std(axis=1), np.maximum(self.incumbent - losses, 0).mean(axis=1)

    def setback(self, X: FloatArray) -> FloatArray:
        """What rows are set back by, shape (c,)."""
        outside = np.array([verdict.status == "outside" for verdict in self.verdicts(X)], float)
        return _UNBACKED * (outside if len(outside) else np.zeros(len(X)))

    def verdicts(self, X: FloatArray) -> tuple[ValidityVerdict, ...]:
        """How far the data back what is predicted of rows (c, d), one each where two different wells were measured."""
        return judge(self.state.space, self.data, X, sigma(self.state, self.network, X))

    @cached_property
    def incumbent(self) -> float:
        """Lowest mean loss at the data."""
        return float(self.losses(self.data.X).mean(axis=1).min())

    @property
    def softness(self) -> float:
        """Loss over which an improvement fades into none."""
        return 1e-3 * (float(np.ptp(self.data.loss)) or 1.0)


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells for an objective on curves, or by the registered predictor of the campaign.

    Args:
        state: Gives the space, the objective, the seed and the pending wells, which count like picks.
        data: Measured wells with their median curves, one at least. Curves that are all equal teach nothing: the
            batch is then that of ``greedy_ei``, with a warning.
        n: Wells to propose.
        rng: Source of the networks and of the candidates.

    Raises:
        InvalidInput: The outcome is one number, and the campaign has no registered predictor.
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    if state.predictor is not None:
        return by_predictor.propose(NAME, Oracle(state.space, state.predictor.model), state, data, n, rng)
    if state.objective.axis is None:
        remedy = "use hybrid_ei or lp_ei"
        raise InvalidInput(f"the rule {NAME} needs an outcome that is a curve", where=("strategy", "rules"), remedy=remedy)
    if (data.Y[0] == data.Y).all():
        return _without_curves(state, data, n, rng)
    network = SpectrumNetwork(SETTINGS, int(rng.integers(2**31))).fit(state.space.encode(data.X), data.Y)
    warnings = network.warnings
    if state.priors:
        warnings += (f"the rule {NAME} does not learn from past campaigns",)
    if state.strategy.gp.noise == "replicates":
        warnings += ("the spread of the replicates is not used: it is known for the loss only",)
    model = NetworkModel(state, data, network)
    model = replace(model, state=plates.settle(state, n, rng, model.gains))
    X, points = _pool(model, n, rng)
    rows, scores, ease = _pick(model, X, n)
    figures: dict[str, Any] = {name: network.card[name] for name in _TOLD if name in network.card}
    figures |= {"incumbent": model.incumbent, "grid": points}
    return Batch(_proposals(model, rows, scores), warnings=warnings + ease, model=figures)


def sigma(state: CampaignState, network: SpectrumNetwork, X: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Standard deviation of a network at each of its data when held out, and at rows (c, d); None where it held out none."""
    held = network.held_out_std
    return None if held is None else (held, network.spread(state.space.encode(X)))


def _pool(model: NetworkModel, n: int, rng: np.random.Generator) -> tuple[FloatArray, int]:
    """Candidates, dense around the best data and the best candidates, and the number of feasible points of the grid."""
    state, data, space = model.state, model.data, model.state.space
    X = candidates.pool(state, data, n, rng, data.X[np.argsort(data.loss, kind="stable")[:_NEAR]])
    grid, points = Grid.within(space, POINTS), 0
    if grid is not None:
        search = Search(grid, model.network, state.objective, n, _APART)
        best = search.merged([search.scan(first, first + CHUNK) for first in range(0, grid.size, CHUNK)])
        X, points = distinct(np.vstack([grid.at(best.index[:_SHORT]), X])), best.feasible
    values = model.gains(X)
    for _ in range(_PASSES):
        for centre in X[np.argsort(-values, kind="stable")[:_NEAR]]:
            local = distinct(candidates.around(space, centre, _CLOSER, rng))
            local = local[space.apart(local, X)]
            X, values = np.vstack([X, local]), np.r_[values, model.gains(local)] if len(local) else values
    return X, points


def _pick(model: NetworkModel, X: FloatArray, n: int) -> tuple[FloatArray, list[float], tuple[str, ...]]:
    """The wells, their scores and what had to be eased: greedy joint improvement."""
    state, data = model.state, model.data
    picks = candidates.Picks(state, data, X, n)
    losses, setback = model.losses(X), model.setback(X)
    best = np.full(losses.shape[1], model.incumbent)
    if len(state.pending):
        best = np.minimum(best, model.losses(state.pending).min(axis=0))
    scores = []
    for _ in range(n):
        gains = log_gain(losses, best, model.softness)
        index = int((picks.take(gains - setback) == X).all(axis=1).argmax())
        scores.append(float(gains[index]))
        best = np.minimum(best, losses[index])
    return picks.rows, scores, picks.warnings


def _proposals(model: NetworkModel, rows: FloatArray, scores: list[float]) -> tuple[Proposal, ...]:
    seed = (model.state.seed, model.state.last_round + 1)
    told, verdicts = [], model.verdicts(rows)
    for k, (row, *figures) in enumerate(zip(rows, *model.expectations(rows), strict=True)):
        mean, std, gain = map(float, figures)
        place = "the most by itself" if not k else f"the most beyond what {k} earlier picks may gain"
        why = f"the members of the network expect a loss of {mean:.3g} ± {std:.2g}, an improvement of {gain:.2g}; {place}"
        told.append(Proposal(row, k + 1, NAME, seed, mean, std, scores[k], gain, None, why, verdicts[k] if verdicts else None))
    return tuple(told)


def _without_curves(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    batch = greedy_ei.propose(state, data, n, rng)
    warning = f"the measured curves are all equal, which teaches a network nothing: {NAME} proposes as greedy_ei does"
    return replace(batch, proposals=tuple(replace(p, rule=NAME) for p in batch.proposals), warnings=(warning, *batch.warnings))
