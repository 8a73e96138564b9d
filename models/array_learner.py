"""What learners that keep nothing but arrays share: checks, the order of data, progress, and their file.

A subclass says which heads it can tell, how to learn (``_learn``) and how to answer (``_answer``).
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from models.nets import Cancelled, Epoch, Progress
from models.scaling import SHARES, spans
from models.surrogate import FloatArray, IntArray, NotFitted, Posterior
from models.task import Head, HeadKind

S = TypeVar("S")
Array = npt.NDArray[Any]
_ROUNDING = 1e-6
"""Farthest that probabilities and shares may add up from one."""


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves.

    Attributes:
        arrays: All that predictions take, but for ``facts``.
        facts: JSON that predictions take.
        card: Figures for people.
        warnings: What was out of the ordinary, one sentence each.
    """

    arrays: dict[str, Array]
    facts: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class ArrayLearner(ABC, Generic[S]):
    """A surrogate whose fit is a few named arrays.

    Args:
        settings: Of the kind; None for its defaults.
        heads: What the columns of the outputs are; none for numbers.
        seed: Of all random choices.
        device: Where networks train; the other learners take no notice.

    Attributes:
        warnings: What the last fit had to do out of the ordinary, one sentence each.
        card: Figures of the last fit, for people.

    Raises:
        ValueError: The kind cannot tell one of the heads.
    """

    can: ClassVar[frozenset[HeadKind]]
    settings_type: ClassVar[type[Any]]

    def __init__(self, settings: S | None = None, heads: Sequence[Head] = (), seed: int = 0, device: str = "auto") -> None:
        self.settings: S = self.settings_type() if settings is None else settings
        self.heads, self.seed, self.device = tuple(heads), seed, device
        self.warnings: tuple[str, ...] = ()
        self.card: dict[str, Any] = {}
        self._fitted: Fitted | None = None
        refuse(type(self).__name__, self.heads, self.can)

    @property
    def fitted(self) -> Fitted:
        """What the last fit left.

        Raises:
            NotFitted: There was none.
        """
        if self._fitted is None:
            raise NotFitted(f"call fit before asking the learner {type(self).__name__}")
        return self._fitted

    def fit(self, X: FloatArray, Y: FloatArray, progress: Progress | None = None) -> Self:
        """Learn from data; their order does not matter.

        Args:
            X: Inputs, shape (n, d), n >= 1.
            Y: Outputs, shape (n, m).
            progress: Told now and then how far the fit is.

        Raises:
            ValueError: The shapes do not fit each other or the heads, or a value is not finite.
            Cancelled: ``progress`` said so.
        """
        X, Y, order = checked(X, Y)
        heads = resolved(self.heads, Y)
        tell(progress, 0.0)
        fitted = self._learn(X, Y, order, heads, progress)
        tell(progress, 1.0)
        arrays = {name: np.ascontiguousarray(array) for name, array in fitted.arrays.items()}
        self._fitted = Fitted(arrays, fitted.facts | {"inputs": X.shape[1]})
        self.warnings = (*unchanging(Y, heads), *fitted.warnings)
        self.card = {"data": len(X), "sha256": digest(X, Y)} | fitted.card
        return self

    def posterior(self, X: FloatArray) -> Posterior:
        """Mean and standard deviation of the outputs at inputs (n, d), shape (n, m) each.

        Raises:
            NotFitted: ``fit`` has not been called.
            ValueError: The inputs are not finite or not of the shape that was learnt from.
        """
        return self._answer(self._asked(X))

    def _asked(self, X: FloatArray) -> FloatArray:
        inputs, X = self.fitted.facts["inputs"], np.ascontiguousarray(X, float)
        if X.ndim != 2 or X.shape[1] != inputs or not np.isfinite(X).all():
            raise ValueError(f"the model needs finite inputs (n, {inputs}), not {X.shape}")
        return X

    def predict(self, X: FloatArray) -> FloatArray:
        """Mean of the outputs at inputs (n, d), shape (n, m)."""
        return self.posterior(X).mean

    def save(self, path: Path) -> None:
        """Write ``path`` (safetensors) and, beside it, a JSON card of the same stem."""
        save_file(self.fitted.arrays, path)
        settings = asdict(self.settings) if is_dataclass(self.settings) and not isinstance(self.settings, type) else {}
        card = {"settings": settings, "heads": [asdict(head) for head in self.heads], "seed": self.seed, "device": self.device}
        card |= {"facts": self.fitted.facts, "warnings": self.warnings, "card": self.card}
        path.with_suffix(".json").write_text(json.dumps(card, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote; predictions are the same to the last bit."""
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        settings = {name: tuple(value) if isinstance(value, list) else value for name, value in card["settings"].items()}
        model = cls(cls.settings_type(**settings), [Head(**head) for head in card["heads"]], card["seed"], card["device"])
        model._fitted = Fitted(load_file(path), card["facts"])
        model.warnings, model.card = tuple(card["warnings"]), card["card"]
        return model

    @abstractmethod
    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        """Learn from sorted data; ``order`` (n,) tells which rows of the given data they were."""

    @abstractmethod
    def _answer(self, X: FloatArray) -> Posterior:
        """The posterior at checked inputs (n, d)."""


def checked(X: FloatArray, Y: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Copies of inputs (n, d) and outputs (n, m), sorted so that the order of the data is irrelevant, and their old rows (n,).

    Raises:
        ValueError: The shapes do not fit, or a value is not finite.
    """
    X, Y = np.array(X, float), np.array(Y, float)
    if X.ndim != 2 or Y.ndim != 2 or not X.size or len(X) != len(Y) or not (np.isfinite(X).all() and np.isfinite(Y).all()):
        raise ValueError(f"a learner needs finite inputs (n, d) and as many finite outputs (n, m), not {X.shape} and {Y.shape}")
    order = np.lexsort(np.hstack([X, Y]).T[::-1])
    return X[order], Y[order], order


def digest(X: FloatArray, Y: FloatArray) -> str:
    """SHA-256 of sorted data, in hexadecimal."""
    return hashlib.sha256(X.tobytes() + Y.tobytes()).hexdigest()


def refuse(name: str, heads: Sequence[Head], can: frozenset[HeadKind]) -> None:
    """Raise ValueError where one of the heads is of a kind that the learner cannot tell."""
    for head in heads:
        if head.kind not in can:
            raise ValueError(f"{name} cannot tell a {head.kind}, only {', '.join(sorted(can))}: choose another kind of learner for it")


def resolved(heads: Sequence[Head], Y: FloatArray) -> tuple[Head, ...]:
    """The heads of outputs (n, m), all numbers where none are given.

    Raises:
        ValueError: Their sizes do not add up to m, or columns are no probabilities or shares.
    """
    heads = tuple(heads) or (Head("number", 1),) * Y.shape[1]
    if sum(head.size for head in heads) != Y.shape[1]:
        raise ValueError(f"the heads have {sum(head.size for head in heads)} columns, the outputs {Y.shape[1]}")
    for head, part in spans(heads):
        shares = Y[:, part]
        if head.kind in SHARES and (shares.min() < 0 or np.abs(shares.sum(axis=1) - 1).max() > _ROUNDING):
            raise ValueError(f"columns {part.start} to {part.stop - 1} are a {head.kind}: they have to be >= 0 and add up to one")
    return heads


def unchanging(Y: FloatArray, heads: Sequence[Head]) -> tuple[str, ...]:
    """A sentence for every head whose outputs (n, m) are all the same."""
    said = "column {0}: all {2} outputs are the same, no other will be told"
    many = "columns {0} to {1}: all {2} outputs are the same {3}, no other will be told"
    return tuple(
        (said if head.size == 1 else many).format(part.start, part.stop - 1, len(Y), head.kind)
        for head, part in spans(heads)
        if np.ptp(Y[:, part], axis=0).max() == 0
    )


def tell(progress: Progress | None, fraction: float) -> None:
    """Tell how far a fit is.

    Raises:
        Cancelled: Whoever listens wants it to stop.
    """
    if progress and progress(Epoch(fraction, float("nan"), float("nan"))) is False:
        raise Cancelled(f"the fit was stopped at {fraction:.0%}")


def spread(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of columns (n, d), shape (d,) each; the latter is 1 where a column never changes."""
    mean, std = X.mean(axis=0), X.std(axis=0)
    return mean, np.where(std > 1e-12 * np.abs(X).max(axis=0), std, 1.0)


def head_scales(Y: FloatArray, heads: Sequence[Head]) -> FloatArray:
    """What to divide outputs (n, m) by so that the variances of every head add up to 1, shape (m,); 1 where nothing changes."""
    scales = np.ones(Y.shape[1])
    for _, part in spans(heads):
        centred = Y[:, part] - Y[:, part].mean(axis=0)
        total = float(np.sqrt((centred**2).mean(axis=0).sum()))
        scales[part] = total if total > 1e-12 * np.abs(Y[:, part]).max() else 1.0
    return scales
