"""Wire shapes of particle sizes: suspensions to draw, batches to crystallize, and what a model reads from measured images."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.schemas.base import Number, Seed, Shape
from app.schemas.studies import FigureOut
from app.schemas.surrogates import VerdictOut

WeightingIn = Annotated[Literal["number", "volume"], Field(description="What a share counts: particles (q0), or their volume (q3)")]
MOST_PIXELS = 20_000_000
"""Pixels in one answer."""
_LARGEST_FIELD = 4096.0
"""Width of a field of view, in um, whose particles are drawn while somebody waits."""


class ModeIn(Shape):
    """Particles with log-normal diameters; what lies outside 20 to 500 um is left out."""

    median: Annotated[Number, Field(description="By number, um, from 20 to 500")]
    sigma: Annotated[Number, Field(gt=0, le=2, description="Standard deviation of ln d")]
    share: Annotated[Number, Field(gt=0, description="By number, relative to the other modes")] = 1.0


class SuspensionIn(Shape):
    """Particles in a liquid."""

    modes: Annotated[list[ModeIn], Field(min_length=1, max_length=10)]
    phi: Annotated[Number, Field(ge=0, le=0.8, description="Projected area fraction: .03 is thin, .6 crowded")]
    aspect: Annotated[
        tuple[Number, Number] | None, Field(description="Range of the aspect ratios of prolate spheroids; spheres when left out")
    ] = None


class PicturesIn(Shape):
    """How pictures are taken."""

    images: Annotated[int, Field(strict=True, ge=1, le=100, description="Of a stack")] = 5
    pixels: Annotated[int, Field(strict=True, ge=16, le=1024, description="Along either side")] = 64
    weighting: WeightingIn = "number"
    seed: Annotated[Seed, Field(description="Of particles and noise; the same seed gives the same pictures")] = 0


class PsdIn(PicturesIn):
    """Suspensions to take pictures of."""

    suspensions: Annotated[list[SuspensionIn], Field(min_length=1, max_length=200)]
    um_per_pixel: Annotated[
        Number | None, Field(gt=0, le=100, description="Of a field of view of 1024 um when left out: 16 um for 64 pixels, 8 um for 128")
    ] = None
    format: Annotated[
        Literal["json", "tiff", "zip", "npz"],
        Field(
            description="`json` holds PNG images in base64; `tiff` one page for each image of one suspension; `zip` the "
            "images as PNG and the distribution as CSV of each suspension; `npz` arrays `images`, `psd`, `edges` and `um_per_pixel`"
        ),
    ] = "json"

    @model_validator(mode="after")
    def _not_too_much(self) -> Self:
        if len(self.suspensions) * self.images * self.pixels**2 > MOST_PIXELS:
            raise ValueError(f"an answer holds {MOST_PIXELS} pixels: ask for fewer suspensions, images or pixels at a time")
        if self.um_per_pixel is not None and self.um_per_pixel * self.pixels > _LARGEST_FIELD:
            raise ValueError(f"the field of view would be more than {_LARGEST_FIELD:g} um wide: take fewer or smaller pixels")
        if self.format == "tiff" and len(self.suspensions) > 1:
            raise ValueError("a TIFF holds the images of one suspension: take format zip or npz for more")
        return self


class MeansOut(Shape):
    """What a distribution comes to; diameters in um (ISO 9276-2)."""

    D10: float = Field(description="A tenth lies below; by the weighting of the distribution, as D50 and D90")
    D50: float
    D90: float
    span: float = Field(description="(D90 - D10) / D50")
    D_1_0: float = Field(alias="D[1,0]", description="Arithmetic mean by number")
    D_3_2: float = Field(alias="D[3,2]", description="Sauter's mean")
    D_4_3: float = Field(alias="D[4,3]", description="De Brouckere's mean")


class DistributionOut(MeansOut):
    """A size distribution, exact."""

    shares: list[float] = Field(description="Of the bins, adding up to one")
    phi: float = Field(description="Projected area fraction")


class PictureOut(DistributionOut):
    """A suspension, and pictures of it."""

    images: list[str] = Field(description="PNG in base64")


class PsdOut(Shape):
    """Pictures of suspensions."""

    weighting: WeightingIn
    edges: list[float] = Field(description="Of the bins, um; one more than shares")
    um_per_pixel: float
    stacks: list[PictureOut]


class CrystalRecipe(Shape):
    """A seeded batch of potassium sulfate in water, cooled from 50 to 30 C."""

    seed_mass: Annotated[Number, Field(description="Seeds, g per kg of water")]
    seed_size: Annotated[Number, Field(description="Median diameter of the seeds, um")]
    cooling_time: Annotated[Number, Field(description="min")]
    profile: Annotated[Number, Field(description="Power of time that the temperature falls by: 1 is linear, 3 cubic")]
    supersaturation: Annotated[Number, Field(description="When the seeds are added, %")]


class CrystallizationIn(PicturesIn):
    """Recipes to run."""

    recipes: Annotated[list[CrystalRecipe], Field(min_length=1, max_length=200)]
    replicates: Annotated[
        int | None, Field(strict=True, ge=1, le=100, description="Stacks of pictures of each batch; no pictures when left out")
    ] = None
    error: Annotated[
        Seed | None,
        Field(description="Seed of a hidden error of the kinetics, as of a lab that no model knows; without one, the published kinetics"),
    ] = None

    @model_validator(mode="after")
    def _not_too_much(self) -> Self:
        if len(self.recipes) * (self.replicates or 0) * self.images * self.pixels**2 > MOST_PIXELS:
            raise ValueError(f"an answer holds {MOST_PIXELS} pixels: ask for fewer recipes, replicates, images or pixels at a time")
        return self


class BatchOut(DistributionOut):
    """What a recipe gives, exact within the range of the bins, and stacks of pictures of it."""

    stacks: list[list[str]] = Field(description="PNG in base64: of each replicate its images")


class CrystallizationOut(Shape):
    """What the virtual lab made."""

    weighting: WeightingIn
    edges: list[float] = Field(description="Of the bins, um; one more than shares")
    um_per_pixel: float
    batches: list[BatchOut]


# Reading


class BandOut(Shape):
    """By a bootstrap over the images: what another choice of images would have told, in 90 % of the cases."""

    draws: int
    shares: tuple[list[float], list[float]] = Field(description="Lower and upper ends; so the others")
    cumulative: tuple[list[float], list[float]]
    marks: dict[str, tuple[float, float]] = Field(description="D10, D50, D90 and span")


class ConversionOut(Shape):
    """What it costs that the shares count something else than the model was trained to tell."""

    trained: WeightingIn
    effective: float = Field(description="What a particle counts after it, of one")
    gain: float = Field(description="Largest factor by which the error of a share grows")
    half_bin: float = Field(description="Largest relative error of a weight, as a particle may lie anywhere in its bin")


class SeenOut(Shape):
    """The images as they were read, and as the model sees them."""

    count: int
    height: int
    width: int
    um_per_pixel: float
    pixels: int = Field(description="Of the model, along either side")
    model_um_per_pixel: float


class ReadingOut(MeansOut):
    """What a model reads from images: a size distribution with its band, and how far it can be trusted."""

    surrogate: str
    weighting: WeightingIn
    edges: list[float] = Field(description="Of the bins, um; one more than shares")
    centres: list[float] = Field(description="Geometric means of the bins, um")
    shares: list[float]
    density: list[float] = Field(description="dQ / d ln d")
    cumulative: list[float] = Field(description="Q at the edges")
    level: float = Field(description="Share of new outcomes that intervals hold, one by one")
    low: list[float] | None = Field(description="Lower ends of the intervals of the model for the shares; null after a conversion")
    high: list[float] | None
    bootstrap: BandOut | None = Field(description="Where it was asked for")
    conversion: ConversionOut | None
    images: SeenOut
    validity: VerdictOut
    flags: list[str] = Field(description="What a person should look at")
    figures: list[FigureOut]
