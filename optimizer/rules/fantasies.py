"""A Gaussian process that goes on learning from imagined outcomes of the wells picked so far.

Notation: N data and picks, M rows of the pool, F imagined histories; L Cholesky factor of the covariance of the
data and picks, V = L^-1 k(data and picks, pool), b = L^-1 (outcomes - mean). A pick adds one row to L, V and b
(bordering), so it costs O(N^2 + N M) instead of a new factor.

Source: Osborne, D.Phil. thesis, Oxford (2010), appendix B, for the growth of the factor; Ginsbourger, Le Riche and
Carraro (2010) and Snoek, Larochelle and Adams, NeurIPS 25 (2012) for imagined outcomes.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from models.gp import GaussianProcess
from optimizer.types import FloatArray


class Fantasies:
    """Beliefs about a pool of rows under F histories that differ in the outcomes of the picks.

    Args:
        gp: The fitted process.
        pool: Model inputs of the pool, shape (M, d).
        count: F.

    Attributes:
        mean: Posterior means of the pool on the model's scale, shape (F, M).
        std: Posterior standard deviations, the same in every history, shape (M,).
    """

    def __init__(self, gp: GaussianProcess, pool: FloatArray, count: int) -> None:
        known = gp.known
        self._gp, self._pool, self._X, self._L, self._mean = gp, gp.extend(pool), known.X, known.L, known.mean
        self._noise = float(np.median(known.noise))
        own = solve_triangular(known.L, known.t - known.mean, lower=True, check_finite=False)
        self._b = np.repeat(own[:, None], count, axis=1)
        self._V = self._solved(self._pool)
        self.mean, self._var = self._moments(self._pool, self._V)

    @property
    def std(self) -> FloatArray:
        """Posterior standard deviations of the pool."""
        return np.asarray(np.sqrt(np.maximum(self._var, 0.0)))

    def believe(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means (F, m) and standard deviation (m,) of any inputs (m, d)."""
        Z = self._gp.extend(inputs)
        mean, var = self._moments(Z, self._solved(Z))
        return mean, np.sqrt(np.maximum(var, 0.0))

    def imagine(self, x: FloatArray, z: FloatArray) -> FloatArray:
        """Learn that the well at inputs x gave, in each history, its expected outcome plus z predictive deviations.

        Args:
            x: Model inputs of the pick, shape (1, d).
            z: Standard normal deviates of its noisy outcome, shape (F,).

        Returns:
            The posterior mean at x after that, shape (F,).
        """
        x = self._gp.extend(x)
        v = self._solved(x)
        free = max(float(self._gp.variance(x)[0]) - float(v[:, 0] @ v[:, 0]), 0.0)
        pivot = np.sqrt(free + self._noise)
        row = (self._gp.covariance(x, self._pool) - v.T @ self._V) / pivot
        self.mean, self._var = self.mean + z[:, None] * row, self._var - row[0] ** 2
        after = self._moments(x, v)[0][:, 0] + z * free / pivot
        n = len(self._X)
        self._L = np.block([[self._L, np.zeros((n, 1))], [v.T, np.full((1, 1), pivot)]])
        self._X, self._V, self._b = np.vstack([self._X, x]), np.vstack([self._V, row]), np.vstack([self._b, z])
        return np.asarray(after)

    def deviates(self, x: FloatArray, outcome: float) -> FloatArray:
        """The z of ``imagine`` that make the outcome at inputs x (1, d) the given one in every history, shape (F,)."""
        mean, std = self.believe(x)
        return np.asarray((outcome - mean[:, 0]) / np.sqrt(std[0] ** 2 + self._noise))

    def _moments(self, Z: FloatArray, V: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._mean + self._b.T @ V, self._gp.variance(Z) - (V**2).sum(axis=0)

    def _solved(self, Z: FloatArray) -> FloatArray:
        return np.asarray(solve_triangular(self._L, self._gp.covariance(self._X, Z), lower=True, check_finite=False))
