"""Inputs of a model as people name them: one column each, a category by the number of its class.

Notation: k inputs, x (n, k) in their units; d columns of a learner, X (n, d) on its scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.surrogate import FloatArray
from models.task import Block


@dataclass(frozen=True)
class Recipes:
    """Numbers and categories that a model sees.

    Attributes:
        blocks: Them, in order.
    """

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        if others := [block for block in self.blocks if block.kind not in ("number", "category")]:
            raise ValueError(f"{others[0].name}: a {others[0].kind} is no part of a recipe")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(block.name for block in self.blocks)

    def X(self, x: FloatArray) -> FloatArray:
        """Recipes (n, k) as the learner sees them, shape (n, d)."""
        return np.hstack([block.scaled(x[:, j] if block.classes else x[:, [j]]) for j, block in enumerate(self.blocks)])

    def only(self, x: FloatArray, names: Sequence[str]) -> FloatArray:
        """Some of the columns, in the order of their names."""
        return x[:, [self.names.index(name) for name in names]]

    def told(self, x: FloatArray) -> dict[str, float | str]:
        """A recipe (k,) by name."""
        return {
            block.name: block.classes[int(value)] if block.classes else float(value) for block, value in zip(self.blocks, x, strict=True)
        }
