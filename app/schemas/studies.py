"""Wire shapes of studies of trained models: inverse design, explanations, robustness, sweeps of settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from app.schemas.base import Cell, Curve, Moment, Name, Number, Seed, Shape, Text
from app.schemas.surrogates import VerdictOut
from models.robustness import MODES, Mode
from models.spec import SplitName
from models.study import Better

StudyKind = Literal["inverse", "explain", "robustness", "sweep"]
Positive = Annotated[Number, Field(gt=0)]
Split = Annotated[SplitName, Field(description="How the rows are held out: as in the training of the card, its first seed")]


class RangeIn(Shape):
    """A range, both ends included."""

    low: Number
    high: Number


# Inverse design


class WantedIn(Shape):
    """The target and what it is to be."""

    name: Name
    value: Annotated[Number | Curve | Name, Field(description="A number, or all points of a curve on the axis of the model")]
    axis: Annotated[Curve | None, Field(description="Axis of the curve, to be checked")] = None
    unit: Annotated[Text | None, Field(max_length=80, description="Unit of the value, to be checked")] = None


class SecondIn(Shape):
    """A second objective: an input that is to be small or large; ranks what is equally good."""

    input: Name
    better: Better = "low"


class LimitIn(Shape):
    """A linear constraint: the sum of coefficients times inputs is at most the bound."""

    coefficients: Annotated[dict[Name, Number], Field(min_length=1, max_length=200)]
    bound: Number


class InverseIn(Shape):
    """A wanted outcome, and where its inputs may lie; unless told otherwise in the ranges of the training data."""

    target: WantedIn
    fixed: Annotated[dict[Name, Cell], Field(max_length=200, description="Inputs that are set")] = {}
    bounds: Annotated[dict[Name, RangeIn], Field(max_length=200, description="Ranges of inputs, in place of those of the training")] = {}
    levels: Annotated[
        dict[Name, Annotated[list[Cell], Field(min_length=1, max_length=1000)]],
        Field(max_length=200, description="Listed settings of inputs; of a category its classes"),
    ] = {}
    log: Annotated[list[Name], Field(max_length=200, description="Inputs whose logarithm is searched")] = []
    constraints: Annotated[
        list[LimitIn], Field(max_length=100, description="Beside those of the simulator that built the data, which always hold")
    ] = []
    distance: Literal["mse", "weighted", "cosine", "wasserstein"] = "mse"
    weights: Annotated[Curve | None, Field(description="Of the points of the curve, for the weighted distance")] = None
    ok: Annotated[
        Positive | None, Field(description="Distance of an answer that is ok; left out: the error of the model on new groups")
    ] = None
    approximate: Annotated[Positive | None, Field(description="Distance of an approximate answer; left out: four times `ok`")] = None
    second: SecondIn | None = None
    count: Annotated[int, Field(strict=True, ge=1, le=20, description="Candidates at most")] = 5
    apart: Annotated[Number, Field(ge=0, le=1, description="Least distance of two candidates, in shares of the ranges")] = 0.05
    screened: Annotated[Literal[256, 1024, 4096, 16384], Field(description="Points that are looked at first")] = 4096
    starts: Annotated[int, Field(strict=True, ge=1, le=256, description="Points that are moved downhill")] = 64
    simulate: Annotated[
        bool, Field(strict=True, description="Refine and judge on the simulator that built the data, where there is one")
    ] = True
    seed: Seed = 0


class CandidateOut(Shape):
    """Inputs that should lead to the target."""

    inputs: dict[str, float | str]
    predicted: float | list[float] = Field(description="By the model")
    low: float | list[float] = Field(description="Lower end of the interval of the model")
    high: float | list[float]
    simulated: float | list[float] | None = Field(description="By the simulator, where there is one")
    distance: float = Field(description="From the target; of the simulated outcome where there is one")
    status: Literal["ok", "approximate", "not reachable"]
    second: float | None
    bounds: list[str] = Field(description="Inputs at an end of their range: `low x` or `high x`")
    constraints: list[str] = Field(description="Constraints that are reached")
    validity: VerdictOut


class InverseFound(Shape):
    """A set of different answers, best first."""

    target: str
    unit: str
    axis: list[float] | None
    axis_unit: str
    wanted: float | list[float]
    distance: str
    ok: float
    approximate: float
    status: Literal["ok", "approximate", "not reachable"] = Field(description="Of the nearest candidate")
    simulator: str | None = Field(description="What refined and judged; null where the model did")
    screened: int
    candidates: list[CandidateOut]


# Explanation


class ExplainIn(Shape):
    """What the model looks at: Shapley values of the model, and what its quality on rows held out rests on."""

    rows: Annotated[int, Field(strict=True, ge=1, le=100, description="Rows held out that are explained")] = 20
    background: Annotated[int, Field(strict=True, ge=1, le=100, description="Training rows that they are compared with")] = 20
    regions: Annotated[int, Field(strict=True, ge=1, le=40, description="Parts of equal length of the axes of curves")] = 4
    cuts: Annotated[
        dict[Name, Annotated[list[Number], Field(min_length=1, max_length=40)]],
        Field(max_length=200, description="Where axes are cut instead, by curve"),
    ] = {}
    metrics: Annotated[
        dict[Name, Name], Field(max_length=200, description="By target what importance is measured in; a usual one when left out")
    ] = {}
    split: Split = "grouped"
    repeats: Annotated[int, Field(strict=True, ge=2, le=50, description="Shuffles of each group of inputs")] = 5
    seed: Seed = 0


class ShapleyOut(Shape):
    """Shapley values of groups of inputs, on the scale of the learner."""

    groups: list[str]
    outputs: list[str]
    rows: list[int] = Field(description="Rows of the data set that are explained")
    base: list[float] = Field(description="Mean over the background, by output")
    predicted: list[list[float]] = Field(description="By row and output")
    values: list[list[list[float]]] = Field(description="By row, group and output; with the base they add up to what is predicted")
    importance: list[list[float]] = Field(description="Mean absolute value, by group and output")
    error: float | None = Field(description="Largest standard error; null where the values are exact")


class PermutationOut(Shape):
    """By how much a metric gets worse when a group of inputs is shuffled among rows held out."""

    target: str
    metric: str
    base: float
    importance: list[float] = Field(description="By group, mean over the shuffles")
    spread: list[float] = Field(description="Standard deviation over the shuffles")


class ExplainFound(Shape):
    """What a model looks at."""

    shapley: ShapleyOut
    permutation: list[PermutationOut] = Field(description="Of a sibling that was not trained on the rows held out")
    split: SplitName
    held_out: int


# Robustness


class NoiseIn(Shape):
    """Multiplicative noise on curves, additive noise on numbers; levels are standard deviations."""

    kind: Literal["noise"]
    levels: Annotated[list[Annotated[Number, Field(ge=0, le=10)]], Field(min_length=1, max_length=20)]


class MissingIn(Shape):
    """Missing points of curves, missing numbers; levels are shares."""

    kind: Literal["missing points"]
    levels: Annotated[list[Annotated[Number, Field(ge=0, lt=1)]], Field(min_length=1, max_length=20)]


class StepIn(Shape):
    """A coarser step of curves; levels are factors."""

    kind: Literal["step"]
    levels: Annotated[list[Annotated[int, Field(strict=True, ge=1, le=10_000)]], Field(min_length=1, max_length=20)]


class CutIn(Shape):
    """A cut range of curves."""

    kind: Literal["range"]
    levels: Annotated[list[RangeIn], Field(min_length=1, max_length=20)]


class HalfIn(Shape):
    """One half of the channels of curves."""

    kind: Literal["half"]
    levels: Annotated[list[Literal["lower", "upper"]], Field(min_length=1, max_length=2)]


CorruptionIn = Annotated[NoiseIn | MissingIn | StepIn | CutIn | HalfIn, Field(discriminator="kind")]


class RobustnessIn(Shape):
    """Which corruptions of the inputs to look at, and how."""

    corruptions: Annotated[
        list[CorruptionIn] | None, Field(min_length=1, max_length=20, description="A programme that suits the inputs when left out")
    ] = None
    modes: Annotated[list[Literal["predict only", "train and predict"]], Field(min_length=1, max_length=2)] = [*MODES]  # type: ignore[list-item]
    split: Split = "grouped"
    seed: Seed = 0


class RobustnessRow(Shape):
    """One figure; of clean data corruption and level are empty."""

    corruption: str
    level: str
    mode: Mode
    target: str
    metric: str
    value: float
    extrapolated: float = Field(description="Largest share of an input curve that had to be made up")


class RobustnessFound(Shape):
    """How a model stands bad inputs."""

    learner: str
    split: SplitName
    train: int
    test: int
    rows: list[RobustnessRow]


# Sweep

Setting = bool | int | float | Name | list[int | float | Name] | None


class SearchIn(Shape):
    """A setting that the loop searches: between `low` and `high`, or among `values`."""

    name: Name
    low: Number | None = None
    high: Number | None = None
    whole: Annotated[bool, Field(strict=True, description="Whole numbers only")] = False
    log: Annotated[bool, Field(strict=True, description="Search the logarithm")] = False
    values: Annotated[list[bool | Number | Name] | None, Field(min_length=2, max_length=50)] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ranged = self.low is not None and self.high is not None
        if ranged == (self.values is not None) or (self.low is None) != (self.high is None):
            raise ValueError("give low and high, or values")
        if self.values is not None and (self.whole or self.log):
            raise ValueError("whole and log belong to low and high")
        if self.log and self.whole:
            raise ValueError("a logarithm has no whole numbers: give log, whole or values")
        return self


class SweepIn(Shape):
    """Settings to try around those of the model: one at a time, or searched by the loop of the campaigns."""

    method: Literal["one at a time", "loop"] = "one at a time"
    factors: Annotated[
        dict[Name, Annotated[list[Setting], Field(min_length=2, max_length=20)]],
        Field(max_length=20, description="One at a time: values of settings"),
    ] = {}
    search: Annotated[list[SearchIn], Field(max_length=10, description="Loop: settings that are searched")] = []
    target: Annotated[Name | None, Field(description="What is judged by; the first target when left out")] = None
    metrics: Annotated[
        list[Name], Field(max_length=10, description="One at a time: all that vote; loop: the first is the score. All when left out")
    ] = []
    split: Split = "grouped"
    seeds: Annotated[int, Field(strict=True, ge=1, le=10, description="Trainings of each setting")] = 3
    batches: Annotated[int, Field(strict=True, ge=0, le=20, description="Loop: batches after the first one")] = 4
    size: Annotated[int, Field(strict=True, ge=2, le=20, description="Loop: settings in a batch")] = 6
    seed: Seed = 0


class LevelOut(Shape):
    """One setting of a factor; null where all trainings failed."""

    value: Any
    mean: dict[str, float | None]
    std: dict[str, float | None]
    runs: int


class FactorOut(Shape):
    """What became of one factor: every metric names winners, and the mode of these is chosen; several where they tie."""

    name: str
    default: Any
    levels: list[LevelOut]
    winners: dict[str, list[Any]]
    chosen: list[Any]


class TrialOut(Shape):
    """Settings that the loop tried."""

    settings: dict[str, Any]
    round: int
    rule: str
    scores: list[float | None]
    score: float | None


class SweepFound(Shape):
    """Which settings are best."""

    method: str
    learner: str
    target: str
    metrics: dict[str, Better]
    default: dict[str, Any]
    split: SplitName
    factors: list[FactorOut]
    trials: list[TrialOut]
    best: TrialOut | None


# Answers


class FigureOut(Shape):
    """A figure as a plain Plotly dict."""

    name: str
    title: str
    figure: dict[str, Any]


class StudyOut(Shape):
    """The last study of its kind on a model."""

    surrogate: str
    sha256: str = Field(description="Of the files of the model that it is a study of")
    made_at: Moment
    figures: list[FigureOut]


class InverseOut(StudyOut):
    """An inverse design."""

    request: InverseIn
    result: InverseFound


class ExplainOut(StudyOut):
    """An explanation."""

    request: ExplainIn
    result: ExplainFound


class RobustnessOut(StudyOut):
    """A study of robustness."""

    request: RobustnessIn
    result: RobustnessFound


class SweepOut(StudyOut):
    """A sweep of settings."""

    request: SweepIn
    result: SweepFound


class FiguresOut(Shape):
    """Figures of the card of a model."""

    surrogate: str
    figures: list[FigureOut]
