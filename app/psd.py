"""Suspensions and the virtual crystallization lab behind the wire: requests checked here, drawn and computed aside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from app.aside import Aside
from app.npz import write_npz
from app.problems import Conflict
from app.schemas.psd import BatchOut, CrystallizationIn, CrystallizationOut, PictureOut, PicturesIn, PsdIn, PsdOut
from models.psd.bins import EDGES, Weighting
from models.psd.crystallizer import RECIPE, BadRecipe, check
from models.psd.distribution import BadDistribution, Distribution
from models.psd.lab import VirtualLab
from models.psd.particles import FIELD
from models.psd.reader import BadImage, write_psd
from models.psd.reading import MEANS
from models.psd.render import stack
from models.psd.suspension import BadSuspension, Mode, Suspension
from models.psd.writer import archive, png, tiff
from models.surrogate import FloatArray
from models.table import BadTable
from optimizer.types import InvalidInput

Grey = npt.NDArray[np.uint8]
FILES = {"tiff": "image/tiff", "zip": "application/zip", "npz": "application/zip"}
"""Formats that are files, and their media types."""


@contextmanager
def explained(*where: str | int) -> Iterator[None]:
    """Say where in the request the fault is that the models find: at its own field below ``where``."""
    try:
        yield
    except (BadSuspension, BadImage, BadDistribution) as error:
        raise InvalidInput(error.message, where=(*where, error.field), remedy=error.remedy) from error
    except BadRecipe as error:
        raise InvalidInput(error.message, where=(*where, error.row, error.field), remedy=error.remedy) from error
    except BadTable as error:
        raise Conflict(f"{error}; {error.remedy}") from error
    except ImportError as error:
        raise Conflict(f"this service lacks a library: {error}") from error


def figures_of(distribution: Distribution) -> dict[str, float]:
    """What a distribution comes to, as ``MeansOut`` tells it."""
    marks = {"D10": distribution.d10, "D50": distribution.d50, "D90": distribution.d90, "span": distribution.span}
    return marks | {f"D[{p},{q}]": distribution.mean(p, q) for p, q in MEANS}


async def pictures(wanted: PsdIn, aside: Aside) -> PsdOut | bytes:
    """Pictures of suspensions, as JSON or as the content of a file.

    Raises:
        InvalidInput: A suspension is none.
        Conflict: A library is missing.
    """
    suspensions = [_suspension(wanted, index) for index in range(len(wanted.suspensions))]
    size = FIELD / wanted.pixels if wanted.um_per_pixel is None else wanted.um_per_pixel
    stacks = await aside.call(_drawn, suspensions, wanted.seed, wanted.images, wanted.pixels, size)
    if wanted.format == "json":
        parts = [PictureOut(**_told(one, wanted.weighting), images=_texts(images)) for one, images in zip(suspensions, stacks, strict=True)]
        return PsdOut(weighting=wanted.weighting, edges=EDGES.tolist(), um_per_pixel=size, stacks=parts)
    with explained():
        return _file(wanted, suspensions, stacks, size)


def _suspension(wanted: PsdIn, index: int) -> Suspension:
    given = wanted.suspensions[index]
    modes = list[Mode]()
    for k, mode in enumerate(given.modes):
        with explained("suspensions", index, "modes", k):
            modes.append(Mode(**mode.model_dump()))
    with explained("suspensions", index):
        return Suspension(tuple(modes), given.phi, given.aspect)


def _drawn(suspensions: Sequence[Suspension], seed: int, images: int, pixels: int, um_per_pixel: float) -> Grey:
    """Stacks, shape (n, images, pixels, pixels); their noise depends on seed and place."""
    return np.stack([stack(one, (seed, row), images, pixels, um_per_pixel) for row, one in enumerate(suspensions)])


def _file(wanted: PsdIn, suspensions: Sequence[Suspension], stacks: Grey, um_per_pixel: float) -> bytes:
    if wanted.format == "tiff":
        return tiff(stacks[0], um_per_pixel)
    shares = np.array([one.shares(wanted.weighting) for one in suspensions])
    if wanted.format == "npz":
        arrays = {"images": stacks, "psd": shares, "edges": EDGES, "um_per_pixel": np.array(um_per_pixel)}
        return write_npz(arrays)
    files = dict[str, bytes]()
    for row, (images, of) in enumerate(zip(stacks, shares, strict=True), 1):
        folder = f"suspension-{row:03d}"
        files |= {f"{folder}/image-{k:02d}.png": png(image) for k, image in enumerate(images, 1)}
        files[f"{folder}/psd.csv"] = write_psd(Distribution(EDGES, of, wanted.weighting)).encode()
    return archive(files)


async def crystallization(wanted: CrystallizationIn, aside: Aside) -> CrystallizationOut:
    """What recipes give in the virtual crystallization lab, and pictures of it.

    Raises:
        InvalidInput: A recipe is out of the range of the lab.
    """
    X = np.array([[getattr(recipe, name) for name in RECIPE] for recipe in wanted.recipes])
    with explained("recipes"):
        check(X)
    suspensions, stacks = await aside.call(_crystallized, X, wanted.error, wanted.replicates or 0, wanted)
    batches = [
        BatchOut(**_told(one, wanted.weighting), stacks=[_texts(images) for images in of])
        for one, of in zip(suspensions, stacks, strict=True)
    ]
    return CrystallizationOut(weighting=wanted.weighting, edges=EDGES.tolist(), um_per_pixel=FIELD / wanted.pixels, batches=batches)


def _crystallized(X: FloatArray, error: int | None, replicates: int, how: PicturesIn) -> tuple[tuple[Suspension, ...], list[list[Grey]]]:
    """Suspensions, and their stacks, whose noise depends on seed and recipe alone, whatever stands beside it."""
    lab = VirtualLab(error)
    suspensions = lab.suspensions(X)
    seeds = [[how.seed, *x.view(np.uint32).tolist()] for x in X]
    stacks = [
        [lab.pictures(one, [*seed, k], how.images, how.pixels) for k in range(1, replicates + 1)]
        for one, seed in zip(suspensions, seeds, strict=True)
    ]
    return suspensions, stacks


def _told(suspension: Suspension, weighting: Weighting) -> dict[str, Any]:
    distribution = Distribution(EDGES, suspension.shares(weighting), weighting)
    return {**figures_of(distribution), "shares": distribution.shares.tolist(), "phi": suspension.phi}


def _texts(images: Grey) -> list[str]:
    return [b64encode(png(image)).decode() for image in images]
