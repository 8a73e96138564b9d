"""Wire shapes of batches, wells, replicates and their measurements."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from app.schemas.base import Cell, Count, Curve, Moment, Number, RecipeShape, Shape, Text
from app.schemas.campaign import PhaseName

WellState = Literal["proposed", "approved", "running", "measured", "rejected", "failed", "abandoned"]


class ValidityOut(Shape):
    """Whether a prediction is backed by measured wells near it."""

    status: Literal["inside", "edge", "outside"]
    variable: str = Field(description="The parameter that is most at fault")
    check: str = Field(description="What was looked at: `box` of the data, `slack` of the constraints, `distance` or `leverage`")
    value: float
    limit: float


class ProposalOut(Shape):
    """What the rule said when it picked the well."""

    rule: str
    rank: int
    seed: list[int]
    mean: float | None = Field(None, description="Predicted loss")
    std: float | None = None
    score: float | None = None
    acquisition: float | None = Field(None, description="Expected improvement")
    penalty: float | None = None
    why: str = ""
    validity: ValidityOut | None = Field(None, description="None where nothing was predicted")


class RescoredOut(Shape):
    """What the model says of a well under an objective that is newer than its proposal."""

    objective: int = Field(description="Number of that objective")
    rank: int = Field(description="By expected improvement, among the wells that were not yet run")
    mean: float = Field(description="Predicted loss")
    std: float
    acquisition: float = Field(description="Expected improvement")


class SummaryOut(Shape):
    """The replicates of a well in figures."""

    n: int = Field(description="Replicates used")
    excluded: int
    loss: float | None
    mad: float | None = Field(None, description="Median absolute deviation of the replicate losses")
    error: float | None = Field(None, description="Standard error of the loss")
    outliers: list[int] = Field([], description="Replicates beyond 3.5 MAD; kept and used until a person excludes them")
    reasons: dict[str, int] = Field({}, description="Reason codes of the loss, counted")


class DesignOut(Shape):
    """A well."""

    id: str
    round: int
    well: int
    state: WellState
    origin: str
    reason: str | None
    version: int
    planned: dict[str, Cell]
    executed: dict[str, Cell]
    outside: list[str] = Field([], description="Parameters executed outside their range")
    proposal: ProposalOut | None = Field(description="As it was made, under the objective of its round")
    rescored: list[RescoredOut] = Field([], description="Predictions under later objectives, oldest first")
    summary: SummaryOut


class ReplicateOut(Shape):
    """A replicate as posted, with what was made of it."""

    design: str
    replicate: int
    value: float | None = None
    values: list[float] | None = None
    measured_at: Moment
    quality: Literal["ok", "excluded"]
    reason: str | None
    version: int
    loss: float | None = None
    loss_reason: str = ""
    outlier: bool = False


class DesignDetail(DesignOut):
    """A well with its replicates, curves left out."""

    replicates: list[ReplicateOut]


class BatchOut(Shape):
    """A round."""

    round: int
    rule: str = Field(description="What proposed it; of two rules side by side, both: `lp_ei+spectral_grid`, and each well has its own")
    phase: PhaseName | None = Field(description="Phase of the campaign that it belongs to; null for imported rounds")
    label: str | None = Field(description="What people call it; nothing depends on it")
    objective: int | None = Field(description="Number of the objective that it was decided under; null for imported rounds")
    version: int
    created_at: Moment
    state: Literal["open", "complete"]
    best_loss: float | None
    warnings: list[str]
    model: dict[str, Any] = Field(description="Fitted figures of the surrogate; what the wells share, and what they use of budgets")
    designs: list[DesignOut]


class BatchLine(Shape):
    """A round in a list."""

    round: int
    rule: str
    phase: PhaseName | None
    label: str | None
    objective: int | None
    created_at: Moment
    state: Literal["open", "complete"]
    wells: int
    best_loss: float | None


class BatchRequest(Shape):
    """A wish for the next batch."""

    overlap: Annotated[bool, Field(description="Propose although wells of earlier rounds are still pending; they are penalised")] = False


class BatchPatch(Shape):
    """An edit of a round."""

    label: Annotated[
        Text | None, Field(max_length=80, description="What people call the round, such as `run 7, BO and DNN`; null for nothing")
    ]


class DesignIn(Shape):
    """A well that a person adds to the open round."""

    recipe: RecipeShape
    reason: Text


class DesignPatch(Shape):
    """An edit of a well."""

    state: WellState | None = None
    reason: Annotated[Text | None, Field(description="Required for rejected, failed and abandoned")] = None
    planned: Annotated[
        RecipeShape | None, Field(description="New plan, before the well runs; must be feasible, and go with the other wells of the round")
    ] = None
    executed: Annotated[RecipeShape | None, Field(description="What the lab really made; may lie outside the box, and is flagged then")] = (
        None
    )


class Outcome(Shape):
    """The outcome of one replicate: a number or a curve, as the objective asks."""

    value: Number | None = None
    values: Curve | None = None
    axis: Annotated[Curve | None, Field(description="Checked against the campaign's axis when given")] = None
    measured_at: Annotated[Moment | None, Field(description="Time of the measurement, with zone; the present when left out")] = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.value is None) == (self.values is None):
            raise ValueError("give either value (a number) or values (a curve)")
        return self


class MeasurementIn(Outcome):
    """A replicate in a bulk upload."""

    design: Annotated[str, Field(max_length=32)]
    replicate: Count


class MeasurementsIn(Shape):
    """Many replicates at once: all are stored, or none."""

    measurements: Annotated[list[MeasurementIn], Field(min_length=1, max_length=20_000)]


class MeasurementsOut(Shape):
    """What became of a bulk upload."""

    created: int
    unchanged: int
    measured: list[str] = Field(description="Wells that now count as measured")


class ReplicatePatch(Shape):
    """Exclude a replicate, or take it back in; the raw values stay."""

    quality: Literal["ok", "excluded"]
    reason: Annotated[Text, Field(min_length=1)]
