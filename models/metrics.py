"""How well predictions agree with the truth: one set of figures per kind of target.

Notation: n rows, truth y and prediction p of shape (n, m); a figure that is not defined, as for a constant truth, is None.

    RMSE = sqrt(mean (y - p)^2)        MAE = mean |y - p|        relative MAE = 100 MAE / range
    R2 = 1 - sum (y - p)^2 / sum (y - c)^2, with c the means of the columns of y; of distributions, the means of its rows

On data that were not learnt from, R2 is also called Q2. Cosine, Pearson's and Spearman's coefficient are means over rows.

Sources: predictive R2 (Q2), Schüürmann et al., J. Chem. Inf. Model. 48, 2140 (2008), equation 1; Spearman's coefficient with
mean ranks for ties, Kendall (1945); Wasserstein distance as an area between cumulative curves, Vallender, Theory Probab.
Appl. 18, 784 (1974); logarithmic loss, Good, J. R. Stat. Soc. B 14, 107 (1952).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.surrogate import FloatArray
from models.task import Block, Head

Scores = dict[str, Any]
"""Name of a figure -> number or None; per class, a mapping of them; the confusion matrix, lists."""
_LEAST = 1e-15
"""Least probability that the logarithmic loss takes."""


def score(target: Block | Head, truth: FloatArray, predicted: FloatArray, log_axis: bool = False) -> Scores:
    """The figures of a target.

    Args:
        target: What the columns are. A block also brings the names of classes, and the axis of distributions; without one
            classes go by their numbers, and bins are one apart.
        truth: Shape (n, m), n >= 1; of a category one column per class, 1 in the true one.
        predicted: Same shape; of a category probabilities.
        log_axis: Whether distances on the axis of a distribution are those of logarithms.

    Raises:
        ValueError: The shapes do not fit, or the axis has no logarithm.
    """
    head, block = (target.head, target) if isinstance(target, Block) else (target, None)
    if truth.shape != predicted.shape or truth.ndim != 2 or not len(truth) or truth.shape[1] != head.size:
        raise ValueError(f"a {head.kind} of {head.size} columns has truth {truth.shape} and prediction {predicted.shape}: both need (n, m)")
    if head.kind == "category":
        return categories(truth, predicted, block.classes if block else tuple(map(str, range(head.size))))
    if head.kind == "distribution":
        axis = np.array(block.axis) if block and block.axis else np.arange(1.0, head.size + 1)
        if log_axis and axis[0] <= 0:
            raise ValueError("the axis begins at 0 or below, and has no logarithm: leave log_axis out")
        return distributions(truth, predicted, np.log(axis) if log_axis else axis)
    return numbers(truth, predicted) if head.kind == "number" else curves(truth, predicted)


def numbers(truth: FloatArray, predicted: FloatArray) -> Scores:
    """RMSE, MAE, R2 and relative MAE of a number, shape (n, 1) each."""
    mae, width = float(np.abs(truth - predicted).mean()), float(np.ptp(truth))
    return {
        "rmse": _rmse(truth, predicted),
        "mae": mae,
        "r2": _r2(truth, predicted, truth.mean(axis=0)),
        "relative_mae": 100 * mae / width if width > 0 else None,
    }


def curves(truth: FloatArray, predicted: FloatArray) -> Scores:
    """RMSE, cosine and R2 of curves (n, m)."""
    return {
        "rmse": _rmse(truth, predicted),
        "cosine": _mean(_cosines(truth, predicted)),
        "r2": _r2(truth, predicted, truth.mean(axis=0)),
    }


def distributions(truth: FloatArray, predicted: FloatArray, axis: FloatArray) -> Scores:
    """Figures of shares (n, m) of bins whose centres are at the axis (m,).

    R2 is held against bins that are all alike, not against the mean distribution. The Wasserstein-1 distance, in the unit of
    the axis, takes the share of a bin to be at its centre.
    """
    from scipy.stats import rankdata  # a tenth of the start of the service, which does without

    gaps = np.abs(np.cumsum(truth - predicted, axis=1)[:, :-1])
    ranks = rankdata(truth, axis=1), rankdata(predicted, axis=1)
    return {
        "rmse": _rmse(truth, predicted),
        "cosine": _mean(_cosines(truth, predicted)),
        "pearson": _mean(_cosines(*map(_centred, (truth, predicted)))),
        "spearman": _mean(_cosines(*map(_centred, ranks))),
        "wasserstein": float((gaps @ np.diff(axis)).mean()),
        "r2": _r2(truth, predicted, truth.mean(axis=1, keepdims=True)),
    }


def categories(truth: FloatArray, predicted: FloatArray, classes: tuple[str, ...]) -> Scores:
    """Figures of probabilities (n, k) of classes.

    Recall is the share of the rows of a class that are told as such, precision that of the rows told as a class that are of
    it; the confusion matrix counts rows by true class (lists) and told class (their entries).
    """
    true, told = truth.argmax(axis=1), predicted.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (true, told), 1)
    likely = np.clip(predicted[np.arange(len(true)), true], _LEAST, 1.0)
    return {
        "accuracy": float((true == told).mean()),
        "log_loss": float(-np.log(likely).mean()),
        "recall": _shares(classes, confusion.diagonal(), confusion.sum(axis=1)),
        "precision": _shares(classes, confusion.diagonal(), confusion.sum(axis=0)),
        "confusion": confusion.tolist(),
    }


def _rmse(truth: FloatArray, predicted: FloatArray) -> float:
    return float(np.sqrt(((truth - predicted) ** 2).mean()))


def _r2(truth: FloatArray, predicted: FloatArray, centre: FloatArray) -> float | None:
    total = float(((truth - centre) ** 2).sum())
    # The mean of equal numbers may be off by their rounding.
    if total <= np.finfo(float).eps ** 2 * truth.size * float((truth**2).sum()):
        return None
    return 1 - float(((truth - predicted) ** 2).sum()) / total


def _centred(rows: FloatArray) -> FloatArray:
    """Rows (n, m) less their means; exactly 0 where all entries of a row are equal."""
    return np.where(np.ptp(rows, axis=1, keepdims=True) > 0, rows - rows.mean(axis=1, keepdims=True), 0.0)


def _cosines(A: FloatArray, B: FloatArray) -> FloatArray:
    """Cosine of the rows of A with those of B, of the rows where neither is zero."""
    lengths = np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1)
    known = lengths > 0
    return np.asarray((A * B).sum(axis=1)[known] / lengths[known])


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if len(values) else None


def _shares(classes: tuple[str, ...], hits: FloatArray, totals: FloatArray) -> dict[str, float | None]:
    return {name: float(hit / total) if total else None for name, hit, total in zip(classes, hits, totals, strict=True)}
