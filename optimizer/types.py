"""Domain types of the loop: frozen, self-checking values shared by every layer.

Two representations of a well exist. A *recipe* is what a chemist types: a mapping from parameter
name to a number or a category. A *row* is what the science sees: float64, one column per parameter
in the order of the space, in the parameter's own unit, categories as level indices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from optimizer.switch import PhaseReport

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Value = float | str
Recipe = Mapping[str, Value]


class ClosedLoopError(Exception):
    """Root of every error that the project raises on purpose."""


class InvalidInput(ClosedLoopError):
    """A value that cannot be accepted.

    Attributes:
        where: The field at fault, as a path (``("space", "parameters", 0, "low")``).
        remedy: What the user can do about it.
    """

    def __init__(self, message: str, *, where: tuple[str | int, ...] = (), remedy: str = "") -> None:
        super().__init__(message)
        self.where = where
        self.remedy = remedy


class NotEnoughPoints(InvalidInput):
    """Fewer distinct feasible wells exist than a batch needs.

    Attributes:
        available: How many distinct feasible wells exist.
        wanted: How many were asked for.
        among: What sets the wells apart that were counted, if not all were.
    """

    def __init__(self, available: int, wanted: int, among: str = "") -> None:
        super().__init__(
            f"only {available} distinct feasible wells{among and f' {among}'} exist, {wanted} were asked for",
            where=("batch_size",),
            remedy="widen the space, use a finer step, loosen a constraint or lower batch_size",
        )
        self.available = available
        self.wanted = wanted
        self.among = among

    def __reduce__(self) -> tuple[type[NotEnoughPoints], tuple[int, int, str]]:
        return (NotEnoughPoints, (self.available, self.wanted, self.among))


class DesignState(StrEnum):
    """Life of a well: proposed, approved, running, measured; or ended without data."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    MEASURED = "measured"
    REJECTED = "rejected"
    FAILED = "failed"
    ABANDONED = "abandoned"

    @property
    def pending(self) -> bool:
        """Whether data may still come from the well."""
        return self in (DesignState.PROPOSED, DesignState.APPROVED, DesignState.RUNNING)


class Quality(StrEnum):
    """Quality-control state of a replicate; an excluded one is kept but not used."""

    OK = "ok"
    EXCLUDED = "excluded"


@dataclass(frozen=True)
class Spectrum:
    """One curve.

    Attributes:
        axis: Strictly increasing abscissa, shape (m,).
        values: Ordinates, shape (m,).
    """

    axis: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        if self.axis.ndim != 1 or self.axis.shape != self.values.shape or self.axis.size < 2:
            raise InvalidInput("axis and values must be one-dimensional, of equal length, 2 points at least", where=("axis",))
        if not (np.isfinite(self.axis).all() and np.isfinite(self.values).all()):
            raise InvalidInput("a curve must not hold NaN or infinity", where=("values",))
        if not (np.diff(self.axis) > 0).all():
            remedy = "sort the curve by its axis and drop repeated points"
            raise InvalidInput("the axis must increase strictly", where=("axis",), remedy=remedy)

    def resample(self, axis: FloatArray) -> Spectrum:
        """Linear interpolation onto another axis; the new axis must lie within the old one."""
        if axis[0] < self.axis[0] or axis[-1] > self.axis[-1]:
            raise InvalidInput(
                f"the curve covers {self.axis[0]:g} to {self.axis[-1]:g}, the axis asks for {axis[0]:g} to {axis[-1]:g}",
                where=("axis",),
                remedy="give a curve that covers the whole axis, or shorten the axis",
            )
        return Spectrum(axis, np.interp(axis, self.axis, self.values))


@dataclass(frozen=True)
class Design:
    """One well.

    Attributes:
        id: Name within the campaign, e.g. ``r02-w07``.
        round: Round number, from 1.
        well: Position within the round, from 1.
        planned: Row as proposed or imported, shape (d,).
        executed: Row as the lab made it, shape (d,); the model learns from this one.
        origin: Who planned it: ``initial``, a rule's name, ``person`` or ``import``.
        state: Where the well is in its life.
    """

    id: str
    round: int
    well: int
    planned: FloatArray
    executed: FloatArray
    origin: str
    state: DesignState


@dataclass(frozen=True)
class Measurement:
    """One replicate of one well.

    Attributes:
        design: Identifier of the well.
        replicate: Replicate number, from 1.
        outcome: Raw values, shape (m,): one number, or the ordinates of a curve.
        measured_at: UTC time of the measurement.
        quality: Whether the replicate is used.
    """

    design: str
    replicate: int
    outcome: FloatArray
    measured_at: datetime
    quality: Quality = Quality.OK


@dataclass(frozen=True)
class Dataset:
    """Reduced data: one row per measured well, in order of round and well.

    Attributes:
        designs: Identifiers of the wells.
        X: Executed rows, shape (n, d).
        Y: Aggregated outcomes, shape (n, m).
        loss: Aggregated loss, to be minimised, shape (n,).
        error: Standard error of ``loss``, shape (n,).
        expected: What the loss may be expected to be when the well is measured again as often, shape (n,).
        counts: Replicates used, shape (n,).
        rounds: Round of each well, shape (n,).
    """

    designs: tuple[str, ...]
    X: FloatArray
    Y: FloatArray
    loss: FloatArray
    error: FloatArray
    expected: FloatArray
    counts: IntArray
    rounds: IntArray

    def __post_init__(self) -> None:
        n = len(self.designs)
        if any(len(column) != n for column in (self.X, self.Y, self.loss, self.error, self.expected, self.counts, self.rounds)):
            raise InvalidInput("every column of a dataset needs one row per design")

    def __len__(self) -> int:
        return len(self.designs)

    def until(self, last_round: int) -> Dataset:
        """The part measured in rounds up to and including ``last_round``."""
        return self.where(self.rounds <= last_round)

    def where(self, keep: BoolArray) -> Dataset:
        """The rows where ``keep`` is true."""
        names = tuple(name for name, kept in zip(self.designs, keep, strict=True) if kept)
        losses = self.loss[keep], self.error[keep], self.expected[keep]
        return Dataset(names, self.X[keep], self.Y[keep], *losses, self.counts[keep], self.rounds[keep])

    @property
    def best(self) -> int:
        """Row of the best well: the one of lowest ``expected`` loss, which luck at the edge of a cliff does not lower."""
        return int(self.expected.argmin())


@dataclass(frozen=True)
class GPSettings:
    """Settings of the Gaussian process.

    Attributes:
        nu: Smoothness of the Matern kernel: 0.5, 1.5 or 2.5.
        isotropic: One length scale for all parameters instead of one each.
        noise: ``inferred`` from the residuals, or from the ``replicates``.
    """

    nu: float = 2.5
    isotropic: bool = False
    noise: Literal["inferred", "replicates"] = "inferred"

    def __post_init__(self) -> None:
        if self.nu not in (0.5, 1.5, 2.5):
            raise InvalidInput("nu must be 0.5, 1.5 or 2.5", where=("strategy", "gp", "nu"))


@dataclass(frozen=True)
class Strategy:
    """How wells are chosen.

    Attributes:
        initial: Method of the first round.
        initial_size: Wells of the first round.
        rule: Name of the batch rule of later rounds.
        gp: Settings of the surrogate that the rule uses.
    """

    initial: Literal["lhs_centered", "lhs_random", "lhs_maximin", "sobol"] = "lhs_centered"
    initial_size: int = 15
    rule: str = "hybrid_ei"
    gp: GPSettings = field(default_factory=GPSettings)


@dataclass(frozen=True)
class Leg:
    """One stop condition: met when the value stays at or below the threshold for ``rounds`` rounds running."""

    threshold: float
    rounds: int = 1

    def __post_init__(self) -> None:
        if np.isnan(self.threshold) or self.rounds < 1:
            raise InvalidInput("a stop condition needs a threshold and at least 1 round", where=("stop",))


@dataclass(frozen=True)
class AccuracyLeg(Leg):
    """A stop condition on predictions made before a round; curves may be held to a mean squared error, ``mse``, as well."""

    mse: float | None = None


@dataclass(frozen=True)
class StopSettings:
    """The three legs; a leg that is None is not checked."""

    loss: Leg | None = None
    stability: Leg | None = None
    accuracy: AccuracyLeg | None = None
    combine: Literal["any", "all"] = "any"


@dataclass(frozen=True)
class Evidence:
    """One checked figure.

    Attributes:
        leg: The condition that it speaks for, such as ``loss``, ``stability`` or ``accuracy``.
        metric: What was measured, in words.
        round: The round it speaks of.
        value: The figure.
        threshold: What it is held against.
        met: Whether ``value <= threshold``.
    """

    leg: str
    metric: str
    round: int
    value: float
    threshold: float
    met: bool


@dataclass(frozen=True)
class StopReport:
    """The verdict on a campaign after a round.

    Attributes:
        stop: Whether the campaign is to stop.
        round: Last round that was looked at.
        legs: Which leg was met, by name.
        evidence: Every figure behind it.
        reason: One sentence for people.
    """

    stop: bool
    round: int
    legs: Mapping[str, bool]
    evidence: tuple[Evidence, ...]
    reason: str


@dataclass(frozen=True)
class ValidityVerdict:
    """Whether a prediction is backed by data near it.

    Attributes:
        status: ``inside`` what was measured; at its ``edge``; or ``outside`` of it, an extrapolation.
        variable: The parameter that is most at fault.
        check: What was looked at: ``box`` of the data, ``slack`` of the constraints, ``distance`` to the nearest well, ``leverage``.
        value: Its figure; distances in ranges of the parameters.
        limit: What the figure is held against.
    """

    status: Literal["inside", "edge", "outside"]
    variable: str
    check: str
    value: float
    limit: float


@dataclass(frozen=True)
class Proposal:
    """One proposed well.

    Attributes:
        x: Row, shape (d,).
        rank: Order in which the rule picked it, from 1.
        rule: Name of the rule or of the initial design.
        seed: Seed of the random numbers that made it.
        mean: Predicted loss, None where no model was used.
        std: Standard deviation of the predicted loss.
        score: Value the rule maximised (log expected improvement plus log penalty).
        acquisition: Expected improvement, in units of the loss.
        penalty: Product of the penalties by earlier picks and pending wells, in (0, 1].
        why: One sentence for people.
        validity: How far the prediction is backed by data, None where there is none.
    """

    x: FloatArray
    rank: int
    rule: str
    seed: tuple[int, ...]
    mean: float | None = None
    std: float | None = None
    score: float | None = None
    acquisition: float | None = None
    penalty: float | None = None
    why: str = ""
    validity: ValidityVerdict | None = None


@dataclass(frozen=True)
class Batch:
    """What ``next_step`` proposes.

    Attributes:
        proposals: The wells, in order of rank.
        report: The stop check that was made before, None for the first round.
        phase: The phase it belongs to and why, None for an initial design.
        warnings: What the rule had to do out of the ordinary.
        model: Fitted figures of the surrogate, for people.
    """

    proposals: tuple[Proposal, ...]
    report: StopReport | None = None
    phase: PhaseReport | None = None
    warnings: tuple[str, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Waiting:
    """Nothing to propose yet, with the reason."""

    reason: str
