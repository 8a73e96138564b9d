"""Wire shapes of what a campaign has taught."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.schemas.base import Cell, Moment, Name, Number, RecipeShape, Shape
from app.schemas.wells import ValidityOut

Level = float | str


class RegionShape(Shape):
    """A part of the axis of the curves."""

    name: Name
    low: Number
    high: Number


class KnowledgeRequest(Shape):
    """What to find out beside importance, maps and sliders."""

    recipes: Annotated[
        list[RecipeShape], Field(max_length=100, description="Recipes whose outcome is to be predicted, feasible or not")
    ] = []
    regions: Annotated[
        list[RegionShape],
        Field(max_length=20, description="Parts of the axis on which the effect of each parameter is told; six equal ones when left out"),
    ] = []


class ImportanceOut(Shape):
    """How much a parameter matters: mean absolute Shapley value over the explained wells."""

    parameter: str
    loss: float
    regions: dict[str, float] = Field(description="On the mean of the predicted curve in each region")


class ExplainedWell(Shape):
    """A measured well with what each parameter adds; the values of an output add up to its prediction less its base."""

    design: str
    recipe: dict[str, Cell]
    predicted: dict[str, float]
    values: dict[str, dict[str, float]] = Field(description="Output to parameter to Shapley value")


class ExplanationOut(Shape):
    """Shapley values of the predicted loss, and of the mean of the predicted curve in each region."""

    outputs: list[str]
    exact: bool = Field(description="Over all coalitions, up to 8 parameters; else sampled")
    error: float | None = Field(description="Largest standard error of a Shapley value of the loss, where they are sampled")
    base: dict[str, float] = Field(description="Mean of each output over the wells that a well is compared with")
    importance: list[ImportanceOut] = Field(description="The most important parameter for the loss first")
    wells: list[ExplainedWell]


class MapOut(Shape):
    """The predicted loss over two parameters, minimised over the others as far as feasible."""

    x: str
    y: str
    xs: list[Level]
    ys: list[Level]
    loss: list[list[float | None]] = Field(description="A row per setting of y; null where no feasible recipe has both settings")


class PredictionOut(Shape):
    """What a recipe should give."""

    recipe: dict[str, Cell]
    feasible: bool = Field(description="Whether it satisfies the constraints")
    loss: float
    std: float
    validity: ValidityOut | None = Field(description="Null where a single well was measured")
    curve: list[float] | None = Field(description="Along `axis`; null where outcomes are numbers")
    band: list[float] | None = Field(description="Standard deviation of the curve")


class SliderOut(Shape):
    """Recipes that differ from the best well in one parameter alone."""

    parameter: str
    predictions: list[PredictionOut]


class MeasuredWell(Shape):
    """A measured well, to be drawn over the maps."""

    design: str
    recipe: dict[str, Cell]
    loss: float


class KnowledgeContent(Shape):
    """What was found."""

    outcome: str
    unit: str = Field(description="Of the axis; of the outcome where that is a number")
    axis: list[float] | None = Field(description="Points at which curves are told: 150 at most, evenly chosen")
    target: list[float] | None
    explanation: ExplanationOut
    held: dict[str, Cell] = Field(description="Less important parameters, which the maps hold at the best well")
    maps: list[MapOut]
    sliders: list[SliderOut]
    recipes: list[PredictionOut]
    measured: list[MeasuredWell]
    warnings: list[str]


class KnowledgeOut(KnowledgeContent):
    """What a campaign has taught, as of its last job of kind `knowledge`."""

    made_at: Moment
    round: int = Field(description="Newest round then")
    objective: int = Field(description="Number of the objective then")
    current: bool = Field(description="Whether data, bounds and objective are still those of then")
