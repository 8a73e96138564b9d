"""123 features of image stacks from which size distributions can be told: classical image analysis without any particle found.

Granulometries of the light that passes and of the mask of particles, the radial power spectrum, chord lengths and statistics of the
grey levels. Sizes are shares of the image side: models compare images of one field of view and resolution. Everything is a mean
over the images of a stack (of any length), its logarithm where it is a density.

Notation: n stacks of k images, shape (n, k, height, width).

Sources: granulometry, see ``models.psd.granulometry``; chord lengths, Serra, Image Analysis and Mathematical Morphology (1982),
chapter 10; the spectrum is Welch's mean of windowed periodograms, IEEE Trans. Audio Electroacoust. 15, 70 (1967).
"""

from __future__ import annotations

import numpy as np

from models.psd import granulometry
from models.psd.foreground import FULL, Float32Array, Uint8Array, levels, mask
from models.surrogate import BoolArray, FloatArray

_DARK, _BRIGHT, _MASK, _RINGS, _CHORDS, _GAPS = 16, 12, 16, 24, 24, 12
"""Features of the closings, of the openings, of the openings of the mask, of the spectrum, of chords and of gaps between them."""
_PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
_SCALES = (1, 2, 4, 8)
"""Pixels of 128 along a side over which differences of grey levels are taken."""
NAMES: tuple[str, ...] = (
    *(f"closing {j}" for j in range(_DARK)),
    *(f"opening {j}" for j in range(_BRIGHT)),
    *(f"mask opening {j}" for j in range(_MASK)),
    *(f"power {j}" for j in range(_RINGS)),
    *(f"chord {j}" for j in range(_CHORDS)),
    *(f"gap {j}" for j in range(_GAPS)),
    *("mean", "deviation", "skewness", "kurtosis", "covered", "particles"),
    *(f"percentile {percent}" for percent in _PERCENTILES),
    *(f"difference {scale}" for scale in _SCALES),
)
"""What the features are, in their order; sizes rise with the number."""
_AT_ONCE = 16
"""Stacks whose arrays stay in the cache."""
_LEAST_LEVEL, _LEAST_POWER, _LEAST_CHORDS, _LEAST_DIFFERENCE = 1e-3, 1e-6, 1e-5, 1e-4
"""What is added before a logarithm is taken: about the noise of each."""


def features(stacks: Float32Array) -> FloatArray:
    """Features ``NAMES`` of stacks, shape (n, 123).

    Args:
        stacks: Grey values in [0, 1], shape (n, k, height, width); particles are darker than the background.
    """
    parts = (stacks[first : first + _AT_ONCE] for first in range(0, len(stacks), _AT_ONCE))
    return np.concatenate([_features(part) for part in parts])


def _features(stacks: Float32Array) -> FloatArray:
    seen = levels(stacks)
    dark = mask(seen)
    side = min(seen.shape[2:])
    return np.hstack(
        [
            _sizes(seen, side, _DARK, True),
            _sizes(seen, side, _BRIGHT, False),
            _sizes(dark.astype(np.uint8) * np.uint8(255), side, _MASK, False),
            _power(seen),
            _chords(dark, _CHORDS),
            _chords(~dark, _GAPS),
            _statistics(seen, dark),
        ]
    )


def _sizes(seen: Uint8Array, side: int, count: int, dark: bool) -> FloatArray:
    """Logarithms of the pattern spectrum, shape (n, count)."""
    n, k = seen.shape[:2]
    images = np.ascontiguousarray(np.moveaxis(seen.reshape(n * k, *seen.shape[2:]), 0, 2))
    spectrum = granulometry.spectrum(images, granulometry.radii(side, count), dark)
    return np.asarray(np.log(spectrum.reshape(n, k, count).mean(axis=1) + _LEAST_LEVEL))


def _power(seen: Uint8Array) -> FloatArray:
    """Logarithms of the mean power in rings of wave numbers, from one period per side to the corner, shape (n, rings)."""
    from scipy import fft  # late, like all of scipy

    n, k, height, width = seen.shape
    images = seen.astype(np.float32) / np.float32(FULL)
    images -= images.mean(axis=(2, 3), keepdims=True)
    images *= np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    waves = fft.rfft2(images) / np.float32(height * width)
    power = (waves.real**2 + waves.imag**2).reshape(n, k, -1).mean(axis=1)
    periods = np.hypot(fft.fftfreq(height)[:, None], fft.rfftfreq(width)).ravel() * min(height, width)
    edges = np.geomspace(1, min(height, width) / 2, _RINGS)
    ring = np.searchsorted(edges, periods, side="right")
    rings = np.zeros((len(periods), _RINGS), np.float32)
    kept = ring > 0
    rings[kept, ring[kept] - 1] = 1
    return np.asarray(np.log(power @ (rings / np.maximum(rings.sum(axis=0), 1)) + _LEAST_POWER), float)


def _chords(dark: BoolArray, count: int) -> FloatArray:
    """Logarithms of the number of whole chords per line and class of lengths, along rows and columns, shape (n, count)."""
    n = len(dark)
    side = min(dark.shape[2:])
    edges = np.maximum(side * np.geomspace(1 / 128, 1, count + 1), np.arange(1, count + 2)) - 0.5
    found = np.zeros(n * count)
    for lines in (dark, np.swapaxes(dark, 2, 3)):
        size = lines.shape[3]
        flat = np.pad(lines, ((0, 0), (0, 0), (0, 0), (1, 1))).ravel()
        ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        begins, ends = ends[::2], ends[1::2]
        whole = (begins % (size + 2) > 1) & (ends % (size + 2) < size + 1)
        stack = begins[whole] // (flat.size // n)
        length = np.searchsorted(edges, (ends - begins)[whole]).clip(1, count) - 1
        found += np.bincount(stack * count + length, minlength=n * count)
    lines_of_a_stack = dark[0].size * (1 / dark.shape[2] + 1 / dark.shape[3])
    return np.asarray(np.log(found.reshape(n, count) / lines_of_a_stack + _LEAST_CHORDS))


def _statistics(seen: Uint8Array, dark: BoolArray) -> FloatArray:
    """Moments and percentiles of the levels, share covered, particles per pixel, and differences at several distances."""
    counts = np.array([np.bincount(stack.ravel(), minlength=256) for stack in seen]) / seen[0].size
    grey = np.arange(256) / FULL
    mean = counts @ grey
    off = grey - mean[:, None]
    deviation = np.sqrt((counts * off**2).sum(axis=1)) + 1 / 256
    skewness, kurtosis = ((counts * off**power).sum(axis=1) / deviation**power for power in (3, 4))
    below = np.cumsum(counts, axis=1)
    percentiles = [np.interp(_PERCENTILES, 100 * row, grey) for row in below]
    columns = [mean, deviation, skewness, kurtosis, dark.mean(axis=(1, 2, 3)), _euler(dark), *np.array(percentiles).T]
    signed = seen.astype(np.int16)
    for scale in _SCALES:
        step = max(1, round(scale * min(seen.shape[2:]) / 128))
        columns.append(np.log(np.abs(signed[..., step:] - signed[..., :-step]).mean(axis=(1, 2, 3)) / FULL + _LEAST_DIFFERENCE))
    return np.column_stack(columns)


def _euler(dark: BoolArray) -> FloatArray:
    """Logarithm of pieces less holes per pixel: pixels less pairs of neighbours plus squares of four (Serra, chapter 6), shape (n,)."""
    pairs, below = dark[..., 1:] & dark[..., :-1], dark[..., 1:, :] & dark[..., :-1, :]
    squares = pairs[..., 1:, :] & pairs[..., :-1, :]
    total, right, down, four = (part.sum(axis=(1, 2, 3)) for part in (dark, pairs, below, squares))
    return np.asarray(np.log(np.maximum(total - right - down + four, 0) / dark[0].size + _LEAST_CHORDS))
