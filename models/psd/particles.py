"""Particles in the field of view: a Poisson process of spheres or of prolate spheroids in random orientation.

Lengths are in um, the field is the square from 0 to its side. Particles that the border cuts are there with what is inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.psd.bins import EDGES
from models.psd.suspension import Suspension
from models.surrogate import BoolArray, FloatArray

FIELD = 1024.0
"""Side of the field of view: 128 pixels of 8 um."""
Seed = int | Sequence[int]


@dataclass(frozen=True, eq=False)
class Particles:
    """Particles that reach into a picture, arrays of shape (n,).

    Attributes:
        x: Of the centres, to the right.
        y: Of the centres, downwards.
        diameter: Of the sphere of the same volume.
        major: Semi-axis of the projection.
        minor: Semi-axis of the projection.
        angle: From x to the major axis.
        depth: Distance from the focal plane, -1 to 1 within the slice that is seen.
        shade: What the contrast of a particle differs by from the others', -1 to 1.
    """

    x: FloatArray
    y: FloatArray
    diameter: FloatArray
    major: FloatArray
    minor: FloatArray
    angle: FloatArray
    depth: FloatArray
    shade: FloatArray

    def __len__(self) -> int:
        return len(self.x)

    @property
    def extent(self) -> FloatArray:
        """Half widths of the projections along x and y, shape (2, n)."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.array([np.hypot(self.major * c, self.minor * s), np.hypot(self.major * s, self.minor * c)])

    def chosen(self, mask: BoolArray) -> Particles:
        """Those of a mask."""
        return Particles(**{name: values[mask] for name, values in vars(self).items()})


def image_rng(seed: Seed, image: int) -> np.random.Generator:
    """Random numbers of an image, independent of those of the seed alone; a longer stack begins with the shorter one."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, image)))


def scattered(suspension: Suspension, rng: np.random.Generator, field: float = FIELD) -> Particles:
    """Particles of a picture, as many as phi asks for in the mean.

    Centres are spread over the field and a margin in which a largest particle would just touch it.
    """
    aspect = suspension.aspect or (1.0, 1.0)
    margin = EDGES[-1] / 2 * aspect[1] ** (2 / 3)
    n = rng.poisson(suspension.phi / suspension.mean_area() * (field + 2 * margin) ** 2)
    d = suspension.diameters(n, rng)
    ratio = rng.uniform(*aspect, n)
    x, y = rng.uniform(-margin, field + margin, (2, n))
    sine2 = 1 - rng.uniform(-1, 1, n) ** 2
    minor = d / 2 * ratio ** (-1 / 3)
    major = minor * np.sqrt(1 + (ratio**2 - 1) * sine2)
    depth, shade = rng.uniform(-1, 1, (2, n))
    all_of_them = Particles(x, y, d, major, minor, rng.uniform(0, np.pi, n), depth, shade)
    wide, high = all_of_them.extent
    return all_of_them.chosen((x > -wide) & (x < field + wide) & (y > -high) & (y < field + high))


def true_particles(suspension: Suspension, seed: Seed, images: int = 5, field: float = FIELD) -> tuple[Particles, ...]:
    """What ``render.stack`` shows in each of its images for the same seed and field of view in um."""
    return tuple(scattered(suspension, image_rng(seed, image), field) for image in range(images))
