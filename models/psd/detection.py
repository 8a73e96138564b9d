"""Particles found one by one in bright-field images: watershed of the mask, and circular Hough transform. Needs scikit-image.

Both tell the diameters of whole particles in pixels, and the areas in which their centres may lie so that they are whole: a
particle counts as one over its area, since large ones are cut by the border more often.

Sources: watershed of the distance transform, Vincent and Soille, IEEE Trans. Pattern Anal. Mach. Intell. 13, 583 (1991);
circles, Duda and Hart, Commun. ACM 15, 11 (1972);
the correction, Miles and Lantuejoul in Serra, Image Analysis and Mathematical Morphology (1982), chapter 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from models.psd.foreground import Float32Array, levels, mask
from models.surrogate import BoolArray, FloatArray, IntArray

Method = Literal["watershed", "hough"]
_WATERSHED_APART, _HOUGH_APART = 0.9, 1.1
"""Centres that lie closer together, in units of the larger radius, are those of one particle."""
_ROUND = 0.75
"""Least share of a circle that has to lie on edges."""
_RADII = 24
"""Circles that are looked for, from 1.5 pixels to a quarter of the side, even in the logarithm."""


def detected(stack: Float32Array, method: Method) -> FloatArray:
    """Diameters of whole particles in pixels, and how many each stands for, relative to the others, shape (2, particles).

    Args:
        stack: Grey values in [0, 1], shape (images, height, width).
        method: How particles are found.

    Raises:
        ImportError: scikit-image is not installed.
    """
    dark = mask(levels(stack[None]))[0]
    try:
        found = [_METHODS[method](image) for image in dark]
    except ModuleNotFoundError as error:
        raise ImportError('finding particles needs scikit-image: pip install "closedloop[images]"') from error
    diameters, wide, high = np.concatenate(found, axis=1)
    free = (dark.shape[2] - wide) * (dark.shape[1] - high)
    return np.array([diameters, 1 / np.maximum(free, 1.0)])


def _watershed(dark: BoolArray) -> FloatArray:
    """Diameters of circles of the area of whole regions, and extents of these along x and y, shape (3, particles)."""
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    depth = ndimage.distance_transform_edt(np.pad(dark, 1, mode="edge"))[1:-1, 1:-1]
    smooth = ndimage.gaussian_filter(depth, 0.5)
    peaks = peak_local_max(smooth, min_distance=1, labels=dark.astype(int), exclude_border=False)
    radii = depth[tuple(peaks.T)]
    peaks = peaks[_separate(peaks, radii, radii, _WATERSHED_APART)]
    markers = np.zeros(dark.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    regions = watershed(-smooth, markers, mask=dark)
    areas = np.bincount(regions.ravel(), minlength=len(peaks) + 1)[1:]
    boxes = np.array([[b.start, b.stop, a.start, a.stop] for a, b in ndimage.find_objects(regions)]).reshape(-1, 4)
    height, width = dark.shape
    whole = (boxes[:, [0, 2]] > 0).all(axis=1) & (boxes[:, [1, 3]] < (width, height)).all(axis=1)
    extents = boxes[:, [1, 3]] - boxes[:, [0, 2]]
    return np.array([2 * np.sqrt(areas / np.pi), *extents.T])[:, whole]


def _hough(dark: BoolArray) -> FloatArray:
    """Diameters of whole circles on the outlines of the mask, and extents along x and y, which are the same, shape (3, particles)."""
    from scipy import ndimage
    from skimage.transform import hough_circle, hough_circle_peaks

    radii = np.unique(np.rint(np.geomspace(1.5, min(dark.shape) / 4, _RADII)).astype(int))
    outline = ndimage.binary_dilation(dark & ~ndimage.binary_erosion(dark, border_value=1))
    shares = hough_circle(outline, radii)
    found = hough_circle_peaks(shares, radii, 1, 1, threshold=_ROUND, normalize=False)
    votes, (x, y, r) = found[0], (np.asarray(part, int) for part in found[1:])
    inside = dark[y, x]
    votes, x, y, r = votes[inside] * r[inside], x[inside], y[inside], r[inside]
    kept = _separate(np.column_stack([x, y]), r, votes, _HOUGH_APART)
    x, y, r = x[kept], y[kept], r[kept]
    whole = (np.minimum(x, y) >= r) & (x + r < dark.shape[1]) & (y + r < dark.shape[0])
    return np.array([2.0 * r + 1] * 3)[:, whole]


_METHODS: Mapping[Method, Callable[[BoolArray], FloatArray]] = {"watershed": _watershed, "hough": _hough}


def _separate(centres: IntArray, radii: FloatArray, worth: FloatArray, apart: float) -> IntArray:
    """Which particles are left, the worthiest first, once those are dropped that share their place with a worthier one.

    Args:
        centres: Shape (n, 2).
        radii: Shape (n,).
        worth: Shape (n,).
        apart: How far from each other centres have to be, in units of the larger radius.
    """
    order = np.argsort(-worth, kind="stable")
    places, sizes = centres[order].astype(float), radii[order]
    kept = np.ones(len(order), bool)
    for j in range(len(order)):
        if kept[j]:
            after = slice(j + 1, None)
            distance = np.hypot(*(places[after] - places[j]).T)
            kept[after] &= distance > apart * np.maximum(sizes[j], sizes[after])
    return np.asarray(order[kept])
