"""The campaign document and its translation to domain types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter

from app.schemas.base import Cell, Count, Curve, Moment, Name, Number, Shape, Text, located
from app.schemas.predictor import PredictorOrId
from app.schemas.stopping import StopShape, SwitchShape
from optimizer.objective import CurveMatch, Maximize, Minimize, Objective, SpectrumMatch, TargetValue
from optimizer.per_batch import PerBatch
from optimizer.plates import middle
from optimizer.rules import default_rule
from optimizer.space import Categorical, Continuous, Discrete, LinearConstraint, Mixture, SearchSpace
from optimizer.types import GPSettings, InvalidInput, Spectrum, Strategy


class ContinuousShape(Shape):
    """A real parameter, on a grid `low + k step` where a step is given."""

    kind: Literal["continuous"]
    name: Name
    low: Number
    high: Number
    unit: Annotated[Text, Field(max_length=40)] = ""
    step: Number | None = None

    def domain(self) -> Continuous:
        """The domain type."""
        return Continuous(self.name, self.low, self.high, self.unit, self.step)


class DiscreteShape(Shape):
    """A number out of a list."""

    kind: Literal["discrete"]
    name: Name
    values: Annotated[list[Number], Field(min_length=2, max_length=1000)]
    unit: Annotated[Text, Field(max_length=40)] = ""

    def domain(self) -> Discrete:
        """The domain type."""
        return Discrete(self.name, tuple(self.values), self.unit)


class CategoricalShape(Shape):
    """A choice without order."""

    kind: Literal["categorical"]
    name: Name
    categories: Annotated[list[Name], Field(min_length=2, max_length=100)]

    def domain(self) -> Categorical:
        """The domain type."""
        return Categorical(self.name, tuple(self.categories))


ParameterShape = Annotated[ContinuousShape | DiscreteShape | CategoricalShape, Field(discriminator="kind")]


class ConstraintShape(Shape):
    """`sum(coefficient * parameter) <= bound`, or `<` where not inclusive."""

    coefficients: Annotated[dict[Name, Number], Field(min_length=1, max_length=200)]
    bound: Number
    inclusive: bool = True

    def domain(self) -> LinearConstraint:
        """The domain type."""
        return LinearConstraint(self.coefficients, self.bound, self.inclusive)


class MixtureShape(Shape):
    """Components that share a total; the balance is derived and printed with every recipe."""

    balance: Name
    components: Annotated[list[Name], Field(min_length=1, max_length=200)]
    total: Number = 100.0
    low: Number = 0.0
    high: Number | None = None


class PerBatchShape(Shape):
    """What the wells of one batch must keep to together."""

    shared: Annotated[list[Name], Field(max_length=200, description="Parameters with one value a batch; batches may differ")] = []
    budgets: Annotated[
        list[ConstraintShape], Field(max_length=20, description="`sum over wells of sum(coefficient * parameter) <= bound`")
    ] = []

    def domain(self) -> PerBatch:
        """The domain type."""
        return PerBatch(tuple(self.shared), tuple(budget.domain() for budget in self.budgets))


class SpaceShape(Shape):
    """The search space."""

    parameters: Annotated[list[ParameterShape], Field(min_length=1, max_length=200)]
    constraints: Annotated[list[ConstraintShape], Field(max_length=200)] = []
    mixture: MixtureShape | None = None
    per_batch: PerBatchShape = PerBatchShape()

    def domain(self) -> SearchSpace:
        """The domain type."""
        parameters = []
        for index, parameter in enumerate(self.parameters):
            with located("space", "parameters", index):
                parameters.append(parameter.domain())
        constraints = tuple(constraint.domain() for constraint in self.constraints)
        mixture = self.mixture and Mixture(
            self.mixture.balance, tuple(self.mixture.components), self.mixture.total, self.mixture.low, self.mixture.high
        )
        with located("space"):
            return SearchSpace(tuple(parameters), constraints, mixture, self.per_batch.domain())


class ScalarObjective(Shape):
    """A single number per replicate, to be made small or large."""

    kind: Literal["minimize", "maximize"]
    outcome: Name = "loss"
    unit: Annotated[Text, Field(max_length=40)] = ""

    def domain(self) -> Objective:
        """The domain type."""
        return (Minimize if self.kind == "minimize" else Maximize)(self.outcome, self.unit)


class TargetObjective(Shape):
    """A single number per replicate, to be brought to a target."""

    kind: Literal["target_value"]
    target: Number
    outcome: Name = "value"
    unit: Annotated[Text, Field(max_length=40)] = ""

    def domain(self) -> Objective:
        """The domain type."""
        return TargetValue(self.outcome, self.target, self.unit)


class CurveShape(Shape):
    """A curve with its axis."""

    axis: Curve
    values: Curve

    def domain(self) -> Spectrum:
        """The domain type."""
        return Spectrum(np.array(self.axis), np.array(self.values))


class MatchingObjective(Shape):
    """Common part of the objectives on curves."""

    axis: Annotated[Curve, Field(description="Axis of every measured curve, strictly increasing")]
    target: CurveShape | None = None
    resampling: Literal["linear"] = "linear"

    def wanted(self) -> Spectrum | None:
        """The target as the domain type."""
        with located("objective", "target"):
            return self.target and self.target.domain()


class SpectrumObjective(MatchingObjective):
    """A curve per replicate, to be brought to the shape of a target curve.

    The target is resampled linearly onto the axis. Without a target here, upload one as CSV before the first batch.
    """

    kind: Literal["spectrum_match"]
    outcome: Name = "absorbance"
    unit: Annotated[Text, Field(max_length=40, description="Unit of the axis")] = "nm"

    def domain(self) -> Objective:
        """The domain type."""
        return SpectrumMatch(self.outcome, np.array(self.axis), self.wanted(), self.unit, self.resampling)


class CurveObjective(MatchingObjective):
    """A density per replicate, such as a distribution of molar masses or particle sizes, to be brought to a target.

    Both count at unit area. The target is resampled linearly onto the axis; without one here, upload it as CSV before the first batch.
    """

    kind: Literal["curve_match"]
    outcome: Name = "density"
    unit: Annotated[Text, Field(max_length=40, description="Unit of the axis")] = ""
    distance: Annotated[
        Literal["overlap", "wasserstein"],
        Field(description="One minus the shared area; or the mean way that area has to be moved, in the unit of the axis, never flat"),
    ] = "overlap"

    def domain(self) -> Objective:
        """The domain type."""
        return CurveMatch(self.outcome, np.array(self.axis), self.wanted(), self.unit, self.resampling, self.distance)


AnyObjective = ScalarObjective | TargetObjective | SpectrumObjective | CurveObjective
ObjectiveShape = Annotated[AnyObjective, Field(discriminator="kind")]


class InitialShape(Shape):
    """The first round."""

    method: Literal["lhs_centered", "lhs_random", "lhs_maximin", "sobol"] = "lhs_centered"
    size: Annotated[Count, Field(le=500)] = 15


class GPShape(Shape):
    """The Gaussian process."""

    nu: Literal[0.5, 1.5, 2.5] = 2.5
    isotropic: bool = False
    noise: Literal["inferred", "replicates"] = "inferred"


RuleName = Literal[
    "lp_ei", "greedy_ei", "hybrid_ei", "composite", "spectral_grid", "qlognei", "thompson", "constant_liar", "lp_textbook", "lhs", "random"
]


class StrategyShape(Shape):
    """How wells are chosen."""

    initial: InitialShape = InitialShape()
    rules: Annotated[
        list[RuleName],
        Field(
            max_length=1,
            description="Batch rule of the rounds after the first; `composite` and `spectral_grid` need a curve as outcome. Left out, "
            "it is `composite` for curves and `hybrid_ei` for numbers, and the stored campaign says so",
        ),
    ] = []
    switch: Annotated[
        SwitchShape | None, Field(description="Curves only: how a network takes over from the batch rule; null for one rule to the end")
    ] = None
    gp: GPShape = GPShape()
    predictor: PredictorOrId = None

    def domain(self) -> Strategy:
        """The domain type."""
        gp = GPSettings(self.gp.nu, self.gp.isotropic, self.gp.noise)
        return Strategy(self.initial.method, self.initial.size, self.rules[0], gp)


class CampaignDocument(Shape):
    """All that defines a campaign."""

    name: Name
    space: SpaceShape
    objective: ObjectiveShape
    strategy: StrategyShape = StrategyShape()
    batch_size: Annotated[Count, Field(le=500)] = 15
    replicates: Annotated[Count, Field(le=1000, description="Replicates after which a well counts as measured")] = 1
    aggregate: Literal["median", "mean", "trimmed_mean"] = "median"
    stop: StopShape = StopShape()
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 0
    review: Annotated[bool, Field(description="Whether a person must approve proposed wells")] = False
    priors: Annotated[
        list[Annotated[str, Field(max_length=80, pattern="^[a-z0-9-]+$")]],
        Field(
            max_length=5,
            description="Past campaigns of related tasks to learn from; their data are frozen when this one is created",
            examples=[["silver-prisms"]],
        ),
    ] = []

    def settled(self) -> CampaignDocument:
        """The document with the default rule written out."""
        default = "spectral_grid" if self.strategy.predictor else default_rule(self.objective.domain())
        rules = self.strategy.rules or [default]
        return self.model_copy(update={"strategy": self.strategy.model_copy(update={"rules": rules})})

    def check(self) -> None:
        """Check everything that one field alone does not show.

        Raises:
            InvalidInput: Names the field at fault.
        """
        space = self.space.domain()
        objective = self.objective.domain()
        self._check_predictor()
        of_curves = {"composite", "spectral_grid"}.intersection([] if self.strategy.predictor else self.strategy.rules)
        if of_curves and objective.axis is None:
            remedy = "use hybrid_ei or lp_ei, or an objective whose outcome is a curve"
            message = f"{of_curves.pop()} learns whole curves, and the objective is a number"
            raise InvalidInput(message, where=("strategy", "rules"), remedy=remedy)
        self.stop.check(objective)
        sizes, switch = {self.batch_size, self.strategy.initial.size}, self.strategy.switch
        if switch:
            switch.check(self.settled().strategy.rules[0], objective, self.batch_size)
            sizes |= {2 * self.batch_size} if switch.together == "each" else set()
        space.require(max(sizes))
        if space.per_batch:
            for size in sizes:
                middle(space, size)

    def _check_predictor(self) -> None:
        """Check that nobody else is to propose where a registered surrogate does."""
        strategy = self.strategy
        if strategy.predictor and strategy.rules not in ([], ["spectral_grid"]):
            message = f"the rule {strategy.rules[0]} asks no registered surrogate"
            raise InvalidInput(
                message, where=("strategy", "rules"), remedy="leave rules out, or name spectral_grid; or leave predictor out"
            )
        if strategy.predictor and strategy.switch:
            message = "a registered surrogate proposes from the first round to the last: there is nothing to switch to"
            raise InvalidInput(message, where=("strategy", "switch"), remedy="leave switch out, or predictor")


class CampaignPatch(Shape):
    """An edit; fields that are left out stay as they are."""

    state: Annotated[Literal["active", "stopped"] | None, Field(description="Stop by hand, or reopen a stopped campaign")] = None
    phase: Annotated[
        Literal["bo", "both", "network"] | None,
        Field(
            description="Who proposes from the next round on, where the strategy has a switch; only later rounds speak for another phase"
        ),
    ] = None
    reason: Annotated[Text | None, Field(description="Required with `state` and with `phase`")] = None
    name: Name | None = None
    batch_size: Annotated[Count, Field(le=500)] | None = None
    replicates: Annotated[Count, Field(le=1000)] | None = None
    stop: StopShape | None = None
    switch: Annotated[SwitchShape | None, Field(description="Becomes `strategy.switch`")] = None
    review: bool | None = None


PhaseName = Literal["initial", "bo", "both", "network", "stopped"]


class Best(Shape):
    """The best well so far: lowest in the loss to expect when it is measured again, which luck at a cliff does not lower."""

    design: str
    round: int
    loss: float
    recipe: dict[str, Cell]


class PriorOut(Shape):
    """What was frozen of a past campaign."""

    campaign: str
    round: int = Field(description="Its newest round with data then")
    wells: int
    replicates: int
    sha256: str = Field(description="Of the frozen data")
    taken_at: Moment


class CampaignOut(Shape):
    """A campaign as stored, and where it stands."""

    id: str
    state: Literal["active", "stopped"]
    phase: PhaseName
    version: int
    created_at: Moment
    document: CampaignDocument
    objective: int = Field(description="Number of the present objective, from 1; `rescore` sets a new one")
    rounds: int
    open_wells: int
    replicates: int
    best: Best | None
    best_per_round: dict[int, float]
    priors: list[PriorOut]


class CampaignLine(Shape):
    """A campaign in a list."""

    id: str
    name: str
    state: Literal["active", "stopped"]
    created_at: Moment


class CampaignPage(Shape):
    """A page of campaigns."""

    items: list[CampaignLine]
    next: str | None = Field(None, description="Give it as `after` to get the next page")


def objective_of(stored: dict[str, Any]) -> AnyObjective:
    """A stored objective as a shape."""
    return TypeAdapter[AnyObjective](ObjectiveShape).validate_python(stored)


def document_of(stored: dict[str, Any]) -> CampaignDocument:
    """A stored document as a shape."""
    return CampaignDocument.model_validate(stored)
