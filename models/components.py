"""Curves by few numbers: principal components, and one Gaussian process per component.

Notation: n curves of m points, K components; P (K, m) the components, orthonormal; scores S = (Y - mean) P', (n, K).

Source: Higdon, Gattiker, Williams and Rightley, J. Am. Stat. Assoc. 103, 570 (2008), section 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from models.gp import GaussianProcess
from models.surrogate import FloatArray, NotFitted, Posterior

MOST = 6
"""Components at most."""
EXPLAINED = 0.9995
"""Share of the variance that the components must hold, unless it takes more than ``MOST``."""


@dataclass(frozen=True)
class Components:
    """The main directions in which curves differ.

    Attributes:
        mean: Mean curve, shape (m,).
        P: Orthonormal components, most important first, shape (K, m); at least one.
        explained: Share of the variance of the curves that they hold; 1 where the curves are all equal.
    """

    mean: FloatArray
    P: FloatArray
    explained: float

    @classmethod
    def of(cls, Y: FloatArray) -> Self:
        """The fewest components that hold ``EXPLAINED`` of the variance of curves (n, m), ``MOST`` at most."""
        mean = Y.mean(axis=0)
        _, strengths, P = np.linalg.svd(Y - mean, full_matrices=False)
        power = np.cumsum(strengths**2)
        if power[-1] <= np.finfo(float).eps ** 2 * (Y**2).sum():
            return cls(mean, P[:1], 1.0)
        shares = power / power[-1]
        count = min(int(np.searchsorted(shares, EXPLAINED)) + 1, MOST, len(shares))
        return cls(mean, _turned(P[:count], Y - mean), float(shares[count - 1]))

    def scores(self, Y: FloatArray) -> FloatArray:
        """Scores (n, K) of curves (n, m)."""
        return np.asarray((Y - self.mean) @ self.P.T)

    def curves(self, scores: FloatArray) -> FloatArray:
        """Curves (n, m) of scores (n, K)."""
        return np.asarray(self.mean + scores @ self.P)


class CurveProcess:
    """A surrogate of curves: independent Gaussian processes of the scores of their principal components.

    Args:
        nu: Smoothness of the Matern kernels: 0.5, 1.5 or 2.5.
        isotropic: One length scale for all inputs of a component instead of one each.

    Attributes:
        warnings: What the last fit had to do out of the ordinary, one sentence each.
    """

    def __init__(self, nu: float = 2.5, isotropic: bool = False) -> None:
        self.nu = nu
        self.isotropic = isotropic
        self.warnings: tuple[str, ...] = ()
        self._components: Components | None = None
        self.processes: tuple[GaussianProcess, ...] = ()

    @property
    def components(self) -> Components:
        """The components of the last fit."""
        if self._components is None:
            raise NotFitted("call fit before asking the curve process")
        return self._components

    def fit(self, X: FloatArray, Y: FloatArray, related: Sequence[tuple[FloatArray, FloatArray]] = ()) -> Self:
        """Learn from data.

        Args:
            X: Inputs, shape (n, d), n >= 1.
            Y: Curves, shape (n, m).
            related: Inputs (r, d) and curves (r, m) of related tasks; they share the components, and have processes of their own.

        Raises:
            ValueError: The shapes do not fit, or a value is not finite.
        """
        if Y.ndim != 2 or len(X) != len(Y) or not np.isfinite(Y).all():
            raise ValueError("a curve process needs inputs (n, d) and as many finite curves (n, m)")
        components = Components.of(np.vstack([Y, *(curves for _, curves in related)]).astype(float))
        others = [[self._process().fit(inputs, column) for column in components.scores(curves).T] for inputs, curves in related]
        self.processes = tuple(
            self._process(tuple(task[k] for task in others)).fit(X, column) for k, column in enumerate(components.scores(Y).T)
        )
        self._components = components
        remarks = [f"component {k}: {remark}" for k, process in enumerate(self.processes, 1) for remark in process.warnings]
        self.warnings = tuple(remarks)
        return self

    def _process(self, related: tuple[GaussianProcess, ...] = ()) -> GaussianProcess:
        return GaussianProcess(self.nu, self.isotropic, related)

    def posterior(self, X: FloatArray) -> Posterior:
        """Mean and standard deviation of the curves at inputs (n, d), shape (n, m) each."""
        components = self.components
        beliefs = [process.posterior(X) for process in self.processes]
        means = np.hstack([belief.mean for belief in beliefs])
        variances = np.hstack([np.zeros_like(belief.mean) if belief.std is None else belief.std**2 for belief in beliefs])
        return Posterior(components.curves(means), np.sqrt(variances @ components.P**2))

    def predict(self, X: FloatArray) -> FloatArray:
        """Mean of the curves at inputs (n, d), shape (n, m)."""
        return self.posterior(X).mean

    def arrays(self, prefix: str) -> dict[str, FloatArray]:
        """The arrays of the fit under prefixed names."""
        found = {f"{prefix}mean": self.components.mean, f"{prefix}P": self.components.P}
        for k, process in enumerate(self.processes):
            found |= process._arrays(f"{prefix}{k}.")
        return found

    def card(self) -> dict[str, Any]:
        """The rest of the fit, as JSON."""
        told = {"nu": self.nu, "isotropic": self.isotropic, "explained": self.components.explained}
        return told | {"processes": [process._card() for process in self.processes], "warnings": self.warnings}

    @classmethod
    def of(cls, card: Mapping[str, Any], arrays: dict[str, FloatArray], prefix: str) -> Self:
        """The fit that ``card`` and ``arrays`` told of."""
        model = cls(card["nu"], card["isotropic"])
        model._components = Components(arrays[f"{prefix}mean"], arrays[f"{prefix}P"], card["explained"])
        model.processes = tuple(GaussianProcess._of(told, arrays, f"{prefix}{k}.") for k, told in enumerate(card["processes"]))
        model.warnings = tuple(card["warnings"])
        return model

    def marginal(self, X: FloatArray, z: FloatArray) -> FloatArray:
        """Scores at inputs (n, d) for standard normal deviates z (s, K), shared by all inputs; shape (n, s, K).

        Right for one input at a time; between inputs the samples are tied more than the processes say.
        """
        columns = []
        for process, deviates in zip(self.processes, z.T, strict=True):
            mean, std = process.latent(X)
            columns.append(process.warp.inverse(mean[:, None] + std[:, None] * deviates))
        return np.stack(columns, axis=2)

    def joint(self, X: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
        """Joint samples of the scores at inputs (n, d), shape (n, count, K); the cost grows with n cubed."""
        return np.stack([process.warp.inverse(process.paths(X, count, rng)).T for process in self.processes], axis=2)


def _turned(P: FloatArray, centred: FloatArray) -> FloatArray:
    """Components with their signs set so that the longer tail of the scores points down.

    A Gaussian process takes its outcomes to be losses: it pulls in wild ones at the top, and keeps those at the bottom.
    """
    scores = centred @ P.T
    down = scores.max(axis=0) - np.median(scores, axis=0) <= np.median(scores, axis=0) - scores.min(axis=0)
    return np.asarray(np.where(down[:, None], P, -P))
