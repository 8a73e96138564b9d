"""Granulometry: how much of an image is left by openings with ever larger octagons, or by closings.

Octagons are sums of lines: a half-width r is that of a horizontal and a vertical line of half-length h and of two diagonals of
e steps to either side, r = h + 2 e. Images are bytes of shape (height, width, n): with the images last, shifted rows are long.

Sources: granulometry and pattern spectrum, Matheron, Random Sets and Integral Geometry (1975), chapter 7, and Maragos, IEEE
Trans. Pattern Anal. Mach. Intell. 11, 701 (1989).
"""

from __future__ import annotations

import numpy as np

from models.psd.foreground import Uint8Array
from models.surrogate import FloatArray, IntArray

_DIAGONAL = 1 - np.sqrt(0.5)
"""Share of the half-width that each diagonal adds to a regular octagon, a half of 2 - sqrt 2."""
_LINES = ((0, 1), (1, 0), (1, 1), (1, -1))


def radii(side: int, count: int) -> IntArray:
    """Half-widths of the octagons in pixels, from 1 to a quarter of the side, even in the logarithm and all different, shape (count,)."""
    return np.maximum(np.rint(side * np.geomspace(1 / 128, 1 / 4, count)), np.arange(1, count + 1)).astype(np.int64)


def spectrum(images: Uint8Array, radii: IntArray, dark: bool) -> FloatArray:
    """Mean level that each opening takes away from the one before, or, of what is dark, each closing adds; shape (n, radii).

    Args:
        images: Shape (height, width, n).
        radii: Increasing half-widths in pixels.
        dark: Whether dark things are measured, by closings, or bright ones, by openings.
    """
    first, second = (np.maximum, np.minimum) if dark else (np.minimum, np.maximum)
    means, narrow, line, diagonal = [_mean(images)], images, 0, 0
    for radius in radii.tolist():
        steps = max(round(_DIAGONAL * radius), diagonal)
        length = max(radius - 2 * steps, line)
        narrow = _octagon(narrow, length - line, steps - diagonal, first)
        line, diagonal = length, steps
        means.append(_mean(_octagon(narrow, line, diagonal, second)))
    return np.abs(np.diff(means, axis=0)).T


def _mean(images: Uint8Array) -> FloatArray:
    total = np.add.reduce(images.reshape(-1, images.shape[2]), axis=0, dtype=np.uint32)
    return np.asarray(total / float(images.shape[0] * images.shape[1]))


def _octagon(images: Uint8Array, line: int, diagonal: int, pick: np.ufunc) -> Uint8Array:
    """The largest or the smallest level within an octagon around every pixel."""
    for (down, right), length in zip(_LINES, (line, line, diagonal, diagonal), strict=True):
        images = _line(images, down, right, length, pick)
    return images


def _line(images: Uint8Array, down: int, right: int, length: int, pick: np.ufunc) -> Uint8Array:
    """The largest or the smallest level on the line of so many steps to either side of every pixel.

    A line that reaches ``done`` steps becomes three times as long by two shifts.
    """
    height, width = images.shape[:2]
    length = min(length, (height if down else width) - 1, (width if right else height) - 1)
    done = 0
    while done < length:
        step = min(2 * done + 1, length - done)
        here, there = _overlap(down * step), _overlap(-down * step)
        left, other = _overlap(right * step), _overlap(-right * step)
        grown = images.copy()
        pick(grown[here, left], images[there, other], out=grown[here, left])
        pick(grown[there, other], images[here, left], out=grown[there, other])
        images, done = grown, done + step
    return images


def _overlap(shift: int) -> slice:
    """Rows that another image covers that is shifted by so many."""
    return slice(shift, None) if shift >= 0 else slice(None, shift)
