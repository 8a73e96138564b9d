"""Composite expected improvement: the model learns whole curves, the known loss is applied to what it samples.

A Gaussian process per principal component of the median curves says which curves a well may give; the loss of sampled
curves is computed, never learnt, so one curve teaches about every target. A batch is picked greedily by joint expected
improvement: in every sample a pick only counts by what it gains over the incumbent and the picks before, so wells that
would win in the same samples are not picked twice. Samples are shared by all candidates and all picks.

Where it loses: on targets narrower than the spread of the bands found so far no sample far away matches, so batches stay
near the best well; there local penalization of the scalar loss may be ahead.

Notation: c candidates, s samples, K components, m points of the axis; scores (c, s, K), losses (c, s).
Sources: Astudillo and Frazier, ICML 36 (2019), composite EI; Wilson, Hutter and Deisenroth, NeurIPS 31 (2018), greedy
joint EI; Ament et al., NeurIPS 36 (2023), the soft form of the improvement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import logsumexp
from scipy.stats import qmc

from models.components import CurveProcess
from optimizer import candidates, plates, transfer
from optimizer.objective import SATURATED, Objective, SpectrumMatch
from optimizer.rules import greedy_ei
from optimizer.space import SearchSpace, distinct
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset, FloatArray, IntArray, InvalidInput, Proposal

NAME = "composite"
_SCREEN, _SAMPLES = 64, 128
"""Samples per candidate: of all, one by one; and of the most promising, jointly."""
_SHORT, _KNOWN, _NEAR = 512, 8, 6
"""Candidates and data that are sampled jointly; data and candidates around which the pool is dense."""
_CELL, _OF_A_CELL = 0.1, 4
"""Parts of the space in the unit cube, and how many candidates of each are sampled jointly beside the best."""
_CLOSER = ((0.1, 16), (0.03, 32), (0.01, 32), (0.003, 16))
"""Scale in the unit cube and number of steps around each of the best candidates."""
_SOFTNESS = 1e-3
"""Share of the range of the measured losses over which an improvement fades into none."""
_FADE = 0.05
"""Absorbance over which the cliff of the loss is smoothed."""
_VALUES = 2**18
"""Values of sampled curves held at a time: 2 MB, which stay in the cache, and several times that in the loss's own arrays."""


@dataclass(frozen=True)
class _Model:
    """The fitted curves, the loss, and what is to be beaten."""

    state: CampaignState
    data: Dataset
    process: CurveProcess
    z: FloatArray

    def marginal(self, X: FloatArray, z: FloatArray, cliff: bool = False) -> FloatArray:
        """Losses (c, s) of rows one by one for shared deviates (s, K)."""
        return self.losses(self.process.marginal(self.state.space.encode(X), z), cliff)

    def middle(self, X: FloatArray) -> FloatArray:
        """Losses of the middle curves of rows, shape (c,)."""
        return self.marginal(X, np.zeros((1, self.z.shape[1])))[:, 0]

    def losses(self, scores: FloatArray, cliff: bool = False) -> FloatArray:
        """Losses (c, s) of the curves with the scores (c, s, K), in chunks; with the cliff as it is, or smoothed."""
        objective, components = self.state.objective, self.process.components
        losses = np.empty(scores.shape[:2])
        step = max(1, _VALUES // (scores.shape[1] * len(components.mean)))
        for first in range(0, len(scores), step):
            part = scores[first : first + step]
            curves = components.curves(part.reshape(-1, part.shape[2]))
            found = objective.losses(curves).loss if cliff else smoothed(objective, curves)
            losses[first : first + step] = found.reshape(part.shape[:2])
        return losses

    def gains(self, X: FloatArray) -> FloatArray:
        """Log gains (c,) of rows one by one."""
        return log_gain(self.marginal(X, self.z), np.full(len(self.z), self._incumbent), self.softness)

    def expected(self, X: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean and standard deviation of the loss of rows, and expected improvement, shape (c,) each, by fresh samples."""
        losses = self.marginal(X, _deviates(_SAMPLES, self.z.shape[1], rng), cliff=True)
        return losses.mean(axis=1), losses.std(axis=1), np.maximum(self._incumbent - losses, 0).mean(axis=1)

    @cached_property
    def _incumbent(self) -> float:
        return float(self.middle(self.data.X).min())

    @property
    def softness(self) -> float:
        return _SOFTNESS * (float(np.ptp(self.data.loss)) or 1.0)


def propose(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    """Propose ``n`` distinct feasible wells for an objective on curves.

    Args:
        state: Gives the space, the objective, the settings, the seed and the pending wells, which count like picks.
        data: Measured wells with their median curves, one at least. Curves that are all equal teach nothing: the
            batch is then that of ``greedy_ei``, with a warning.
        n: Wells to propose.
        rng: Source of the pool and of the samples.

    Raises:
        InvalidInput: The outcome is one number.
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    if state.objective.axis is None:
        raise InvalidInput(
            "the rule composite needs an outcome that is a curve", where=("strategy", "rules"), remedy="use hybrid_ei or lp_ei"
        )
    if (data.Y[0] == data.Y).all():
        return _without_curves(state, data, n, rng)
    process = fit_curves(state, data)
    model = _Model(state, data, process, _deviates(_SCREEN, len(process.processes), rng))
    warnings = process.warnings + transfer.warnings(state.priors)
    if state.strategy.gp.noise == "replicates":
        warnings += ("the noise of the components is inferred: the spread of the replicates is known for the loss only",)
    model = replace(model, state=plates.settle(state, n, rng, model.gains))
    X, values = _pool(model, n, rng)
    rows, scores, ease = _pick(model, X, values, n, rng)
    figures = {"data": len(data), "incumbent": float(model.middle(data.X).min()), "components": len(process.processes)}
    figures |= {"explained": process.components.explained} | transfer.card(state.priors, process.processes[0])
    return Batch(_proposals(model, rows, scores, rng), warnings=warnings + ease, model=figures)


def fit_curves(state: CampaignState, data: Dataset) -> CurveProcess:
    """The model of the curves of data, one row at least, with what the priors of the campaign teach."""
    settings = state.strategy.gp
    past = [transfer.chosen(task, state.space) for task in state.priors]
    related = [(state.space.encode(wells.X), wells.Y) for wells in past]
    return CurveProcess(settings.nu, settings.isotropic).fit(state.space.encode(data.X), data.Y, related)


def expectations(
    state: CampaignState, process: CurveProcess, X: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean and standard deviation of the loss of rows (n, d), and their expected improvement, shape (n,) each.

    Args:
        state: Gives the objective, and the data that are to be improved on.
        process: The fitted model of the curves.
        X: The rows.
        rng: Source of the samples.
    """
    return _Model(state, state.data, process, np.zeros((1, len(process.processes)))).expected(X, rng)


def smoothed(objective: Objective, curves: FloatArray) -> FloatArray:
    """Losses of curves (n, m), shape (n,), where the cliff of a saturated spectrum is a slope.

    Above an absorbance A of 1.2 the factor 0 becomes ``exp(-(A - 1.2) / 0.05)``, so that a sample just above it does not
    count as a total loss. Below 1.2 the loss is the objective's.
    """
    if not isinstance(objective, SpectrumMatch):
        return objective.losses(curves).loss
    top = curves.max(axis=1)
    over = np.maximum(top - SATURATED, 0.0)
    # The shape does not change with the scale, so a curve brought below the cliff has the loss of its shape.
    below = np.where(over > 0, SATURATED * (1 - 1e-9) / np.where(over > 0, top, 1.0), 1.0)
    return np.asarray(1 - np.exp(-over / _FADE) * (1 - objective.losses(curves * below[:, None]).loss))


def log_gain(losses: FloatArray, best: FloatArray, softness: float) -> FloatArray:
    """Logarithm of the mean soft improvement ``softness * log(1 + exp((best - loss) / softness))`` over samples.

    Args:
        losses: Shape (c, s).
        best: What is to be beaten in every sample, shape (s,).
        softness: In units of the loss.

    Returns:
        Shape (c,); it goes on telling bad candidates from worse ones where no sample improves.
    """
    u = (best - losses) / softness
    log_soft = np.where(u < -30, u, np.log(np.logaddexp(0, np.maximum(u, -30))))
    return np.asarray(logsumexp(log_soft, axis=1) + np.log(softness / losses.shape[1]))


def _deviates(count: int, components: int, rng: np.random.Generator) -> FloatArray:
    return np.asarray(qmc.MultivariateNormalQMC(np.zeros(components), rng=rng).random(count))


def _pool(model: _Model, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Candidates, dense around the best data and the best candidates, and their log gains one by one."""
    state, data = model.state, model.data
    known = model.middle(data.X)
    near = data.X[np.argsort(known, kind="stable")[:_NEAR]]
    X = candidates.pool(state, data, n, rng, near)
    values = model.gains(X)
    for centre in X[np.argsort(-values, kind="stable")[:_NEAR]]:
        local = distinct(candidates.around(state.space, centre, _CLOSER, rng))
        local = local[state.space.apart(local, X)]
        X, values = np.vstack([X, local]), np.r_[values, model.gains(local)]
    return X, values


def _pick(
    model: _Model, X: FloatArray, values: FloatArray, n: int, rng: np.random.Generator
) -> tuple[FloatArray, list[float], tuple[str, ...]]:
    """The wells, their scores and what had to be eased: greedy joint expected improvement over the short list."""
    state, data = model.state, model.data
    picks = candidates.Picks(state, data, X, n)
    short = short_list(state.space, X, values, n)
    known = data.X[np.argsort(model.middle(data.X), kind="stable")[:_KNOWN]]
    old = np.vstack([known, state.pending])
    samples = model.process.joint(state.space.encode(np.vstack([old, X[short]])), _SAMPLES, rng)
    losses = model.losses(samples)
    best, losses = losses[: len(old)].min(axis=0), losses[len(old) :]
    scores = []
    for _ in range(n):
        gains = values - 1e9  # rows off the short list come last, in their own order
        gains[short] = log_gain(losses, best, model.softness)
        row = picks.take(gains)
        index = int((row == X).all(axis=1).argmax())
        scores.append(float(gains[index]))
        if index in short:
            best = np.minimum(best, losses[int((short == index).argmax())])
    return picks.rows, scores, picks.warnings


def short_list(space: SearchSpace, X: FloatArray, values: FloatArray, n: int) -> IntArray:
    """Numbers of the candidates that are sampled jointly: half of them the best, half the best few of every part of the space.

    The best alone may be one dense cloud, which leaves the later picks of a batch nowhere to go.

    Args:
        space: What the candidates are of.
        X: The candidates, shape (c, d).
        values: How good they are one by one, shape (c,).
        n: Wells of the batch.
    """
    order = np.argsort(-values, kind="stable")
    cells = np.unique(np.floor(space.to_unit(X[order]) / _CELL), axis=0, return_inverse=True)[1].ravel()
    better = np.argsort(np.argsort(cells, kind="stable")) - np.searchsorted(np.sort(cells), cells)  # in the same cell
    return order[(np.arange(len(order)) < _SHORT // 2 + n) | (better < _OF_A_CELL)][: _SHORT + n]


def _proposals(model: _Model, rows: FloatArray, scores: list[float], rng: np.random.Generator) -> tuple[Proposal, ...]:
    state = model.state
    seed = (state.seed, state.last_round + 1)
    told = []
    for k, (row, *figures) in enumerate(zip(rows, *model.expected(rows, rng), strict=True)):
        mean, std, gain = map(float, figures)
        place = "the largest one" if not k else f"the largest one beyond what {k} earlier picks may gain"
        why = f"the loss of curves that it may give is {mean:.3g} ± {std:.2g}, expected improvement {gain:.2g}; {place}"
        told.append(Proposal(row, k + 1, NAME, seed, mean, std, scores[k], gain, None, why))
    return tuple(told)


def _without_curves(state: CampaignState, data: Dataset, n: int, rng: np.random.Generator) -> Batch:
    batch = greedy_ei.propose(state, data, n, rng)
    warning = "the measured curves are all equal, which teaches nothing about shapes: the wells are those of greedy_ei"
    return replace(batch, proposals=tuple(replace(p, rule=NAME) for p in batch.proposals), warnings=(warning, *batch.warnings))
