"""Gaussian-process surrogate of one outcome: Matern kernel, priors that keep small data sane, Yeo-Johnson outcomes.

Notation: inputs X (n, d), already scaled by the caller (unit cube, one column per category); outcomes y in their own
unit, t on the normal scale of ``models.warp``; K = s k + v with its lower Cholesky factor L; a = K^-1 (t - c).
Related tasks j = 1..q, each with a process of its own whose mean is m_j, add ``sum_j w_j m_j(X)`` to t, with weights w_j
that are normal with deviation ``TRUST``: a linear kernel on z_j = TRUST m_j(X). Extended inputs Z = (X, z) are (n, d + q).

Formulas: Rasmussen and Williams (2006), chapters 2 and 5, and section 2.7 for the linear part; a task as a multiple of
another plus a process of its own is Kennedy and O'Hagan, Biometrika 87, 1 (2000), with the other's mean plugged in.
Inference is exact, in NumPy; ``to_botorch`` gives the same model to rules that are written for BoTorch.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.spatial.distance import cdist

from models import matern
from models.matern import Hyper
from models.surrogate import FloatArray, IntArray, NotFitted, Posterior
from models.warp import Warp, fences

FIT_LIMIT = 400
"""Most data that the hyperparameters are fitted to; the posterior always uses all."""
TRUST = 0.5
"""Standard deviation of the weight of a related task, before data."""
_LEAST_NOISE = 1e-6
_ARRAYS = ("X", "t", "noise", "L", "a")


@dataclass(frozen=True)
class Fit:
    """What a fit leaves: the data, the hyperparameters and the solved system.

    Attributes:
        warp: The map between the outcome and its normal scale.
        hyper: The hyperparameters.
        mean: The constant mean, on the normal scale.
        X: Extended inputs, shape (n, d + q); without related tasks q = 0.
        t: Outcomes on their normal scale, shape (n,).
        noise: Variance of each, shape (n,).
        L: Lower Cholesky factor of the covariance of t, shape (n, n).
        a: ``K^-1 (t - mean)``, shape (n,).
    """

    warp: Warp
    hyper: Hyper
    mean: float
    X: FloatArray
    t: FloatArray
    noise: FloatArray
    L: FloatArray
    a: FloatArray


class GaussianProcess:
    """Exact Gaussian process; the same data give the same fit, no random numbers are drawn.

    Args:
        nu: Smoothness of the Matern kernel: 0.5, 1.5 or 2.5.
        isotropic: One length scale for all inputs instead of one each.
        related: Fitted processes of related tasks, on the same inputs; what they predict is weighted by what the data say.
        either: Choose by their evidence between the prior of short length scales and a wide one, instead of taking the short one.

    Attributes:
        warnings: What the last fit had to do out of the ordinary, one sentence each.
    """

    def __init__(self, nu: float = 2.5, isotropic: bool = False, related: tuple[GaussianProcess, ...] = (), either: bool = False) -> None:
        self.nu = nu
        self.isotropic = isotropic
        self.related = related
        self.either = either
        self.warnings: tuple[str, ...] = ()
        self._fit: Fit | None = None

    @property
    def known(self) -> Fit:
        """What the last fit left.

        Raises:
            NotFitted: There was none.
        """
        if self._fit is None:
            raise NotFitted("call fit before asking the Gaussian process")
        return self._fit

    @property
    def hyper(self) -> Hyper:
        """The fitted hyperparameters, on the normal scale of the outcome."""
        return self.known.hyper

    @property
    def warp(self) -> Warp:
        """The map between the outcome and its normal scale."""
        return self.known.warp

    def fit(self, X: FloatArray, Y: FloatArray, noise: FloatArray | None = None) -> Self:
        """Learn from data.

        Args:
            X: Inputs, shape (n, d), n >= 1.
            Y: Outcomes, shape (n,) or (n, 1).
            noise: Variance of each outcome in units of Y squared, shape (n,); None to infer one for all.

        Raises:
            ValueError: The shapes do not fit, or a value is not finite.
        """
        X, y = np.array(X, float), np.array(Y, float).reshape(len(X), -1)
        if X.ndim != 2 or not len(X) or y.shape[1] != 1 or not (np.isfinite(X).all() and np.isfinite(y).all()):
            raise ValueError("a Gaussian process needs finite inputs (n, d) and outcomes (n,) or (n, 1)")
        y = y[:, 0]
        warp = Warp.fit(y)
        t = warp.forward(y)
        given = None if noise is None else np.maximum(np.asarray(noise, float) * warp.slope(y) ** 2, _LEAST_NOISE)
        Z = self.extend(X)
        hyper, remarks = self._hyper(Z, t, given)
        variances = np.full(len(t), hyper.noise) if given is None else given
        L, jitter = _factor(_covariance(Z, Z, hyper, self.nu) + np.diag(variances))
        mean = matern.constant_mean((L, True), t)
        self._fit = Fit(warp, hyper, mean, Z, t, variances, L, cho_solve((L, True), t - mean))
        self.warnings = _wild(y) + remarks
        if jitter:
            self.warnings += (f"the covariance of the data was singular: {jitter:.1e} was added to the noise",)
        return self

    def _hyper(self, Z: FloatArray, t: FloatArray, given: FloatArray | None) -> tuple[Hyper, tuple[str, ...]]:
        """Fitted hyperparameters, or the ones of the first start with a warning where there is nothing to fit."""
        d = Z.shape[1] - len(self.related)
        X, z = Z[:, :d], Z[:, d:]
        default = Hyper(np.full(X.shape[1], matern.STARTS[0][0]), 1.0, 0.0 if given is not None else matern.STARTS[0][1])
        if len(np.unique(t)) < 3:
            return default, ("fewer than 3 different outcomes: the Gaussian process keeps its default hyperparameters",)
        rows = np.arange(len(t)) if len(t) <= FIT_LIMIT else telling(X, t, FIT_LIMIT)
        known = z[rows] @ z[rows].T if self.related else None
        noise = None if given is None else given[rows]
        try:
            return matern.fit(X[rows], t[rows], self.nu, self.isotropic, noise, known, self.either), ()
        except FloatingPointError as error:
            return default, (f"the fit of the Gaussian process failed ({error}): it keeps its default hyperparameters",)

    def extend(self, X: FloatArray) -> FloatArray:
        """Inputs (n, d) followed by what the related tasks predict there, shape (n, d + q)."""
        return np.column_stack([X, *(TRUST * process.middle(X) for process in self.related)]) if self.related else X

    def covariance(self, A: FloatArray, B: FloatArray) -> FloatArray:
        """Covariance of the noise-free t between extended inputs (a, d + q) and (b, d + q), shape (a, b)."""
        return _covariance(A, B, self.hyper, self.nu)

    def variance(self, Z: FloatArray) -> FloatArray:
        """Variance of the noise-free t at extended inputs (n, d + q) before data, shape (n,)."""
        return np.asarray(self.hyper.scale + (Z[:, len(self.hyper.lengths) :] ** 2).sum(axis=1))

    @property
    def weights(self) -> FloatArray:
        """Posterior mean of the weight of each related task, shape (q,)."""
        return np.asarray(TRUST * (self.known.a @ self._z))

    @property
    def effects(self) -> FloatArray:
        """Standard deviation of what each related task adds to the mean of t at the data, shape (q,)."""
        return np.asarray(np.abs(self.known.a @ self._z) * self._z.std(axis=0))

    @property
    def correlations(self) -> FloatArray:
        """Correlation of what each related task predicts at the data with their t, 0 where either is constant, shape (q,)."""
        z, t = self._z - self._z.mean(axis=0), self.known.t - self.known.t.mean()
        spread = np.linalg.norm(z, axis=0) * np.linalg.norm(t)
        return np.asarray(np.divide(t @ z, spread, out=np.zeros(z.shape[1]), where=spread > 0))

    @property
    def _z(self) -> FloatArray:
        """What the related tasks predict at the data, in units of the extended inputs, shape (n, q)."""
        return self.known.X[:, len(self.hyper.lengths) :]

    def posterior(self, X: FloatArray) -> Posterior:
        """Mean and standard deviation of the noise-free outcome in its own unit, shape (n, 1) each."""
        mean, std = self.warp.moments(*self.latent(X))
        return Posterior(mean[:, None], std[:, None])

    def predict(self, X: FloatArray) -> FloatArray:
        """Mean of the outcome in its own unit, shape (n, 1)."""
        return self.posterior(X).mean

    def middle(self, X: FloatArray) -> FloatArray:
        """Mean of t at inputs (n, d), shape (n,)."""
        known = self.known
        return np.asarray(known.mean + self.covariance(self.extend(X), known.X) @ known.a)

    def latent(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of t at inputs (n, d), shape (n,) each."""
        known, Z = self.known, self.extend(X)
        cross = self.covariance(Z, known.X)
        explained = (solve_triangular(known.L, cross.T, lower=True, check_finite=False) ** 2).sum(axis=0)
        return known.mean + cross @ known.a, np.sqrt(np.maximum(self.variance(Z) - explained, 0.0))

    def gradient(self, X: FloatArray) -> FloatArray:
        """Gradient of the mean of t in whitened coordinates, that is per length scale, shape (n, d)."""
        known, lengths = self.known, self.hyper.lengths
        data = known.X[:, : len(lengths)]
        slope = matern.correlation(X, data, lengths, self.nu)[1]
        pull = known.hyper.scale * slope * known.a
        gradient = (pull @ data - pull.sum(axis=1, keepdims=True) * X) / lengths
        for weight, process in zip(self.weights, self.related, strict=True):
            gradient += weight * process.gradient(X) * (lengths / process.hyper.lengths)
        return np.asarray(gradient)

    def paths(self, X: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
        """Joint samples of the noise-free t at inputs (n, d), shape (count, n); the cost grows with n cubed."""
        known, Z = self.known, self.extend(X)
        cross = self.covariance(Z, known.X)
        V = solve_triangular(known.L, cross.T, lower=True, check_finite=False)
        root, _ = _factor(self.covariance(Z, Z) - V.T @ V + _LEAST_NOISE * known.hyper.scale * np.eye(len(X)))
        return np.asarray(known.mean + cross @ known.a + rng.standard_normal((count, len(X))) @ root.T)

    def save(self, path: Path) -> None:
        """Write ``path`` (safetensors) and, beside it, a JSON card of the same stem."""
        save_file(self._arrays(""), path)
        path.with_suffix(".json").write_text(json.dumps(self._card(), indent=2), encoding="utf-8")

    def _arrays(self, prefix: str) -> dict[str, FloatArray]:
        """The arrays of the fit under prefixed names, those of the related tasks with their number before."""
        arrays = {prefix + name: getattr(self.known, name) for name in _ARRAYS} | {f"{prefix}lengths": self.hyper.lengths}
        for j, process in enumerate(self.related):
            arrays |= process._arrays(f"{prefix}{j}.")
        return arrays

    def _card(self) -> dict[str, Any]:
        known = self.known
        return {
            "kind": "gaussian_process",
            "settings": {"nu": self.nu, "isotropic": self.isotropic, "either": self.either},
            "hyper": {"scale": known.hyper.scale, "noise": known.hyper.noise, "wide": known.hyper.wide},
            "mean": known.mean,
            "warp": asdict(known.warp),
            "warnings": self.warnings,
            "related": [process._card() for process in self.related],
        }

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote; predictions are the same to the last bit."""
        return cls._of(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")), load_file(path), "")

    @classmethod
    def _of(cls, card: dict[str, Any], arrays: dict[str, FloatArray], prefix: str) -> Self:
        related = tuple(cls._of(other, arrays, f"{prefix}{j}.") for j, other in enumerate(card["related"]))
        model = cls(**card["settings"], related=related)
        hyper = Hyper(arrays[f"{prefix}lengths"], **card["hyper"])
        model._fit = Fit(Warp(**card["warp"]), hyper, card["mean"], *(arrays[prefix + name] for name in _ARRAYS))
        model.warnings = tuple(card["warnings"])
        return model

    def to_botorch(self) -> Any:
        """The same model of t as a ``botorch.models.SingleTaskGP`` of the extended inputs, in evaluation mode."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # from inside the libraries, as they load
            import torch
            from botorch.models import SingleTaskGP
            from gpytorch.kernels import LinearKernel, MaternKernel, ScaleKernel

        known, d = self.known, len(self.hyper.lengths)
        kernel = ScaleKernel(MaternKernel(self.nu, ard_num_dims=d, active_dims=tuple(range(d)))).double()
        kernel.base_kernel.lengthscale = torch.tensor(known.hyper.lengths)
        kernel.outputscale = known.hyper.scale
        if self.related:
            linear = LinearKernel(active_dims=tuple(range(d, known.X.shape[1]))).double()
            linear.variance = 1.0
            kernel = kernel + linear
        X, t, noise = torch.tensor(known.X), torch.tensor(known.t[:, None]), torch.tensor(known.noise[:, None])
        model = SingleTaskGP(X, t, noise, covar_module=kernel, outcome_transform=None)
        model.mean_module.constant = known.mean
        return model.eval()


def _covariance(A: FloatArray, B: FloatArray, hyper: Hyper, nu: float) -> FloatArray:
    d = len(hyper.lengths)
    K = hyper.scale * matern.correlation(A[:, :d], B[:, :d], hyper.lengths, nu)[0]
    return np.asarray(K + A[:, d:] @ B[:, d:].T) if A.shape[1] > d else np.asarray(K)


def telling(X: FloatArray, t: FloatArray, count: int) -> IntArray:
    """Rows to fit to: a quarter are the lowest outcomes, the rest fill the space (farthest point first)."""
    chosen = np.argsort(t, kind="stable")[: count // 4].tolist()
    nearest = cdist(X, X[chosen]).min(axis=1)
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(X - X[chosen[-1]], axis=1))
    return np.array(chosen)


def _factor(K: FloatArray) -> tuple[FloatArray, float]:
    """Lower Cholesky factor of K, in C order, and what had to be added to its diagonal."""
    for jitter in (0.0, *(np.diag(K).mean() * 10.0 ** np.arange(-10, 1))):
        try:
            return np.ascontiguousarray(cholesky(K + jitter * np.eye(len(K)), lower=True, check_finite=False)), float(jitter)
        except np.linalg.LinAlgError:
            continue
    raise FloatingPointError("the covariance is not positive definite")


def _wild(y: FloatArray) -> tuple[str, ...]:
    low, high = fences(y)
    above, below = int((y > high).sum()), int((y < low).sum())
    remarks = []
    if above:
        remarks.append(f"{above} of {len(y)} outcomes lie far above the rest, up to {y.max():g}: they count as {high:.4g}")
    if below:
        remarks.append(f"{below} of {len(y)} outcomes lie far below the rest, down to {y.min():g}: check that they are real")
    return tuple(remarks)
