"""Wire shapes of scattering: particles to simulate, and what is asked and told of a measured curve."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from app.schemas.base import Number, Seed, Shape
from app.schemas.studies import FigureOut
from app.schemas.surrogates import VerdictOut

Formula = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9.]+$")]
Unit = Literal["1/Angstrom", "1/nm"]
Points = Annotated[list[Number], Field(min_length=10, max_length=20_000)]
Share = Annotated[Number, Field(ge=0, lt=1)]
LARGEST = 20
"""Size of a particle up to which one is simulated while somebody waits: below 90 000 atoms."""


# Simulation


class SampleIn(Shape):
    """Particles of one shape, and how they are measured."""

    shape: Annotated[str, StringConstraints(max_length=80), Field(description="One of the nine; a wrong one is answered with all")]
    size: Annotated[int, Field(strict=True, ge=1, le=LARGEST, description="Bonds or atoms along an edge, or shells about the centre")]
    composition: Annotated[Formula, Field(description="Au, Au3Ag or Au0.7Ag0.3; atoms of an alloy sit at random")]
    biso: Annotated[Number, Field(ge=0, le=10, description="Isotropic displacement factor, square Angstrom")] = 0.3
    strain: Annotated[Number, Field(description="Relative change of all distances")] = 0.0
    strain_spread: Annotated[Number, Field(ge=0, lt=0.1, description="Its standard deviation among the particles")] = 0.0
    size_spread: Annotated[Number, Field(ge=0, le=0.3, description="Standard deviation of sizes, relative to the mean")] = 0.0
    background: Annotated[Number, Field(ge=0, le=1, description="Constant, as a share of the intensity of the mean particle at q = 0")] = (
        0.0
    )
    noise: Annotated[Number, Field(ge=0, le=1, description="Relative standard deviation of the intensities")] = 0.0


class AxisIn(Shape):
    """Where intensities are simulated, in 1/Angstrom, both ends included."""

    low: Annotated[Number, Field(gt=0)] = 0.01
    high: Annotated[Number, Field(gt=0, le=28)] = 19.99
    step: Annotated[Number, Field(ge=0.001)] = 0.01

    @model_validator(mode="after")
    def _some_points(self) -> Self:
        if not self.low + 9 * self.step <= self.high:
            raise ValueError("low and high have to be ten points apart at least")
        return self


class ScatteringIn(Shape):
    """Samples to simulate; 500 000 intensities at most in one answer."""

    samples: Annotated[list[SampleIn], Field(min_length=1, max_length=1000)]
    axis: AxisIn = AxisIn()
    seed: Annotated[Seed, Field(description="Of the noise, which no other sample changes")] = 0
    divided: Annotated[bool, Field(description="Whether intensities are divided by the mean squared form factor")] = False


class ParticleOut(Shape):
    """The mean particle of a sample, and its curve."""

    atoms: int
    distance: float = Field(description="Between nearest neighbours, Angstrom")
    circumscribed: float = Field(description="Radius through the outermost atoms, Angstrom")
    gyration: float = Field(description="Radius of gyration, Angstrom")
    intensity: list[float] = Field(description="Squared electrons per particle; divided by the form factor, where that was asked for")


class ScatteringOut(Shape):
    """What samples scatter."""

    axis: list[float] = Field(description="q in 1/Angstrom")
    particles: list[ParticleOut]


class StructureIn(Shape):
    """A particle to be written down."""

    sample: SampleIn
    format: Annotated[Literal["xyz", "cif"], Field(description="Kind of file")] = "xyz"
    seed: Annotated[Seed, Field(description="Of which atom of an alloy is which")] = 0


# A measured curve


class AskIn(Shape):
    """How a measured curve is to be taken."""

    composition: Annotated[
        Formula | None,
        Field(description="What the particles are made of: Au, Au3Ag; tells distances; models of divided curves or of invariants need it"),
    ] = None
    absolute: Annotated[
        bool,
        Field(
            description="Whether intensities are in squared electrons per particle; else a factor is left free, or told from wide angles"
        ),
    ] = False
    missing: Annotated[
        float,
        Field(
            ge=0,
            le=0.9,
            description="Largest share of the q range of the model that may not have been measured; it is filled in from the nearest "
            "known curve, and flagged",
        ),
    ] = 0.0
    nearest: Annotated[int, Field(ge=1, le=50, description="Known curves to tell of")] = 5


class CurveIn(AskIn):
    """A measured curve as arrays."""

    q: Points
    intensity: Points
    sigma: Annotated[Points | None, Field(description="Standard deviations of the intensities")] = None
    unit: Annotated[Unit, Field(description="Of q; 1/nm taken for 1/Angstrom makes particles ten times too small")]


class UploadAsk(AskIn):
    """How an uploaded curve is to be taken."""

    unit: Annotated[
        Unit | None, Field(description="Of q; may be left out where the file tells it, and has to agree with what that tells")
    ] = None


class MeasuredOut(Shape):
    """The curve as it was read."""

    points: int
    low: float = Field(description="First q, 1/Angstrom")
    high: float = Field(description="Last q, 1/Angstrom")
    unit: Unit = Field(description="Of q as it was measured")
    factor: float = Field(description="By how much it lies above the nearest known curve; 1 where intensities are absolute")


class ShapeOut(Shape):
    """What the model tells of the shape."""

    best: str
    probabilities: dict[str, float]


class EstimateOut(Shape):
    """A number with its interval."""

    value: float
    low: float
    high: float
    source: Literal["model", "shape and size", "shape and atoms", "shape, atoms and distance"] = Field(
        description="Whether the model tells it, or what it follows from"
    )


class RadiusOut(EstimateOut):
    """A radius."""

    kind: Literal["circumscribed", "volume_equivalent", "gyration"]
    unit: Literal["Angstrom", "nm"]


class DistanceOut(Shape):
    """Between nearest neighbours."""

    value: float = Field(description="Angstrom")
    source: Literal["composition", "nearest known curve"]


class GuinierOut(Shape):
    """A fit of Guinier's law, on the measured curve alone."""

    rg: float = Field(description="Radius of gyration, Angstrom")
    rg_nm: float
    rg_std: float = Field(description="Standard deviation from the scatter about the line, Angstrom")
    intensity: float = Field(description="At q = 0, in the unit of the curve")
    low: float = Field(description="First q of the fit, 1/Angstrom")
    high: float = Field(description="Last q of the fit, where q Rg is 1.3 at most")
    points: int
    linearity: float = Field(description="Share of the variance of ln I that the line explains")


class CheckOut(Shape):
    """A figure of the curve held against what the model was trained on."""

    name: Literal["coverage", "noise", "library"] = Field(
        description="Share of the range that was not measured; relative noise; residual of the nearest known curve"
    )
    status: Literal["inside", "edge", "outside"]
    value: float
    limit: float


class CurveValidity(Shape):
    """How far the answer can be trusted: the worst of all checks."""

    status: Literal["inside", "edge", "outside"]
    model: VerdictOut = Field(description="Verdict on the curve as the model saw it")
    checks: list[CheckOut]


class NeighbourOut(Shape):
    """A known curve."""

    row: int = Field(description="Its row in the data set of the model")
    fields: dict[str, float | str] = Field(description="What the data set knows of it")
    factor: float = Field(description="By how much the measured curve lies above it")
    residual: float = Field(description="Root mean square of the logarithm of their ratio, the factor aside")


class CurveOut(Shape):
    """What a model tells of a measured curve; null what neither it tells nor follows."""

    surrogate: str
    level: float = Field(description="Share of new outcomes that the intervals of the model hold")
    measured: MeasuredOut
    shape: ShapeOut | None
    atoms: EstimateOut | None
    size: EstimateOut | None
    radii: list[RadiusOut]
    distance: DistanceOut | None = Field(description="What radii follow from where the model does not tell them")
    guinier: GuinierOut | None
    validity: CurveValidity
    nearest: list[NeighbourOut]
    flags: list[str] = Field(description="What a person should look at")
    figures: list[FigureOut]
