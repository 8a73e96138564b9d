"""Shapley values: what each input, or group of inputs, adds to a prediction, compared with rows of a background.

Notation: d columns in g groups, n explained rows x, b background rows z, q outputs of f; S a coalition, a set of groups.
With x_S, z_-S the row that takes the groups of S from x and the others from z,

    v(S) = mean over z of f(x_S, z_-S)
    phi_j = sum over S without j of |S|! (g - |S| - 1)! / g! * (v(S + j) - v(S))

and the phi of a row add up to f(x) less the base value, the mean of f over the background.

Sources: Shapley, Contributions to the Theory of Games 2, 307 (1953); v(S) is that of Lundberg and Lee, NeurIPS 30 (2017);
groups as players, Jullum, Redelmeier and Aas, arXiv:2106.12228 (2021); sampled along permutations and their reverses,
Mitchell et al., J. Mach. Learn. Res. 23, 43 (2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np

from models.surrogate import BoolArray, FloatArray, IntArray

EXACT = 8
"""Groups up to which all coalitions are looked at where nothing else is said."""
_PERMUTATIONS = 64
"""Pairs of a permutation and its reverse beyond that."""

Outputs = Callable[[FloatArray], FloatArray]
"""Rows (n, d) to what is predicted there, (n, q)."""


@dataclass(frozen=True, eq=False)
class Shapley:
    """Shapley values of rows.

    Attributes:
        base: Mean output over the background, shape (q,).
        values: What each group adds in each row, in units of the output, shape (n, g, q).
        error: Their standard error, shape (n, g, q); None where they are exact.
    """

    base: FloatArray
    values: FloatArray
    error: FloatArray | None = None

    @property
    def importance(self) -> FloatArray:
        """Mean over the rows of the absolute values, shape (g, q)."""
        return np.asarray(np.abs(self.values).mean(axis=0))


def shapley(
    f: Outputs, X: FloatArray, background: FloatArray, rng: np.random.Generator, groups: IntArray | None = None, exact: int = EXACT
) -> Shapley:
    """Shapley values of the outputs of a function.

    Args:
        f: The function; called 2^g times with n b rows where the values are exact.
        X: Rows to explain, shape (n, d).
        background: What they are compared with, shape (b, d); rows mixed from both need not be feasible.
        rng: Source of the permutations; not used where the values are exact.
        groups: Group that each column belongs to, 0 to g - 1, shape (d,); every column on its own where None.
        exact: Groups up to which the values are exact, else sampled.

    Raises:
        ValueError: There is no row or no background, they differ in width, or the groups do not cover the columns.
    """
    if not len(X) or not len(background) or X.shape[1] != background.shape[1]:
        raise ValueError(f"Shapley values need rows and a background of equal width, not {X.shape} and {background.shape}")
    groups = np.arange(X.shape[1]) if groups is None else groups
    if groups.shape != X.shape[1:] or not np.array_equal(np.unique(groups), np.arange(groups.max() + 1)):
        raise ValueError(f"groups are numbered from 0 without a gap, one for each of the {X.shape[1]} columns")
    return _exact(f, X, background, groups) if groups.max() < exact else _sampled(f, X, background, groups, rng)


def _exact(f: Outputs, X: FloatArray, background: FloatArray, groups: IntArray) -> Shapley:
    g = int(groups.max()) + 1
    members = (np.arange(2**g)[:, None] >> np.arange(g) & 1).astype(bool)
    v = np.array([_mixed(f, X, background, coalition[groups]) for coalition in members])
    sizes = members.sum(axis=1)
    # A coalition with j counts with the weight of the same without j.
    weights = np.array([1 / (g * comb(g - 1, size)) for size in range(g)])
    W = np.where(members, weights[np.maximum(sizes - 1, 0)][:, None], -weights[np.minimum(sizes, g - 1)][:, None])
    return Shapley(v[0, 0], np.einsum("sj,snq->njq", W, v))


def _mixed(f: Outputs, X: FloatArray, background: FloatArray, columns: BoolArray) -> FloatArray:
    """The v of a coalition, given as the columns of its groups, for every row, shape (n, q)."""
    rows = np.where(columns, X[:, None, :], background)
    outputs = f(rows.reshape(-1, X.shape[1]))
    return np.asarray(outputs.reshape(len(X), len(background), -1).mean(axis=1))


def _sampled(f: Outputs, X: FloatArray, background: FloatArray, groups: IntArray, rng: np.random.Generator) -> Shapley:
    pairs = []
    for _ in range(_PERMUTATIONS):
        order, z = rng.permutation(groups.max() + 1), background[rng.integers(len(background))]
        pairs.append((_walk(f, X, z, order, groups) + _walk(f, X, z, order[::-1], groups)) / 2)
    found = np.array(pairs)
    return Shapley(f(background).mean(axis=0), found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found)))


def _walk(f: Outputs, X: FloatArray, z: FloatArray, order: IntArray, groups: IntArray) -> FloatArray:
    """What the outputs change by as the groups of z are set to those of the rows one after the other, shape (n, g, q)."""
    n, g = len(X), len(order)
    rows = np.repeat(np.broadcast_to(z, X.shape)[None], g + 1, axis=0)
    for step, j in enumerate(order, 1):
        rows[step:, :, groups == j] = X[:, groups == j]
    outputs = f(rows.reshape(-1, X.shape[1])).reshape(g + 1, n, -1)
    gains = np.empty((n, g, outputs.shape[2]))
    gains[:, order] = np.diff(outputs, axis=0).transpose(1, 0, 2)
    return gains
