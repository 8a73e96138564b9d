"""Wire shapes of data sets: what the columns of a file are, and what is told of what was stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from app.schemas.base import Moment, Name, Number, Seed, Shape, Text

FieldName = Annotated[Name, StringConstraints(pattern=r"^[^/\\]+$")]
Unit = Annotated[Name, Field(max_length=40, description="Unit of the values; `1` where they have none")]
_MOST_IMAGES = 5000
"""Of a built data set: some seven CPU seconds."""
_COLUMN = "Column of a CSV, XLSX or parquet file, or array of an NPZ file; the field's own name when left out"


class NumberIn(Shape):
    """A number of each sample."""

    kind: Literal["number"]
    name: FieldName
    unit: Unit
    column: Annotated[Name | None, Field(description=_COLUMN)] = None


class CurveIn(Shape):
    """A curve of each sample, all on one axis: one array, or a list column, of it; or a column for each point."""

    kind: Literal["curve"]
    name: FieldName
    unit: Unit
    column: Annotated[Name | None, Field(description=f"{_COLUMN}; holds all points")] = None
    columns: Annotated[list[Name] | None, Field(min_length=2, max_length=20_000, description="Columns of the points, in order")] = None
    prefix: Annotated[
        Text | None,
        Field(max_length=80, description="The points are the columns headed by this and a number of the axis; empty for bare numbers"),
    ] = None
    axis: Annotated[
        list[Number] | Name | None,
        Field(description="Where the points are, increasing; or the name of an array that says so. Left out, the columns' headers say so"),
    ] = None
    axis_unit: Annotated[Unit, Field(description="Unit of the axis; `1` where it has none")]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(given is not None for given in (self.column, self.columns, self.prefix)) > 1:
            raise ValueError("give one of column, columns and prefix")
        if self.prefix is not None and self.axis is not None:
            raise ValueError("columns with a prefix say themselves where the points are: leave axis out, or list the columns")
        return self


class CategoryIn(Shape):
    """One of some classes for each sample, by name."""

    kind: Literal["category"]
    name: FieldName
    unit: Annotated[None, Field(description="Categories have none")] = None
    column: Annotated[Name | None, Field(description=_COLUMN)] = None
    classes: Annotated[
        list[Name] | None,
        Field(
            min_length=2, max_length=1000, description="All of them, in the order that is wanted; those of the file, sorted, when left out"
        ),
    ] = None


class StackIn(Shape):
    """Grey images of each sample: bytes of shape (samples, images, height, width), in an NPZ file."""

    kind: Literal["stack"]
    name: FieldName
    unit: Annotated[None, Field(description="Images have none")] = None
    um_per_pixel: Annotated[
        Number | None,
        Field(gt=0, le=1000, description="Edge of a pixel, um: needed where models are to read measured images; they keep it"),
    ] = None
    column: Annotated[Name | None, Field(description=_COLUMN)] = None


FieldIn = Annotated[NumberIn | CurveIn | CategoryIn | StackIn, Field(discriminator="kind")]


class DatasetIn(Shape):
    """The name of a data set, and what of the file belongs to it; other columns are left out.

    The content under a name that exists becomes its next version.
    """

    name: Name
    fields: Annotated[list[FieldIn], Field(min_length=1, max_length=2000)]


class NanoparticleBuild(Shape):
    """Random recipes and their spectra from the virtual silver lab: `recipe`, the five flows, and `absorbance`."""

    name: Name
    simulator: Literal["nanoparticle"]
    rows: Annotated[int, Field(strict=True, ge=2, le=1000, description="Spectra; a longer data set begins with a shorter one")]
    seed: Annotated[Seed, Field(description="The same seed builds the same data")] = 0
    replicates: Annotated[
        int | None, Field(strict=True, ge=1, le=500, description="Noisy spectra of each recipe; one noise-free spectrum when left out")
    ] = None

    @model_validator(mode="after")
    def _two_recipes(self) -> Self:
        if self.rows <= (self.replicates or 1):
            raise ValueError("rows have to be more than replicates: a data set needs two recipes")
        return self


class PolymerBuild(Shape):
    """Recipes and what they give by the polymer kinetics: `recipe`, `cBA_0` to `time`, `cBA_time`, `Mn`, `Mw` and `mmd`."""

    name: Name
    simulator: Literal["polymer"]
    design: Annotated[
        Literal["latin_hypercube", "published"],
        Field(description="Recipes at one time each; or the published grid, 432 recipes at 12 times"),
    ] = "latin_hypercube"
    rows: Annotated[int | None, Field(strict=True, ge=2, le=6000, description="Of a Latin hypercube; the published grid has 5184")] = None
    seed: Annotated[Seed, Field(description="Of a Latin hypercube; the same seed builds the same data")] = 0

    @model_validator(mode="after")
    def _rows_of_a_hypercube(self) -> Self:
        if (self.rows is None) != (self.design == "published"):
            raise ValueError("give rows for a Latin hypercube; leave them out for the published grid, which has 5184")
        return self


class ScatteringBuild(Shape):
    """Nanoparticles of nine shapes and what they scatter: `shape`, `element`, `structure`, numbers to tell, and `intensity` over q.

    With `invariants`, `reduced`, `structure_factor` and `form` too: curves freed of the elements, and of the size.
    """

    name: Name
    simulator: Literal["scattering"]
    design: Annotated[
        Literal["random", "published"],
        Field(description="Random samples; or the published grid: 9 shapes, 9 sizes, 17 elements, 4 displacement factors"),
    ] = "random"
    rows: Annotated[
        int | None,
        Field(strict=True, ge=2, le=6000, description="Random samples: a longer data set begins with a shorter one; the grid has 5508"),
    ] = None
    seed: Annotated[Seed, Field(description="Of random samples and their noise")] = 0
    low: Annotated[Number, Field(ge=0, description="First q that is kept, 1/Angstrom: match the curves that will be measured")] = 0.01
    high: Annotated[Number, Field(le=20, description="Last q that is kept, 1/Angstrom")] = 19.99
    step: Annotated[int, Field(strict=True, ge=1, le=100, description="1 keeps all points, 0.01 1/Angstrom apart")] = 1
    divided: Annotated[bool, Field(description="Whether intensities are divided by the form factor: generalises to other elements")] = False
    invariants: Annotated[
        bool,
        Field(description="Whether `reduced`, `structure_factor` and `form` are added, for elements and sizes not seen; needs all of q"),
    ] = False
    largest: Annotated[int, Field(strict=True, ge=2, le=15, description="Of random samples: size up to which there are particles")] = 10
    strain: Annotated[Number, Field(ge=0, le=0.1, description="Of random samples: largest change of distances")] = 0.02
    strain_spread: Annotated[Number, Field(ge=0, le=0.05, description="Of random samples: its largest deviation within one")] = 0.0
    size_spread: Annotated[Number, Field(ge=0, le=0.1, description="Of random samples: largest relative deviation of sizes")] = 0.0
    noise: Annotated[Number, Field(ge=0, le=1, description="Of random samples: relative noise of intensities")] = 0.0

    @model_validator(mode="after")
    def _random_or_published(self) -> Self:
        if (self.rows is None) != (self.design == "published"):
            raise ValueError("give rows for random samples; leave them out for the published grid, which has 5508")
        chosen = self.model_fields_set & {"largest", "strain", "strain_spread", "size_spread", "noise"}
        if self.design == "published" and chosen:
            raise ValueError(f"the published grid has no {', '.join(sorted(chosen))} to choose: leave it out")
        return self


class PsdBuild(Shape):
    """Stacks of pictures of random suspensions, `images`, and their `psd`; `D10`, `D50`, `D90`, `span`, `phi` and classes of both."""

    name: Name
    simulator: Literal["psd"]
    rows: Annotated[int, Field(strict=True, ge=2, le=1000, description="Stacks; a longer data set begins with a shorter one")]
    seed: Annotated[Seed, Field(description="The same seed builds the same data")] = 0
    images: Annotated[int, Field(strict=True, ge=1, le=10, description="Of a stack")] = 5
    pixels: Annotated[Literal[64, 128], Field(description="Along either side of 1024 um: of 16 um each, or of 8 um")] = 64
    particles: Annotated[
        Literal["spheres", "spheroids"], Field(description="Spheroids are prolate, of aspect ratios from 1 to 3, turned any way")
    ] = "spheres"
    weighting: Annotated[
        Literal["number", "volume"], Field(description="What the shares of `psd` count, and the percentiles: particles, or their volume")
    ] = "number"

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.rows * self.images > _MOST_IMAGES:
            raise ValueError(
                f"{self.rows} stacks of {self.images} are more than {_MOST_IMAGES} images: ask for fewer rows, or shorter stacks"
            )
        return self


BuildIn = Annotated[NanoparticleBuild | PolymerBuild | ScatteringBuild | PsdBuild, Field(discriminator="simulator")]


class FieldOut(Shape):
    """A field of a data set in figures. Nothing is missing: gaps are refused at the upload."""

    name: str
    kind: Literal["number", "curve", "category", "stack"]
    unit: str | None
    shape: list[int] = Field(description="Of one row: none of a number or a category, points of a curve, or images, height and width")
    axis: list[float] | None = Field(description="Where the points of a curve are")
    axis_unit: str | None
    min: float | None = Field(description="None for categories, as is the median and the maximum")
    median: float | None
    max: float | None
    classes: dict[str, int] | None = Field(description="Rows of each class")


class DatasetLine(Shape):
    """The newest version of a data set, in a list."""

    id: str
    name: str
    version: int
    rows: int
    fields: list[str] = Field(description="Their names")
    created_at: Moment


class DatasetPage(Shape):
    """A page of data sets; `next` goes into `after` of the next request."""

    items: list[DatasetLine]
    next: str | None


class DatasetOut(Shape):
    """A version of a data set."""

    id: str
    name: str
    version: int
    newest: int = Field(description="Number of the newest version; all from 1 on can be read")
    sha256: str = Field(
        description="Of names, units, axes, classes and values: the same content has the same one, whatever file it came in"
    )
    rows: int
    fields: list[FieldOut]
    warnings: list[str] = Field(description="What a person should look at: fields that are the same in every row")
    source: dict[str, Any] = Field(description="`file`, the name of the upload; or `simulator` with its arguments, which build it again")
    created_at: Moment
    actor: str


class RowsOut(Shape):
    """Some rows of a data set."""

    id: str
    version: int
    offset: int
    total: int = Field(description="Rows of the data set")
    rows: list[dict[str, float | str | list[float] | None]] = Field(
        description="By field: a number, the name of a class, the values of a curve; None for images, which the content holds"
    )
