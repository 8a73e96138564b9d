"""Wire shapes of the virtual polymer lab, and of recipes for a wanted molar mass distribution."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from app.schemas.base import Curve, Name, Number, Seed, Shape

Column = Literal["cBA_0", "cAIBN_0", "temp", "time"]


class PolymerRecipe(Shape):
    """Butyl acrylate with AIBN in toluene, within the ranges of the coefficients."""

    cBA_0: Annotated[Number, Field(description="Monomer at the start, mol/L; pure monomer has 6.97")]
    cAIBN_0: Annotated[Number, Field(description="Initiator at the start, mol/L")]
    temp: Annotated[Number, Field(description="Temperature, C")]
    time: Annotated[Number, Field(description="Reaction time, s")]


class PolymerIn(Shape):
    """Recipes to simulate; five thousand distributions at most in one answer."""

    recipes: Annotated[list[PolymerRecipe], Field(min_length=1, max_length=1000)]
    replicates: Annotated[
        int | None,
        Field(strict=True, ge=1, le=100, description="Injections of each product into a SEC; the distribution itself when left out"),
    ] = None
    seed: Annotated[Seed, Field(description="Of the noise; the same seed gives the same replicates")] = 0
    error: Annotated[
        Seed | None,
        Field(description="Seed of a hidden error of the kinetics, as of a lab that no model knows; without one, the published kinetics"),
    ] = None


class ProductOut(Shape):
    """What a recipe gives; the numbers are without noise."""

    conversion: float = Field(description="Share of the monomer that has reacted")
    cBA_time: float = Field(description="Monomer left, mol/L")
    Mn: float = Field(description="Number average of the molar mass, g/mol")
    Mw: float = Field(description="Mass average of the molar mass, g/mol")
    mmd: list[list[float]] = Field(description="w(log10 M) at unit area, of each replicate, along the axis")


class PolymerOut(Shape):
    """What the virtual lab made and measured."""

    axis: list[float] = Field(description="log10 of M in g/mol")
    products: list[ProductOut]


class ArraysTarget(Shape):
    """A distribution by points; brought to unit area."""

    kind: Literal["arrays"]
    axis: Curve
    values: Annotated[Curve, Field(description="Mass per decade of M, up to a factor")]
    scale: Annotated[Literal["log10 M", "M"], Field(description="What the axis is; M in g/mol")] = "log10 M"


class FormulaTarget(Shape):
    """A distribution by its averages."""

    kind: Literal["schulz_zimm", "log_normal"]
    Mn: Annotated[Number, Field(description="Number average of the molar mass, g/mol")]
    dispersity: Annotated[Number, Field(description="Mw over Mn")]


class FileTarget(Shape):
    """The text of a file of an SEC instrument: CSV of log10 M or M, or RepTate's `.gpc`."""

    kind: Literal["sec"]
    name: Annotated[Name, Field(description="Of the file; `.gpc` tells RepTate's")] = "sec.csv"
    text: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]


PlainTarget = Annotated[ArraysTarget | FormulaTarget | FileTarget, Field(discriminator="kind")]


class Part(Shape):
    """A part of a blend."""

    share: Annotated[Number, Field(description="By mass, in proportion to the other shares")]
    target: PlainTarget


class BlendTarget(Shape):
    """A mixture by mass."""

    kind: Literal["blend"]
    parts: Annotated[list[Part], Field(min_length=1, max_length=20)]


AnyTarget = Annotated[ArraysTarget | FormulaTarget | FileTarget | BlendTarget, Field(discriminator="kind")]


class Range(Shape):
    """Where a variable may lie."""

    low: Number
    high: Number


class RecipesIn(Shape):
    """A wanted molar mass distribution, and what else is wanted of the recipes."""

    target: AnyTarget
    noise: Annotated[Number, Field(description="Standard deviation of the target as a share of its peak")] = 0.01
    broadening: Annotated[
        Number, Field(ge=0, le=0.3, description="Width in decades by which the column spread the target; .03 to .06 of a measured one")
    ] = 0.0
    cBA_time: Annotated[Number | None, Field(description="Wanted monomer left, mol/L")] = None
    Mn: Annotated[Number | None, Field(description="Wanted number average, g/mol")] = None
    Mw: Annotated[Number | None, Field(description="Wanted mass average, g/mol")] = None
    precision: Annotated[Number, Field(description="Relative standard deviation of these three")] = 0.02
    fixed: Annotated[dict[Column, Number], Field(description="Variables that are set")] = {}
    bounds: Annotated[dict[Column, Range], Field(description="Where variables may lie; the published ranges when left out")] = {}
    rank: Annotated[
        Literal["time", "initiator", "temperature", "conversion"],
        Field(description="What comes first of equally good recipes: the least time, initiator or temperature, or the highest conversion"),
    ] = "time"
    count: Annotated[int, Field(strict=True, ge=1, le=20, description="Recipes, at most")] = 6
    screened: Annotated[
        int, Field(strict=True, ge=100, le=10_000, description="Recipes that are simulated first; kept for the next request like this one")
    ] = 6000

    @model_validator(mode="after")
    def _fixed_or_bounded(self) -> Self:
        if both := self.fixed.keys() & self.bounds.keys():
            raise ValueError(f"{min(both)} is fixed and bounded: give one of the two")
        return self


class RecipeOut(Shape):
    """A recipe, and what it gives by the simulator."""

    recipe: PolymerRecipe
    low: PolymerRecipe = Field(description="Lower ends of its 90 % intervals, given noise and bounds")
    high: PolymerRecipe = Field(description="Upper ends")
    conversion: float
    cBA_time: float = Field(description="Monomer left, mol/L")
    Mn: float
    Mw: float
    mmd: list[float] = Field(description="Its distribution along the axis, as the column of the target shows it")
    mse: float = Field(description="Mean squared difference to the target")
    overlap: float = Field(description="Area shared with the target, of 1")
    active: list[str] = Field(description="Bounds that it lies at, such as `temp high`")
    status: Literal["ok", "approximate", "not reachable"] = Field(description="Whether it is what was wanted: within noise, nearly, or not")


class RecipesOut(Shape):
    """Recipes, what is reached best first, then by rank. A distribution tells about two numbers: they are a family."""

    axis: list[float] = Field(description="log10 of M in g/mol")
    target: list[float] = Field(description="What was aimed at, at unit area along the axis")
    area: float = Field(description="Area of the target as it was given, if by points; it is divided by that")
    warnings: list[str]
    recipes: list[RecipeOut]
