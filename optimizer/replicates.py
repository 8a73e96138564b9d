"""Replicates: from many measurements of a well to one outcome, one loss and its standard error.

Notation: k replicates of a well, m values each; s scaled median absolute deviation (MAD) of the
losses of a well; s0 pooled spread of a campaign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betainc

from optimizer.objective import Objective
from optimizer.types import BoolArray, Dataset, Design, DesignState, FloatArray, IntArray, InvalidInput, Measurement, Quality

Method = Literal["median", "mean", "trimmed_mean"]

_NORMAL = 1.482602218505602
"""Scales a MAD to the standard deviation of normal data: 1 / Phi^-1(3/4)."""
_NORMAL_MEAN = 1.2533141373155003
"""Scales a mean absolute deviation likewise, and relates the errors of median and mean: sqrt(pi / 2)."""
_CUTOFF = 3.5
_FEWEST_FOR_OUTLIERS = 4
_TRIM = 0.2
"""Share of the replicates that a trimmed mean leaves out at either end."""
_PRIOR_FREEDOM = 4.0
"""Degrees of freedom with which the pooled spread enters the error of a well."""
_SMALL_SAMPLE = np.array([np.nan, 1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107])
"""Corrects the MAD of k = 1 to 9 values for its bias: Croux & Rousseeuw, COMPSTAT 1992, table 1; k / (k - 0.8) above."""
_NO_DATA = (DesignState.REJECTED, DesignState.FAILED, DesignState.ABANDONED)


@dataclass(frozen=True)
class Summary:
    """Replicate losses of one well.

    Attributes:
        n: Number of replicates.
        centre: Their aggregate.
        mad: Median absolute deviation, scaled by 1.4826 to estimate a standard deviation.
        error: Standard error of the median, NaN where no spread is known.
        outliers: Which replicates lie beyond 3.5 MAD, shape (n,).
    """

    n: int
    centre: float
    mad: float
    error: float
    outliers: BoolArray


def aggregate(values: FloatArray, method: Method = "median") -> FloatArray:
    """Aggregate over the last axis but one of (..., k, m), or over that of (k,).

    Args:
        values: Replicates, shape (..., k, m) or (k,).
        method: ``median``; ``mean``; or ``trimmed_mean``, without the lowest and the highest fifth.

    Returns:
        Shape (..., m), or () for (k,).

    Raises:
        InvalidInput: There is no replicate, or no such method.
    """
    axis = -1 if values.ndim == 1 else -2
    count = values.shape[axis]
    if count == 0:
        raise InvalidInput("a well without a replicate has no aggregate", where=("replicates",))
    # A full sort takes half the time of np.median on curves.
    return np.asarray(np.take(np.sort(values, axis=axis), _middle(count, method), axis=axis).mean(axis=axis))


def expected_aggregate(values: FloatArray, method: Method = "median") -> FloatArray:
    """Mean of the aggregate over all bootstrap resamples of the replicates: what to expect of the well measured again.

    Near the median where replicates scatter evenly; far from it where they fall into two groups of nearly the same size,
    as those of a well at the edge of saturation do: its median is then a matter of luck.

    Source: Efron, Ann. Stat. 7, 1 (1979), section 3: a resample of k values holds at least i of the j smallest with the
    binomial probability of at least i hits of k at j / k, an incomplete beta function, which gives the exact mean of its i-th
    smallest.

    Args:
        values: Replicates, shape (..., k).
        method: The aggregate.

    Returns:
        Shape (...).
    """
    count = values.shape[-1]
    ranks = _middle(count, method) + 1
    reached = betainc(ranks[:, None], count + 1 - ranks[:, None], np.arange(count + 1) / count)
    return np.asarray(np.sort(values, axis=-1) @ np.diff(reached, axis=1).mean(axis=0))


def _middle(count: int, method: Method) -> IntArray:
    """Ranks, from 0, of the sorted replicates whose mean is the aggregate."""
    cuts = {"median": (count - 1) // 2, "mean": 0, "trimmed_mean": int(_TRIM * count)}
    if method not in cuts:
        raise InvalidInput(f"no such aggregate: {method}", where=("aggregate",), remedy=f"use: {', '.join(cuts)}")
    return np.arange(cuts[method], count - cuts[method])


def scaled_mad(losses: FloatArray) -> FloatArray:
    """Median absolute deviation along the last axis, times 1.4826; shape (..., k) to (...)."""
    return np.asarray(_NORMAL * np.median(np.abs(losses - np.median(losses, axis=-1, keepdims=True)), axis=-1))


def outliers(losses: FloatArray) -> BoolArray:
    """Which of the replicate losses of one well, shape (k,), lie beyond 3.5 scaled MAD of their median.

    The modified z-score ``0.6745 |x - median| / MAD > 3.5`` (Iglewicz & Hoaglin, How to Detect and
    Handle Outliers, ASQC 1993). Where more than half of the values agree, the MAD is 0 and the mean
    absolute deviation, times 1.2533, stands in for it. Fewer than 4 values have no outlier.
    """
    if losses.size < _FEWEST_FOR_OUTLIERS:
        return np.zeros(losses.size, bool)
    distance = np.abs(losses - np.median(losses))
    scale = float(scaled_mad(losses)) or _NORMAL_MEAN * float(distance.mean())
    return np.asarray(distance > _CUTOFF * scale)


def pooled_spread(spreads: FloatArray, counts: IntArray) -> float:
    """Typical spread s0 of a campaign: median over the wells of their scaled MAD, corrected for small k.

    Args:
        spreads: Scaled MAD per well, shape (n,).
        counts: Replicates per well, shape (n,).

    Returns:
        s0, NaN where no well has a second replicate.
    """
    repeated = counts > 1
    return float(np.median(_unbiased(spreads[repeated], counts[repeated]))) if repeated.any() else np.nan


def standard_error(spreads: FloatArray, counts: IntArray, pooled: float) -> FloatArray:
    """Standard error of the median of each well, shape (n,).

    ``sqrt(pi / 2) * s_mod / sqrt(k)`` (asymptotic, normal noise: Kendall & Stuart, The Advanced
    Theory of Statistics, vol. 1), with the moderated spread ``s_mod^2 = ((k - 1) s^2 + 4 s0^2) / (k + 3)``
    (Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3 (2004); prior of 4 degrees of freedom), where s is
    corrected for its bias at small k (Croux & Rousseeuw, COMPSTAT 1992). So wells of
    few replicates lean on the campaign: a single one gets s0, two that agree by chance no less
    than ``0.89 s0``. For a mean it is an upper bound.

    Args:
        spreads: Scaled MAD s per well, shape (n,).
        counts: Replicates k per well, shape (n,).
        pooled: Pooled spread s0; NaN leaves each well on its own.

    Returns:
        Shape (n,), in units of the loss; NaN where neither the well nor the campaign tells a spread.
    """
    freedom, prior = counts - 1.0, 0.0 if np.isnan(pooled) else _PRIOR_FREEDOM
    own = np.where(counts > 1, _unbiased(spreads, counts), 0.0)
    total = freedom + prior
    variance = np.divide(freedom * own**2 + prior * np.nan_to_num(pooled) ** 2, total, out=np.full(len(counts), np.nan), where=total > 0)
    return np.asarray(_NORMAL_MEAN * np.sqrt(variance / counts))


def _unbiased(spreads: FloatArray, counts: IntArray) -> FloatArray:
    factor = np.where(counts < 10, _SMALL_SAMPLE[np.clip(counts, 1, 9) - 1], counts / (counts - 0.8))
    return np.asarray(spreads * factor)


def summary(losses: FloatArray, method: Method = "median", pooled: float = np.nan) -> Summary:
    """Summarise the replicate losses of one well, shape (k,), k at least 1.

    Args:
        losses: Replicate losses.
        method: Aggregate that makes the centre.
        pooled: Pooled spread of the campaign (see ``pooled_spread``), NaN where it is not known.

    Raises:
        InvalidInput: There is no replicate, or no such method.
    """
    centre, spread, count = aggregate(losses, method), scaled_mad(losses), np.array([losses.size])
    return Summary(losses.size, float(centre), float(spread), float(standard_error(spread[None], count, pooled)[0]), outliers(losses))


def reduce(designs: Sequence[Design], measurements: Sequence[Measurement], objective: Objective, method: Method = "median") -> Dataset:
    """Reduce replicates to one row per well, in order of round and well.

    The loss of every replicate is computed first and the losses aggregated then, as published.
    Excluded replicates, and wells that were rejected, failed or abandoned, are left out; outliers
    that no person excluded are used. The order of the arguments' rows does not matter.

    Raises:
        InvalidInput: A measurement names an unknown well, or has another shape than the objective
            asks for; or the objective has no target yet.
    """
    wells, outcomes, counts = used(designs, measurements)
    d = designs[0].executed.size if designs else 0
    if not wells:
        return Dataset((), np.empty((0, d)), np.empty((0, objective.width)), *np.empty((3, 0)), *np.empty((2, 0), np.int64))
    table = _stack(outcomes, objective.width)
    losses = objective.losses(table).loss
    Y, (loss, expected, spreads) = np.empty((len(wells), objective.width)), np.empty((3, len(wells)))
    first = np.cumsum(counts) - counts
    for count in np.unique(counts):
        group = np.flatnonzero(counts == count)
        rows = first[group, None] + np.arange(count)
        Y[group] = aggregate(table[rows], method)
        loss[group] = aggregate(losses[rows][..., None], method)[:, 0]
        expected[group] = expected_aggregate(losses[rows], method)
        spreads[group] = scaled_mad(losses[rows])
    error = standard_error(spreads, counts, pooled_spread(spreads, counts))
    X, rounds = np.array([well.executed for well in wells], float), np.array([well.round for well in wells], np.int64)
    return Dataset(tuple(well.id for well in wells), X, Y, loss, error, expected, counts, rounds)


def used(designs: Sequence[Design], measurements: Sequence[Measurement]) -> tuple[list[Design], list[FloatArray], IntArray]:
    """Wells with data in order, the outcomes of all of them in order, and how many each has.

    Raises:
        InvalidInput: A measurement names an unknown well.
    """
    replicates: dict[str, list[Measurement]] = {design.id: [] for design in designs}
    for measurement in measurements:
        if measurement.design not in replicates:
            raise InvalidInput(f"a measurement names the unknown well {measurement.design}", where=("design",))
        if measurement.quality is Quality.OK:
            replicates[measurement.design].append(measurement)
    usable = [design for design in designs if replicates[design.id] and design.state not in _NO_DATA]
    wells = sorted(usable, key=lambda design: (design.round, design.well, design.id))
    outcomes = [m.outcome for well in wells for m in sorted(replicates[well.id], key=lambda m: m.replicate)]
    return wells, outcomes, np.array([len(replicates[well.id]) for well in wells], np.int64)


def _stack(outcomes: Sequence[FloatArray], width: int) -> FloatArray:
    if any(outcome.shape != (width,) for outcome in outcomes):
        raise InvalidInput(
            f"every outcome needs {width} values", where=("outcome",), remedy="measure every replicate on the axis of the campaign"
        )
    return np.array(outcomes, float)
