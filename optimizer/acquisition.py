"""Formulas of local-penalization batch expected improvement, for minimisation.

    m, s      posterior mean and standard deviation at n inputs, (n,)
    best      incumbent: the lowest posterior mean at the data
    z         inputs in whitened coordinates: model inputs divided by their length scales, (n, d)
    L         largest gradient norm of the posterior mean in whitened coordinates
    M         minimum of the function as the model sees it: mean of the minima of sample paths
    r_j, s_j  radius (m_j - M) / L and blur s_j / L of the ball around a taken well j
    phi_j     penalty: probability that a well lies outside that ball

Sources: Gonzalez et al., AISTATS 51 (2016), equations 7 to 9; log-EI after Ament et al., NeurIPS 36 (2023), appendix.
All figures live on the model's scale of the outcome.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import erfcx, log_ndtr, ndtr

from optimizer.types import FloatArray

LEAST_SLOPE = 1e-7
"""L below this says that the posterior mean is flat: the radii would be infinite."""
_LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)
_LEAST_STD = 1e-12


def log_ei(mean: FloatArray, std: FloatArray, best: float) -> FloatArray:
    """Logarithm of the expected improvement below ``best``, finite far into the tail, shape (n,)."""
    std = np.maximum(std, _LEAST_STD)
    return np.asarray(log_h((best - mean) / std) + np.log(std))


def log_h(u: FloatArray) -> FloatArray:
    """``log(phi(u) + u Phi(u))`` by three branches: as written, by ``erfcx``, and by its asymptotic series."""
    u = np.asarray(u, float)
    near, far = np.maximum(u, -1.0), np.minimum(u, -100.0)
    middle = np.clip(u, -100.0, -1.0)
    written = np.log(np.exp(-0.5 * near**2 - _LOG_ROOT_2PI) + near * ndtr(near))
    ratio = np.sqrt(np.pi / 2) * erfcx(-middle / np.sqrt(2)) * np.abs(middle)
    scaled = -0.5 * middle**2 - _LOG_ROOT_2PI + np.log1p(-ratio)
    w = far**-2.0
    series = -0.5 * far**2 - _LOG_ROOT_2PI + np.log(w) + np.log1p(w * (-3 + w * (15 - 105 * w)))
    return np.asarray(np.where(u > -1, written, np.where(u > -100, scaled, series)))


def lipschitz(gradients: FloatArray) -> float:
    """L from whitened gradients of the posterior mean, shape (n, d)."""
    return float(np.linalg.norm(gradients, axis=1).max())


def lowest(paths: FloatArray) -> float:
    """M from sample paths over candidates, shape (paths, n): the mean of their minima."""
    return float(paths.min(axis=1).mean())


def radius(mean: FloatArray, minimum: float, slope: float, floor: float) -> FloatArray:
    """r_j, never below ``floor``, the smallest whitened distance that the lab can set; shape (j,)."""
    return np.maximum((mean - minimum) / slope, floor)


def log_penalty(Z: FloatArray, taken: FloatArray, radii: FloatArray, blur: FloatArray) -> FloatArray:
    """Sum of ``log phi_j`` over the wells taken.

    Args:
        Z: Whitened inputs, shape (n, d).
        taken: Whitened wells picked before or pending, shape (j, d).
        radii: Their r_j, shape (j,).
        blur: Their s_j, shape (j,).

    Returns:
        Shape (n,), each entry at most 0.
    """
    if not len(taken):
        return np.zeros(len(Z))
    return np.asarray(log_ndtr((cdist(Z, taken) - radii) / np.maximum(blur, _LEAST_STD)).sum(axis=1))
