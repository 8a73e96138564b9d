"""Wire shapes of surrogates: what to train, what came of it, and what a model is asked and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from app.schemas.base import Cell, Curve, Moment, Name, Seed, Shape, Text
from app.schemas.flow import JobOut
from models.spec import Spec, Use

State = Literal["candidate", "promoted", "retired"]
MOST_ROWS = 1000


class UseIn(Shape):
    """A field as an input or as a target; its bare name stands for one on a linear scale."""

    name: Name
    scale: Annotated[Literal["linear", "log"], Field(description="`log` shows the learner logarithms, and tells medians")] = "linear"
    shares: Annotated[bool, Field(description="Whether a curve is a distribution: not negative, and adding up to one")] = False


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _whole(values: dict[str, Any]) -> dict[str, Any]:
    if len(values) > 100 or any(not isinstance(value, str | int | float | bool | list | None) for value in values.values()):
        raise ValueError("settings are numbers, texts and lists of these")
    return values


UseShape = Annotated[UseIn, BeforeValidator(_named, json_schema_input_type=UseIn | Name)]
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]


class DatasetRef(Shape):
    """A version of a data set."""

    id: Annotated[str, StringConstraints(max_length=80, pattern="^[a-z0-9-]+$")]
    version: Annotated[int | None, Field(strict=True, ge=1, le=1_000_000, description="The newest when left out")] = None


class LearnerIn(Shape):
    """A kind of learner, and its settings where they are not to be the defaults."""

    kind: Name
    settings: Annotated[dict[Name, Any], AfterValidator(_whole)] = {}


class SurrogateIn(Shape):
    """What to train on what."""

    name: Name
    dataset: DatasetRef
    inputs: Annotated[list[UseShape], Field(min_length=1, max_length=2000)]
    targets: Annotated[list[UseShape], Field(min_length=1, max_length=200)]
    group: Annotated[
        Name | None, Field(description="Field whose equal values are held out together in the grouped split; equal inputs when left out")
    ] = None
    learner: LearnerIn
    seed: Seed = 0
    test_fraction: Annotated[Share, Field(description="Share of the rows, and of the groups, that is held out")] = 0.2
    sizes: Annotated[
        list[Share],
        Field(max_length=10, description="Shares of the training rows at which the learning curve is taken, beside all of them"),
    ] = [0.25, 0.5]
    seeds: Annotated[int, Field(strict=True, ge=1, le=20, description="Repetitions of both splits; their spread is on the card")] = 3

    def spec(self) -> Spec:
        """The training as the science sees it."""
        inputs, targets = (tuple(Use(use.name, use.scale, use.shares) for use in uses) for uses in (self.inputs, self.targets))
        learner = self.learner
        return Spec(
            inputs, targets, learner.kind, learner.settings, self.group, self.seed, self.test_fraction, tuple(self.sizes), self.seeds
        )


class SurrogateLine(Shape):
    """A model in a list."""

    id: str
    name: str
    state: State
    trained: bool
    learner: str
    inputs: list[str]
    targets: list[str]
    dataset: str
    dataset_version: int
    created_at: Moment


class SurrogatePage(Shape):
    """A page of models; `next` goes into `after` of the next request."""

    items: list[SurrogateLine]
    next: str | None


class SurrogateOut(SurrogateLine):
    """A model: what it is trained on and how, and its card once it is."""

    version: int
    sha256: str = Field(description="Of the data that it is trained on")
    spec: dict[str, Any]
    actor: str
    job: JobOut = Field(description="The training; says why there is no card when it failed")
    card: dict[str, Any] | None = Field(
        description="Metrics per target of both splits with their spread over the seeds, learning curve, intervals, box of the inputs, "
        "versions, time"
    )


class SurrogatePatch(Shape):
    """Promote a model that is fit for use, or retire it."""

    state: Literal["promoted", "retired"]
    reason: Annotated[Text, StringConstraints(min_length=1)]


Stack = Annotated[list[list[list[Annotated[int, Field(strict=True, ge=0, le=255)]]]], Field(min_length=1, max_length=1000)]


class PredictIn(Shape):
    """Inputs of samples by field: a number, a curve, the name of a class, or grey images as nested lists of 0 to 255."""

    rows: Annotated[list[dict[Name, Cell | Curve | Stack]], Field(min_length=1, max_length=MOST_ROWS)]
    axes: Annotated[
        dict[Name, Curve],
        Field(max_length=100, description="Axes of curves, by field, to be checked; a model is not asked on another axis than its own"),
    ] = {}
    units: Annotated[dict[Name, Text], Field(max_length=2000, description="Units of the values, by field, to be checked")] = {}


class TargetOut(Shape):
    """A target."""

    name: str
    kind: Literal["number", "curve", "category"]
    unit: str
    axis: list[float] | None
    axis_unit: str
    classes: list[str] | None


class AnswerOut(Shape):
    """What a model tells of one target of one sample: numbers, or lists along the axis of a curve."""

    mean: float | list[float] | None = Field(None, description="Expected value; the median where the learner sees logarithms")
    std: float | list[float] | None = Field(None, description="Standard deviation, where the learner knows one")
    low: float | list[float] | None = Field(None, description="Lower end of the interval that holds 90 % of new outcomes, point by point")
    high: float | list[float] | None = None
    best: str | None = Field(None, description="The most probable class")
    probabilities: dict[str, float] | None = None


class VerdictOut(Shape):
    """Whether an input lies where the model was trained."""

    status: Literal["inside", "edge", "outside"]
    variable: str = Field(description="Field that is most at fault")
    figure: str = Field(description="What of the field, where it is told by several figures")
    check: Literal["box", "slack", "distance", "leverage", "sigma"]
    value: float
    limit: float


class PredictedRow(Shape):
    """Answers per target, and how far they can be trusted."""

    answers: dict[str, AnswerOut]
    validity: VerdictOut


class PredictOut(Shape):
    """Predictions in the order of the rows."""

    surrogate: str
    level: float = Field(description="Share of new outcomes that the intervals hold")
    targets: list[TargetOut]
    rows: list[PredictedRow]
