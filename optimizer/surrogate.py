"""The fitted model of the loss over a search space, shared by the batch rules and the stop checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from models.gp import GaussianProcess
from optimizer import transfer
from optimizer.parameters import CATEGORY
from optimizer.space import Categorical, SearchSpace
from optimizer.state import CampaignState, PriorTask
from optimizer.types import Dataset, FloatArray

_QUADRATURE = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True)
class LossModel:
    """A Gaussian process of the loss that speaks in rows of the space.

    Attributes:
        space: Turns rows into model inputs.
        gp: The fitted process; its ``latent`` scale is the one on which rules work.
        warnings: What the fit had to do out of the ordinary.
        priors: The related tasks that it learned from.
    """

    space: SearchSpace
    gp: GaussianProcess
    warnings: tuple[str, ...] = ()
    priors: tuple[PriorTask, ...] = ()

    def predict(self, X: FloatArray) -> FloatArray:
        """Expected loss of rows (n, d), in units of the loss, shape (n,)."""
        return self.gp.predict(self.space.encode(X))[:, 0]

    def posterior(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of the loss of rows (n, d), in its units, shape (n,) each."""
        belief = self.gp.posterior(self.space.encode(X))
        return belief.mean[:, 0], np.zeros(len(X)) if belief.std is None else belief.std[:, 0]

    def middle(self, X: FloatArray) -> FloatArray:
        """Mean of rows (n, d) on the model's scale, shape (n,)."""
        return self.gp.middle(self.space.encode(X))

    def latent(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of rows (n, d) on the model's scale, shape (n,) each."""
        return self.gp.latent(self.space.encode(X))

    def whiten(self, X: FloatArray) -> FloatArray:
        """Rows (n, d) in units of the length scales, shape (n, model inputs)."""
        return self.space.encode(X) / self.gp.hyper.lengths

    @property
    def resolution(self) -> float:
        """Smallest whitened distance between two settings of the lab."""
        steps = zip(self.space.parameters, self.space.resolution, strict=True)
        inputs = [CATEGORY if isinstance(p, Categorical) else r for p, r in steps for _ in range(_width(p))]
        return float((np.array(inputs) / self.gp.hyper.lengths).min())

    def improvement(self, mean: float, std: float, best: float) -> float:
        """Expected improvement in units of the loss, for one belief on the model's scale (Gauss-Legendre over quantiles)."""
        share = float(ndtr((best - mean) / std)) if std > 0 else float(mean < best)
        nodes, weights = (_QUADRATURE[0] + 1) / 2 * share, _QUADRATURE[1] / 2 * share
        t = np.minimum(mean + std * ndtri(np.clip(nodes, 1e-300, 1 - 1e-16)), best)
        warp = self.gp.warp
        return float(weights @ (warp.inverse(best) - warp.inverse(t)))

    def card(self) -> dict[str, Any]:
        """Fitted figures for people: plain values; length scales as shares of each parameter's range."""
        lengths = iter(self.gp.hyper.lengths.tolist())
        scales = {
            p.name: {level: next(lengths) / CATEGORY for level in p.categories} if isinstance(p, Categorical) else next(lengths)
            for p in self.space.parameters
        }
        hyper = self.gp.hyper
        figures: dict[str, Any] = {"length_scales": scales, "length_prior": "wide" if hyper.wide else "short"}
        figures |= {"signal": hyper.scale, "noise": hyper.noise, "power": self.gp.warp.lam}
        return figures | transfer.card(self.priors, self.gp)


def _width(parameter: object) -> int:
    return len(parameter.categories) if isinstance(parameter, Categorical) else 1


def fit_loss_model(state: CampaignState, data: Dataset) -> LossModel:
    """Fit the surrogate that the campaign's settings ask for; the same data give the same model.

    Args:
        state: Gives the space, ``strategy.gp`` and the priors.
        data: What to learn from, one row at least; a part of ``state.data`` when a past round is looked at.
    """
    settings = state.strategy.gp
    noise, warnings = (None, ()) if settings.noise == "inferred" else _replicate_noise(data)
    related = tuple(_process(state, transfer.chosen(task, state.space)) for task in state.priors)
    gp = GaussianProcess(settings.nu, settings.isotropic, related, either=True).fit(state.space.encode(data.X), data.loss, noise)
    return LossModel(state.space, gp, warnings + gp.warnings + transfer.warnings(state.priors), state.priors)


def _process(state: CampaignState, data: Dataset) -> GaussianProcess:
    """The process of a prior; its noise is inferred."""
    settings = state.strategy.gp
    return GaussianProcess(settings.nu, settings.isotropic).fit(state.space.encode(data.X), data.loss)


def _replicate_noise(data: Dataset) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Variance of each aggregated loss; the dataset's errors are shrunk to the pooled spread of the campaign already."""
    if np.isfinite(data.error).all() and data.error.any():
        return data.error**2, ()
    return None, ("the replicates show no spread: the noise is inferred from the residuals instead",)
