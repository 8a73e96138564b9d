"""Residual networks as torch modules, over stacks of images and over curves. Loads torch.

Notation: see ``models.modules``; stacks are (n, images, height, width).

Sources: residual blocks, depths and the 7 x 7 stem, He et al. (2016), table 1; the 3 x 3 stem, section 4.2; pooling over a
set, Zaheer et al. (2017).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.modules import Dense, Generator, Unit
from models.residual import ResidualSettings

_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


class BasicBlock(nn.Module):
    """Two convolutions around which the input is led."""

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int, members: int, norm: bool, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.first = Unit(inputs, outputs, kernel, members, generator, stride, norm)
        self.second = Unit(outputs, outputs, kernel, members, generator, 1, norm)
        around = stride > 1 or inputs != outputs
        self.around = Unit(inputs, outputs, (1, 1), members, generator, stride, norm) if around else nn.Identity()

    def forward(self, h: Tensor) -> Tensor:
        """Channels (n, k outputs, height, width)."""
        return torch.relu_(self.second(torch.relu_(self.first(h))).add_(self.around(h)))


class ResNet(nn.Module):
    """A residual network over stacks (n, images, height, width), or over curves (n, d) as images of height 1.

    Args:
        settings: What it looks like.
        shape: Of a datum.
        outputs: Scores.
        generator: Of the first weights.
        norm: Whether units normalise; else theirs is folded in.
    """

    def __init__(
        self, settings: ResidualSettings, shape: tuple[int, ...], outputs: int, generator: torch.Generator, norm: bool = True
    ) -> None:
        super().__init__()
        curves, members = len(shape) == 1, settings.members
        self.settings, self.curves = settings, curves
        self.pools = settings.pooling == "stack" and not curves
        self.channels = 1 if self.pools or curves else shape[0]
        points = 3 if settings.stem == "3x3" else 7
        stem = 1 if curves else points, points
        self.stem = Unit(self.channels, settings.width, stem, members, generator, 1 if points == 3 else 2, norm)
        blocks, inputs = [], settings.width
        for stage, count in enumerate(_BLOCKS[settings.depth]):
            for block in range(count):
                outs, stride = settings.width << stage, 2 if stage and not block else 1
                blocks.append(BasicBlock(inputs, outs, (1 if curves else 3, 3), stride, members, norm, generator))
                inputs = outs
        self.blocks = nn.Sequential(*blocks)
        self.dense = Dense((2 * inputs if self.pools else inputs, outputs), members, generator)

    def forward(self, X: Tensor, generator: Generator = None) -> Tensor:
        """Scores (k, n, outputs)."""
        X = X[:, None, None] if self.curves else X
        if generator is not None and self.settings.part and self.pools:
            X = some(X, generator)
        if generator is not None and self.settings.augment and not self.curves:
            X = turned(X, generator)
        images = X.reshape(-1, self.channels, *X.shape[2:]).repeat(1, self.settings.members, 1, 1)
        features = self._features(images).reshape(len(images), self.settings.members, -1).transpose(0, 1)
        if self.pools:
            stacks = features.reshape(len(features), len(X), X.shape[1], -1)
            features = torch.cat([stacks.mean(dim=2), stacks.amax(dim=2)], dim=2)
        scores: Tensor = self.dense(features)
        return scores

    def _features(self, images: Tensor) -> Tensor:
        """Means over the pixels, shape (n, k channels)."""
        h = self.stem(images.contiguous(memory_format=torch.channels_last))
        if self.settings.stem == "7x7":
            h = F.max_pool2d(h, (1, 3), (1, 2), (0, 1)) if self.curves else F.max_pool2d(h, 3, 2, 1)
        # Relu and maximum commute; behind the pool there is a quarter of the pixels.
        means: Tensor = self.blocks(torch.relu_(h)).mean(dim=(2, 3))
        return means


def some(X: Tensor, generator: torch.Generator) -> Tensor:
    """Stacks (n, images, height, width) of which only some images are left, one at least, the same of all."""
    order = torch.randperm(X.shape[1], generator=generator, device=X.device)
    count = int(torch.randint(1, X.shape[1] + 1, (), generator=generator, device=X.device))
    return X[:, order[:count]]


def turned(X: Tensor, generator: torch.Generator) -> Tensor:
    """Stacks (n, images, height, width), each flipped either way or not, and transposed or not where images are square."""
    flips = torch.rand(3, len(X), 1, 1, 1, generator=generator, device=X.device) < 0.5
    X = torch.where(flips[0], X.flip(2), X)
    X = torch.where(flips[1], X.flip(3), X)
    return torch.where(flips[2], X.transpose(2, 3), X) if X.shape[2] == X.shape[3] else X
