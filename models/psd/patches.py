"""The painter of ``models.psd.render``, compiled by numba; only that imports this, and late.

Lets go of Python's lock, so that threads draw side by side.
"""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Any

import numpy as np
from numba import njit

from models.psd.render import GLOW


def _row(line: Any, left: int, right: int, dy: float, particle: Any) -> None:
    """Multiply the pixels of a line between two columns by what a particle lets pass there."""
    x, _, c, s, a, b, w, dark, bright, _ = particle
    for column in range(left, right):
        dx = column - x
        u, v = (dx * c + dy * s) / a, (dy * c - dx * s) / b
        q2 = u * u + v * v
        steep = sqrt(max((u / a) ** 2 + (v / b) ** 2, 1e-30))
        t = 0.5 - (q2 - sqrt(q2)) / (2 * w * steep)
        if t <= 0:
            continue
        t = min(t, 1.0)
        glow = max(1 - q2 / GLOW**2, 0.0)
        line[column] *= np.float32(1 - dark * t * t * (3 - 2 * t) * (1 - bright * glow * glow))


_row = njit(_row, nogil=True)


def _paint(passed: Any, particles: Any) -> None:
    """Multiply a picture (height, width) in place by what particles (n, 10) let pass."""
    height, width = passed.shape
    for i in range(len(particles)):
        x, y, c, s, a, b, _, _, _, reach = particles[i]
        wide, high = reach * sqrt((a * c) ** 2 + (b * s) ** 2), reach * sqrt((a * s) ** 2 + (b * c) ** 2)
        left, right = max(ceil(x - wide), 0), min(floor(x + wide) + 1, width)
        for line in range(max(ceil(y - high), 0), min(floor(y + high) + 1, height)):
            _row(passed[line], left, right, line - y, particles[i])


paint = njit(_paint, nogil=True)
