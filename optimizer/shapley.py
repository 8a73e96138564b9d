"""Shapley values: what each parameter of a recipe adds to a prediction, compared with recipes of a background.

Notation: d parameters, n explained rows x, b background rows z, q outputs of f; S a coalition, a set of parameters. With
x_S, z_-S the recipe that takes the parameters of S from x and the others from z,

    v(S) = mean over z of f(x_S, z_-S)
    phi_j = sum over S without j of |S|! (d - |S| - 1)! / d! * (v(S + j) - v(S))

and the phi of a row add up to f(x) less the base value, the mean of f over the background.

Sources: Shapley, Contributions to the Theory of Games 2, 307 (1953); v(S) is that of Lundberg and Lee, NeurIPS 30 (2017);
sampled along permutations and their reverses, Mitchell et al., J. Mach. Learn. Res. 23, 43 (2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np

from optimizer.types import BoolArray, FloatArray, IntArray, InvalidInput

EXACT = 8
"""Parameters up to which all coalitions are looked at."""
_PERMUTATIONS = 64
"""Pairs of a permutation and its reverse beyond that."""

Outputs = Callable[[FloatArray], FloatArray]
"""Rows (n, d) to what is predicted there, (n, q)."""


@dataclass(frozen=True, eq=False)
class Shapley:
    """Shapley values of rows.

    Attributes:
        base: Mean output over the background, shape (q,).
        values: What each parameter adds in each row, in units of the output, shape (n, d, q).
        error: Their standard error, shape (n, d, q); None where they are exact.
    """

    base: FloatArray
    values: FloatArray
    error: FloatArray | None = None

    @property
    def importance(self) -> FloatArray:
        """Mean over the rows of the absolute values, shape (d, q)."""
        return np.asarray(np.abs(self.values).mean(axis=0))


def shapley(f: Outputs, X: FloatArray, background: FloatArray, rng: np.random.Generator) -> Shapley:
    """Shapley values of the outputs of a function: exact up to ``EXACT`` parameters, else sampled.

    Args:
        f: The function; called 2^d times with n b rows where it is exact.
        X: Rows to explain, shape (n, d).
        background: What they are compared with, shape (b, d); recipes mixed from both need not be feasible.
        rng: Source of the permutations; not used where the values are exact.

    Raises:
        InvalidInput: There is no row or no background, or they differ in width.
    """
    if not len(X) or not len(background) or X.shape[1] != background.shape[1]:
        raise InvalidInput(f"Shapley values need rows and a background of equal width, not {X.shape} and {background.shape}")
    return _exact(f, X, background) if X.shape[1] <= EXACT else _sampled(f, X, background, rng)


def _exact(f: Outputs, X: FloatArray, background: FloatArray) -> Shapley:
    d = X.shape[1]
    members = (np.arange(2**d)[:, None] >> np.arange(d) & 1).astype(bool)
    v = np.array([_mixed(f, X, background, coalition) for coalition in members])
    sizes = members.sum(axis=1)
    # A coalition with j counts with the weight of the same without j.
    weights = np.array([1 / (d * comb(d - 1, size)) for size in range(d)])
    W = np.where(members, weights[np.maximum(sizes - 1, 0)][:, None], -weights[np.minimum(sizes, d - 1)][:, None])
    return Shapley(v[0, 0], np.einsum("sj,snq->njq", W, v))


def _mixed(f: Outputs, X: FloatArray, background: FloatArray, coalition: BoolArray) -> FloatArray:
    """The v of a coalition for every row, shape (n, q)."""
    rows = np.where(coalition, X[:, None, :], background)
    outputs = f(rows.reshape(-1, X.shape[1]))
    return np.asarray(outputs.reshape(len(X), len(background), -1).mean(axis=1))


def _sampled(f: Outputs, X: FloatArray, background: FloatArray, rng: np.random.Generator) -> Shapley:
    pairs = []
    for _ in range(_PERMUTATIONS):
        order, z = rng.permutation(X.shape[1]), background[rng.integers(len(background))]
        pairs.append((_walk(f, X, z, order) + _walk(f, X, z, order[::-1])) / 2)
    found = np.array(pairs)
    return Shapley(f(background).mean(axis=0), found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found)))


def _walk(f: Outputs, X: FloatArray, z: FloatArray, order: IntArray) -> FloatArray:
    """What the outputs change by as the parameters of z are set to those of the rows one after the other, shape (n, d, q)."""
    n, d = X.shape
    rows = np.repeat(np.broadcast_to(z, X.shape)[None], d + 1, axis=0)
    for step, j in enumerate(order, 1):
        rows[step:, :, j] = X[:, j]
    outputs = f(rows.reshape(-1, d)).reshape(d + 1, n, -1)
    gains = np.empty((n, d, outputs.shape[2]))
    gains[:, order] = np.diff(outputs, axis=0).transpose(1, 0, 2)
    return gains
