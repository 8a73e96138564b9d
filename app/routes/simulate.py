"""Virtual labs: recipes in, measurements out; nothing is stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from app import examples, simulating
from app.deps import IdempotencyKey
from app.problems import documented
from app.schemas.simulate import SimulationIn, SimulationOut
from app.security import Lab

router = APIRouter(prefix="/simulate", tags=["virtual labs"])


@router.post("/nanoparticle", responses=documented(413), summary="Measure recipes in the virtual silver lab")
def nanoparticle(
    _who: Lab,
    body: Annotated[SimulationIn, Body(openapi_examples=examples.shown(two_recipes=examples.SIMULATION))],
    idempotency_key: IdempotencyKey = None,
) -> SimulationOut:
    """Absorbance spectra of silver nanoparticles: noise-free, or replicates with the noise of the published lab.

    The same recipes, number of replicates and seed give the same spectra, so that no Idempotency-Key is needed. The noise of
    a recipe does not depend on the recipes beside it.
    """
    return simulating.nanoparticle(body)
