"""Least squares of many starts side by side: Levenberg-Marquardt in the unit cube, with an active set.

Notation: k starts u (k, d) in the unit cube, residuals r (k, p), Jacobians J (k, p, d), dampings mu (k,).

Sources: Levenberg, Quart. Appl. Math. 2, 164 (1944); Marquardt, J. SIAM 11, 431 (1963), whose scaling by the diagonal of
J'J is used; bounds by an active set, Nocedal and Wright, Numerical Optimization (2006), section 16.7.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.surrogate import BoolArray, FloatArray

STEP = 1e-3
"""Of the forward differences: coarse enough for learners in single precision."""
_FIRST, _DOWN, _UP = 1e-2, 0.2, 5.0
"""Damping of the first step, and its factors after a step that helped and one that did not."""
_LEAST, _STUCK = 1e-12, 1e6
"""Of the damping; from the larger one on a start is at its end."""
_SMALLEST = 1e-7
"""Step in the unit cube from which on a start is at its end too."""
_STIFF = 1e8
"""Weight that keeps a step on the constraints it runs along."""
_HALVINGS, _RESTORED = 30, 6
"""Cuts of a step that leaves the constraints, and attempts to bring it back before."""
_EDGE, _MARGIN = 1e-6, 1e-8
"""A bound or constraint so near counts as reached; a step is brought back so far within."""

Residual = Callable[[FloatArray], FloatArray]
"""Points (n, d) in the unit cube -> residuals (n, p)."""
Normals = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Points (n, d) -> slacks (n, c) of constraints, negative where they are broken, and outward normals (n, c, d) of length 1."""


def refine(residual: Residual, u: FloatArray, free: BoolArray, normals: Normals, iterations: int) -> FloatArray:
    """The starts moved downhill; none gets worse, and none leaves the cube or breaks a constraint.

    A trial that is not finite counts as no better. Every iteration asks for k points, and for d more of each that moved.

    Args:
        residual: What the squares of are minimised.
        u: Starts, feasible, shape (k, d).
        free: Columns that may be moved, shape (d,).
        normals: The constraints.
        iterations: Steps that are tried.
    """
    u, mu = u.copy(), np.full(len(u), _FIRST)
    r = residual(u)
    J = np.zeros((*r.shape, u.shape[1]))
    stale = np.isfinite(r).all(axis=1)
    live = stale.copy()
    for _ in range(iterations):
        if not live.any() or not free.any():
            break
        if stale.any():
            J[stale] = _jacobian(residual, u[stale], r[stale], free)
        trial = u.copy()
        trial[live] = _inside(u[live], _steps(u[live], r[live], J[live], mu[live], free, normals), ~free, normals)
        tried = np.full_like(r, np.nan)
        tried[live] = residual(trial[live])
        better = np.isfinite(tried).all(axis=1) & ((tried**2).sum(axis=1) < (r**2).sum(axis=1))
        moved = np.abs(trial - u).max(axis=1)
        u[better], r[better] = trial[better], tried[better]
        mu = np.maximum(mu * np.where(better, _DOWN, _UP), _LEAST)
        live &= (mu < _STUCK) & (moved > _SMALLEST)
        stale = better & live
    return u


def _jacobian(residual: Residual, u: FloatArray, r: FloatArray, free: BoolArray) -> FloatArray:
    """Forward differences, backward ones at the upper bound, in one call; shape (k, p, d), 0 where they are not finite."""
    columns = np.flatnonzero(free)
    h = np.where(u[:, columns] + STEP <= 1, STEP, -STEP)
    moved = np.repeat(u[:, None], len(columns), axis=1)
    moved[:, np.arange(len(columns)), columns] += h
    ahead = residual(moved.reshape(-1, u.shape[1])).reshape(len(u), len(columns), -1)
    J = np.zeros((*r.shape, u.shape[1]))
    J[:, :, columns] = np.nan_to_num((ahead - r[:, None]) / h[:, :, None], posinf=0, neginf=0).transpose(0, 2, 1)
    return J


def _steps(u: FloatArray, r: FloatArray, J: FloatArray, mu: FloatArray, free: BoolArray, normals: Normals) -> FloatArray:
    """Damped Gauss-Newton steps along the bounds and constraints that the residuals push against, shape (k, d)."""
    gradient = np.einsum("kpd,kp->kd", J, r)
    H = np.einsum("kpd,kpe->kde", J, J)
    scale = np.einsum("kdd->kd", H).copy()
    largest = np.maximum(scale.max(axis=1, keepdims=True), np.finfo(float).tiny)
    held = ~free | ((u <= _EDGE) & (gradient > 0)) | ((u >= 1 - _EDGE) & (gradient < 0))
    slack, outward = normals(u)
    pressed = (slack <= _EDGE) & (np.einsum("kcd,kd->kc", outward, np.where(held, 0, -gradient)) > 0)
    rows = outward * pressed[:, :, None]
    H = H + (_STIFF * largest)[:, :, None] * np.einsum("kcd,kce->kde", rows, rows)
    H = np.where(held[:, :, None] | held[:, None, :], 0.0, H)
    damping = mu[:, None] * np.maximum(scale, 1e-6 * largest)
    H[:, np.arange(u.shape[1]), np.arange(u.shape[1])] += np.where(held, 1.0, damping)
    return -np.asarray(np.linalg.solve(H, np.where(held, 0.0, gradient)[:, :, None]))[:, :, 0]


def _inside(u: FloatArray, step: FloatArray, held: BoolArray, normals: Normals) -> FloatArray:
    """The steps clipped to the cube, brought back onto a constraint that they break, or else cut there; shape (k, d)."""
    target = np.clip(u + step, 0, 1)
    for _ in range(_RESTORED):
        slack, outward = normals(target)
        if (slack >= 0).all():
            return target
        back = np.where(slack < 0, _MARGIN - slack, 0)
        target = np.clip(np.where(held, target, target - np.einsum("kc,kcd->kd", back, outward)), 0, 1)
    whole: BoolArray = np.all(normals(target)[0] >= 0, axis=1)
    low, high = np.zeros(len(u)), np.ones(len(u))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fits = (normals(u + middle[:, None] * (target - u))[0] >= 0).all(axis=1)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return np.where(whole[:, None], target, u + low[:, None] * (target - u))
