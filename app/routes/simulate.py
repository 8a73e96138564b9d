"""Virtual labs: recipes in, measurements out; nothing is stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from app import examples, polymer, simulating
from app.aside import Beside
from app.deps import IdempotencyKey
from app.problems import documented
from app.schemas.polymer import PolymerIn, PolymerOut, RecipesIn, RecipesOut
from app.schemas.simulate import SimulationIn, SimulationOut
from app.security import Lab

router = APIRouter(prefix="/simulate", tags=["virtual labs"])
_POLYMERS = examples.shown(two_recipes=examples.POLYMER_SIMULATION)
_TARGETS = examples.shown(averages=examples.POLYMER_RECIPES, blend=examples.POLYMER_BLEND, file=examples.POLYMER_FILE)


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


@router.post("/polymer", responses=documented(413), summary="Make recipes in the virtual polymer lab")
async def make_polymer(
    _who: Lab, aside: Beside, body: Annotated[PolymerIn, Body(openapi_examples=_POLYMERS)], idempotency_key: IdempotencyKey = None
) -> PolymerOut:
    """Conversion and molar masses of butyl acrylate with AIBN in toluene, and its distribution, or injections of it into a SEC.

    An injection shows what the column broadens (.045 decade), with a shifted calibration, a straight baseline and noise. The
    same recipes, number of replicates, seed and error give the same answer, so that no Idempotency-Key is needed. The noise of
    a recipe does not depend on the recipes beside it.
    """
    return await polymer.simulated(body, aside)


@router.post("/polymer/recipes", responses=documented(413), summary="Find recipes for a molar mass distribution")
async def polymer_recipes(
    _who: Lab, aside: Beside, body: Annotated[RecipesIn, Body(openapi_examples=_TARGETS)], idempotency_key: IdempotencyKey = None
) -> RecipesOut:
    """Recipes that give a wanted distribution by the published kinetics, each simulated back.

    A distribution tells about two numbers of a recipe, with the monomer left about three: so the answer is a family, ranked by
    what else is wanted. `status` says whether a recipe gives what was wanted within noise (`ok`), nearly, or not at all. The
    same request has the same answer, so that no Idempotency-Key is needed.
    """
    return await polymer.recipes(body, aside)
