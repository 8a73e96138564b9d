"""Spectrum network: an ensemble of dense networks from recipe to curve. Torch is loaded by ``fit`` alone.

Every member leaves out a fold of the data, so that each datum is held out by two members. Their mean error there tells
when to stop; divided by their disagreement there, it tells how much wider than the disagreement of the members the
standard deviation has to be.

Sources: the preset ``AGBONN`` is the network of Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021); deep ensembles,
Lakshminarayanan, Pritzel and Blundell (2017); a spread scaled by held-out errors, Kuleshov, Fenner and Ermon (2018), in
its simplest form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
from safetensors.numpy import load_file, save_file

from models.dense import Activation, Ensemble, Forward
from models.surrogate import BoolArray, FloatArray, NotFitted, Posterior

_EXPLAINED, _MOST = 0.9999, 16
"""Share of the variance of the curves that their components keep, unless it takes more than so many."""
_FEW = 8
"""Data below which none are held out."""
_SCALINGS = ("centre", "half", "mean", "basis")
WIDTH_95 = 1.96
"""Standard deviations to either side that hold 95 % of a normal distribution."""


class Cancelled(RuntimeError):
    """The training was stopped by whoever watched it; the network is as it was before."""


@dataclass(frozen=True)
class Epoch:
    """How far a training is.

    Attributes:
        fraction: Share of the epochs that are done.
        train: Mean squared error of the data learnt from, on the scale of the targets.
        held_out: That of the data held out, NaN where there are none.
    """

    fraction: float
    train: float
    held_out: float


Progress = Callable[[Epoch], bool | None]
"""Told of epochs now and then; returns False to stop the training."""


@dataclass(frozen=True)
class NetworkSettings:
    """What the networks look like and how they learn.

    Attributes:
        hidden: Widths of the hidden layers.
        activation: Of the hidden layers.
        members: Networks of the ensemble; one knows no standard deviation.
        folds: Members leave out one of so many parts each; 0 leaves out none, and trains to the last epoch.
        epochs: At most.
        batch: Data per step; None for all.
        rate: Step size of Adam.
        anneal: Whether the step size falls to nothing along half a cosine.
        decay: Weight of the squared weights in the loss.
        scaled: Whether inputs are scaled to [-1, 1] and curves to scores of their components; else both are as they come.
        threads: Of torch.
    """

    hidden: tuple[int, ...] = (48,) * 5
    activation: Activation = "tanh"
    members: int = 12
    folds: int = 6
    epochs: int = 1500
    batch: int | None = None
    rate: float = 0.01
    anneal: bool = True
    decay: float = 1e-3
    scaled: bool = True
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError("hidden needs the width of one layer at least, each 1 or more")
        if self.activation not in get_args(Activation):
            raise ValueError(f"activation has to be one of {', '.join(get_args(Activation))}, not {self.activation!r}")
        for name in ("members", "epochs", "threads", "batch"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} has to be 1 or more, not {getattr(self, name)}")
        if self.folds < 0 or self.folds == 1:
            raise ValueError(f"folds has to be 0, to hold nothing out, or 2 or more, not {self.folds}")
        if not (self.rate > 0 and isfinite(self.rate)):
            raise ValueError(f"rate has to be positive, not {self.rate}")
        if not (self.decay >= 0 and isfinite(self.decay)):
            raise ValueError(f"decay has to be 0 or more, not {self.decay}")


AGBONN = NetworkSettings((50, 100, 200, 500), "relu", 1, 0, 1000, 39, 1e-3, anneal=False, decay=0.0, scaled=False)


class SpectrumNetwork:
    """A surrogate of curves.

    Args:
        settings: Of the networks.
        seed: Of their first weights and of what they leave out.
        device: ``auto``, ``cpu`` or ``cuda``; where to train.

    Attributes:
        warnings: What the last fit had to do out of the ordinary, one sentence each.
        card: Figures of the last fit, for people.
        held_out_std: Standard deviation of each datum of the last fit by the members that it was held out of, root mean square
            over the curve, shape (n,), in the order of the data; None where none were held out.
    """

    def __init__(self, settings: NetworkSettings | None = None, seed: int = 0, device: str = "auto") -> None:
        self.settings, self.seed, self.device = settings or NetworkSettings(), seed, device
        self.warnings: tuple[str, ...] = ()
        self.card: dict[str, Any] = {}
        self.held_out_std: FloatArray | None = None
        self._ensemble: Ensemble | None = None
        self._factor = 1.0

    @property
    def ensemble(self) -> Ensemble:
        """The networks of the last fit.

        Raises:
            NotFitted: There was none.
        """
        if self._ensemble is None:
            raise NotFitted("call fit before asking the spectrum network")
        return self._ensemble

    def fit(self, X: FloatArray, Y: FloatArray, progress: Progress | None = None) -> Self:
        """Learn from data; their order does not matter.

        Args:
            X: Inputs, shape (n, d), n >= 1.
            Y: Curves, shape (n, m).
            progress: Told of epochs now and then.

        Raises:
            ValueError: The shapes do not fit, or a value is not finite.
            Cancelled: ``progress`` said so.
        """
        X, Y = np.array(X, float), np.array(Y, float)
        if X.ndim != 2 or Y.ndim != 2 or not len(X) or len(X) != len(Y) or not (np.isfinite(X).all() and np.isfinite(Y).all()):
            raise ValueError("a spectrum network needs finite inputs (n, d) and as many finite curves (n, m)")
        order = np.lexsort(np.hstack([X, Y]).T[::-1])
        X, Y = X[order], Y[order]
        from models.training import train  # late, since it loads torch

        settings = self.settings
        centre, half = _range(X) if settings.scaled else (np.zeros(X.shape[1]), np.ones(X.shape[1]))
        mean, basis = _components(Y) if settings.scaled else (np.zeros(Y.shape[1]), np.eye(Y.shape[1]))
        T = (Y - mean) @ basis.T / (basis**2).sum(axis=1)
        held = _held_out(len(X), settings, np.random.default_rng(self.seed))
        W, b, figures = train((X - centre) / half, T, held, settings, self.seed, self.device, progress)
        self._ensemble = Ensemble(centre, half, tuple(W), tuple(b), mean, basis, settings.activation)
        self._factor, std, quality = _calibrated(self._ensemble, X, Y, held)
        self.held_out_std = None if std is None else std[np.argsort(order)]
        few = f"{len(X)} data are too few to hold some out: the standard deviation is not calibrated"
        self.warnings = () if quality or settings.members == 1 else (few,)
        self.card = {"data": len(X), "sha256": hashlib.sha256(X.tobytes() + Y.tobytes()).hexdigest()} | figures | quality
        self.card |= {"low": X.min(axis=0).tolist(), "high": X.max(axis=0).tolist()}
        return self

    def posterior(self, X: FloatArray) -> Posterior:
        """Mean and calibrated standard deviation of the curves at inputs (n, d), shape (n, m) each; one member knows none."""
        mean, std = self.ensemble.moments(X)
        return Posterior(mean, self._factor * std if self.settings.members > 1 else None)

    def predict(self, X: FloatArray) -> FloatArray:
        """Mean of the curves at inputs (n, d), shape (n, m)."""
        return self.posterior(X).mean

    def curves(self, X: FloatArray) -> FloatArray:
        """Curves of the members, their distance from the mean widened to the calibrated one, shape (k, n, m)."""
        curves = self.ensemble.curves(X)
        mean = curves.mean(axis=0)
        return np.asarray(mean + self._factor * (curves - mean))

    def spread(self, X: FloatArray) -> FloatArray:
        """Standard deviation at inputs (n, d), root mean square over the curve, shape (n,); comparable with ``held_out_std``."""
        scores = self.ensemble.scores(X)
        off = scores - scores.mean(axis=0)
        # The mean square of a sum of components over the axis is a quadratic form of its scores.
        basis = self.ensemble.basis
        square = np.einsum("kni,ij,knj->n", off, basis @ basis.T / basis.shape[1], off, optimize=True)
        return np.asarray(self._factor * np.sqrt(square / max(len(off) - 1, 1)))

    def screen(self) -> Forward:
        """The mean curve in single precision; see ``models.dense.Screenable``."""
        return self.ensemble.screen()

    def save(self, path: Path) -> None:
        """Write ``path`` (safetensors) and, beside it, a JSON card of the same stem."""
        ensemble = self.ensemble
        layers = {f"W{j}": W for j, W in enumerate(ensemble.W)} | {f"b{j}": b for j, b in enumerate(ensemble.b)}
        told = {} if self.held_out_std is None else {"held_out_std": self.held_out_std}
        save_file(layers | told | {name: np.ascontiguousarray(getattr(ensemble, name)) for name in _SCALINGS}, path)
        card = {"kind": "spectrum_network", "settings": asdict(self.settings), "seed": self.seed, "device": self.device}
        card |= {"factor": self._factor, "warnings": self.warnings, "card": self.card}
        path.with_suffix(".json").write_text(json.dumps(card, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote; predictions are the same to the last bit."""
        card, arrays = json.loads(path.with_suffix(".json").read_text(encoding="utf-8")), load_file(path)
        settings = NetworkSettings(**card["settings"] | {"hidden": tuple(card["settings"]["hidden"])})
        model = cls(settings, seed=card["seed"], device=card["device"])
        W, b = (tuple(arrays[f"{kind}{j}"] for j in range(len(settings.hidden) + 1)) for kind in "Wb")
        centre, half, mean, basis = (arrays[name] for name in _SCALINGS)
        model._ensemble = Ensemble(centre, half, W, b, mean, basis, settings.activation)
        model._factor, model.warnings, model.card = card["factor"], tuple(card["warnings"]), card["card"]
        model.held_out_std = arrays.get("held_out_std")
        return model


def _range(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    low, high = X.min(axis=0), X.max(axis=0)
    return (low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)


def _components(Y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean curve (m,) and components (K, m), all scaled alike so that the mean square of the scores is 1."""
    mean = Y.mean(axis=0)
    _, strengths, P = np.linalg.svd(Y - mean, full_matrices=False)
    power = np.cumsum(strengths**2)
    if power[-1] <= np.finfo(float).eps ** 2 * (Y**2).sum():
        return mean, P[:1]
    count = min(int(np.searchsorted(power, _EXPLAINED * power[-1])) + 1, _MOST)
    return mean, P[:count] * np.sqrt(power[count - 1] / (len(Y) * count))


def _held_out(n: int, settings: NetworkSettings, rng: np.random.Generator) -> BoolArray:
    """Which data each member leaves out, shape (members, n): as many dealings into folds as the members allow."""
    held = np.zeros((settings.members, n), bool)
    if not settings.folds or n < max(_FEW, settings.folds):
        return held
    for k in range(settings.members):
        if k % settings.folds == 0:
            order = rng.permutation(n)
        held[k, order[k % settings.folds :: settings.folds]] = True
    return held


def _calibrated(ensemble: Ensemble, X: FloatArray, Y: FloatArray, held: BoolArray) -> tuple[float, FloatArray | None, dict[str, float]]:
    """By how much the spread of the members is widened, the widened one at each datum held out, and figures of those predictions.

    The factor is the root mean square error of the mean of the members that a datum was held out of, over the root mean
    square of their own standard deviation; 1, None and none where no data were held out. The coverage takes that standard
    deviation as one number per curve, since two members tell too little of a single point.
    """
    count = held.sum(axis=0)[:, None]
    if count.min() < 2:
        return 1.0, None, {}
    curves, weight = ensemble.curves(X), held[:, :, None]
    mean = (curves * weight).sum(axis=0) / count
    variance = ((curves - mean) ** 2 * weight).sum(axis=0) / (count - 1)
    error = Y - mean
    factor = float(np.sqrt((error**2).mean() / max(float(variance.mean()), np.finfo(float).tiny)))
    std = factor * np.sqrt(variance.mean(axis=1))
    cosine = (Y * mean).sum(axis=1) / np.maximum(np.linalg.norm(Y, axis=1) * np.linalg.norm(mean, axis=1), np.finfo(float).tiny)
    inside = np.abs(error) <= WIDTH_95 * std[:, None]
    quality = {"curve_mse": (error**2).mean(), "cosine": cosine.mean(), "coverage": inside.mean()}
    return factor, std, {"factor": factor} | {name: float(value) for name, value in quality.items()}
