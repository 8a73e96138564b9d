"""Measured images and trained models: read, checked and asked in a process of their own, told in numbers that people use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from app.predicting import Models, loaded
from app.problems import Conflict
from app.psd import explained, figures_of
from app.schemas.psd import BandOut, ConversionOut, ReadingOut, SeenOut
from app.schemas.studies import FigureOut
from app.schemas.surrogates import VerdictOut
from models.psd import figures, picture_figures, reading
from models.psd.distribution import NAMES, Band, Conversion
from models.psd.reading import Ask, Reading, Scene, scene
from models.trained import LEVEL


def read(models: Models, id: str, content: bytes, ask: Ask) -> ReadingOut:
    """What a model tells of the images of a file.

    Raises:
        NotFound: There is no such model.
        Conflict: It is not trained, or is no model of size distributions; or a library is missing.
        InvalidInput: The images cannot be read, or do not fit the model.
    """
    held = models.held(id)
    with explained():
        scene(held.task)
        if not isinstance(held.model, Path):
            raise Conflict(f"{id!r} is asked by POST /api/v1/surrogates/{id}/predict")
        return _told(id, models.elsewhere.run(_read, held.model, content, ask), ask.draws)


def _read(folder: Path, content: bytes, ask: Ask) -> Reading:
    return reading.read(loaded(folder), content, ask)


def _told(id: str, found: Reading, draws: int) -> ReadingOut:
    distribution, (count, height, width) = found.distribution, found.taken.values.shape
    seen = SeenOut(
        count=count,
        height=height,
        width=width,
        um_per_pixel=found.taken.um_per_pixel,
        pixels=found.shown.values.shape[1],
        model_um_per_pixel=found.shown.um_per_pixel,
    )
    return ReadingOut(
        **figures_of(distribution),
        surrogate=id,
        weighting=distribution.weighting,
        edges=distribution.edges.tolist(),
        centres=distribution.centres.tolist(),
        shares=distribution.shares.tolist(),
        density=distribution.density().tolist(),
        cumulative=distribution.cumulative().tolist(),
        level=LEVEL,
        low=None if found.low is None else found.low.tolist(),
        high=None if found.high is None else found.high.tolist(),
        bootstrap=found.band and _band(found.band, draws),
        conversion=found.conversion and _conversion(found.scene, found.conversion),
        images=seen,
        validity=VerdictOut(**vars(found.verdict)),
        flags=list(found.flags),
        figures=_figures(found),
    )


def _band(band: Band, draws: int) -> BandOut:
    marks = dict(zip(NAMES, np.transpose(band.marks).tolist(), strict=True))
    return BandOut(draws=draws, shares=band.shares.tolist(), cumulative=band.cumulative.tolist(), marks=marks)


def _conversion(trained_on: Scene, cost: Conversion) -> ConversionOut:
    return ConversionOut(trained=trained_on.weighting, effective=cost.effective, gain=cost.gain, half_bin=cost.half_bin)


def _figures(found: Reading) -> list[FigureOut]:
    drawn: list[tuple[str, str, dict[str, Any]]] = [
        ("distribution", "Size distribution, and its cumulative curve", figures.distribution(found.distribution, found.band)),
        ("images", "Images as the model sees them", picture_figures.images(found.shown.values)),
    ]
    return [FigureOut(name=name, title=title, figure=figure) for name, title, figure in drawn]
