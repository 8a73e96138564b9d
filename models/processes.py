"""Gaussian processes of several targets: every number has a process of its own, every curve one per principal component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.array_learner import ArrayLearner, Fitted, tell
from models.components import CurveProcess
from models.nets import Progress
from models.scaling import spans
from models.surrogate import FloatArray, IntArray, Posterior
from models.task import Head, HeadKind


@dataclass(frozen=True)
class ProcessSettings:
    """What the processes look like.

    Attributes:
        nu: Smoothness of the Matern kernels: 0.5, 1.5 or 2.5.
        isotropic: One length scale for all inputs of a process instead of one each.
    """

    nu: float = 2.5
    isotropic: bool = False

    def __post_init__(self) -> None:
        if self.nu not in (0.5, 1.5, 2.5):
            raise ValueError(f"nu has to be 0.5, 1.5 or 2.5, not {self.nu}")


class ComponentProcesses(ArrayLearner[ProcessSettings]):
    """Independent Gaussian processes of the principal components of every target, on inputs scaled to their range."""

    can: ClassVar[frozenset[HeadKind]] = frozenset({"number", "curve"})
    settings_type = ProcessSettings
    _made: tuple[Fitted, tuple[CurveProcess, ...]] | None = None

    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        low, high = X.min(axis=0), X.max(axis=0)
        arrays = {"low": low, "span": np.where(high > low, high - low, 1.0)}
        cards, remarks = [], []
        for j, (head, part) in enumerate(spans(heads)):
            model = CurveProcess(self.settings.nu, self.settings.isotropic).fit((X - low) / arrays["span"], Y[:, part])
            arrays |= model.arrays(f"{j}.")
            cards.append(model.card())
            remarks += [f"column {part.start} ({head.kind}), {remark}" for remark in model.warnings]
            tell(progress, 0.99 * part.stop / Y.shape[1])
        components = [len(card["processes"]) for card in cards]
        return Fitted(arrays, {"processes": cards}, {"components": components}, tuple(remarks))

    @property
    def processes(self) -> tuple[CurveProcess, ...]:
        """The fitted processes of every target, which take inputs scaled to their range."""
        fitted = self.fitted
        if self._made is None or self._made[0] is not fitted:
            self._made = fitted, tuple(CurveProcess.of(card, fitted.arrays, f"{j}.") for j, card in enumerate(fitted.facts["processes"]))
        return self._made[1]

    def _answer(self, X: FloatArray) -> Posterior:
        Z = (X - self.fitted.arrays["low"]) / self.fitted.arrays["span"]
        beliefs = [process.posterior(Z) for process in self.processes]
        deviations = [np.zeros_like(belief.mean) if belief.std is None else belief.std for belief in beliefs]
        return Posterior(np.hstack([belief.mean for belief in beliefs]), np.hstack(deviations))


class GaussianProcesses(ComponentProcesses):
    """An independent, exact Gaussian process of every number."""

    can: ClassVar[frozenset[HeadKind]] = frozenset({"number"})
