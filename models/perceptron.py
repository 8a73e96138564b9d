"""Perceptron: a dense network, or an ensemble of them, from columns to columns. Torch is loaded by ``fit`` alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy.typing as npt

from models.forward import DenseForward
from models.learning import Activation, Learning, check_dense, one_of, whole
from models.network import Forward, Network
from models.scaling import Float32Array, Inputs
from models.task import Head

if TYPE_CHECKING:
    import torch

    from models.modules import Dense


@dataclass(frozen=True)
class PerceptronSettings(Learning):
    """What the networks look like; how they learn is told by ``Learning``.

    Attributes:
        hidden: Widths of the hidden layers; none make a linear model.
        activation: Of the hidden layers.
        dropout: Share of each hidden layer that is dropped while learning; none are dropped where none are named.
        floor: The least standard deviation that an input is divided by: keeps near-empty bins of a curve from being blown up.
    """

    members: int = 5
    patience: int = 50
    hidden: tuple[int, ...] = (128, 128)
    activation: Activation = "relu"
    dropout: tuple[float, ...] = ()
    floor: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, 1, "hidden")
        one_of(self, "activation", get_args(Activation))
        check_dense(self.hidden, self.dropout)
        if not self.floor >= 0 or not math.isfinite(self.floor):
            raise ValueError(f"floor has to be 0 or more, not {self.floor!r}")


INVERSE = PerceptronSettings(members=1, epochs=1000, hidden=(256, 128, 64), dropout=(0.2, 0.1, 0.0))
"""The network of the first programme on inverse design of polymers: 103 columns to a recipe of four."""


class Perceptron(Network):
    """A dense network, or an ensemble of them; see ``Network``."""

    kind, settings_type = "mlp", PerceptronSettings
    settings: PerceptronSettings

    def __init__(self, settings: PerceptronSettings | None = None, heads: Sequence[Head] = (), seed: int = 0, device: str = "auto") -> None:
        super().__init__(settings or PerceptronSettings(), heads, seed, device)

    def _module(self, shape: tuple[int, ...], outputs: int, generator: torch.Generator) -> Dense:
        from models.modules import Dense

        settings = self.settings
        return Dense((*shape, *settings.hidden, outputs), settings.members, generator, settings.activation, settings.dropout)

    def _forward(self, state: Mapping[str, Float32Array], shape: tuple[int, ...], outputs: int) -> Forward:
        return DenseForward(state, self.settings.activation)

    def _inputs(self, X: npt.NDArray[Any]) -> Inputs:
        return Inputs.of(X, self.settings.floor)
