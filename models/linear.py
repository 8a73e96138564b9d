"""Linear learners: ridge regression of numbers and curves, and multinomial logistic regression of one category.

Notation: n data, d standardised inputs Z (n, d), centred outputs T (n, m), coefficients B (d, m).

Sources: Hoerl and Kennard, Technometrics 12, 55 (1970); that noise on the inputs is a ridge penalty, Bishop, Neural Comput.
7, 108 (1995); Hastie, Tibshirani and Friedman (2009), sections 3.4.1 and 4.4.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np
from scipy.special import softmax

from models.array_learner import ArrayLearner, Fitted, head_scales, spread, tell
from models.nets import Progress
from models.surrogate import FloatArray, IntArray, Posterior
from models.task import Head, HeadKind

ALPHAS = tuple(float(alpha) for alpha in 10.0 ** np.arange(-6, 6.5, 0.5))
"""Penalties to choose from, per standardised input and summed over the data."""
_FOLDS = 5


@dataclass(frozen=True)
class RidgeSettings:
    """How ridge regression learns.

    Attributes:
        alpha: Penalty of the squared coefficients of standardised inputs, where the squared errors are summed over the data;
            None to choose the one of least error on data held out.
        noise: Standard deviation of the noise that the model will have to stand: alpha is chosen with it on the inputs of the
            data held out, and inputs are standardised as if they had it.
        noise_kind: ``multiplicative`` on the inputs as they come; or ``additive``, which on logarithms is the relative noise
            of what they are logarithms of.
    """

    alpha: float | None = None
    noise: float = 0.0
    noise_kind: Literal["multiplicative", "additive"] = "multiplicative"

    def __post_init__(self) -> None:
        if self.alpha is not None and not (isfinite(self.alpha) and self.alpha > 0):
            raise ValueError("alpha has to be positive, or null to have it chosen")
        if not (isfinite(self.noise) and self.noise >= 0):
            raise ValueError("noise has to be 0 or more")
        if self.noise and self.alpha is not None:
            raise ValueError("noise is for choosing alpha: leave out one of the two")
        if self.noise_kind not in ("multiplicative", "additive"):
            raise ValueError("noise_kind has to be multiplicative or additive")


class Ridge(ArrayLearner[RidgeSettings]):
    """Ridge regression, one penalty for all outputs."""

    can: ClassVar[frozenset[HeadKind]] = frozenset({"number", "curve"})
    settings_type = RidgeSettings

    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        alpha, remarks = self.settings.alpha, tuple[str, ...]()
        if alpha is None and len(X) < _FOLDS:
            alpha, remarks = 1.0, (f"{len(X)} data are too few to choose alpha: it is 1",)
        card: dict[str, float] = {}
        if alpha is None:
            errors = self._held_out(X, Y / head_scales(Y, heads), progress)
            alpha = ALPHAS[int(errors.argmin())]
            card = {"held_out_mse": float(errors.min())}
            if alpha == ALPHAS[-1]:
                remarks = (f"the best alpha is the largest tried, {alpha:g}: the inputs tell next to nothing of the targets",)
        centre, scale = self._spread(X)
        mean = Y.mean(axis=0)
        B = next(ridge((X - centre) / scale, Y - mean, (alpha,)))
        return Fitted({"centre": centre, "scale": scale, "coefficients": B, "mean": mean}, card={"alpha": alpha} | card, warnings=remarks)

    def _held_out(self, X: FloatArray, Y: FloatArray, progress: Progress | None) -> FloatArray:
        """Squared error of data held out, noise on their inputs, summed over the scaled heads, for every one of ``ALPHAS``."""
        rng = np.random.default_rng(self.seed)
        noise = self.settings.noise * rng.standard_normal(X.shape)
        noisy = X + noise if self.settings.noise_kind == "additive" else X * (1 + noise)
        folds = np.array_split(rng.permutation(len(X)), _FOLDS)
        errors = np.zeros(len(ALPHAS))
        for fold, held in enumerate(folds):
            known = np.setdiff1d(np.arange(len(X)), held)
            (centre, scale), mean = self._spread(X[known]), Y[known].mean(axis=0)
            Z = (noisy[held] - centre) / scale
            for j, B in enumerate(ridge((X[known] - centre) / scale, Y[known] - mean, ALPHAS)):
                errors[j] += ((Z @ B + mean - Y[held]) ** 2).sum() / len(X)
            tell(progress, (fold + 1) / (_FOLDS + 1))
        return errors

    def _spread(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of noisy inputs (n, d): without the noise, inputs that hardly change would be blown up by it."""
        centre, std = spread(X)
        power = 1.0 if self.settings.noise_kind == "additive" else (X**2).mean(axis=0)
        return centre, np.sqrt(std**2 + self.settings.noise**2 * power)

    def _answer(self, X: FloatArray) -> Posterior:
        known = self.fitted.arrays
        return Posterior((X - known["centre"]) / known["scale"] @ known["coefficients"] + known["mean"])


def ridge(Z: FloatArray, T: FloatArray, alphas: Sequence[float]) -> Iterator[FloatArray]:
    """Coefficients (d, m) that minimise ``|T - Z B|^2 + alpha |B|^2``, for one alpha after the other.

    The eigenvectors of the smaller one of Z'Z and ZZ' serve them all.
    """
    n, d = Z.shape
    powers, V = np.linalg.eigh(Z.T @ Z if d <= n else Z @ Z.T)
    powers = np.maximum(powers, 0.0)[:, None]
    inner = V.T @ (Z.T @ T if d <= n else T)
    left = V if d <= n else Z.T @ V
    for alpha in alphas:
        yield left @ (inner / (powers + alpha))


@dataclass(frozen=True)
class LogisticSettings:
    """How logistic regression learns.

    Attributes:
        C: Inverse of the penalty of the squared coefficients of standardised inputs.
        max_steps: Steps of L-BFGS at most.
    """

    C: float = 1.0
    max_steps: int = 1000

    def __post_init__(self) -> None:
        if not (isfinite(self.C) and self.C > 0):
            raise ValueError("C has to be positive")
        if self.max_steps < 1:
            raise ValueError("max_steps has to be 1 or more")


class Logistic(ArrayLearner[LogisticSettings]):
    """Multinomial logistic regression of one category."""

    can: ClassVar[frozenset[HeadKind]] = frozenset({"category"})
    settings_type = LogisticSettings

    def __init__(self, settings: LogisticSettings | None = None, heads: Sequence[Head] = (), seed: int = 0, device: str = "auto") -> None:
        super().__init__(settings, heads, seed, device)
        if len(self.heads) != 1:
            raise ValueError(f"Logistic tells one category, not {len(self.heads)} targets: train one model for each")

    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        centre, scale = spread(X)
        codes = Y.argmax(axis=1)
        B, shift = np.zeros((X.shape[1], Y.shape[1])), np.full(Y.shape[1], -np.inf)
        found = np.unique(codes)
        shift[found] = 0.0
        steps = 0
        if len(found) > 1:
            steps, B[:, found], shift[found] = self._coefficients((X - centre) / scale, codes)
        late = f"logistic regression was not done after max_steps = {self.settings.max_steps}: raise it, or lower C"
        arrays = {"centre": centre, "scale": scale, "coefficients": B, "shift": shift}
        return Fitted(arrays, card={"steps": steps}, warnings=(late,) if steps >= self.settings.max_steps else ())

    def _coefficients(self, Z: FloatArray, codes: IntArray) -> tuple[int, FloatArray, FloatArray]:
        """Steps taken, and coefficients (d, k) and shifts (k,) of the classes that there are."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # told in words of ours, from the number of steps
            model = LogisticRegression(C=self.settings.C, max_iter=self.settings.max_steps).fit(Z, codes)
        B, shift = model.coef_.T, model.intercept_
        if len(shift) == 1:  # of two classes, the coefficients of the second less those of the first
            B, shift = np.hstack([np.zeros_like(B), B]), np.append(0.0, shift)
        return int(model.n_iter_.max()), B, shift

    def _answer(self, X: FloatArray) -> Posterior:
        known = self.fitted.arrays
        return Posterior(softmax((X - known["centre"]) / known["scale"] @ known["coefficients"] + known["shift"], axis=1))
