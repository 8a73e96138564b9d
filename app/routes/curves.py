"""Measured scattering curves, and what trained models tell of them."""

from __future__ import annotations

from typing import Annotated

import anyio
import numpy as np
from fastapi import APIRouter, Body, File, Path, Query, Request, UploadFile

from app import examples
from app.aside import Beside
from app.curves import Curves, read_file
from app.deps import IdempotencyKey
from app.problems import documented
from app.scattering import explained
from app.schemas.scattering import AskIn, CurveIn, CurveOut, UploadAsk
from app.security import Lab
from app.uploads import bytes_of
from models.scattering.reader import Curve, curve_of

router = APIRouter(prefix="/surrogates/{surrogate}/curve", tags=["surrogates"])
ModelId = Annotated[str, Path(max_length=80, pattern="^[a-z0-9-]+$", openapi_examples={"example": {"value": "particles-library"}})]
_CURVES = examples.shown(gold=examples.SCATTERING_CURVE)


@router.post("", responses=documented(404, 409, 413), summary="Read a measured scattering curve")
async def arrays(
    _who: Lab,
    request: Request,
    surrogate: ModelId,
    body: Annotated[CurveIn, Body(openapi_examples=_CURVES)],
    idempotency_key: IdempotencyKey = None,
) -> CurveOut:
    """Shape, atoms, size and radii of the particles behind a measured curve, with intervals, a verdict, and the nearest known curves.

    And Guinier's law, and figures. A curve that does not span the q range of the model is refused, unless `missing` allows it:
    then it is flagged. Nothing is stored, and no Idempotency-Key is needed.
    """
    columns = [None if values is None else np.array(values) for values in (body.q, body.intensity, body.sigma)]
    with explained():
        curve = curve_of(columns, body.unit)
    return await _answer(request, surrogate, curve, body)


@router.post("/file", responses=documented(404, 409, 413), summary="Read a file with a measured scattering curve")
async def upload(
    _who: Lab,
    aside: Beside,
    request: Request,
    surrogate: ModelId,
    file: Annotated[
        UploadFile, File(description="Text with columns q, I and, where known, sigma and the resolution of q; or NXcanSAS (HDF5)")
    ],
    wanted: Annotated[UploadAsk, Query()],
    idempotency_key: IdempotencyKey = None,
) -> CurveOut:
    """The same of a file. The unit of q is read from it, or has to be told: 1/nm and 1/Angstrom look alike."""
    # Beside this process: an HDF5 file is a program for a large library in C, and 30 MB of text take seconds.
    with explained():
        curve = await aside.call(read_file, await anyio.to_thread.run_sync(bytes_of, file), wanted.unit)
    return await _answer(request, surrogate, curve, wanted)


async def _answer(request: Request, surrogate: str, curve: Curve, wanted: AskIn) -> CurveOut:
    curves: Curves = request.app.state.curves
    return await anyio.to_thread.run_sync(curves.read, surrogate, curve, wanted, limiter=request.app.state.models.limiter)
