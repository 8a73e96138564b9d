"""Surrogate: the one interface of every learner, and what it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class NotFitted(RuntimeError):
    """A surrogate was asked before it was fitted."""


@dataclass(frozen=True)
class Posterior:
    """What a surrogate believes at n inputs about m outputs.

    Attributes:
        mean: Expected outputs, in the units of Y, shape (n, m).
        std: Standard deviation of the noise-free outputs, shape (n, m), or None where the learner knows none.
    """

    mean: FloatArray
    std: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.mean.ndim != 2:
            raise ValueError(f"the mean needs shape (n, m), not {self.mean.shape}")
        if self.std is not None and (self.std.shape != self.mean.shape or not (self.std >= 0).all()):
            raise ValueError("the standard deviation needs the shape of the mean and no negative entry")


@runtime_checkable
class Surrogate(Protocol):
    """A learner: arrays in, arrays out. Scaling lives inside; X needs only a leading sample axis."""

    def fit(self, X: FloatArray, Y: FloatArray) -> Self:
        """Learn from inputs (n, ...) and outputs (n, m); leaves both untouched and returns itself."""
        ...

    def posterior(self, X: FloatArray) -> Posterior:
        """Mean and standard deviation of the outputs at inputs (n, ...).

        Raises:
            NotFitted: ``fit`` has not been called.
        """
        ...

    def predict(self, X: FloatArray) -> FloatArray:
        """Mean of the outputs at inputs (n, ...), shape (n, m)."""
        ...
