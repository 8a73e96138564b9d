"""Trained networks that predict in NumPy alone: dense layers, and convolutions along curves as matrix products.

Notation: k members, n data, h (k, n, points, channels) along curves and (k, n, a) in dense layers. The arrays of a network
go by the names that its torch module gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.learning import Activation
from models.scaling import Float32Array
from models.surrogate import FloatArray

EPS = 1e-5
"""Added to the variance by which a batch is normalised."""
_BLOCK = 1024
_CURVES = 16
"""Rows at a time: what a block of curves holds stays in the cache."""

State = Mapping[str, Float32Array]


def folded(state: State) -> dict[str, Float32Array]:
    """The arrays of the same network without batch normalisation: each is folded into the convolution before it."""
    norms = {name.removesuffix("gain") for name in state if name.endswith(".gain")}
    arrays = {name: array for name, array in state.items() if name[: name.rfind(".") + 1] not in norms}
    for unit in norms:
        factor = state[unit + "gain"].astype(float) / np.sqrt(state[unit + "variance"].astype(float) + EPS)
        arrays[unit + "W"] = (state[unit + "W"] * factor[:, None, None, None]).astype(np.float32)
        arrays[unit + "b"] = (state[unit + "shift"] - state[unit + "mean"] * factor).astype(np.float32)
    return arrays


class DenseForward:
    """Dense layers; see ``models.modules.Dense``."""

    def __init__(self, state: State, activation: Activation, prefix: str = "") -> None:
        count = sum(name.startswith(f"{prefix}W.") for name in state)
        self._layers = [(state[f"{prefix}W.{j}"].astype(float), state[f"{prefix}b.{j}"].astype(float)) for j in range(count)]
        self._tanh = activation == "tanh"

    def __call__(self, X: Float32Array) -> FloatArray:
        """Scores (k, n, b) at scaled inputs (n, a)."""
        return np.concatenate([self.scores(part) for part in np.split(X, range(_BLOCK, len(X), _BLOCK))], axis=1)

    def scores(self, h: FloatArray | Float32Array) -> FloatArray:
        """Scores (k, n, b) from (n, a) or (k, n, a), all rows at once."""
        for W, b in self._layers[:-1]:
            h = h @ W + b
            h = np.tanh(h, out=h) if self._tanh else np.maximum(h, 0, out=h)
        W, b = self._layers[-1]
        return np.asarray(h @ W + b)


class CurveForward:
    """Convolutions along curves, then dense layers; see ``models.modules.Curve``."""

    def __init__(self, state: State, strides: Sequence[int], pools: Sequence[int], same: bool) -> None:
        arrays = folded(state)
        self._dense = DenseForward(arrays, "relu", "dense.")
        members = len(arrays["dense.W.0"])
        self._units = [
            (_matrix(arrays[f"units.{j}.W"], members), arrays[f"units.{j}.b"].reshape(members, 1, 1, -1)) for j in range(len(strides))
        ]
        self._kernels = [arrays[f"units.{j}.W"].shape[3] for j in range(len(strides))]
        self._strides, self._pools, self._same = strides, pools, same

    def __call__(self, X: Float32Array) -> FloatArray:
        """Scores (k, n, b) at scaled curves (n, d)."""
        return np.concatenate([self._scores(part) for part in np.split(X, range(_CURVES, len(X), _CURVES))], axis=1)

    def _scores(self, X: Float32Array) -> FloatArray:
        h = X[None, :, :, None]
        for (W, b), kernel, stride, pool in zip(self._units, self._kernels, self._strides, self._pools, strict=True):
            pad = kernel // 2 if self._same else 0
            h = np.pad(h, ((0, 0), (0, 0), (pad, pad), (0, 0))) if pad else h
            windows = sliding_window_view(h, kernel, axis=2)[:, :, ::stride]
            h = np.matmul(windows.reshape(*windows.shape[:3], -1), W)
            h = _pooled(h, pool)
            h += b
            np.maximum(h, 0, out=h)
        return self._dense.scores(h.swapaxes(2, 3).reshape(len(h), len(X), -1).astype(float))


def _matrix(W: Float32Array, members: int) -> Float32Array:
    """Kernels (k outputs, channels, 1, points) as matrices (k, 1, channels points, outputs)."""
    return np.ascontiguousarray(W.reshape(members, 1, len(W) // members, -1).swapaxes(2, 3))


def _pooled(h: Float32Array, size: int) -> Float32Array:
    """The largest of so many points in a row; the remainder is left out."""
    k, n, points, channels = h.shape
    return h[:, :, : points // size * size].reshape(k, n, points // size, size, channels).max(axis=3) if size > 1 else h
