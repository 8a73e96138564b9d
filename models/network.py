"""What perceptron, convolution and residual network have in common: scaling, order, training, files. Loads no torch.

Sources: deep ensembles, Lakshminarayanan, Pritzel and Blundell (2017): members differ in their first weights.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from models.array_learner import resolved, unchanging
from models.learning import Learning
from models.nets import Progress
from models.scaling import Float32Array, Inputs, Outputs
from models.surrogate import FloatArray, NotFitted, Posterior
from models.task import Head

if TYPE_CHECKING:
    import torch

Forward = Callable[[Float32Array], FloatArray]
"""Scaled inputs (n, ...) to scores of all members (k, n, m)."""


@dataclass(frozen=True, eq=False)
class _Fit:
    """What a fit leaves behind: scales, the shape of a datum, the arrays of the network, and how they predict."""

    shape: tuple[int, ...]
    inputs: Inputs
    outputs: Outputs
    state: Mapping[str, Float32Array]
    forward: Forward


class Network(ABC):
    """A learner that is trained by gradient steps.

    Args:
        settings: What the network looks like and how it learns.
        heads: What the columns of the outputs are; all numbers where none are named.
        seed: Of the first weights, the data held out and the batches.
        device: ``auto``, ``cpu`` or ``cuda``; where to train.

    Attributes:
        warnings: What the last fit had to do out of the ordinary, one sentence each.
        card: Figures of the last fit, for people; ``train`` and ``held_out`` are the losses of its epochs.
    """

    kind: ClassVar[str]
    settings_type: ClassVar[type[Learning]]

    def __init__(self, settings: Learning, heads: Sequence[Head], seed: int, device: str) -> None:
        self.settings, self.heads, self.seed, self.device = settings, tuple(heads), seed, device
        self.warnings: tuple[str, ...] = ()
        self.card: dict[str, Any] = {}
        self._fit: _Fit | None = None

    @abstractmethod
    def _module(self, shape: tuple[int, ...], outputs: int, generator: torch.Generator) -> torch.nn.Module:
        """A new network for data of a shape."""

    @abstractmethod
    def _forward(self, state: Mapping[str, Float32Array], shape: tuple[int, ...], outputs: int) -> Forward:
        """How a trained network predicts."""

    def _takes(self, shape: tuple[int, ...], fitted: tuple[int, ...] | None) -> str:
        """What is wrong with data of a shape, for a network that was fitted to a shape; nothing if empty."""
        if len(shape) != 1:
            return f"inputs have to be columns (n, d), not (n, {', '.join(map(str, shape))})"
        return "" if fitted in (None, shape) else f"inputs have {shape[0]} columns, the network knows {fitted}"

    def fit(
        self,
        X: npt.NDArray[Any],
        Y: FloatArray,
        progress: Progress | None = None,
        checkpoint: Path | None = None,
        start: Network | None = None,
    ) -> Self:
        """Learn from data; their order does not matter.

        Args:
            X: Inputs, shape (n, d) or (n, images, height, width), n >= 1.
            Y: Outputs, shape (n, m).
            progress: Told of every epoch; it stops the training by returning False.
            checkpoint: A file that the training is kept in every so many epochs; where it exists, the training goes on from
                there, to the same result as without a break. It is left in place.
            start: A fitted network of the same layout and heads whose scales are kept, and whose arrays are gone on from, instead of
                random ones. It stays as it is.

        Raises:
            NotFitted: ``start`` is not fitted.
            ValueError: The shapes do not fit, a value is not finite, or the checkpoint or ``start`` is of another network.
            Cancelled: ``progress`` said so; the network is as it was before.
            FloatingPointError: The training diverged.
        """
        X, Y = np.asarray(X), np.array(Y, float)
        before = start._fitted() if start else None
        self._check(X, before.shape if before else None)
        if Y.ndim != 2 or not len(Y) or len(Y) != len(X) or not np.isfinite(Y).all():
            raise ValueError(f"a network needs finite outputs (n, m) of {len(X)} data, one or more, not {Y.shape}")
        order, sha256 = _canonical(X, Y)
        Y, shape = Y[order], X.shape[1:]
        X = self._seen(X[order])
        inputs = before.inputs if before else self._inputs(X)
        heads = resolved(self.heads, Y)
        if before and before.outputs.heads != heads:
            raise ValueError("start has other heads: fine-tune on targets of the same kinds and sizes")
        outputs = before.outputs if before else Outputs.of(Y, heads)
        import torch  # late, since few processes learn

        from models.trainer import Training

        module = self._module(shape, Y.shape[1], torch.Generator().manual_seed(self.seed))
        began = _taken_over(module, before.state) if before else ""
        size = sum(parameter.numel() for parameter in module.parameters()) // self.settings.members
        told = json.dumps([self.kind, asdict(self.settings), [asdict(head) for head in outputs.heads], self.seed, sha256, began])
        fingerprint = hashlib.sha256(told.encode()).hexdigest()
        noise = np.asarray(self.settings.noise / inputs.scale, np.float32)
        training = Training(module, inputs(X), outputs(Y), outputs.heads, self.settings, self.seed, self.device, fingerprint, noise)
        state, figures = training.run(progress, checkpoint)
        self._fit = _Fit(shape, inputs, outputs, state, self._forward(state, shape, Y.shape[1]))
        few = f"{len(X)} data are too few to hold some out: the training went to its last epoch"
        self.warnings = unchanging(Y, outputs.heads) + (() if figures["held_out"] or not self.settings.validation else (few,))
        self.card = {"data": len(X), "sha256": sha256, "parameters": size} | figures
        return self

    def posterior(self, X: npt.NDArray[Any]) -> Posterior:
        """Mean over the members, and standard deviation among them, None of one, at inputs (n, ...), shape (n, m) each.

        Raises:
            NotFitted: ``fit`` has not been called.
            ValueError: The inputs are not like those of the fit, or not finite.
        """
        fit, X = self._fitted(), np.asarray(X)
        self._check(X, fit.shape)
        return fit.outputs.posterior(fit.forward(fit.inputs(self._seen(X))))

    def predict(self, X: npt.NDArray[Any]) -> FloatArray:
        """Mean of the outputs at inputs (n, ...), shape (n, m)."""
        return self.posterior(X).mean

    def save(self, path: Path) -> None:
        """Write ``path`` (safetensors) and, beside it, a JSON card of the same stem."""
        fit = self._fitted()
        scales = {f"{part}.{name}": getattr(getattr(fit, part), name) for part in ("inputs", "outputs") for name in ("centre", "scale")}
        save_file(
            {name: np.ascontiguousarray(array) for name, array in scales.items()} | {f"net.{k}": v for k, v in fit.state.items()}, path
        )
        card: dict[str, Any] = {"kind": self.kind, "seed": self.seed, "device": self.device, "shape": fit.shape}
        card |= {"settings": asdict(self.settings), "heads": [asdict(head) for head in fit.outputs.heads]}
        card |= {"warnings": self.warnings, "card": self.card}
        path.with_suffix(".json").write_text(json.dumps(card, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote; predictions are the same to the last bit."""
        card, arrays = json.loads(path.with_suffix(".json").read_text(encoding="utf-8")), load_file(path)
        if card["kind"] != cls.kind:
            raise ValueError(f"{path} holds a learner of the kind {card['kind']}, not {cls.kind}")
        given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in card["settings"].items()}
        heads, shape = tuple(Head(**head) for head in card["heads"]), tuple(card["shape"])
        model = cls(cls.settings_type(**given), heads, card["seed"], card["device"])
        inputs, outputs = Inputs(*_scales(arrays, "inputs")), Outputs(heads, *_scales(arrays, "outputs"))
        state = {name.removeprefix("net."): array for name, array in arrays.items() if name.startswith("net.")}
        model._fit = _Fit(shape, inputs, outputs, state, model._forward(state, shape, len(outputs.centre)))
        model.warnings, model.card = tuple(card["warnings"]), card["card"]
        return model

    def _seen(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What the network sees of data: all of them, as they are."""
        return X

    def _inputs(self, X: npt.NDArray[Any]) -> Inputs:
        return Inputs.of(X)

    def _check(self, X: npt.NDArray[Any], fitted: tuple[int, ...] | None) -> None:
        wrong = self._takes(X.shape[1:], fitted) if len(X) else "there are no inputs: give one or more"
        if wrong or not np.isfinite(X).all():
            raise ValueError(f"{self.kind}: {wrong or 'inputs have to be finite: drop or fill rows with gaps'}")

    def _fitted(self) -> _Fit:
        if self._fit is None:
            raise NotFitted(f"call fit before asking the {self.kind}")
        return self._fit


def _taken_over(module: torch.nn.Module, state: Mapping[str, Float32Array]) -> str:
    """Give a new network the arrays of a fitted one; their digest.

    Raises:
        ValueError: It has other arrays.
    """
    import torch

    shapes = ({name: tuple(array.shape) for name, array in arrays.items()} for arrays in (module.state_dict(), state))
    if next(shapes) != next(shapes):
        raise ValueError("start has another layout: give this network the same depth, widths and outputs")
    module.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in state.items()})
    return hashlib.sha256(b"".join(state[name].tobytes() for name in sorted(state))).hexdigest()


def _canonical(X: npt.NDArray[Any], Y: FloatArray) -> tuple[npt.NDArray[np.intp], str]:
    """An order of the data that does not depend on the one they come in, and their digest.

    Data are sorted by their digests: unlike sorting by value this takes one pass over images of any size.
    """
    digests = [hashlib.sha256(x.tobytes() + y.tobytes()).digest() for x, y in zip(X, Y, strict=True)]
    order = np.array(sorted(range(len(X)), key=digests.__getitem__))
    return order, hashlib.sha256(b"".join(digests[index] for index in order)).hexdigest()


def _scales(arrays: Mapping[str, npt.NDArray[Any]], part: str) -> tuple[FloatArray, FloatArray]:
    return arrays[f"{part}.centre"], arrays[f"{part}.scale"]
