"""Random forest: grown by scikit-learn, asked in NumPy.

All heads are one regression on outputs that weigh alike: categories are their probabilities, for which the sum of variances
that a split lowers is the Gini impurity; curves are the scores of their principal components, which take less room in the
leaves and are averaged just as well.

Notation: T trees with k nodes in all, n inputs (n, d), scores S (n, K), outputs ``shift + S basis`` with basis (K, m).

Sources: Breiman, Mach. Learn. 45, 5 (2001); Gini impurity as a variance, Breiman et al., Classification and Regression Trees
(1984), section 4.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from models.array_learner import ArrayLearner, Fitted, head_scales, tell
from models.nets import Progress
from models.scaling import SHARES, spans
from models.surrogate import FloatArray, IntArray, Posterior
from models.task import Head, HeadKind

_LOST = 1e-6
"""Share of the variance of curves that their components may lose."""
_MOST = 32
"""Components at most."""
_STEPS = 10
"""How often a fit tells how far it is."""
_ROWS = 1024
"""Inputs that are answered at a time."""
_WALKS = 1 << 14
"""Walks from a root to a leaf at a time: their arrays stay in the cache."""


@dataclass(frozen=True)
class ForestSettings:
    """How the trees grow.

    Attributes:
        trees: How many; one knows no standard deviation.
        max_depth: Splits from the root to a leaf at most; None for no limit.
        min_samples_split: Fewest data of a node that is split.
        min_samples_leaf: Fewest data of a leaf.
        max_features: Share of the inputs that a split chooses from; None for all, or the square root of their number where all
            targets are categories.
    """

    trees: int = 100
    max_depth: int | None = None
    min_samples_split: int = 2
    min_samples_leaf: int = 1
    max_features: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("trees", 1), ("max_depth", 1), ("min_samples_split", 2), ("min_samples_leaf", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} has to be {least} or more")
        if self.max_features is not None and not 0 < self.max_features <= 1:
            raise ValueError("max_features is a share above 0, 1 at most")


class Forest(ArrayLearner[ForestSettings]):
    """A random forest; its standard deviation is that among its trees."""

    can: ClassVar[frozenset[HeadKind]] = frozenset({"number", "curve", "category", "distribution"})
    settings_type = ForestSettings

    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        shift, basis = _outputs(Y, heads)
        categories = all(head.kind == "category" for head in heads)
        model = self._grown(X, (Y - shift) @ basis.T / (basis**2).sum(axis=1), categories, progress)
        trees = [estimator.tree_ for estimator in model.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
        # A leaf is its own child, so that walks may end at different depths.
        left, right = (_children(trees, roots, side) for side in ("children_left", "children_right"))
        arrays = {
            "shift": shift,
            "basis": basis,
            "roots": roots,
            "children": np.column_stack([left, right]),
            "feature": np.concatenate([np.maximum(tree.feature, 0) for tree in trees]),
            "threshold": np.concatenate([tree.threshold for tree in trees]),
            "value": np.concatenate([tree.value[:, :, 0] for tree in trees]),
        }
        return Fitted(arrays, card={"trees": len(trees), "nodes": len(left), "depth": max(tree.max_depth for tree in trees)})

    def _grown(self, X: FloatArray, S: FloatArray, categories: bool, progress: Progress | None) -> Any:
        """The forest of scikit-learn, grown in steps; they draw the same random numbers as one go would."""
        from sklearn.ensemble import RandomForestRegressor

        told = self.settings
        model = RandomForestRegressor(
            max_depth=told.max_depth,
            min_samples_split=told.min_samples_split,
            min_samples_leaf=told.min_samples_leaf,
            max_features=told.max_features or ("sqrt" if categories else 1.0),
            random_state=self.seed,
            warm_start=True,
        )
        for count in np.unique(np.linspace(0, told.trees, _STEPS + 1).astype(int))[1:].tolist():
            model.set_params(n_estimators=count).fit(X, S if S.shape[1] > 1 else S[:, 0])
            tell(progress, 0.99 * count / told.trees)
        return model

    def _answer(self, X: FloatArray) -> Posterior:
        known = self.fitted.arrays
        spread = not (self.heads and all(head.kind in SHARES for head in self.heads)) and len(known["roots"]) > 1
        mean, std = np.empty((2, len(X), len(known["shift"])))
        for first in range(0, len(X), _ROWS):
            rows = slice(first, first + _ROWS)
            mean[rows], std[rows] = self._moments(X[rows].astype(np.float32), spread)
        return Posterior(mean, std if spread else None)

    def _moments(self, X: npt.NDArray[np.float32], spread: bool) -> tuple[FloatArray, FloatArray]:
        """Mean over the trees and, if asked for, standard deviation among them at inputs (n, d), shape (n, m) each."""
        known = self.fitted.arrays
        count, basis = len(known["roots"]), known["basis"]
        total, squares = np.zeros((len(X), len(basis))), np.zeros((len(X), len(basis), len(basis)))
        for leaves in self._leaves(X):
            scores = known["value"][leaves]
            total += scores.sum(axis=0)
            if spread:
                squares += np.einsum("tnk,tnl->nkl", scores, scores)
        mean = total / count
        covariance = squares / count - mean[:, :, None] * mean[:, None, :] if spread else squares
        variance = ((covariance @ basis) * basis).sum(axis=1)
        return known["shift"] + mean @ basis, np.sqrt(np.maximum(variance, 0.0))

    def _leaves(self, X: npt.NDArray[np.float32]) -> Iterator[IntArray]:
        """The leaves that inputs (n, d) come to, for some trees at a time, shape (t, n)."""
        known = self.fitted.arrays
        children, feature, threshold = known["children"].ravel(), known["feature"], known["threshold"]
        some = max(1, _WALKS // max(len(X), 1))
        first = np.arange(len(X)) * X.shape[1]
        values = X.ravel()
        for start in range(0, len(known["roots"]), some):
            node = np.repeat(known["roots"][start : start + some, None], len(X), axis=1)
            while True:
                go = values[first + feature[node]] > threshold[node]
                after = children[2 * node + go]
                if np.array_equal(after, node):
                    break
                node = after
            yield node


def _children(trees: list[Any], roots: IntArray, side: str) -> IntArray:
    """Children of the nodes of all trees, numbered through; a leaf is its own, shape (k,)."""
    found = []
    for tree, root in zip(trees, roots, strict=True):
        child = getattr(tree, side)
        found.append(root + np.where(child < 0, np.arange(len(child)), child))
    return np.concatenate(found)


def _outputs(Y: FloatArray, heads: tuple[Head, ...]) -> tuple[FloatArray, FloatArray]:
    """Shift (m,) and basis (K, m), whose rows are orthogonal, such that the scores of every head have variances that add up to 1.

    Categories and distributions keep their columns and are not shifted, so that their means stay probabilities.
    """
    scales, shift, rows = head_scales(Y, heads), np.zeros(Y.shape[1]), []
    for head, part in spans(heads):
        block = np.eye(head.size)
        if head.kind not in SHARES:
            shift[part] = Y[:, part].mean(axis=0)
        if head.kind == "curve":
            _, strengths, P = np.linalg.svd(Y[:, part] - shift[part], full_matrices=False)
            power = np.cumsum(strengths**2)
            block = P[: min(int(np.searchsorted(power, (1 - _LOST) * power[-1])) + 1, _MOST, len(P))]
        row = np.zeros((len(block), Y.shape[1]))
        row[:, part] = block * scales[part]
        rows.append(row)
    return shift, np.vstack(rows)
