"""Residual network over stacks of images, or over curves. Torch is loaded by ``fit``, and to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from models.forward import folded
from models.learning import Learning, Optimizer, Schedule, one_of, whole
from models.network import Forward, Network
from models.scaling import Float32Array
from models.surrogate import FloatArray
from models.task import Head

if TYPE_CHECKING:
    import torch

    from models.resnet import ResNet

Pooling = Literal["stack", "channels"]
Stem = Literal["7x7", "3x3"]
_DATA = 64
"""Stacks that are predicted at a time: a sixth faster than 16."""


@dataclass(frozen=True)
class ResidualSettings(Learning):
    """What the networks look like; how they learn is told by ``Learning``.

    Attributes:
        depth: 18 or 34 layers.
        width: Channels of the first stage; each of the other three has twice those of the one before.
        stem: ``7x7`` begins with a stride and a pool of 2; ``3x3`` sees small images in full.
        pooling: ``stack`` shows the network one image at a time, and takes mean and maximum over the stack, of any length;
            ``channels`` shows it all at once, always as many.
        augment: Whether images are flipped and transposed by chance while learning.
        part: Whether a step, of ``stack`` pooling, sees only so many images of its stacks as chance has it: the network learns
            any length, and stacks of five in about two thirds of the time.
    """

    epochs: int = 100
    batch: int = 20
    optimizer: Optimizer = "adamw"
    rate: float = 3e-3
    schedule: Schedule = "one_cycle"
    decay: float = 0.01
    every: int = 1
    depth: int = 18
    width: int = 16
    stem: Stem = "7x7"
    pooling: Pooling = "stack"
    augment: bool = True
    part: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self, "depth", (18, 34))
        whole(self, 1, "width")
        one_of(self, "stem", get_args(Stem))
        one_of(self, "pooling", get_args(Pooling))


class Residual(Network):
    """A residual network over stacks (n, images, height, width) or curves (n, d); see ``Network``."""

    kind, settings_type = "resnet", ResidualSettings
    settings: ResidualSettings

    def __init__(self, settings: ResidualSettings | None = None, heads: Sequence[Head] = (), seed: int = 0, device: str = "auto") -> None:
        super().__init__(settings or ResidualSettings(), heads, seed, device)

    def _takes(self, shape: tuple[int, ...], fitted: tuple[int, ...] | None) -> str:
        if len(shape) not in (1, 3) or 0 in shape:
            return f"inputs have to be stacks (n, images, height, width) or curves (n, d), not (n, {', '.join(map(str, shape))})"
        free = 1 if len(shape) == 3 and self.settings.pooling == "stack" else 0
        return "" if fitted is None or shape[free:] == fitted[free:] else f"data have the shape {shape}, the network knows {fitted}"

    def _module(self, shape: tuple[int, ...], outputs: int, generator: torch.Generator) -> ResNet:
        from models.resnet import ResNet

        return ResNet(self.settings, shape, outputs, generator)

    def _forward(self, state: Mapping[str, Float32Array], shape: tuple[int, ...], outputs: int) -> Forward:
        return _ResNetForward(self.settings, self.device, state, shape, outputs)


class _ResNetForward:
    """A trained residual network that predicts, its normalisation folded in."""

    def __init__(
        self, settings: ResidualSettings, device: str, state: Mapping[str, Float32Array], shape: tuple[int, ...], outputs: int
    ) -> None:
        import torch  # late, since few processes look at images

        from models import trainer
        from models.resnet import ResNet

        module = ResNet(settings, shape, outputs, torch.Generator(), norm=False)
        module.load_state_dict({name: torch.from_numpy(array) for name, array in folded(state).items()})
        self._module, self._device, self._threads = module.eval(), trainer.device(device), settings.threads

    def __call__(self, X: Float32Array) -> FloatArray:
        """Scores (k, n, m) at scaled stacks (n, images, height, width) or curves (n, d)."""
        import torch

        from models.trainer import threads

        module = self._module.to(self._device)
        with threads(self._threads), torch.no_grad():
            parts = [module(torch.from_numpy(part).to(self._device)).cpu().numpy() for part in np.split(X, range(_DATA, len(X), _DATA))]
        return np.concatenate(parts, axis=1).astype(float)
