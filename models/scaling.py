"""What networks see of inputs and outputs, and what their scores say.

Notation: n data, k members, inputs X (n, d) or stacks (n, images, height, width), outputs Y (n, m), scores (k, n, m).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from models.surrogate import FloatArray, Posterior
from models.task import Head

Float32Array = npt.NDArray[np.float32]

_ROUNDING = 1e-12

SHARES = frozenset({"category", "distribution"})
"""Heads whose rows are not negative and add up to one."""


def spans(heads: Sequence[Head]) -> Iterator[tuple[Head, slice]]:
    """The columns of each head."""
    first = 0
    for head in heads:
        yield head, slice(first, first + head.size)
        first += head.size


@dataclass(frozen=True, eq=False)
class Inputs:
    """Standardised inputs: every column by itself, the pixels of stacks all together.

    Attributes:
        centre: Shape (d,), or () of stacks.
        scale: Same shape.
    """

    centre: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, X: npt.NDArray[Any], floor: float = 0.0) -> Self:
        """Means and standard deviations; the latter at least ``floor``, and 1 of what does not vary."""
        if X.ndim == 2:
            centre, deviation, largest = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float), np.abs(X).max(axis=0)
        else:
            centre, largest = np.asarray(X.mean(dtype=float)), max(X.max(), -X.min())
            # One by one, since all images in double precision would fill the memory.
            deviation = np.sqrt(np.mean([((x - centre) ** 2).mean() for x in X]))
        scale = np.maximum(_deviation(deviation, largest), floor)
        return cls(centre, np.where(scale > 0, scale, 1.0))

    def __call__(self, X: npt.NDArray[Any]) -> Float32Array:
        """Inputs as the network sees them."""
        if X.ndim == 2:
            return ((X - self.centre) / self.scale).astype(np.float32)
        scaled = X.astype(np.float32)
        scaled -= np.float32(self.centre)
        scaled /= np.float32(self.scale)
        return scaled


@dataclass(frozen=True, eq=False)
class Outputs:
    """Standardised numbers and curves, and shares as they are.

    Attributes:
        heads: What the columns are.
        centre: Shape (m,); 0 of shares.
        scale: Shape (m,): the standard deviation of a number, the root mean square one of a curve, 1 of shares; 0 of what does
            not vary, and so is told as it was.
    """

    heads: tuple[Head, ...]
    centre: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, Y: FloatArray, heads: tuple[Head, ...]) -> Self:
        """Scales of outputs (n, m)."""
        centre, scale = np.zeros(Y.shape[1]), np.ones(Y.shape[1])
        for head, columns in spans(heads):
            values = Y[:, columns]
            if head.kind not in SHARES:
                centre[columns] = values.mean(axis=0)
                scale[columns] = _deviation(np.sqrt(values.var(axis=0).mean()), np.abs(values).max())
        return cls(heads, centre, scale)

    def __call__(self, Y: FloatArray) -> Float32Array:
        """Outputs as the network learns them."""
        return ((Y - self.centre) / np.where(self.scale > 0, self.scale, 1.0)).astype(np.float32)

    def posterior(self, scores: FloatArray) -> Posterior:
        """Mean over the members, and standard deviation among them, None of one, from scores (k, n, m)."""
        answers = self.centre + self.scale * scores
        for head, columns in spans(self.heads):
            if head.kind in SHARES:
                answers[:, :, columns] = softmax(scores[:, :, columns])
        mean = answers.mean(axis=0)
        return Posterior(mean, answers.std(axis=0, ddof=1) if len(answers) > 1 else None)


def _deviation(deviation: npt.ArrayLike, largest: npt.ArrayLike) -> FloatArray:
    """Standard deviations; 0 where they are but the rounding of what does not vary."""
    return np.where(np.asarray(deviation) > _ROUNDING * np.asarray(largest), deviation, 0.0)


def softmax(scores: FloatArray) -> FloatArray:
    """Shares (..., k) that add up to one, of scores; without scipy, which a process that only predicts does without."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
