"""Points inside ``A u <= b``, a bounded polytope."""

from __future__ import annotations

import numpy as np

from optimizer.types import FloatArray

_LEAST_DEPTH = 1e-9
_SNAPSHOTS = 4


def deepest(A: FloatArray, b: FloatArray) -> FloatArray | None:
    """The centre of the largest ball inside, shape (d,); None where there is no room for one."""
    # Late, here and below: scipy takes over a second to load.
    from scipy.optimize import linprog

    norms = np.linalg.norm(A, axis=1, keepdims=True)
    d = A.shape[1]
    solution = linprog(np.r_[np.zeros(d), -1.0], A_ub=np.hstack([A, norms]), b_ub=b, bounds=[(None, None)] * d + [(0.0, 1.0)])
    if solution.status != 0 or solution.x[-1] <= _LEAST_DEPTH:
        return None
    return np.asarray(solution.x[:-1], float)


def lowest(c: FloatArray, A: FloatArray, b: FloatArray) -> float:
    """The least value of ``c u`` inside."""
    from scipy.optimize import linprog

    return float(linprog(c, A_ub=A, b_ub=b, bounds=[(None, None)] * len(c)).fun)


def hit_and_run(A: FloatArray, b: FloatArray, start: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Points by ``n`` hit-and-run walks side by side (Smith 1984), several of each, best mixed first; shape (4 n, d)."""
    U = np.repeat(start[None, :], n, axis=0)
    snapshots = []
    for step in range(1, _SNAPSHOTS * 6 * len(start) + 1):
        direction = rng.standard_normal(U.shape)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        rate, slack = direction @ A.T, np.maximum(b - U @ A.T, 0.0)
        reach = np.divide(slack, rate, out=np.full_like(rate, np.inf), where=np.abs(rate) > 1e-14)
        forward = np.where(rate > 1e-14, reach, np.inf).min(axis=1)
        backward = np.where(rate < -1e-14, reach, -np.inf).max(axis=1)
        U = U + rng.uniform(backward, forward)[:, None] * direction
        if step % (6 * len(start)) == 0:
            snapshots.append(U)
    return np.vstack(snapshots[::-1])
