"""Measured images, and the size distributions that trained models read from them."""

from __future__ import annotations

from typing import Annotated

import anyio
from fastapi import APIRouter, File, Form, Path, Request, UploadFile

from app import images
from app.deps import IdempotencyKey
from app.problems import documented
from app.schemas.psd import ReadingOut, WeightingIn
from app.security import Lab
from app.uploads import bytes_of
from models.psd.reading import Ask

router = APIRouter(prefix="/surrogates", tags=["surrogates"])
ModelId = Annotated[str, Path(max_length=80, pattern="^[a-z0-9-]+$", openapi_examples={"example": {"value": "crystal-sizes"}})]
UmPerPixel = Annotated[
    float, Form(gt=0, le=1000, allow_inf_nan=False, description="Edge of a pixel in the suspension, um, as calibrated; no image tells it")
]


@router.post("/{surrogate}/images", responses=documented(404, 409, 413), summary="Read sizes of particles from images")
async def read(
    _who: Lab,
    request: Request,
    surrogate: ModelId,
    file: Annotated[UploadFile, File(description="Multi-page TIFF, PNG, or a zip file of TIFF and PNG: images of one suspension")],
    um_per_pixel: UmPerPixel,
    flat_field: Annotated[UploadFile | None, File(description="The same without particles; the images are divided by it")] = None,
    bootstrap: Annotated[int, Form(ge=0, le=1000, description="Stacks that are drawn from the images for a 90 % band; 0 for none")] = 0,
    weighting: Annotated[WeightingIn | None, Form(description="What shares shall count; as the model was trained when left out")] = None,
    seed: Annotated[int, Form(ge=0, le=2**31 - 1, description="Of the bootstrap")] = 0,
    idempotency_key: IdempotencyKey = None,
) -> ReadingOut:
    """Size distribution with D10, D50, D90, span and mean diameters, intervals, a verdict, what to look at, and figures.

    Images are brought to the pixel size and the field of view that the model was trained on, which the flags tell. Images that
    show less are refused. Nothing is stored, and no Idempotency-Key is needed.
    """
    content = await anyio.to_thread.run_sync(bytes_of, file)
    flat = None if flat_field is None else await anyio.to_thread.run_sync(bytes_of, flat_field)
    ask = Ask(um_per_pixel, flat, bootstrap, weighting, seed)
    return await anyio.to_thread.run_sync(images.read, request.app.state.models, surrogate, content, ask)
