"""An ensemble of dense networks, trained elsewhere: how it predicts, in NumPy alone.

Notation: n inputs of d numbers, k members, curves of m points as ``mean + scores basis`` with K scores.

    h_0 = (x - centre) / half        h_l = act(h_{l-1} W_l + b_l)        scores = h_L W + b
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from models.surrogate import FloatArray

Float32Array = npt.NDArray[np.float32]
Activation = Literal["relu", "tanh"]
BLOCK = 512
"""Rows of a forward pass whose arrays stay in a second-level cache of 1 MB."""
_ROWS = 256
"""Rows whose curves of all members are held at a time."""


@runtime_checkable
class Screenable(Protocol):
    """A surrogate that can also tell its mean quickly, in single precision."""

    def screen(self) -> Callable[[Float32Array], Float32Array]:
        """A function of up to ``BLOCK`` inputs (n, d) to the mean (n, m), in an array that its next call overwrites."""
        ...


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Networks of one shape.

    Attributes:
        centre: Middle of the inputs, shape (d,).
        half: Half of their range, shape (d,).
        W: Weights of the layers, shape (k, a, b) each.
        b: Biases of the layers, shape (k, 1, b) each.
        mean: Curve to which the scores add, shape (m,).
        basis: What one unit of each score adds, shape (K, m).
        activation: Of the hidden layers.
    """

    centre: FloatArray
    half: FloatArray
    W: tuple[Float32Array, ...]
    b: tuple[Float32Array, ...]
    mean: FloatArray
    basis: FloatArray
    activation: Activation

    @property
    def size(self) -> int:
        """Weights and biases of one member."""
        return sum(W[0].size + b[0].size for W, b in zip(self.W, self.b, strict=True))

    def scores(self, X: FloatArray) -> FloatArray:
        """Scores of every member at inputs (n, d) in double precision, shape (k, n, K)."""
        h = np.broadcast_to((X - self.centre) / self.half, (len(self.W[0]), *X.shape))
        for layer, (W, b) in enumerate(self._layers):
            h = h @ W + b
            if layer < len(self.W) - 1:
                h = np.tanh(h) if self.activation == "tanh" else np.maximum(h, 0)
        return h

    @cached_property
    def _layers(self) -> tuple[tuple[FloatArray, FloatArray], ...]:
        return tuple((W.astype(float), b.astype(float)) for W, b in zip(self.W, self.b, strict=True))

    def curves(self, X: FloatArray) -> FloatArray:
        """Curves of every member at inputs (n, d), shape (k, n, m)."""
        return self.mean + self.scores(X) @ self.basis

    def moments(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean over the members and standard deviation among them at inputs (n, d), shape (n, m) each."""
        mean, std = np.empty((2, len(X), len(self.mean)))
        for part in _parts(len(X), _ROWS):
            scores = self.scores(X[part])
            centre = scores.mean(axis=0)
            mean[part] = self.mean + centre @ self.basis
            if len(scores) > 1:
                std[part] = ((scores - centre) @ self.basis).std(axis=0, ddof=1)
        return mean, std

    def screen(self) -> Forward:
        """The mean in single precision; see ``Screenable``."""
        return Forward(self)


class Forward:
    """The mean curve of an ensemble in single precision; its arrays are used again, call after call.

    Scalings are folded into the first and the last layer. The last layer and the basis are one matrix where that takes
    fewer multiplications.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        members = len(ensemble.W[0])
        layers = [(W.copy(), b.copy()) for W, b in ensemble._layers]
        W, b = layers[0]
        layers[0] = W / ensemble.half[:, None], b - ((ensemble.centre / ensemble.half) @ W)[:, None]
        W, b = layers[-1]
        W, b, basis = W / members, b.mean(axis=0), ensemble.basis
        if members * W.shape[1] * (basis.shape[1] - basis.shape[0]) <= basis.size:
            W, b, basis = W @ basis, b @ basis, np.empty((0, basis.shape[1]))
        self._hidden = [[(_single(W[k]), _single(b[k])) for W, b in layers[:-1]] for k in range(members)]
        self._last, self._basis = [_single(W[k]) for k in range(members)], _single(basis)
        self._shift = _single(ensemble.mean + (b @ basis if len(basis) else b))
        self._tanh = ensemble.activation == "tanh"
        self._zeros = np.zeros(max(W.shape[2] for W, _ in layers), np.float32)
        self._h = [_room(W.shape[2]) for W, _ in layers[:-1]]
        self._total, self._part, self._out = _room(W.shape[2]), _room(W.shape[2]), _room(basis.shape[1])

    @property
    def operations(self) -> int:
        """Additions and multiplications of the matrix products per input."""
        return 2 * (sum(W.size for member in self._hidden for W, _ in member) + sum(W.size for W in self._last) + self._basis.size)

    def __call__(self, X: Float32Array) -> Float32Array:
        """Mean curves (n, m) at up to ``BLOCK`` inputs (n, d); the next call overwrites them."""
        n = len(X)
        total = self._total[:n]
        for k, (hidden, last) in enumerate(zip(self._hidden, self._last, strict=True)):
            h = X
            for (W, b), room in zip(hidden, self._h, strict=True):
                h = np.matmul(h, W, out=room[:n])
                h += b
                # A row of zeros: the maximum with a scalar takes NumPy twice as long.
                np.tanh(h, out=h) if self._tanh else np.maximum(h, self._zeros[: h.shape[1]], out=h)
            np.matmul(h, last, out=(self._part if k else self._total)[:n])
            if k:
                total += self._part[:n]
        out = np.matmul(total, self._basis, out=self._out[:n]) if len(self._basis) else total
        out += self._shift
        return out


def _single(values: FloatArray) -> Float32Array:
    return np.ascontiguousarray(values, np.float32)


def _room(width: int) -> Float32Array:
    return np.empty((BLOCK, width), np.float32)


def _parts(n: int, step: int) -> Iterator[slice]:
    return (slice(first, first + step) for first in range(0, n, step))
