"""Perceptron on features of image stacks: learns in seconds, and predicts without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.learning import Optimizer, Schedule
from models.perceptron import Perceptron, PerceptronSettings
from models.psd.features import NAMES, features

if TYPE_CHECKING:
    import torch

    from models.modules import Dense

LEAST_SIDE = 8
"""Pixels of an image along a side."""


@dataclass(frozen=True)
class FeatureSettings(PerceptronSettings):
    """What the networks on the features look like and how they learn: see ``PerceptronSettings``."""

    members: int = 1
    epochs: int = 60
    batch: int = 64
    optimizer: Optimizer = "adamw"
    rate: float = 3e-3
    schedule: Schedule = "one_cycle"
    decay: float = 0.01
    validation: float = 0.0
    patience: int = 0
    hidden: tuple[int, ...] = (128, 128)


class FeatureNetwork(Perceptron):
    """A perceptron that sees ``models.psd.features`` of stacks (n, images, height, width) of any length; see ``Network``.

    Grey values are in [0, 1]; images have the size, the field of view and the resolution of those that it learnt from.
    """

    kind, settings_type = "features", FeatureSettings

    def _takes(self, shape: tuple[int, ...], fitted: tuple[int, ...] | None) -> str:
        return wrong_stack(shape, fitted)

    def _seen(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return features(grey(X))

    def _module(self, shape: tuple[int, ...], outputs: int, generator: torch.Generator) -> Dense:
        return super()._module((len(NAMES),), outputs, generator)


def wrong_stack(shape: tuple[int, ...], fitted: tuple[int, ...] | None) -> str:
    """What is wrong with stacks of a shape (images, height, width), for a learner that was fitted to one; nothing if empty."""
    if len(shape) != 3 or 0 in shape or min(shape[1:]) < LEAST_SIDE:
        told = ", ".join(map(str, shape))
        return f"inputs have to be stacks (n, images, height, width) of {LEAST_SIDE} pixels at least along a side, not (n, {told})"
    if fitted is None or shape[1:] == fitted[1:]:
        return ""
    return "images have {} x {} pixels, the model knows {} x {}: resample them".format(*shape[1:], *fitted[1:])


def grey(X: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Stacks in single precision.

    Raises:
        ValueError: Values are not within [0, 1].
    """
    if X.min() < 0 or X.max() > 1:
        raise ValueError(f"grey values have to be within 0 and 1, not {X.min():g} to {X.max():g}: divide bytes by 255")
    return X.astype(np.float32)
