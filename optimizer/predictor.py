"""The model of a campaign as one thing to ask: of the curves where outcomes are curves that differ, else of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.components import CurveProcess
from models.dense import BLOCK
from models.nets import SpectrumNetwork
from optimizer.rules import composite, spectral_grid
from optimizer.state import CampaignState
from optimizer.surrogate import LossModel, fit_loss_model
from optimizer.switch import Phase
from optimizer.types import FloatArray

_ROWS, _VALUES = 4096, 2**21
"""Rows that are predicted at a time, and values of their curves that are held: 16 MB."""


class Predictor(Protocol):
    """A fitted model of a campaign; rows (n, d) in, figures of each out."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the fit had to do out of the ordinary."""
        ...

    def curves(self, X: FloatArray) -> FloatArray:
        """Predicted curves, shape (n, m); m = 0 where outcomes are numbers."""
        ...

    def band(self, X: FloatArray) -> FloatArray:
        """Standard deviation of the curves, shape (n, m)."""
        ...

    def outputs(self, X: FloatArray, means: FloatArray | None = None) -> FloatArray:
        """Predicted losses, and weighted sums of the predicted curves with weights (m, r) where given; shape (n, 1 + r)."""
        ...

    def sigma(self, X: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Standard deviation at each measured well when held out, and at rows, shape (n,); None where held-out ones are unknown."""
        ...

    def expected(self, X: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean and standard deviation of the loss, and its expected improvement on the wells that were measured, shape (n,) each."""
        ...


@dataclass(frozen=True, eq=False)
class CurvePredictor:
    """Predictions by the model of the curves, whatever rule proposes; the predicted loss is that of the predicted curve."""

    state: CampaignState
    process: CurveProcess

    @property
    def warnings(self) -> tuple[str, ...]:
        """See ``Predictor``."""
        return self.process.warnings

    def curves(self, X: FloatArray) -> FloatArray:
        """The curve in the middle of what is believed; see ``Predictor``."""
        inputs = self.state.space.encode(X)
        return self.process.components.curves(np.column_stack([p.warp.inverse(p.middle(inputs)) for p in self.process.processes]))

    def band(self, X: FloatArray) -> FloatArray:
        """See ``Predictor``."""
        std = self.process.posterior(self.state.space.encode(X)).std
        return np.zeros((len(X), self.state.objective.width)) if std is None else std

    def outputs(self, X: FloatArray, means: FloatArray | None = None) -> FloatArray:
        """See ``Predictor``."""
        weights = np.empty((self.state.objective.width, 0)) if means is None else means
        found = np.empty((len(X), 1 + weights.shape[1]))
        step = min(_ROWS, max(1, _VALUES // len(weights)))
        for first in range(0, len(X), step):
            curves = self.curves(X[first : first + step])
            found[first : first + step] = np.column_stack([self.state.objective.losses(curves).loss, curves @ weights])
        return found

    def sigma(self, X: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Unknown; see ``Predictor``."""
        return None

    def expected(self, X: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See ``Predictor``; by samples of the curves."""
        rng = np.random.default_rng([self.state.seed, self.state.last_round])
        return composite.expectations(self.state, self.process, X, rng)


@dataclass(frozen=True, eq=False)
class NetworkPredictor:
    """Predictions by the network of the second step; the predicted loss is that of the mean curve of its members."""

    state: CampaignState
    network: SpectrumNetwork

    @property
    def warnings(self) -> tuple[str, ...]:
        """See ``Predictor``."""
        return self.network.warnings

    def curves(self, X: FloatArray) -> FloatArray:
        """See ``Predictor``."""
        return self.network.predict(self.state.space.encode(X))

    def band(self, X: FloatArray) -> FloatArray:
        """See ``Predictor``."""
        std = self.network.posterior(self.state.space.encode(X)).std
        return np.zeros((len(X), self.state.objective.width)) if std is None else std

    def outputs(self, X: FloatArray, means: FloatArray | None = None) -> FloatArray:
        """See ``Predictor``; in single precision, since maps and Shapley values ask for half a million rows."""
        weights = np.empty((self.state.objective.width, 0)) if means is None else means
        inputs, quick = self.state.space.encode(X).astype(np.float32), self.network.screen()
        found = np.empty((len(X), 1 + weights.shape[1]))
        for first in range(0, len(X), BLOCK):
            curves = quick(inputs[first : first + BLOCK]).astype(float)
            found[first : first + BLOCK] = np.column_stack([self.state.objective.losses(curves).loss, curves @ weights])
        return found

    def sigma(self, X: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """See ``Predictor``; among the members of the network."""
        return spectral_grid.sigma(self.state, self.network, X)

    def expected(self, X: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See ``Predictor``; among the members of the network."""
        return spectral_grid.NetworkModel(self.state, self.state.data, self.network).expectations(X)


@dataclass(frozen=True, eq=False)
class LossPredictor:
    """Predictions by the model of the loss."""

    state: CampaignState
    model: LossModel

    @property
    def warnings(self) -> tuple[str, ...]:
        """See ``Predictor``."""
        return self.model.warnings

    def curves(self, X: FloatArray) -> FloatArray:
        """None of any width; see ``Predictor``."""
        return np.empty((len(X), 0))

    def band(self, X: FloatArray) -> FloatArray:
        """None of any width; see ``Predictor``."""
        return np.empty((len(X), 0))

    def outputs(self, X: FloatArray, means: FloatArray | None = None) -> FloatArray:
        """Predicted losses alone, shape (n, 1); see ``Predictor``."""
        return np.concatenate([self.model.predict(X[first : first + _ROWS]) for first in range(0, len(X), _ROWS)])[:, None]

    def sigma(self, X: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Unknown; see ``Predictor``."""
        return None

    def expected(self, X: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See ``Predictor``."""
        mean, std = self.model.posterior(X)
        best = float(self.model.middle(self.state.data.X).min())
        gains = [self.model.improvement(float(middle), float(spread), best) for middle, spread in zip(*self.model.latent(X), strict=True)]
        return mean, std, np.array(gains)


def fitted(state: CampaignState) -> Predictor:
    """The model of a campaign with data, fitted to all of them: the network once it takes part, as in the stop conditions."""
    data = state.data
    if state.objective.axis is None or (data.Y[0] == data.Y).all():
        return LossPredictor(state, fit_loss_model(state, data))
    if state.switch and state.switch.rule == spectral_grid.NAME and state.phase in (Phase.BOTH, Phase.NETWORK):
        network = SpectrumNetwork(spectral_grid.SETTINGS, state.seed).fit(state.space.encode(data.X), data.Y)
        return NetworkPredictor(state, network)
    return CurvePredictor(state, composite.fit_curves(state, data))
