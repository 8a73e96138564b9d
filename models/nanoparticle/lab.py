"""The virtual lab: recipes in, absorbance spectra out, noise-free or as a row of droplets gives them.

By Beer's law absorbance is the silver in the light path times its extinction; what does not depend on the recipe, stock
and path, is one constant, ``strength``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from models.nanoparticle import optics
from models.nanoparticle.growth import REFERENCE, Constants, grow, law, published
from models.surrogate import FloatArray

AXIS: FloatArray = np.arange(380.0, 801.0)
"""Wavelengths in nm."""
THICKNESS = 6.0
"""Of the plates, in nm: the plates of Aherne et al. (2008) are 5 to 7 nm thick at any edge."""
EDGE = 65.0
"""Of the wanted nanoprisms, in nm."""
_SPHERE_SPREAD = 0.3
_PLATES, _SPHERES = np.geomspace(7.0, 300.0, 72), np.geomspace(4.0, 120.0, 32)
"""Diameters in nm over which ensembles are summed."""


@dataclass(frozen=True, eq=False)
class VirtualLab:
    """Makes and measures silver nanoparticles; rows of recipes have the columns ``growth.FLOWS``.

    Attributes:
        constants: Those of growth, and for ``measure`` those of noise.
    """

    constants: Constants = field(default_factory=published)

    def spectra(self, X: FloatArray) -> FloatArray:
        """Noise-free absorbance of recipes (n, 5) on ``AXIS``, shape (n, 421).

        Raises:
            ValueError: The rows have another shape, or a flow is not above 0 and finite.
        """
        if X.ndim != 2 or X.shape[1] != len(REFERENCE) or not (np.isfinite(X) & (X > 0)).all():
            raise ValueError(f"recipes need the shape (n, {len(REFERENCE)}) and finite flows above 0")
        made, (of_plates, of_spheres) = grow(X, self.constants), _bases()
        spread = made.spread[:, None]
        # The median by volume, that is by area at one thickness, of lognormal diameters with this root mean square.
        plates = _lognormal(_PLATES, made.diameter[:, None] * np.exp(spread**2), spread) @ of_plates
        spheres = _lognormal(_SPHERES, np.array([[self.constants["sphere"]]]), np.array([[_SPHERE_SPREAD]])) @ of_spheres
        share = made.plates[:, None]
        return np.asarray(self.constants["strength"] * made.silver[:, None] * (share * plates + (1 - share) * spheres))

    def measure(self, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Replicates of the recipe x (5,) in the order of their droplets, shape (k, 421).

        Flows drift from droplet to droplet, in some wells more than in others; brightness flickers; a bubble now and then
        takes a part of the light path.

        Raises:
            ValueError: As for ``spectra``.
        """
        constants = self.constants
        unsteady = law("unsteadiness", x[None, :] / REFERENCE, constants) * np.exp(constants["scatter"] * rng.standard_normal())
        truth = self.spectra(x * np.exp(unsteady * _drift(k, x.size, constants["memory"], rng)))
        bright = np.exp(constants["flicker"] * rng.standard_normal((k, 1)))
        bubbles = (rng.random((k, 1)) < constants["bubbles"]) * rng.uniform(0, constants["bubble_size"], (k, 1))
        return np.asarray(truth * bright * (1 - bubbles) + constants["detector"] * rng.standard_normal(truth.shape))


def target() -> FloatArray:
    """Extinction of equal plates as large as the wanted prisms on ``AXIS``, shape (421,), per volume of silver in 1/nm.

    A prism of edge L counts as the disc of its area, of diameter sqrt(sqrt(3) / pi) L.
    """
    diameter = np.sqrt(np.sqrt(3) / np.pi) * EDGE
    return np.asarray(optics.plates(AXIS, np.array([diameter]), THICKNESS)[0])


def _drift(k: int, d: int, memory: float, rng: np.random.Generator) -> FloatArray:
    """Stationary walks of unit variance, each pulled back to 0, shape (k, d); ``memory`` is their lag-1 autocorrelation."""
    walks = rng.standard_normal((k, d))
    for droplet in range(1, k):
        walks[droplet] = memory * walks[droplet - 1] + np.sqrt(1 - memory**2) * walks[droplet]
    return walks


def _lognormal(diameters: FloatArray, medians: FloatArray, spread: FloatArray) -> FloatArray:
    """Shares of lognormal ensembles (n, 1) at diameters (d,), shape (n, d); medians beyond these count as at their end."""
    distance = (np.log(diameters) - np.log(np.clip(medians, diameters[0], diameters[-1]))) / spread
    weights = np.exp(-(distance**2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@cache
def _bases() -> tuple[FloatArray, FloatArray]:
    """Extinction of plates and of spheres at the diameters of the sums, shapes (72, 421) and (32, 421)."""
    return optics.plates(AXIS, _PLATES, THICKNESS), optics.spheres(AXIS, _SPHERES)
