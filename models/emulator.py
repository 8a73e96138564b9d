"""Stand-in for a lab: an average of small tanh networks fitted to published measurements, a smooth closed formula.

Notation: inputs X (n, d) in the unit cube, outcomes y (n,); V input layer (d, h), b its bias (h,), w output layer (h,).
It is not of the family of the Gaussian processes that optimizers use, so that none of them is at home in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from models.surrogate import FloatArray

MEMBERS = 8
HIDDEN = 20
DECAY = 1e-3
"""Weight of the squared weights in the mean squared error of the standardized outcomes."""
_STEPS = 400
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Emulator:
    """A fitted ensemble.

    Attributes:
        V: Input layers, shape (k, d, h).
        b: Their biases, shape (k, h).
        w: Output layers, shape (k, h).
        shift: Mean of the outcomes.
        scale: Their standard deviation.
    """

    V: FloatArray
    b: FloatArray
    w: FloatArray
    shift: float
    scale: float

    @classmethod
    def fit(cls, X: FloatArray, y: FloatArray) -> Emulator:
        """Fit all members to outcomes; the same data give the same emulator.

        Args:
            X: Inputs in the unit cube, shape (n, d), n >= 2.
            y: Outcomes, shape (n,), not all equal.
        """
        shift, scale = float(y.mean()), float(y.std())
        members = [_train(2 * X - 1, (y - shift) / scale, np.random.default_rng(k)) for k in range(MEMBERS)]
        V, b, w = (np.array(parts) for parts in zip(*members, strict=True))
        return cls(V, b, w, shift, scale)

    def predict(self, X: FloatArray) -> FloatArray:
        """Outcomes at inputs (n, d), shape (n,)."""
        hidden = np.tanh((2 * X - 1) @ self.V + self.b[:, None, :])
        return np.asarray(self.shift + self.scale * np.einsum("knh,kh->n", hidden, self.w) / len(self.w))


def cross_validated_r2(X: FloatArray, y: FloatArray) -> float:
    """Share of the variance of outcomes (n,) that emulators of the other folds explain; rows are dealt at random."""
    fold = np.random.default_rng(0).permutation(len(y)) % FOLDS
    predicted = np.empty(len(y))
    for k in range(FOLDS):
        predicted[fold == k] = Emulator.fit(X[fold != k], y[fold != k]).predict(X[fold == k])
    return float(1 - ((predicted - y) ** 2).mean() / y.var())


def _train(X: FloatArray, t: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One network by L-BFGS on its closed-form gradient: V (d, h), b (h,), w (h,)."""
    d = X.shape[1]
    start = np.r_[rng.normal(0, 1 / np.sqrt(d), d * HIDDEN), rng.normal(0, 0.5, HIDDEN), rng.normal(0, 1 / np.sqrt(HIDDEN), HIDDEN)]

    def split(theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return theta[: d * HIDDEN].reshape(d, HIDDEN), theta[d * HIDDEN : -HIDDEN], theta[-HIDDEN:]

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        V, b, w = split(theta)
        hidden = np.tanh(X @ V + b)
        residual = hidden @ w - t
        back = 2 / len(t) * residual[:, None] * w * (1 - hidden**2)
        gradient = np.concatenate([(X.T @ back).ravel(), back.sum(axis=0), 2 / len(t) * hidden.T @ residual])
        return float((residual**2).mean() + DECAY * theta @ theta), gradient + 2 * DECAY * theta

    return split(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x)
