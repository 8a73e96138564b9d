"""Size distributions from particles that were measured one by one, corrected for those that the border hides."""

from __future__ import annotations

import numpy as np

from models.psd.bins import EDGES, Weighting
from models.psd.particles import FIELD, Particles, Seed, true_particles
from models.psd.suspension import Suspension
from models.surrogate import FloatArray

BIN_WIDTH = float(np.log(EDGES[1] / EDGES[0]))
"""Of every bin, in ln d."""


def counted(diameters: FloatArray, weights: FloatArray, width: float = BIN_WIDTH) -> FloatArray:
    """Shares of the bins by a normal kernel in ln d, even where nothing was counted, shape (32,).

    Args:
        diameters: In um, shape (n,).
        weights: How many particles each stands for, relative to the others, shape (n,).
        width: Standard deviation of the kernel; 0 for a plain histogram.
    """
    if not len(diameters):
        return np.full(len(EDGES) - 1, 1 / (len(EDGES) - 1))
    if width:
        # Late, like all of scipy: the web process imports this package, but never computes.
        from scipy.special import ndtr

        counts = np.diff(ndtr(np.log(EDGES[:, None] / diameters) / width), axis=0) @ weights
    else:
        counts = np.histogram(diameters, EDGES, weights=weights)[0]
    return np.asarray(counts / counts.sum())


def perfect(
    suspension: Suspension,
    seed: Seed,
    images: int = 5,
    field: float = FIELD,
    weighting: Weighting = "number",
    cut: bool = False,
    width: float = BIN_WIDTH,
) -> FloatArray:
    """Shares (32,) by the particles of ``render.stack``, every one measured without error.

    Args:
        suspension: What is looked at.
        seed: That of the stack.
        images: Of the stack.
        field: Side of the field of view in um.
        weighting: Of the shares.
        cut: Whether particles that the border cuts are measured too. Whole ones weigh one over the chance to be whole (Miles and
            Lantuejoul; Serra, Image Analysis and Mathematical Morphology, 1982), seen ones one over the area in which they are seen
            (Horvitz and Thompson, J. Am. Stat. Assoc. 47, 663 (1952)).
        width: As in ``counted``.
    """
    seen = [_measured(one, field, cut) for one in true_particles(suspension, seed, images, field)]
    diameters, areas = np.concatenate(seen, axis=1)
    return counted(diameters, (diameters**3 if weighting == "volume" else 1) / areas, width)


def _measured(particles: Particles, field: float, cut: bool) -> FloatArray:
    """Diameters of those that can be measured, and the areas in which their centres may lie for that, shape (2, k)."""
    wide, high = particles.extent
    if cut:
        return np.array([particles.diameter, (field + 2 * wide) * (field + 2 * high)])
    x, y = particles.x, particles.y
    whole = (x >= wide) & (x <= field - wide) & (y >= high) & (y <= field - high)
    return np.array([particles.diameter, (field - 2 * wide) * (field - 2 * high)])[:, whole]
