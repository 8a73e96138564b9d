"""Whether a prediction is an interpolation: inside, at the edge or outside of what a model was trained on.

Four figures of an input are held against limits that the training data set for each other: how far it is from the box of
the data, from the nearest datum, its leverage, and the model's standard deviation. A limit is the quantile of the same
figure at each datum with that datum left out, so that few inputs like the data are flagged. A fifth, the
violation of linear constraints, has the limit 0.

Notation: n data X (n, d), q inputs Q (q, d), c constraints A x <= b; distances in ranges of the data.
Sources: leverage and its left-out form, Cook and Weisberg, Residuals and Influence in Regression (1982), equation 2.2.7;
the domain of applicability, Netzeva et al., ATLA 33, 155 (2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np
from scipy.spatial.distance import cdist

from models.surrogate import FloatArray, IntArray

FLAGGED = 0.02
"""Share of inputs like the data that may be flagged, shared out evenly among the figures."""
_FAR = 1.5
"""Limits from which on an input is outside."""
_BOX = (0.1, 0.2)
"""Range of the limit on the distance from the box, in ranges: few data do not reach its corners, one outlier is no box."""
_RIDGE = 1e-6

Check = Literal["box", "slack", "distance", "leverage", "sigma"]
Status = Literal["inside", "edge", "outside"]
Figures = dict[Check, tuple[FloatArray, IntArray]]
"""Per figure its values (q,) and the variables at fault (q,)."""


@dataclass(frozen=True)
class Validity:
    """The verdict on one input.

    Attributes:
        status: ``inside``; ``edge``, past a limit; or ``outside``, far past it.
        check: The figure that is farthest past its limit, or nearest to it.
        variable: Column of the variable that is most at fault for it.
        value: The figure: for ``box`` and ``distance`` in ranges of the data, for ``sigma`` in the unit of the outcome.
        limit: What it is held against.
    """

    status: Status
    check: Check
    variable: int
    value: float
    limit: float


@dataclass(frozen=True, eq=False)
class Domain:
    """What a model was trained on.

    Attributes:
        X: Inputs, shape (n, d), n >= 2.
        A: Constraints on them, shape (c, d).
        b: Their bounds, shape (c,).
        sigma: Standard deviation of the model at each datum when held out of its training, shape (n,); None where unknown.
    """

    X: FloatArray
    A: FloatArray
    b: FloatArray
    sigma: FloatArray | None = None

    @classmethod
    def of(cls, X: FloatArray, constraints: tuple[FloatArray, FloatArray] | None = None, sigma: FloatArray | None = None) -> Self:
        """The domain of training data; repeated inputs count once.

        Args:
            X: Inputs, shape (n, d).
            constraints: A (c, d) and b (c,), in the same coordinates.
            sigma: See the attribute.

        Raises:
            ValueError: There are under two different inputs, the shapes do not fit, or a value is not finite.
        """
        X = np.array(X, float)
        A, b = (np.empty((0, X.shape[-1])), np.empty(0)) if constraints is None else constraints
        if (
            X.ndim != 2
            or len(X) < 2
            or (X[0] == X).all()
            or A.shape != (len(b), X.shape[1])
            or (sigma is not None and np.shape(sigma) != (len(X),))
        ):
            raise ValueError(
                "a domain needs two different inputs (n, d) at least, constraints (c, d) and (c,), and standard deviations (n,)"
            )
        if not all(np.isfinite(values).all() for values in (X, A, b, X[:0] if sigma is None else sigma)):
            raise ValueError("a domain needs finite values")
        X, first = np.unique(X, axis=0, return_index=True)
        return cls(X, np.array(A, float), np.array(b, float), None if sigma is None else np.array(sigma, float)[first])

    def judge(self, Q: FloatArray, sigma: FloatArray | None = None) -> tuple[Validity, ...]:
        """Verdicts on inputs.

        Args:
            Q: Shape (q, d).
            sigma: Standard deviation of the model there, shape (q,); only looked at where the domain knows its own.
        """
        figures = self._figures(Q, self.X, None)
        if self.sigma is not None and sigma is not None:
            figures["sigma"] = np.asarray(sigma, float), figures["leverage"][1]
        verdicts = list[Validity]()
        for k in range(len(Q)):
            shares = {check: self._share(check, float(values[k])) for check, (values, _) in figures.items()}
            worst = max(shares, key=shares.__getitem__)
            values, faults = figures[worst]
            verdicts.append(Validity(_status(shares[worst]), worst, int(faults[k]), float(values[k]), self.limits.get(worst, 0.0)))
        return tuple(verdicts)

    # What does not depend on the inputs that are asked about.

    @cached_property
    def _whole_box(self) -> tuple[FloatArray, FloatArray]:
        return _box(self.X, None)

    @cached_property
    def _scale(self) -> FloatArray:
        """Ranges of the data, 1 where there is none, shape (d,)."""
        return np.where(np.ptp(self.X, axis=0) > 0, np.ptp(self.X, axis=0), 1.0)

    @cached_property
    def _scaled(self) -> FloatArray:
        return np.asarray(self.X / self._scale)

    @cached_property
    def _gram(self) -> FloatArray:
        """Of the linear model of the scaled data, shape (d + 1, d + 1)."""
        design = _design(self._scaled, self._scaled.mean(axis=0))
        return np.asarray(design.T @ design + _RIDGE * np.eye(design.shape[1]))

    def _share(self, check: Check, value: float) -> float:
        limit = self.limits.get(check, 0.0)
        return value / limit if limit > 0 else (0.0 if value <= 0 else float("inf"))

    @cached_property
    def limits(self) -> dict[Check, float]:
        """Limit of each figure but the violation of constraints."""
        values = {check: found for check, (found, _) in self._figures(self.X, self.X, np.arange(len(self.X))).items() if check != "slack"}
        if self.sigma is not None:
            values["sigma"] = self.sigma
        level = 1 - FLAGGED / len(values)
        limits: dict[Check, float] = {check: float(np.quantile(found, level, method="higher")) for check, found in values.items()}
        limits["box"] = float(np.clip(limits["box"], *_BOX))
        return limits

    def _figures(self, Q: FloatArray, X: FloatArray, left_out: IntArray | None) -> Figures:
        """Figures of inputs; those of data with each datum left out where their rows (q,) are given."""
        low, high = self._whole_box if left_out is None else _box(X, left_out)
        span = np.where(high > low, high - low, 1.0)
        over = np.maximum(low - Q, Q - high) / span
        scale = self._scale
        gaps = cdist(Q / scale, self._scaled)
        if left_out is not None:
            gaps[np.arange(len(Q)), left_out] = np.inf
        nearest = gaps.argmin(axis=1)
        far = np.abs(Q - X.mean(axis=0)) / scale
        violation = (Q @ self.A.T - self.b) / np.maximum(np.abs(self.A) @ scale, np.finfo(float).tiny)
        figures: Figures = {
            "box": (np.maximum(over.max(axis=1), 0.0), over.argmax(axis=1)),
            "distance": (gaps[np.arange(len(Q)), nearest], (np.abs(Q - X[nearest]) / scale).argmax(axis=1)),
            "leverage": (_leverage(Q / scale, self._scaled.mean(axis=0), self._gram, left_out is not None), far.argmax(axis=1)),
        }
        if len(self.b):
            worst = self.A[violation.argmax(axis=1)]
            slack = np.where(violation.max(axis=1) > 1e-9, violation.max(axis=1), 0.0)
            figures["slack"] = slack, (worst * (Q - X.mean(axis=0))).argmax(axis=1)
        return figures


def _status(share: float) -> Status:
    """What a figure says that is so many limits."""
    return "inside" if share <= 1 else "edge" if share <= _FAR else "outside"


def _box(X: FloatArray, left_out: IntArray | None) -> tuple[FloatArray, FloatArray]:
    """The box of the data, shape (d,) each; or their boxes without one datum each, shape (q, d) each."""
    ordered = np.sort(X, axis=0)
    low, high = ordered[0], ordered[-1]
    if left_out is None:
        return low, high
    return np.where(X[left_out] == low, ordered[1], low), np.where(X[left_out] == high, ordered[-2], high)


def _leverage(Q: FloatArray, mean: FloatArray, gram: FloatArray, left_out: bool) -> FloatArray:
    """Leverage (q,) of scaled inputs in a linear model of data with this mean; left out, with Q the data, ``h / (1 - h)``."""
    inputs = _design(Q, mean)
    h = np.einsum("ij,ij->i", inputs, np.linalg.solve(gram, inputs.T).T)
    return np.asarray(h / np.maximum(1 - h, _RIDGE) if left_out else h)


def _design(Z: FloatArray, mean: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(Z)), Z - mean])
