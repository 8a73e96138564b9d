"""The scattering simulator behind the wire: samples in, curves or structures out, computed aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from app.aside import Aside
from app.schemas.scattering import LARGEST, ParticleOut, SampleIn, ScatteringIn, ScatteringOut, StructureIn
from models.scattering import export
from models.scattering.curves import Sample, simulate
from models.scattering.formula import composition
from models.scattering.reader import BadCurve
from models.scattering.shapes import BadParticle, cluster
from models.surrogate import FloatArray
from optimizer.types import InvalidInput

_VALUES = 500_000
"""Intensities in one answer: 10 MB of JSON."""
_WIDE = 3
"""Standard deviations of the sizes that are simulated, to either side."""


@contextmanager
def explained(*where: str | int, own: Sequence[str] = ()) -> Iterator[None]:
    """Say where in the request the fault is that the models find: at ``where``, or at the field of it where that is an ``own`` one."""
    try:
        yield
    except (BadParticle, BadCurve) as error:
        place = (*where, error.field) if error.field in own else where or (error.field,)
        raise InvalidInput(f"{error.field}: {error.message}", where=place, remedy=error.remedy) from error


async def simulated(wanted: ScatteringIn, aside: Aside) -> ScatteringOut:
    """Curves of samples.

    Raises:
        InvalidInput: A sample is none, or too many intensities are asked for.
    """
    axis = wanted.axis
    q = axis.low + axis.step * np.arange(int((axis.high - axis.low) / axis.step * (1 + 1e-12) + 1e-9) + 1)
    if len(q) * len(wanted.samples) > _VALUES:
        fault = f"{len(wanted.samples)} curves of {len(q)} points are asked for, an answer holds {_VALUES} intensities"
        raise InvalidInput(fault, where=("samples",), remedy="send fewer samples at a time, or take a wider step")
    samples = [sample_of(given, "samples", index) for index, given in enumerate(wanted.samples)]
    with explained("axis"):
        particles, curves = await aside.call(_simulated, samples, q, wanted.seed, wanted.divided)
    told = zip(samples, particles, curves.tolist(), strict=True)
    return ScatteringOut(
        axis=q.tolist(),
        particles=[
            ParticleOut(atoms=sample.atoms, distance=sample.distance, circumscribed=sample.radius, gyration=gyration, intensity=curve)
            for sample, gyration, curve in told
        ],
    )


def _simulated(samples: Sequence[Sample], q: FloatArray, seed: int, divided: bool) -> tuple[list[float], FloatArray]:
    gyrations = [float(cluster(sample.shape, sample.size).gyration * sample.distance) for sample in samples]
    return gyrations, simulate(samples, q, seed, divided)


async def structure(wanted: StructureIn, aside: Aside) -> str:
    """The atoms of a particle as the text of a file.

    Raises:
        InvalidInput: The sample is none.
    """
    write = {"xyz": export.xyz, "cif": export.cif}[wanted.format]
    return await aside.call(write, sample_of(wanted.sample, "sample"), wanted.seed)


def sample_of(given: SampleIn, *where: str | int) -> Sample:
    """A sample as the models know it.

    Raises:
        InvalidInput: It is none, or its largest particles are too large to be waited for.
    """
    largest = given.size * (1 + _WIDE * given.size_spread)
    if largest > LARGEST:
        fault = f"sizes go up to {largest:.3g}, {LARGEST} at most"
        raise InvalidInput(fault, where=(*where, "size_spread"), remedy="take smaller or more uniform particles")
    with explained(*where, own=tuple(SampleIn.model_fields)):
        return Sample(**given.model_dump(exclude={"composition"}), composition=composition(given.composition))
