"""Particle size distributions over bins: marks, means, conversion between weightings, distances, and bands by bootstrap.

Notation of ISO 9276-2: the shares of a distribution weighted by number are its q0, by volume its q3; D10 is the diameter below
which a tenth lies; M_p is the p-th moment by number, and D[p,q] = (M_p / M_q)^(1/(p-q)) a mean diameter: D[1,0] arithmetic, D[3,2]
of Sauter, D[4,3] of De Brouckere. Within a bin marks and cumulative curves take ln d to be spread evenly; conversions, means and
distances take all particles of a bin to be at its geometric mean c, so that a conversion can be undone exactly and D[p,q] does
not depend on the weighting it is computed from. On bins even in ln d, h wide, D[p,q] of a smooth distribution is too large by
(p + q) h^2 / 24 of itself (Sheppard's correction): .2 % for D[3,2] on 32 bins from 20 to 500 um.

Sources: effective number of weighted observations, Kish, Survey Sampling (1965); Wasserstein distance as an area
between cumulative curves, Vallender, Theory Probab. Appl. 18, 784 (1974); bootstrap interval of small samples, Hesterberg, Am.
Stat. 69, 371 (2015).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
import numpy.typing as npt

from models.faults import Fault
from models.psd.bins import Weighting
from models.surrogate import FloatArray

MARKS = (10.0, 50.0, 90.0)
"""Percents of D10, D50 and D90."""
NAMES = ("D10", "D50", "D90", "span")
TOLERANCE = 1e-6
"""Distance of the sum of shares from one, as of the targets of a learner."""
_POWER: dict[Weighting, int] = {"number": 0, "volume": 3}


class BadDistribution(Fault):
    """A size distribution that cannot be, or be used like this."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """A particle size distribution.

    Attributes:
        edges: Of the bins, in um, positive and increasing, shape (m + 1,).
        shares: Of the bins, not negative, adding up to one, shape (m,).
        weighting: What a share counts: particles, or their volume.

    Raises:
        BadDistribution: It is something else.
    """

    edges: FloatArray
    shares: FloatArray
    weighting: Weighting

    def __post_init__(self) -> None:
        if self.weighting not in get_args(Weighting):
            raise BadDistribution(f"{self.weighting!r} is not known", "weighting", f"tell one of: {', '.join(get_args(Weighting))}")
        _check_edges(self.edges)
        if self.shares.shape != (len(self.edges) - 1,):
            raise BadDistribution(f"shape {self.shares.shape} for {len(self.edges)} edges", "shares", "give one less than edges")
        if not np.isfinite(self.shares).all() or self.shares.min() < 0:
            raise BadDistribution("not all are finite and 0 or more", "shares", "set bins without particles to 0")
        if abs(self.shares.sum() - 1) > TOLERANCE:
            raise BadDistribution(f"they add up to {self.shares.sum():.6g}", "shares", "divide them by their sum")

    @cached_property
    def centres(self) -> FloatArray:
        """Geometric means of the bins in um, shape (m,)."""
        return np.asarray(np.sqrt(self.edges[:-1] * self.edges[1:]))

    def percentile(self, percent: float) -> float:
        """The diameter in um below which so many percent lie; of several the least.

        Raises:
            BadDistribution: The percent are not between 0 and 100.
        """
        if not 0 < percent < 100:
            raise BadDistribution(f"{percent!r} is not between 0 and 100", "percent", "give 50 for the median")
        return float(percentiles(self.edges, self.shares[None], (percent,))[0, 0])

    @property
    def d10(self) -> float:
        """In um."""
        return self.percentile(10)

    @property
    def d50(self) -> float:
        """The median, in um."""
        return self.percentile(50)

    @property
    def d90(self) -> float:
        """In um."""
        return self.percentile(90)

    @property
    def span(self) -> float:
        """(D90 - D10) / D50."""
        return (self.d90 - self.d10) / self.d50

    def mean(self, p: int, q: int) -> float:
        """D[p,q] in um; D[p,p] is the geometric mean weighted by d^p."""
        if p == q:
            weights = self.shares * self._scaled ** (p - _POWER[self.weighting])
            return float(np.exp(weights @ np.log(self.centres) / weights.sum()))
        moments = [self.shares @ self._scaled ** (k - _POWER[self.weighting]) for k in (p, q)]
        return float(self._unit * (moments[0] / moments[1]) ** (1 / (p - q)))

    @cached_property
    def _unit(self) -> float:
        """A diameter in the middle of the bins, so that powers neither over- nor underflow."""
        return float(np.sqrt(self.edges[0] * self.edges[-1]))

    @property
    def _scaled(self) -> FloatArray:
        return np.asarray(self.centres / self._unit)

    def converted(self, weighting: Weighting) -> Conversion:
        """The same particles in another weighting, and what the conversion costs."""
        power = float(_POWER[weighting] - _POWER[self.weighting])
        weights = self._scaled**power
        parts = self.shares * weights
        distribution = Distribution(self.edges, parts / parts.sum() if power else self.shares, weighting)
        widest = float((self.edges[1:] / self.edges[:-1])[self.shares > 0].max())
        effective = float(parts.sum() ** 2 / (parts @ weights))
        return Conversion(distribution, effective, float(weights.max() / parts.sum()), widest ** (abs(power) / 2) - 1)

    def outside(self, edges: FloatArray) -> float:
        """Share beyond the ends of other edges."""
        low, high = self.below(edges[[0, -1]])
        return float(low + 1 - high)

    def rebinned(self, edges: FloatArray, most: float = 0.0) -> Distribution:
        """The distribution over other bins, ln d being spread evenly within its own.

        Args:
            edges: In um, shape (k + 1,).
            most: Largest share that may lie beyond them; the rest is then scaled to add up to one.

        Raises:
            BadDistribution: A larger share does, or they are no edges.
        """
        _check_edges(edges)
        beyond = self.outside(edges)
        if beyond > most + TOLERANCE or beyond >= 1:
            ranges = f"{beyond:.2g} of the {self.weighting} lies beyond {edges[0]:g} to {edges[-1]:g} um"
            raise BadDistribution(ranges, "edges", "widen the bins, or allow that share to be left out")
        shares = np.diff(self.below(edges))
        return Distribution(edges, shares / shares.sum(), self.weighting)

    def below(self, d: FloatArray) -> FloatArray:
        """Share below diameters in um, any shape."""
        return np.asarray(np.interp(np.log(d), np.log(self.edges), self.cumulative()))

    def cumulative(self) -> FloatArray:
        """Q at the edges, from 0 to 1, shape (m + 1,)."""
        return np.asarray(cumulative(self.shares[None])[0])

    def density(self) -> FloatArray:
        """q* = dQ / d ln d in the bins, shape (m,)."""
        return np.asarray(self.shares / np.diff(np.log(self.edges)))


@dataclass(frozen=True, eq=False)
class Conversion:
    """A distribution in another weighting, and how much of it is to be believed.

    Attributes:
        distribution: In the other weighting.
        effective: What a particle counts, from 0 to 1: shares from n particles are as certain as shares from ``effective`` n
            particles of equal weight; exp(-9 sigma^2) of a log-normal distribution between number and volume.
        gain: Largest factor by which an error of one share grows.
        half_bin: Largest relative error of the weight of a particle, as it may lie anywhere in its bin.
    """

    distribution: Distribution
    effective: float
    gain: float
    half_bin: float

    @property
    def caution(self) -> str:
        """What a person should know, as a sentence."""
        return (
            f"converted to {self.distribution.weighting}: a particle counts for {self.effective:.2g} of one, an error of a share grows "
            f"up to {self.gain:.3g} times, a weight is known to {self.half_bin:.0%}; a model trained on {self.distribution.weighting} "
            "shares avoids this"
        )


@dataclass(frozen=True, eq=False)
class Band:
    """What other images of the same suspension would have told; the lower and the upper end of every interval.

    Attributes:
        shares: Of the bins, shape (2, m).
        cumulative: At the edges, shape (2, m + 1).
        marks: D10, D50, D90 in um, and the span, shape (2, 4).
        level: Share of suspensions whose expected value an interval is to hold, one by one.
    """

    shares: FloatArray
    cumulative: FloatArray
    marks: FloatArray
    level: float


Predict = Callable[[npt.NDArray[np.uint8]], FloatArray]
"""Stacks (n, images, height, width) -> shares (n, m), whatever the order of the images."""


def cumulative(shares: FloatArray) -> FloatArray:
    """Q at the edges of distributions (n, m), from 0 to 1, shape (n, m + 1)."""
    sums = np.cumsum(np.pad(shares, ((0, 0), (1, 0))), axis=1)
    return np.asarray(sums / sums[:, -1:])


def percentiles(edges: FloatArray, shares: FloatArray, percents: Sequence[float] = MARKS) -> FloatArray:
    """Diameters in um, shape (n, k), below which k percents of distributions (n, m) lie; of several the least."""
    Q, wanted = cumulative(shares), np.array(percents) / 100
    at = np.minimum((Q[:, 1:, None] < wanted).sum(axis=1), shares.shape[1] - 1)
    low, high = np.take_along_axis(Q, at, axis=1), np.take_along_axis(Q, at + 1, axis=1)
    part = np.clip((wanted - low) / (high - low), 0, 1)
    log = np.log(edges)
    return np.asarray(np.exp(log[at] + part * np.diff(log)[at]))


def marks(edges: FloatArray, shares: FloatArray) -> FloatArray:
    """D10, D50, D90 in um and the span of distributions (n, m), shape (n, 4)."""
    d = percentiles(edges, shares)
    return np.column_stack([d, (d[:, 2] - d[:, 0]) / d[:, 1]])


def wasserstein(a: Distribution, b: Distribution) -> float:
    """The first Wasserstein distance over ln d: .01 where one is the other with diameters larger by 1 %.

    Raises:
        BadDistribution: They have different weightings.
    """
    _check_alike(a, b)
    edges = np.union1d(a.edges, b.edges)
    gaps = np.cumsum(a.rebinned(edges).shares - b.rebinned(edges).shares)[:-1]
    return float(np.abs(gaps) @ np.diff((np.log(edges[1:]) + np.log(edges[:-1])) / 2))


def similarity(truth: Distribution, told: Distribution) -> dict[str, float | None]:
    """How alike two distributions over the same bins are: the figures of ``metrics.distributions``, and errors of the marks in %.

    Returns:
        ``rmse``, ``cosine``, ``pearson``, ``spearman``, ``wasserstein`` over ln d, ``r2``, and ``D10_error``, ``D50_error``,
        ``D90_error`` and ``span_error``, the relative errors without their sign; an undefined figure is None.

    Raises:
        BadDistribution: They have different weightings or edges.
    """
    # Late: it loads scipy, which a web process that draws distributions does without.
    from models import metrics

    _check_alike(truth, told)
    if truth.edges.shape != told.edges.shape or not np.allclose(truth.edges, told.edges, rtol=1e-9, atol=0):
        raise BadDistribution("they are not the same", "edges", "bring one onto the edges of the other: rebinned(edges)")
    rows = truth.shares[None], told.shares[None]
    errors = mark_errors(truth.edges, *rows)[0].tolist()
    return metrics.distributions(*rows, np.log(truth.centres)) | dict(zip((f"{name}_error" for name in NAMES), errors, strict=True))


def mark_errors(edges: FloatArray, truth: FloatArray, told: FloatArray) -> FloatArray:
    """Relative errors without their sign, in %, of D10, D50, D90 and the span of distributions (n, m), shape (n, 4)."""
    return np.asarray(100 * np.abs(marks(edges, told) / marks(edges, truth) - 1))


def band(
    predict: Predict, stack: npt.NDArray[np.uint8], edges: FloatArray, rng: np.random.Generator, draws: int = 1000, level: float = 0.9
) -> Band:
    """Intervals by a bootstrap over the images of a stack, which tells what the choice of images does, not what the model gets wrong.

    Images are drawn with replacement, and every set of them is predicted once. Quantiles lie farther out than ``level`` says, as
    few images spread too little: by Student's t, and by n / (n - 1) in the variance. Intervals of 90 % so hold .86 with 5 images
    and .90 with 10 (plain quantiles .77 and .86), but .72 with 3 and .5 with 2. An interval always holds the prediction.

    Args:
        predict: The model.
        stack: Of n images, shape (n, height, width).
        edges: Of its bins in um, shape (m + 1,).
        rng: Draws the images.
        draws: Stacks.
        level: Of the intervals.

    Raises:
        BadDistribution: There is but one image, or the level or the number of draws makes no sense.
    """
    from scipy.special import ndtr, stdtrit

    n = len(stack)
    if n < 2:
        raise BadDistribution(f"there is {n}", "images", "give 2 at least: one image cannot tell what another would")
    if not 0 < level < 1 or draws < 1:
        raise BadDistribution(f"{level!r} with {draws!r} draws", "level", "give a level between 0 and 1, and one draw at least")
    sets, counts = np.unique(np.sort(rng.integers(n, size=(draws, n)), axis=1), axis=0, return_counts=True)
    # One at a time: a thousand stacks at once would be gigabytes.
    drawn = np.concatenate([predict(stack[chosen][None]) for chosen in sets])
    whole = predict(stack[None])
    tail = float(ndtr(stdtrit(n - 1, (1 - level) / 2) * np.sqrt(n / (n - 1))))

    def ends(figure: Callable[[FloatArray], FloatArray]) -> FloatArray:
        low, high = np.quantile(np.repeat(figure(drawn), counts, axis=0), [tail, 1 - tail], axis=0)
        value = figure(whole)[0]
        return np.array([np.minimum(low, value), np.maximum(high, value)])

    return Band(ends(np.asarray), ends(cumulative), ends(lambda shares: marks(edges, shares)), level)


def _check_edges(edges: FloatArray) -> None:
    if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all() or edges[0] <= 0 or (np.diff(edges) <= 0).any():
        raise BadDistribution(f"shape {edges.shape}, or not above 0 and increasing", "edges", "give 2 or more diameters in um, in order")


def _check_alike(a: Distribution, b: Distribution) -> None:
    if a.weighting != b.weighting:
        raise BadDistribution(f"{a.weighting} against {b.weighting}", "weighting", f"compare a.converted({b.weighting!r}).distribution")
