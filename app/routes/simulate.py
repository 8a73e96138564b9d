"""Virtual labs: recipes in, measurements out; nothing is stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from app import examples, polymer, psd, scattering, simulating
from app.aside import Beside
from app.deps import IdempotencyKey
from app.problems import documented
from app.schemas.polymer import PolymerIn, PolymerOut, RecipesIn, RecipesOut
from app.schemas.psd import CrystallizationIn, CrystallizationOut, PsdIn, PsdOut
from app.schemas.scattering import ScatteringIn, ScatteringOut, StructureIn
from app.schemas.simulate import SimulationIn, SimulationOut
from app.security import Lab

router = APIRouter(prefix="/simulate", tags=["virtual labs"])
_POLYMERS = examples.shown(two_recipes=examples.POLYMER_SIMULATION)
_TARGETS = examples.shown(averages=examples.POLYMER_RECIPES, blend=examples.POLYMER_BLEND, file=examples.POLYMER_FILE)
_SAMPLES = examples.shown(gold_and_an_alloy=examples.SCATTERING_SIMULATION)
_STRUCTURES = examples.shown(icosahedron=examples.STRUCTURE)
_SUSPENSIONS = examples.shown(two_suspensions=examples.PSD_SIMULATION)
_BATCHES = examples.shown(two_batches=examples.CRYSTALLIZATION)
_FILES = {"xyz": "chemical/x-xyz", "cif": "chemical/x-cif"}


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


@router.post("/scattering", responses=documented(413), summary="Simulate what nanoparticles scatter")
async def scatter(
    _who: Lab, aside: Beside, body: Annotated[ScatteringIn, Body(openapi_examples=_SAMPLES)], idempotency_key: IdempotencyKey = None
) -> ScatteringOut:
    """X-ray scattering of particles of nine shapes by Debye's equation, in squared electrons per particle, with atoms and radii.

    The same samples, axis and seed give the same curves, so that no Idempotency-Key is needed.
    """
    return await scattering.simulated(body, aside)


@router.post(
    "/scattering/structure",
    response_class=Response,
    responses={**documented(413), 200: {"description": "The file", "content": {kind: {} for kind in _FILES.values()}}},
    summary="Write down the atoms of a nanoparticle",
)
async def particle(
    _who: Lab, aside: Beside, body: Annotated[StructureIn, Body(openapi_examples=_STRUCTURES)], idempotency_key: IdempotencyKey = None
) -> Response:
    """The mean particle of a sample as an XYZ or CIF file, for structure viewers."""
    name = f"{body.sample.shape}-{body.sample.size}.{body.format}"
    content = await scattering.structure(body, aside)
    return Response(content, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, _FILES[body.format])


@router.post(
    "/psd",
    response_model=PsdOut,
    responses={**documented(409, 413), 200: {"content": {kind: {} for kind in psd.FILES.values()}}},
    summary="Take pictures of suspensions",
)
async def suspensions(
    _who: Lab, aside: Beside, body: Annotated[PsdIn, Body(openapi_examples=_SUSPENSIONS)], idempotency_key: IdempotencyKey = None
) -> PsdOut | Response:
    """Bright-field pictures of spheres or spheroids of a known size distribution, as an inline microscope shows them.

    As JSON, or as a file by `format`. The same suspensions and seed give the same pictures, so that no Idempotency-Key is needed.
    """
    found = await psd.pictures(body, aside)
    if isinstance(found, PsdOut):
        return found
    headers = {"Content-Disposition": f'attachment; filename="suspensions.{body.format}"'}
    return Response(found, 200, headers, psd.FILES[body.format])


@router.post("/crystallization", responses=documented(413), summary="Run recipes in the virtual crystallization lab")
async def crystallize(
    _who: Lab, aside: Beside, body: Annotated[CrystallizationIn, Body(openapi_examples=_BATCHES)], idempotency_key: IdempotencyKey = None
) -> CrystallizationOut:
    """Size distributions of potassium sulfate from seeded batches, by the population balance, and pictures of the slurry.

    The same recipes, number of replicates, seed and error give the same answer, so that no Idempotency-Key is needed. The pictures
    of a recipe do not depend on the recipes beside it.
    """
    return await psd.crystallization(body, aside)
