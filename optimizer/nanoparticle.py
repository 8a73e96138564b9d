"""The virtual lab's growth rules against the measured losses: their fit, and how well they foretell what they did not see.

Notation: X recipes (n, 5), columns ``models.nanoparticle.growth.FLOWS``; y medians (n,) of measured losses; theta (q,) the
fitted constants where each may take any value: logarithms of factors, orders as they are.

Penalised least squares from several starts: residuals of the loss over ``_ERROR``, with a soft weight for conditions that no
rule explains, and a weak normal prior on every constant for those that the data leave open. For the fit alone the cliff of
the loss above an absorbance of 1.2 is a slope, which can be climbed.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import spearmanr

from models.nanoparticle.growth import Constants
from models.nanoparticle.lab import AXIS, VirtualLab, target
from optimizer.objective import DIM, SATURATED, SpectrumMatch
from optimizer.types import FloatArray, IntArray, Spectrum

FACTORS = {
    "strength": (1.5, 1.0),
    "sphere": (20.0, 0.4),
    "background": (0.1, 1.0),
    "reduction": (2.0, 1.0),
    "selectivity": (3.0, 1.0),
    "nuclei": (0.03, 1.0),
    "dispersity": (0.25, 0.5),
}
"""Fitted factors: median before the data speak, and the standard deviation of its logarithm."""
ORDERS = {
    "reduction": ("Qseed", "Qtot"),
    "selectivity": ("QAgNO3", "Qtsc", "Qtot"),
    "nuclei": ("QAgNO3", "Qpva"),
    "dispersity": ("QAgNO3", "Qtsc", "Qseed"),
}
"""Flows with a fitted order in each law."""
STARTS = 6
"""Local fits, of which the best one counts."""
_ORDER_SD = 0.5
"""Standard deviation of the orders before the data speak; their mean is 0."""
_ERROR, _PRIOR_WEIGHT, _SLOPE = 0.05, 0.5, 3.0
_DRAWS, _STEPS = 20, 60
"""Draws from the prior for each start, of which the best are taken; steps from each of them."""

_NAMES = (*FACTORS, *(f"{law}.{flow}" for law, flows in ORDERS.items() for flow in flows))
_MEAN = np.r_[np.log([median for median, _ in FACTORS.values()]), np.zeros(len(_NAMES) - len(FACTORS))]
_SD = np.r_[[sd for _, sd in FACTORS.values()], np.full(len(_NAMES) - len(FACTORS), _ORDER_SD)]


@cache
def objective() -> SpectrumMatch:
    """The published loss against the spectrum of the wanted nanoprisms."""
    return SpectrumMatch("absorbance", AXIS, Spectrum(AXIS, target()), "nm")


def fit(X: FloatArray, y: FloatArray, starts: int = STARTS, seed: int = 0) -> dict[str, float]:
    """Constants of growth that reproduce the medians y (n,) of recipes (n, 5), rounded to 4 digits.

    Args:
        X: Recipes.
        y: Medians of their losses.
        starts: Local fits, of which the best one counts.
        seed: Of the starts.
    """
    wanted = target() - target().min()
    direction = wanted / np.linalg.norm(wanted)

    def residuals(theta: FloatArray) -> FloatArray:
        errors = (_sloped(VirtualLab(_constants(theta)).spectra(X), direction) - y) / _ERROR
        return np.concatenate([errors, _PRIOR_WEIGHT * (theta - _MEAN) / _SD])

    draws = _MEAN + _SD * np.random.default_rng(seed).standard_normal((_DRAWS * starts, len(_NAMES)))
    ranked = draws[np.argsort([np.abs(residuals(theta)).sum() for theta in draws])[:starts]]
    fits = [least_squares(residuals, theta, loss="soft_l1", max_nfev=_STEPS) for theta in ranked]
    return {name: float(f"{value:.4g}") for name, value in _constants(min(fits, key=lambda found: found.cost).x).items()}


def _constants(theta: FloatArray) -> dict[str, float]:
    values = [*np.exp(theta[: len(FACTORS)]), *theta[len(FACTORS) :]]
    return dict(zip(_NAMES, map(float, values), strict=True))


def _sloped(spectra: FloatArray, direction: FloatArray) -> FloatArray:
    """The loss of ``SpectrumMatch`` with a slope instead of the cliff."""
    top, shape = spectra.max(axis=1), spectra - spectra.min(axis=1, keepdims=True)
    cosine = shape @ direction / np.linalg.norm(shape, axis=1)
    return np.asarray(1 - np.minimum(top / DIM, 1) * cosine + _SLOPE * np.maximum(top - SATURATED, 0))


def losses(X: FloatArray, constants: Constants) -> FloatArray:
    """Losses (n,) of the noise-free spectra of recipes (n, 5), with the cliff."""
    return objective().losses(VirtualLab(constants).spectra(X)).loss


def foretold(X: FloatArray, y: FloatArray, fold: IntArray, starts: int = STARTS) -> FloatArray:
    """Losses (n,) of recipes, each from constants fitted to the other folds; ``fold`` numbers that of each recipe, (n,)."""
    answer = np.empty(len(y))
    for k in np.unique(fold):
        answer[fold == k] = losses(X[fold == k], fit(X[fold != k], y[fold != k], starts, int(k) + 1))
    return answer


def agreement(predicted: FloatArray, y: FloatArray) -> dict[str, float]:
    """Pearson's and Spearman's correlation of predicted and measured losses, and the share of the variance explained."""
    return {
        "pearson": float(np.corrcoef(predicted, y)[0, 1]),
        "spearman": float(spearmanr(predicted, y).statistic),
        "r2": float(1 - ((predicted - y) ** 2).mean() / y.var()),
    }
