"""Bright-field pictures of suspensions: what an inline microscope shows of particles whose size distribution is known.

Every particle multiplies the light by 1 - contrast edge (1 - bright centre). The edge is soft, and softer the further the particle
is out of focus; the background is uneven to the second order; the camera adds shot and read noise and tells 8 bits. Pixels of more
than 8 um are means of smaller ones: a picture of 64 pixels is that of 128 pixels binned 2 x 2, of the same field of 1024 um.

Notation: u, v from the centre of a particle along the axes of its projection, of semi-axes a and b; q the elliptic radius, 1 at the
outline; w the half width of the edge. Lengths in um.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.psd.particles import FIELD, Particles, Seed, image_rng, scattered
from models.psd.suspension import BadSuspension, Suspension
from models.surrogate import FloatArray

Painter = Callable[[npt.NDArray[np.float32], FloatArray], None]

CAMERA_PIXEL = 8.0
"""Larger pixels than this, in um, are binned from such that are not."""
GLOW = 0.7
"""Radius of the bright centre, in units of that of the particle."""
_LARGEST_IMAGE, _LARGEST_FIELD = 4096, 20_000.0


@dataclass(frozen=True)
class Optics:
    """How particles look.

    Attributes:
        contrast: Share of the light that a particle takes away where it is darkest.
        shading: Largest difference of the contrast from particle to particle.
        centre: Share of that darkness which is missing in the bright centre of a large particle.
        blur: Half width of the edge in focus, in um.
        defocus: What is added to it, root of the sum of squares, at either end of the slice that is seen, in um.
        level: Grey level of the background in the middle.
        unevenness: Standard deviation of the five coefficients of the background, relative to its level.
        electrons: Per grey level; their shot noise is that of the signal.
        read: Standard deviation of the read noise in grey levels.

    Raises:
        BadSuspension: A number is out of its range.
    """

    contrast: float = 0.75
    shading: float = 0.12
    centre: float = 0.75
    blur: float = 5.0
    defocus: float = 14.0
    level: float = 175.0
    unevenness: float = 0.06
    electrons: float = 40.0
    read: float = 1.5

    def __post_init__(self) -> None:
        for name in ("shading", "defocus", "unevenness", "read"):
            if not 0 <= getattr(self, name) < np.inf:
                raise BadSuspension(f"{getattr(self, name)!r}", name, "give 0 or more")
        for name in ("blur", "electrons"):
            if not 0 < getattr(self, name) < np.inf:
                raise BadSuspension(f"{getattr(self, name)!r}", name, "give a number above 0")
        if not (self.shading <= self.contrast and self.contrast + self.shading <= 1):
            raise BadSuspension(f"{self.contrast!r} +- {self.shading!r}", "contrast", "stay within 0 and 1")
        if not 0 <= self.centre <= 1:
            raise BadSuspension(f"{self.centre!r}", "centre", "give a share from 0 to 1")
        if not 0 < self.level <= 255:
            raise BadSuspension(f"{self.level!r}", "level", "give a grey level up to 255")


STANDARD = Optics()


def stack(
    suspension: Suspension,
    seed: Seed,
    images: int = 5,
    pixels: int = 64,
    um_per_pixel: float | None = None,
    optics: Optics = STANDARD,
) -> npt.NDArray[np.uint8]:
    """Pictures of a suspension, each of other particles, all on one background.

    The same seed gives the same particles whatever the pixels of a field are, and a longer stack begins with the shorter one.

    Args:
        suspension: What is looked at.
        seed: Of particles, background and noise.
        images: Pictures.
        pixels: Along either side.
        um_per_pixel: Their size; when left out, as it is in a field of view of 1024 um: 8 um for 128 pixels, 16 um for 64.
        optics: How particles look, and what the camera adds.

    Returns:
        Grey levels, shape (images, pixels, pixels).

    Raises:
        BadSuspension: A number is out of its range.
    """
    if images < 1:
        raise BadSuspension(f"{images} are no stack", "images", "ask for 1 at least")
    if not 1 <= pixels <= _LARGEST_IMAGE:
        raise BadSuspension(f"{pixels} along a side", "pixels", f"ask for 1 to {_LARGEST_IMAGE}")
    size = FIELD / pixels if um_per_pixel is None else um_per_pixel
    binned = _binned(size, pixels)
    light = background(seed, pixels * binned, optics)
    taken = np.empty((images, pixels, pixels), np.uint8)
    for image in range(images):
        rng = image_rng(seed, image)
        particles = scattered(suspension, rng, pixels * size)
        signal = light * transmission(particles, pixels * binned, size / binned, optics)
        taken[image] = _camera(signal, binned, optics, rng)
    return taken


def background(seed: Seed, pixels: int, optics: Optics) -> npt.NDArray[np.float32]:
    """Grey levels without particles and noise, shape (pixels, pixels): a polynomial of second order, drawn by the seed."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    c = rng.normal(0.0, optics.unevenness, 5)
    x = (2 * np.arange(pixels) + 1) / pixels - 1
    y = x[:, None]
    shape = 1 + c[0] * x + c[1] * y + c[2] * x**2 + c[3] * x * y + c[4] * y**2
    return np.asarray(optics.level * np.maximum(shape, 0), np.float32)


def transmission(particles: Particles, pixels: int, um_per_pixel: float, optics: Optics) -> npt.NDArray[np.float32]:
    """Share of the light that passes, at the centre of every pixel, shape (pixels, pixels)."""
    passed = np.ones((pixels, pixels), np.float32)
    _painter()(passed, drawable(particles, um_per_pixel, optics))
    return passed


def paint(passed: npt.NDArray[np.float32], particles: FloatArray) -> None:
    """Multiply a picture in place by what particles let pass, the reference of ``patches.paint``.

    Args:
        passed: Shape (height, width).
        particles: Columns of ``drawable``, shape (n, 10).
    """
    height, width = passed.shape
    for x, y, cosine, sine, a, b, w, dark, bright, reach in particles:
        wide, high = reach * np.hypot(a * cosine, b * sine), reach * np.hypot(a * sine, b * cosine)
        left, right = max(int(np.ceil(x - wide)), 0), min(int(np.floor(x + wide)) + 1, width)
        top, bottom = max(int(np.ceil(y - high)), 0), min(int(np.floor(y + high)) + 1, height)
        dx, dy = np.arange(left, right) - x, np.arange(top, bottom)[:, None] - y
        u, v = (dx * cosine + dy * sine) / a, (dy * cosine - dx * sine) / b
        q2 = u * u + v * v
        # Distance from the outline to the first order, (q - 1) / |grad q|, which the centre of a spheroid has none of.
        steep = np.sqrt(np.maximum((u / a) ** 2 + (v / b) ** 2, 1e-30))
        t = np.clip(0.5 - (q2 - np.sqrt(q2)) / (2 * w * steep), 0, 1)
        glow = np.maximum(1 - q2 / GLOW**2, 0)
        passed[top:bottom, left:right] *= 1 - dark * t * t * (3 - 2 * t) * (1 - bright * glow * glow)


def drawable(particles: Particles, um_per_pixel: float, optics: Optics) -> FloatArray:
    """Columns x, y, cosine, sine, a, b, w, darkness, bright centre, and reach in units of the outline; lengths in pixels."""
    w = np.hypot(optics.blur, optics.defocus * particles.depth)
    b = particles.minor
    # The curves of the elliptic radius lie b apart at least: none further out than 1 + w / b is reached by the edge.
    reach = 1 + w / b
    lengths = np.array([particles.major, b, w]) / um_per_pixel
    place = np.array([particles.x, particles.y]) / um_per_pixel - 0.5
    dark, bright = optics.contrast + optics.shading * particles.shade, optics.centre * b / (b + 2 * w)
    return np.column_stack([*place, np.cos(particles.angle), np.sin(particles.angle), *lengths, dark, bright, reach])


def _binned(size: float, pixels: int) -> int:
    """Pixels of the camera along a pixel of so many um."""
    if not 0 < size * pixels <= _LARGEST_FIELD:
        raise BadSuspension(f"{size!r}", "um_per_pixel", f"give the size of a pixel in um; a field has up to {_LARGEST_FIELD:g} um")
    # A hair less, so that 8 um as a quotient is not two pixels.
    return int(np.ceil(size / CAMERA_PIXEL - 1e-9))


@cache
def _painter() -> Painter:
    """The compiled ``paint`` where numba is installed."""
    try:
        from models.psd import patches
    except ModuleNotFoundError:
        return paint
    compiled: Painter = patches.paint
    return compiled


def _camera(signal: npt.NDArray[np.float32], binned: int, optics: Optics, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Grey levels of a signal with noise: shot noise is near normal at more than a thousand electrons."""
    noise = rng.standard_normal(signal.shape, np.float32)
    noise *= np.sqrt(signal / np.float32(optics.electrons) + np.float32(optics.read**2))
    noise += signal
    if binned > 1:
        # Five times as fast as the mean over two axes of a reshaped array.
        parts = [noise[i::binned, j::binned] for i in range(binned) for j in range(binned)]
        noise = np.add.reduce(parts) / np.float32(binned**2)
    return (np.clip(noise, 0, 255) + np.float32(0.5)).astype(np.uint8)
