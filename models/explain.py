"""What a model looks at: Shapley values and permutation importance of groups of its inputs, per target and region.

A group is a number, a category, or a region of the axis of a curve. Both ways are told apart on purpose: Shapley values
say what moves the predictions, permutation importance what the quality of the predictions depends on.

Source of permutation importance: Breiman, Mach. Learn. 45, 5 (2001), section 10; for any model, Fisher, Rudin and
Dominici, J. Mach. Learn. Res. 20, 177 (2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from models import metrics
from models.shapley import Outputs, Shapley, shapley
from models.study import BETTER, USUAL
from models.surrogate import FloatArray, IntArray
from models.task import Block

MOST = 12
"""Groups up to which Shapley values are exact: 4096 coalitions."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Columns that are looked at together.

    Attributes:
        names: Of the groups, for people.
        of: Group of each column, from 0, shape (d,).
    """

    names: tuple[str, ...]
    of: IntArray

    @classmethod
    def inputs(cls, blocks: Sequence[Block], regions: int = 4, cuts: Mapping[str, Sequence[float]] | None = None) -> Self:
        """Groups of what a learner sees: one for each number and category, one for each region of a curve.

        Args:
            blocks: The inputs.
            regions: Parts of equal length of the axis of a curve.
            cuts: Where the axes of some curves are cut instead, by the names of these; a cut begins a region.

        Raises:
            ValueError: A cut is named for what is no curve here, or an input is a stack of images.
        """
        return cls._of(blocks, regions, cuts or {}, classes=False)

    @classmethod
    def outputs(cls, blocks: Sequence[Block], regions: int = 4, cuts: Mapping[str, Sequence[float]] | None = None) -> Self:
        """The same of what a learner tells, where every class of a category is on its own."""
        return cls._of(blocks, regions, cuts or {}, classes=True)

    @classmethod
    def _of(cls, blocks: Sequence[Block], regions: int, cuts: Mapping[str, Sequence[float]], *, classes: bool) -> Self:
        if unknown := sorted(set(cuts) - {block.name for block in blocks if block.axis}):
            raise ValueError(f"cuts: {unknown[0]!r} is no curve; name one of: {', '.join(b.name for b in blocks if b.axis)}")
        names, columns = list[str](), list[IntArray]()
        for block in blocks:
            told, of = _parts(block, regions, cuts.get(block.name), classes=classes)
            columns.append(of + len(names))
            names += told
        return cls(tuple(names), np.concatenate(columns))

    @property
    def means(self) -> FloatArray:
        """Takes the mean of the columns of each group, shape (d, g)."""
        inside = np.eye(len(self.names))[self.of]
        return np.asarray(inside / inside.sum(axis=0))


def _parts(block: Block, regions: int, cuts: Sequence[float] | None, *, classes: bool) -> tuple[list[str], IntArray]:
    """Names of the groups of a field, and the group of each of its columns."""
    if block.kind == "stack":
        raise ValueError(f"{block.name}: pixels have no groups; explain the figures of a stack, or give curves and numbers")
    if block.axis:
        axis = np.array(block.axis)
        inner = np.linspace(axis[0], axis[-1], regions + 1)[1:-1] if cuts is None else np.sort(np.asarray(cuts, float))
        # A region between two points of the axis holds none.
        _, of = np.unique(np.searchsorted(inner, axis, side="right"), return_inverse=True)
        ends = [(axis[of == k][0], axis[of == k][-1]) for k in range(of.max() + 1)]
        return [f"{block.name} {low:.4g} to {high:.4g} {block.axis_unit}".strip() for low, high in ends], of
    if block.classes and classes:
        return [f"{block.name} {name}" for name in block.classes], np.arange(block.size)
    return [block.name], np.zeros(block.size, int)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Shapley values with the names of their groups and outputs.

    Attributes:
        groups: Names of the groups of inputs.
        outputs: Names of the outputs: each the mean of the columns of a group, on the scale of the learner.
        predicted: Outputs of the explained rows, shape (n, q).
        shapley: The values.
    """

    groups: tuple[str, ...]
    outputs: tuple[str, ...]
    predicted: FloatArray
    shapley: Shapley


def explain(predict: Outputs, X: FloatArray, background: FloatArray, groups: Groups, outputs: Groups, seed: int = 0) -> Explanation:
    """What each group of inputs adds to each output; exact up to ``MOST`` groups.

    Args:
        predict: Inputs (n, d) to means (n, m).
        X: Rows to explain, shape (n, d).
        background: What they are compared with, shape (b, d).
        groups: Of the d columns of the inputs.
        outputs: Of the m columns of the means.
        seed: Of the permutations beyond ``MOST`` groups.

    Raises:
        ValueError: See ``models.shapley.shapley``.
    """
    means = outputs.means

    def told(rows: FloatArray) -> FloatArray:
        return np.asarray(predict(rows) @ means)

    found = shapley(told, X, background, np.random.default_rng(seed), groups.of, MOST)
    return Explanation(groups.names, outputs.names, told(X), found)


@dataclass(frozen=True, eq=False)
class Permutation:
    """By how much the predictions of a target get worse when a group of inputs is shuffled among the rows.

    Attributes:
        target: Name of it.
        metric: Name of what the quality is measured by.
        base: The metric of the predictions as they are.
        shuffled: The metric once a group is shuffled, shape (g, repeats).
    """

    target: str
    metric: str
    base: float
    shuffled: FloatArray

    @property
    def importance(self) -> FloatArray:
        """How much worse on average, in units of the metric, shape (g,); below 0 where shuffling happened to help."""
        return np.asarray((self.shuffled.mean(axis=1) - self.base) * (1 if BETTER[self.metric] == "low" else -1))


def permutation(
    predict: Outputs,
    X: FloatArray,
    Y: FloatArray,
    groups: Groups,
    targets: Sequence[Block],
    by: Mapping[str, str] | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> tuple[Permutation, ...]:
    """Permutation importance of groups of inputs on rows that the model was not trained on.

    Args:
        predict: Inputs (n, d) to means (n, m).
        X: Inputs, shape (n, d).
        Y: What was measured there, on the scale of the learner, shape (n, m).
        groups: Of the columns of the inputs.
        targets: What the m columns are, in order.
        by: Names of targets to names of metrics; the others are judged by the usual metric of their kind.
        repeats: Shuffles of each group.
        seed: Of the shuffles.

    Raises:
        ValueError: A metric is not one of the target's, or is not defined on these rows.
    """
    rng = np.random.default_rng(seed)
    names = [(by or {}).get(block.name, USUAL[block.head.kind]) for block in targets]
    base = _metrics(predict(X), Y, targets, names)
    shuffled = np.empty((len(targets), len(groups.names), repeats))
    for group in range(len(groups.names)):
        columns = groups.of == group
        for repeat in range(repeats):
            mixed = X.copy()
            mixed[:, columns] = X[rng.permutation(len(X))][:, columns]
            shuffled[:, group, repeat] = _metrics(predict(mixed), Y, targets, names)
    return tuple(
        Permutation(block.name, name, value, values) for block, name, value, values in zip(targets, names, base, shuffled, strict=True)
    )


def _metrics(told: FloatArray, Y: FloatArray, targets: Sequence[Block], names: Sequence[str]) -> list[float]:
    """The metric of each target, in its unit."""
    ends = np.cumsum([block.size for block in targets])[:-1]
    parts = zip(targets, names, np.split(Y, ends, axis=1), np.split(told, ends, axis=1), strict=True)
    return [_metric(block, name, block.values(truth), block.values(mean)) for block, name, truth, mean in parts]


def _metric(block: Block, name: str, truth: FloatArray, mean: FloatArray) -> float:
    known = metrics.score(block, truth, mean)
    if name not in known or name not in BETTER:
        raise ValueError(f"{block.name}: there is no metric {name!r}; name one of: {', '.join(n for n in known if n in BETTER)}")
    if known[name] is None:
        raise ValueError(f"{block.name}: {name} is not defined on these rows; take rows that differ, or another metric")
    return float(known[name])
