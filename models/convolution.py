"""Convolution: a network of convolutions along a curve, or an ensemble of them. Torch is loaded by ``fit`` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.forward import CurveForward
from models.learning import Learning, Optimizer, Schedule, check_dense, whole
from models.network import Forward, Network
from models.scaling import Float32Array
from models.task import Head

if TYPE_CHECKING:
    import torch

    from models.modules import Curve


@dataclass(frozen=True)
class ConvolutionSettings(Learning):
    """What the networks look like; how they learn is told by ``Learning``.

    Attributes:
        filters: Channels of the convolutions, one entry each.
        kernels: Points that they see at a time.
        strides: Points from one window to the next.
        pools: Neighbouring windows of which the largest is kept; 1 keeps all.
        norm: Whether batch normalisation follows each convolution.
        same: Whether curves are continued by zeros, so that windows begin at every point.
        hidden: Widths of the dense layers behind the convolutions.
        dropout: Share of each of these that is dropped while learning; none are dropped where none are named.
    """

    epochs: int = 30
    optimizer: Optimizer = "adamw"
    rate: float = 3e-3
    schedule: Schedule = "one_cycle"
    filters: tuple[int, ...] = (16, 32, 64, 64)
    kernels: tuple[int, ...] = (9, 9, 9, 9)
    strides: tuple[int, ...] = (4, 4, 4, 4)
    pools: tuple[int, ...] = (1, 1, 1, 1)
    norm: bool = True
    same: bool = True
    hidden: tuple[int, ...] = (128,)
    dropout: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, 1, "filters", "kernels", "strides", "pools", "hidden")
        check_dense(self.hidden, self.dropout)
        for name in ("kernels", "strides", "pools"):
            if len(getattr(self, name)) != len(self.filters):
                raise ValueError(f"{name} has to have one entry for each of the {len(self.filters)} filters, not {getattr(self, name)!r}")

    def points(self, points: int) -> int:
        """Points that are left of a curve behind the convolutions; none of one that is too short."""
        for kernel, stride, pool in zip(self.kernels, self.strides, self.pools, strict=True):
            padded = points + (kernel // 2 * 2 if self.same else 0)
            points = max((padded - kernel) // stride + 1, 0) // pool
        return points


PUBLISHED = ConvolutionSettings(
    epochs=10,
    optimizer="adam",
    rate=1e-3,
    schedule="constant",
    filters=(32, 64),
    kernels=(3, 3),
    strides=(1, 1),
    pools=(2, 2),
    norm=False,
    same=False,
    hidden=(),
)
"""The network of the first programme on size and shape from scattering: 128, 6208 and 286857 weights at 1999 points and 9 classes."""


class Convolution(Network):
    """Convolutions along one curve (n, d), then dense layers; see ``Network``."""

    kind, settings_type = "cnn", ConvolutionSettings
    settings: ConvolutionSettings

    def __init__(
        self, settings: ConvolutionSettings | None = None, heads: Sequence[Head] = (), seed: int = 0, device: str = "auto"
    ) -> None:
        super().__init__(settings or ConvolutionSettings(), heads, seed, device)

    def _takes(self, shape: tuple[int, ...], fitted: tuple[int, ...] | None) -> str:
        short = len(shape) == 1 and not self.settings.points(shape[0])
        return f"curves of {shape[0]} points are too short for these filters" if short else super()._takes(shape, fitted)

    def _module(self, shape: tuple[int, ...], outputs: int, generator: torch.Generator) -> Curve:
        from models.modules import Curve, Dense, Unit

        settings, inputs = self.settings, 1
        units = []
        for filters, kernel, stride in zip(settings.filters, settings.kernels, settings.strides, strict=True):
            units.append(Unit(inputs, filters, (1, kernel), settings.members, generator, stride, settings.norm, settings.same))
            inputs = filters
        dense = Dense((inputs * settings.points(*shape), *settings.hidden, outputs), settings.members, generator, dropout=settings.dropout)
        return Curve(units, settings.pools, dense)

    def _forward(self, state: Mapping[str, Float32Array], shape: tuple[int, ...], outputs: int) -> Forward:
        return CurveForward(state, self.settings.strides, self.settings.pools, self.settings.same)
