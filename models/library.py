"""Search in a library of curves: every known curve is scaled and set on a background until it lies closest to the one asked about.

Notation: curve I and library curve L of d points, weights w (1, or 1 / I for relative errors); scale a >= 0 and background b
minimise ``R^2 = mean(w^2 (I - a L - b)^2)``, a linear least-squares problem with two unknowns. The outcomes of the K best are
averaged with weights ``R^-s``: the likelihood of s independent points with normal noise of unknown size, at its maximum.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from models.array_learner import ArrayLearner, Fitted
from models.nets import Progress
from models.scaling import SHARES
from models.surrogate import FloatArray, IntArray, Posterior
from models.task import Head, HeadKind

_QUERIES = 256
"""Curves that are searched for at a time."""
_EXACT = 1e-12
"""Residual, relative to the curve, below which a candidate is taken as exact."""
_LEAST = 1e-100
"""Size of a curve below which it counts as nothing."""


@dataclass(frozen=True)
class LibrarySettings:
    """How curves are compared.

    Attributes:
        scale: Whether a library curve may be scaled; switch off for logarithms, on which a factor is a background.
        background: Whether it may be set on a constant background.
        errors: ``absolute``, all points weigh alike; or ``relative`` to the curve asked about, which has to be positive.
        candidates: Best matches that an answer is made of.
        sharpness: Power of the residual by which they are weighed: how many points of a curve count as independent.
    """

    scale: bool = True
    background: bool = True
    errors: Literal["absolute", "relative"] = "absolute"
    candidates: int = 10
    sharpness: float = 20.0

    def __post_init__(self) -> None:
        if self.errors not in ("absolute", "relative"):
            raise ValueError("errors has to be absolute or relative")
        if self.candidates < 1:
            raise ValueError("candidates has to be 1 or more")
        if not (isfinite(self.sharpness) and self.sharpness > 0):
            raise ValueError("sharpness has to be positive")


@dataclass(frozen=True, eq=False)
class Candidates:
    """The best matches of n curves, best first.

    Attributes:
        rows: Their rows in the data of the fit, shape (n, k).
        outcomes: What goes with them, shape (n, k, m).
        residual: Root mean square of what is left, in the unit of the curves or, for relative errors, as a share, shape (n, k).
        scale: Factor of the library curve, shape (n, k).
        background: Added to it, shape (n, k).
    """

    rows: IntArray
    outcomes: FloatArray
    residual: FloatArray
    scale: FloatArray
    background: FloatArray


class LibrarySearch(ArrayLearner[LibrarySettings]):
    """Answers with the outcomes of the library curves that lie closest; their spread is the standard deviation."""

    can: ClassVar[frozenset[HeadKind]] = frozenset({"number", "curve", "category", "distribution"})
    settings_type = LibrarySettings

    def ranked(self, X: FloatArray, k: int) -> Candidates:
        """The k best matches of curves (n, d), or all where there are fewer.

        Raises:
            NotFitted: ``fit`` has not been called.
            ValueError: k is below 1, or the curves are not of the shape of the library, or not positive where errors are relative.
        """
        if k < 1:
            raise ValueError(f"ask for 1 candidate or more, not {k}")
        return self._ranked(self._asked(X), k)

    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        return Fitted({"curves": X, "outcomes": Y, "rows": order})

    def _answer(self, X: FloatArray) -> Posterior:
        found = self._ranked(X, self.settings.candidates)
        # An exact match has no residual; what rounding leaves of one must not set it against the others.
        size = np.sqrt(((self._weights(X) * X) ** 2).mean(axis=1, keepdims=True))
        residual = np.maximum(found.residual, _EXACT * np.maximum(size, _LEAST))
        share = (residual / residual.min(axis=1, keepdims=True)) ** -self.settings.sharpness
        share /= share.sum(axis=1, keepdims=True)
        mean = np.einsum("nk,nkm->nm", share, found.outcomes)
        if self.heads and all(head.kind in SHARES for head in self.heads):
            return Posterior(mean)
        return Posterior(mean, np.sqrt(np.einsum("nk,nkm->nm", share, (found.outcomes - mean[:, None]) ** 2)))

    def _ranked(self, X: FloatArray, k: int) -> Candidates:
        known = self.fitted.arrays
        k = min(k, len(known["curves"]))
        best, figures = np.empty((len(X), k), int), np.empty((3, len(X), k))
        for first in range(0, len(X), _QUERIES):
            part = slice(first, first + _QUERIES)
            w = self._weights(X[part])
            near = np.argsort(self._screened(X[part], w), axis=1, kind="stable")[:, : max(k, self.settings.candidates)]
            for row, (curve, weights, some) in enumerate(zip(X[part], w, near, strict=True), first):
                # The sums of the screening lose digits to cancellation: the few best are fitted once more, point by point.
                told = self._placed(curve, weights, known["curves"][some])
                order = np.argsort(told[0], kind="stable")[:k]
                best[row], figures[:, row] = some[order], told[:, order]
        return Candidates(known["rows"][best], known["outcomes"][best], *figures)

    def _weights(self, X: FloatArray) -> FloatArray:
        """Weights of the points of curves (n, d)."""
        if self.settings.errors == "absolute":
            return np.broadcast_to(1.0, X.shape)
        if X.min() <= 0:
            raise ValueError("relative errors take positive curves: drop such points, or set errors to absolute")
        return np.asarray(1 / X)

    def _screened(self, X: FloatArray, w: FloatArray) -> FloatArray:
        """Sum of the squared, weighted errors of every library curve (K, d) for curves (n, d), shape (n, K), from sums alone."""
        L, v = self.fitted.arrays["curves"], w**2
        total = v.sum(axis=1, keepdims=True)
        middle = (v * X).sum(axis=1, keepdims=True) / total if self.settings.background else np.zeros_like(total)
        sums = (v[:1] if self.settings.errors == "absolute" else v) @ np.vstack([L, L**2]).T
        level = sums[:, : len(L)] / total if self.settings.background else np.zeros((1, 1))
        power = sums[:, len(L) :] - total * level**2
        shared = (v * X) @ L.T - total * level * middle
        a = self._scale(shared, power)
        return np.asarray((v * (X - middle) ** 2).sum(axis=1, keepdims=True) - 2 * a * shared + a**2 * power)

    def _placed(self, curve: FloatArray, w: FloatArray, L: FloatArray) -> FloatArray:
        """Residual, scale and background of some library curves (k, d) for a curve (d,), shape (3, k)."""
        v = w**2 / (w**2).sum()
        level, middle = (L @ v, curve @ v) if self.settings.background else (np.zeros(len(L)), 0.0)
        raised = L - level[:, None]
        a = self._scale(raised @ (v * (curve - middle)), raised**2 @ v)
        left = w * (curve - middle - a[:, None] * raised)
        return np.array([np.sqrt((left**2).mean(axis=1)), a, middle - a * level])

    def _scale(self, shared: FloatArray, power: FloatArray) -> FloatArray:
        """The best factor that is not negative; 0 where a library curve has no shape."""
        if not self.settings.scale:
            return np.ones(np.broadcast_shapes(shared.shape, power.shape))
        return np.maximum(np.divide(shared, power, out=np.zeros(shared.shape), where=power > 0), 0.0)
