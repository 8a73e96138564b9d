"""What is particle in bright-field images: the light that passes, over an uneven background, and a mask of what is dark.

Notation: n stacks of k images, grey values (n, k, height, width) in [0, 1]; transmission is 1 where nothing is in the way.

Sources: upper expectiles by asymmetric least squares, Newey and Powell, Econometrica 55, 819 (1987); the threshold, Otsu,
IEEE Trans. Syst. Man Cybern. 9, 62 (1979).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.surrogate import BoolArray, FloatArray

Float32Array = npt.NDArray[np.float32]
Uint8Array = npt.NDArray[np.uint8]

FULL = 220
"""Grey level of full transmission in ``levels``: noise of the background stays below 255."""
FAINTEST = 0.85
"""Highest transmission of a particle: where there is none, the threshold would part the noise."""
_HOLE = 0.02
"""Largest bright centre, as a share of the image; what is larger is background that particles enclose."""
_GRID, _STEPS, _BELOW, _SMALLEST = 32, 12, 0.02, 1e-3
"""Pixels along a side that the background is fitted to, steps of the fit, the weight of pixels below it, and its least value."""


def levels(stacks: Float32Array) -> Uint8Array:
    """Transmission as bytes, ``FULL`` where it is 1, shape (n, k, height, width).

    The background is a polynomial of second order, the same in all images of a stack: an upper expectile of the pixels.

    Args:
        stacks: Grey values, shape (n, k, height, width).
    """
    n, _, height, width = stacks.shape
    terms = _terms(height, width)
    coefficients = _expectile(terms[:: -(-height // _GRID), :: -(-width // _GRID)], stacks)
    background = np.maximum((terms.reshape(-1, 6) @ coefficients.T).T, _SMALLEST).reshape(n, 1, height, width)
    passed = stacks * (FULL / background).astype(np.float32)
    return (np.clip(passed, 0, 255) + np.float32(0.5)).astype(np.uint8)


def threshold(levels: Uint8Array) -> FloatArray:
    """Levels below which pixels are particle, one per stack, at most that of ``FAINTEST``, shape (n,).

    Half-way between the means of the two classes that Otsu's criterion parts: where a blurred outline is.
    """
    counts = np.array([np.bincount(stack.ravel(), minlength=256) for stack in levels], float)
    below, grey = np.cumsum(counts, axis=1), np.cumsum(counts * np.arange(256), axis=1)
    above = below[:, -1:] - below
    between = (grey * below[:, -1:] - below * grey[:, -1:]) ** 2 / np.maximum(below * above, 1)
    split = (np.arange(len(levels)), between.argmax(axis=1))
    means = grey[split] / np.maximum(below[split], 1) + (grey[:, -1] - grey[split]) / np.maximum(above[split], 1)
    return np.asarray(np.minimum(means / 2, FAINTEST * FULL))


def mask(levels: Uint8Array) -> BoolArray:
    """Whether pixels are of a particle, bright centres filled, shape (n, k, height, width)."""
    # Late, like all of scipy: the web process imports this package, but never computes.
    from scipy import ndimage

    smooth = ndimage.uniform_filter(levels, (0, 0, 3, 3))
    dark = smooth < threshold(levels)[:, None, None, None]
    images = dark.reshape(-1, *dark.shape[2:])
    cross = ndimage.generate_binary_structure(2, 1)[None] & np.array([False, True, False])[:, None, None]
    light, _ = ndimage.label(~images, cross)
    sizes = np.bincount(light.ravel())
    hole = sizes <= _HOLE * images[0].size
    hole[np.concatenate([light[:, [0, -1]].ravel(), light[:, :, [0, -1]].ravel(), [0]])] = False
    return np.asarray((images | hole[light]).reshape(dark.shape))


def _terms(height: int, width: int) -> Float32Array:
    """1, x, y, x^2, x y, y^2 at every pixel, shape (height, width, 6)."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, size, dtype=np.float32) for size in (height, width)), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _expectile(terms: Float32Array, stacks: Float32Array) -> FloatArray:
    """Coefficients of the background of every stack, shape (n, 6)."""
    n, _, height, width = stacks.shape
    A = terms.reshape(-1, 6).astype(float)
    grey = stacks[:, :, :: -(-height // _GRID), :: -(-width // _GRID)].reshape(n, stacks.shape[1], -1).astype(float)
    products = (A[:, :, None] * A[:, None, :]).reshape(len(A), 36)
    weight = np.ones_like(grey)
    for _ in range(_STEPS):
        normal = (weight.sum(axis=1) @ products).reshape(n, 6, 6) + 1e-9 * np.eye(6)
        fitted = np.linalg.solve(normal, ((weight * grey).sum(axis=1) @ A)[:, :, None])[:, :, 0]
        weight = np.where(grey > (fitted @ A.T)[:, None], 1.0, _BELOW)
    return np.asarray(fitted)
