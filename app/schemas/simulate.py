"""Wire shapes of the virtual lab."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.schemas.base import Number, Seed, Shape

Flow = Annotated[Number, Field(ge=0.5, le=80)]


class SilverRecipe(Shape):
    """A recipe, in the widest ranges that the published lab ran; the four shares add up to 90 % at most."""

    QAgNO3: Annotated[Flow, Field(description="Silver nitrate, % of the flow")]
    Qpva: Annotated[Number, Field(ge=10, le=40, description="Polyvinyl alcohol, % of the flow")]
    Qtsc: Annotated[Flow, Field(description="Trisodium citrate, % of the flow")]
    Qseed: Annotated[Flow, Field(description="Seeds, % of the flow")]
    Qtot: Annotated[Number, Field(ge=200, le=1000, description="Total flow, uL/min")]


class SimulationIn(Shape):
    """Recipes to simulate; a thousand spectra at most in one answer."""

    recipes: Annotated[list[SilverRecipe], Field(min_length=1, max_length=1000)]
    replicates: Annotated[
        int | None, Field(strict=True, ge=1, le=100, description="Noisy replicates of each recipe; one noise-free spectrum when left out")
    ] = None
    seed: Annotated[Seed, Field(description="Of the noise; the same seed gives the same replicates")] = 0


class SimulationOut(Shape):
    """What the virtual lab measured."""

    axis: list[float] = Field(description="Wavelengths in nm")
    spectra: list[list[list[float]]] = Field(description="Absorbance of each recipe, of each of its replicates, along the axis")
