"""The spectrum network as a learner of several numbers and curves, none of which outweighs the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from models.array_learner import checked, digest, head_scales, refuse, resolved, unchanging
from models.nets import NetworkSettings, Progress, SpectrumNetwork
from models.surrogate import FloatArray
from models.task import Head, HeadKind


class HeadedSpectrumNetwork(SpectrumNetwork):
    """A spectrum network that learns targets whose variances are made alike; its answers are in their units.

    Args:
        settings: Of the networks.
        heads: What the columns of the outputs are; none for numbers.
        seed: Of their first weights and of what they leave out.
        device: ``auto``, ``cpu`` or ``cuda``; where to train.

    Raises:
        ValueError: A head is neither a number nor a curve.
    """

    can: ClassVar[frozenset[HeadKind]] = frozenset({"number", "curve"})

    def __init__(self, settings: NetworkSettings | None = None, heads: Sequence[Head] = (), seed: int = 0, device: str = "auto") -> None:
        super().__init__(settings, seed, device)
        self.heads = tuple(heads)
        refuse(type(self).__name__, self.heads, self.can)

    def fit(self, X: FloatArray, Y: FloatArray, progress: Progress | None = None) -> Self:
        """Learn from inputs (n, d) and outputs (n, m); see ``SpectrumNetwork.fit``."""
        X, Y, _ = checked(X, Y)
        heads = resolved(self.heads, Y)
        scales = head_scales(Y, heads) if self.settings.scaled else np.ones(Y.shape[1])
        super().fit(X, Y / scales, progress)
        ensemble = self.ensemble
        self._ensemble = replace(ensemble, mean=ensemble.mean * scales, basis=ensemble.basis * scales)
        self.held_out_std = None  # a root mean square over columns of several units says nothing
        self.warnings = (*unchanging(Y, heads), *self.warnings)
        self.card |= {"sha256": digest(X, Y)}
        return self

    def save(self, path: Path) -> None:
        """Write ``path`` (safetensors) and, beside it, a JSON card of the same stem."""
        super().save(path)
        file = path.with_suffix(".json")
        card = json.loads(file.read_text(encoding="utf-8")) | {"heads": [asdict(head) for head in self.heads]}
        file.write_text(json.dumps(card, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote; predictions are the same to the last bit."""
        model = super().load(path)
        model.heads = tuple(Head(**head) for head in json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["heads"])
        return model
