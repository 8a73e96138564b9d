"""Priors of positive hyperparameters, by the logarithms of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln

from models.surrogate import FloatArray


class Prior(Protocol):
    """A density of positive values."""

    def log(self, logs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Log-density of the values whose logarithms are given, up to ``constant``, and its slope in the logarithms; shape of ``logs``."""

    @property
    def constant(self) -> float:
        """What has to be added to ``log``."""


@dataclass(frozen=True)
class Gamma:
    """Gamma density of a shape and a rate."""

    shape: float
    rate: float

    def log(self, logs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See ``Prior``."""
        pull = self.rate * np.exp(logs)
        return (self.shape - 1) * logs - pull, (self.shape - 1) - pull

    @property
    def constant(self) -> float:
        """See ``Prior``."""
        return float(self.shape * np.log(self.rate) - gammaln(self.shape))


@dataclass(frozen=True)
class LogNormal:
    """Density of values whose logarithm is normal: its mean and its standard deviation."""

    location: float
    width: float

    def log(self, logs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See ``Prior``."""
        off = (logs - self.location) / self.width
        return -logs - 0.5 * off**2, -1 - off / self.width

    @property
    def constant(self) -> float:
        """See ``Prior``."""
        return float(-np.log(self.width) - 0.5 * np.log(2 * np.pi))
