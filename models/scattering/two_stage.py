"""Sizes in two stages: first shape and number of atoms, then the size at which a particle of that shape has so many.

The shape is told by logistic regression, the logarithm of the number of atoms N by ridge regression. A size n means another
thing for every shape, so that no line through the data tells it; N is what a curve shows, and N(n) is known in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.array_learner import ArrayLearner, Fitted
from models.linear import Logistic, LogisticSettings, Ridge, RidgeSettings
from models.nets import Epoch, Progress
from models.scattering.shapes import LARGEST, SHAPES
from models.surrogate import FloatArray, IntArray, Posterior
from models.task import Head, HeadKind

HEADS = (Head("category", len(SHAPES)), Head("number", 1), Head("number", 1))
"""Shape, natural logarithm of the number of atoms, size."""
_SHAPE = slice(0, len(SHAPES))


@dataclass(frozen=True)
class TwoStageSettings:
    """How both stages learn.

    Attributes:
        C: Of the logistic regression: see ``LogisticSettings``.
        max_steps: Of the logistic regression.
        alpha: Of the ridge regression: see ``RidgeSettings``.
        noise: Of logarithmic intensities, that alpha is chosen for where it is not given.
    """

    C: float = 1.0
    max_steps: int = 1000
    alpha: float | None = None
    noise: float = 0.0

    def __post_init__(self) -> None:
        _ = self.logistic, self.ridge

    @property
    def logistic(self) -> LogisticSettings:
        """Of the first stage."""
        return LogisticSettings(self.C, self.max_steps)

    @property
    def ridge(self) -> RidgeSettings:
        """Of the second stage."""
        return RidgeSettings(self.alpha, self.noise, "additive")


class TwoStage(ArrayLearner[TwoStageSettings]):
    """Tells the shape, ln N and the size of curves whose inputs are logarithms.

    The size is the mean over the shapes, by their probabilities: whole where the shape is certain.

    Raises:
        ValueError: The heads are others than ``HEADS``, with the classes of ``SHAPES`` in their order.
    """

    can: ClassVar[frozenset[HeadKind]] = frozenset({"category", "number"})
    settings_type = TwoStageSettings

    def __init__(self, settings: TwoStageSettings | None = None, heads: Sequence[Head] = (), seed: int = 0, device: str = "auto") -> None:
        super().__init__(settings, heads or HEADS, seed, device)
        if self.heads != HEADS:
            raise ValueError("TwoStage tells a shape, the logarithm of the number of atoms and a size, in this order: name those targets")

    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        shape, atoms = self._stages()
        shape.fit(X, Y[:, _SHAPE], _half(progress, 0.0))
        atoms.fit(X, Y[:, _SHAPE.stop :][:, :1], _half(progress, 0.5))
        arrays = {f"shape.{key}": array for key, array in shape.fitted.arrays.items()}
        arrays |= {f"atoms.{key}": array for key, array in atoms.fitted.arrays.items()}
        card = {"shape": shape.card, "atoms": atoms.card}
        return Fitted(arrays, card=card, warnings=(*shape.warnings, *atoms.warnings))

    def _answer(self, X: FloatArray) -> Posterior:
        probabilities, logarithm = (stage.predict(X) for stage in self._restored())
        size = (probabilities * sizes(logarithm[:, 0])).sum(axis=1)
        return Posterior(np.column_stack([probabilities, logarithm, size]))

    def _stages(self) -> tuple[Logistic, Ridge]:
        return Logistic(self.settings.logistic, HEADS[:1], self.seed), Ridge(self.settings.ridge, HEADS[1:2], self.seed)

    def _restored(self) -> tuple[Logistic, Ridge]:
        """Both stages as they were fitted."""
        shape, atoms = self._stages()
        for name, stage in (("shape", shape), ("atoms", atoms)):
            own = {key.removeprefix(f"{name}."): array for key, array in self.fitted.arrays.items() if key.startswith(f"{name}.")}
            stage._fitted = Fitted(own, self.fitted.facts)
        return shape, atoms


def sizes(logarithms: FloatArray) -> FloatArray:
    """The whole size of every shape at which its number of atoms is nearest to logarithms (n,), shape (n, shapes)."""
    n = np.arange(2.0, LARGEST + 1)
    counts = [np.log([shape.count(int(size)) for size in n]) for shape in SHAPES.values()]
    return np.column_stack([n[np.abs(count - logarithms[:, None]).argmin(axis=1)] for count in counts])


def _half(progress: Progress | None, begin: float) -> Progress | None:
    """Progress of one of the two stages."""
    if progress is None:
        return None
    return lambda epoch: progress(Epoch(begin + epoch.fraction / 2, epoch.train, epoch.held_out))
