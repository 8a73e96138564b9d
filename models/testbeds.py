"""Closed formulas that stand in for laboratories: optima known, or easy to find by dense search.

Notation: X (n, d) rows in the units given; categories as indices.
"""

from __future__ import annotations

import numpy as np

from models.surrogate import FloatArray

_A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN6_OPTIMUM = -3.322368011415512

_WISH, _DECOY, _WIDTH, _DECOY_DEPTH = np.array([40.0, 30, 25, 15]), np.array([5.0, 5, 10, 50]), 20.0, 0.6
MIXTURE_BEST = np.array([35.0, 25, 20, 10])
"""Where the sum of 90 % is nearest to the wish, whose sum is 110 %."""
MIXTURE_OPTIMUM = float(100 * (1 - np.exp(-((MIXTURE_BEST - _WISH) ** 2).sum() / (2 * _WIDTH**2))))

_FIT = np.array([[0.55, 0.60, 0.40], [0.70, 0.35, 0.95], [0.75, 0.80, 0.30], [0.50, 0.65, 0.45]])
"""Largest yield of each solvent with each ligand: the best pair is made of a middling solvent and a middling ligand."""
_TEMPERATURE, _CATALYST, _LOG_TIME = np.array([45.0, 70, 95, 60]), np.array([1.5, 3.0, 2.2]), np.log(30)
COUPLING_BEST, COUPLING_OPTIMUM = np.array([70, 2.2, 30, 1, 2]), 95.0

AXIS: FloatArray = np.arange(380.0, 801.0)
"""Wavelengths in nm."""


def hartmann6(X: FloatArray) -> FloatArray:
    """Hartmann's function of 6 variables in the unit cube, minimum -3.32237 (Dixon & Szego, Towards Global Optimisation 2, 1978)."""
    return np.asarray(-np.exp(-(_A * (X[:, None, :] - _P) ** 2).sum(axis=2)) @ _ALPHA)


def ackley(X: FloatArray) -> FloatArray:
    """Ackley's function, minimum 0 at 0 (A Connectionist Machine for Genetic Hillclimbing, 1987)."""
    ripple = np.exp(np.cos(2 * np.pi * X).mean(axis=1))
    return np.asarray(20 + np.e - 20 * np.exp(-0.2 * np.sqrt((X**2).mean(axis=1))) - ripple)


def mixture_haze(X: FloatArray) -> FloatArray:
    """Haze in % of a film of four components in % and a solvent: made up; the wish exceeds what the solvent leaves room for."""
    near, decoy = (np.exp(-((X - centre) ** 2).sum(axis=1) / (2 * _WIDTH**2)) for centre in (_WISH, _DECOY))
    return np.asarray(100 * (1 - np.maximum(near, _DECOY_DEPTH * decoy)))


def coupling_yield(X: FloatArray) -> FloatArray:
    """Yield in % of a made-up coupling; columns temperature in C, catalyst in mol%, time in min, solvent, ligand."""
    solvent, ligand = X[:, 3].astype(int), X[:, 4].astype(int)
    off = ((X[:, 0] - _TEMPERATURE[solvent]) / 25) ** 2
    off += ((X[:, 1] - _CATALYST[ligand]) / 1.2) ** 2 + ((np.log(X[:, 2]) - _LOG_TIME) / 1.5) ** 2
    return np.asarray(100 * _FIT[solvent, ligand] * np.exp(-off))


def silver_spectra(X: FloatArray) -> FloatArray:
    """Absorbance of silver plates grown on seeds, shape (n, len(AXIS)): made up, with the couplings of the real thing.

    Plates grow with the silver per seed, where citrate suits the silver; their band moves to the red in proportion to
    their aspect ratio, as Gans' theory has it. Slow flow mixes badly, little polymer lets plates aggregate: both widen
    the band. What does not become plates becomes spheres, at 405 nm. Absorbance is proportional to silver (Beer-Lambert).

    Args:
        X: Columns silver, polymer, citrate, seeds in % of the flow, total flow in uL/min.
    """
    silver, polymer, citrate, seeds, flow = (X[:, [j]] for j in range(5))
    growth = 1 - np.exp(-silver / (2 * (seeds + 2)))
    shape = np.exp(-(((citrate - 4 - 0.35 * silver) / 12) ** 2))
    mixing, cover = flow / (flow + 250), 1 - np.exp(-polymer / 12)
    aspect = 1 + 6 * growth * (0.3 + 0.7 * shape)
    width = 16 + 50 * (1 - mixing) + 60 * (1 - cover) + 40 * (1 - shape)
    plates = 0.075 * silver * growth * (0.25 + 0.75 * shape) * (0.4 + 0.6 * mixing) * np.sqrt(40 / width)
    spheres = 0.03 * silver * (1 - growth * shape) + 0.005 * seeds
    return np.asarray(plates * _band(350 + 60 * (aspect - 1), width) + spheres * _band(405.0, 28.0))


def band(centre: float, width: float) -> FloatArray:
    """A target band on ``AXIS``, both arguments in nm."""
    return np.asarray(_band(centre, width))


def _band(centre: FloatArray | float, width: FloatArray | float) -> FloatArray:
    return np.asarray(np.exp(-(((AXIS - centre) / width) ** 2)))
