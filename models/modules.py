"""The networks as torch modules, all members of an ensemble side by side. Loads torch.

Notation: k members, n data; dense layers see (k, n, a), convolutions (n, k channels, height, width) in k groups. A curve is
an image of height 1. ``forward`` is given a generator to learn, and None to predict.

Sources: weights of variance 2 / fan-in before relu, He et al. (2015); batch normalisation, Ioffe and Szegedy (2015); dropout,
Srivastava et al. (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.forward import EPS
from models.learning import Activation

Generator = torch.Generator | None


def _normal(shape: Sequence[int], variance: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(variance**0.5 * torch.randn(*shape, generator=generator))


class Dense(nn.Module):
    """Dense layers, the last one without activation: (n, a) or (k, n, a) to (k, n, b)."""

    def __init__(
        self,
        widths: Sequence[int],
        members: int,
        generator: torch.Generator,
        activation: Activation = "relu",
        dropout: Sequence[float] = (),
    ) -> None:
        super().__init__()
        gains = [2.0 if activation == "relu" else 1.0] * (len(widths) - 2) + [1.0]
        self.W = nn.ParameterList(_normal((members, a, b), g / a, generator) for (a, b), g in zip(pairwise(widths), gains, strict=True))
        self.b = nn.ParameterList(torch.zeros(members, 1, width) for width in widths[1:])
        self.act = torch.tanh if activation == "tanh" else torch.relu
        self.dropout = dropout or (0.0,) * (len(widths) - 2)

    def forward(self, h: Tensor, generator: Generator = None) -> Tensor:
        """Scores (k, n, b)."""
        h = h.expand(len(self.W[0]), -1, -1)
        for W, b, share in zip(self.W[:-1], self.b[:-1], self.dropout, strict=True):
            h = self.act(torch.baddbmm(b, h, W))
            if generator is not None and share:
                h = h * torch.empty_like(h).bernoulli_(1 - share, generator=generator).div_(1 - share)
        return torch.baddbmm(self.b[-1], h, self.W[-1])


class Unit(nn.Module):
    """A convolution, then batch normalisation, or a bias in its place."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: tuple[int, int],
        members: int,
        generator: torch.Generator,
        stride: int = 1,
        norm: bool = True,
        same: bool = True,
    ) -> None:
        super().__init__()
        channels, fan = members * outputs, inputs * kernel[0] * kernel[1]
        self.W = _normal((channels, inputs, *kernel), 2 / fan, generator)
        self.stride, self.padding, self.members, self.norm = stride, (kernel[0] // 2, kernel[1] // 2) if same else (0, 0), members, norm
        if norm:
            self.gain, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
            self.mean, self.variance = nn.Buffer(torch.zeros(channels)), nn.Buffer(torch.ones(channels))
        else:
            self.b = nn.Parameter(torch.zeros(channels))

    def forward(self, h: Tensor) -> Tensor:
        """Channels (n, k outputs, height, width)."""
        # Channels last is half again as fast on a CPU; the weights themselves stay as they are, for the optimizer and for files.
        # Only a copy tells so of a single channel.
        W = self.W.clone(memory_format=torch.channels_last)
        h = F.conv2d(h, W, None if self.norm else self.b, self.stride, self.padding, groups=self.members)
        return F.batch_norm(h, self.mean, self.variance, self.gain, self.shift, self.training, eps=EPS) if self.norm else h


class Curve(nn.Module):
    """Convolutions along curves (n, d), then dense layers."""

    def __init__(self, units: Sequence[Unit], pools: Sequence[int], dense: Dense) -> None:
        super().__init__()
        self.units, self.pools, self.dense = nn.ModuleList(units), pools, dense

    def forward(self, X: Tensor, generator: Generator = None) -> Tensor:
        """Scores (k, n, b)."""
        members = len(self.dense.W[0])
        h = X[:, None, None].expand(-1, members, -1, -1)
        for unit, pool in zip(self.units, self.pools, strict=True):
            h = torch.relu(unit(h))
            h = F.max_pool2d(h, (1, pool)) if pool > 1 else h
        scores: Tensor = self.dense(h.reshape(len(X), members, -1).transpose(0, 1), generator)
        return scores
