"""Mixture density network: what outputs may have been, given inputs, as a mixture of normal densities.

Several recipes give nearly the same polymer, so that the mean of them is none of them: a density may have several peaks, and
tells how wide they are. The network is trained by torch, and asked in NumPy.

Notation: n data, d inputs, m outputs, k kernels; weights (n, k), means and standard deviations (n, k, m).

Sources: Bishop, Mixture Density Networks, Aston University NCRG/94/004 (1994); intervals from quantiles whose levels are
calibrated on held-out data, Chernozhukov, Wüthrich and Zhu, Proc. Natl. Acad. Sci. 118, e2107794118 (2021), algorithm 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.array_learner import ArrayLearner, Fitted, head_scales, spread, tell
from models.forward import DenseForward
from models.learning import step_size, whole
from models.nets import Progress
from models.scaling import Float32Array, softmax
from models.surrogate import FloatArray, IntArray, Posterior
from models.task import Head, HeadKind

_LEAST, _MOST = -5.0, 2.0
"""Range of the logarithm of a kernel's standard deviation, in those of the outputs: noise-free data would narrow it for ever."""
_HALVINGS = 40
"""Of the interval that holds a quantile."""
_BEYOND = 10.0
"""Standard deviations of the outputs from their mean within which quantiles are looked for."""


@dataclass(frozen=True)
class MixtureSettings:
    """The network, and how it learns.

    Attributes:
        kernels: Normal densities of the mixture.
        hidden: Widths of the hidden layers.
        epochs: How often it sees the data.
        batch: Data per step.
        rate: First step size of Adam; it falls to nothing along half a cosine.
        threads: Of torch.
    """

    kernels: int = 8
    hidden: tuple[int, ...] = (256, 128)
    epochs: int = 20
    batch: int = 256
    rate: float = 3e-3
    threads: int = 1

    def __post_init__(self) -> None:
        whole(self, 1, "kernels", "hidden", "epochs", "batch", "threads")
        if not 0 < self.rate < math.inf:
            raise ValueError(f"rate has to be positive, not {self.rate!r}")


@dataclass(frozen=True, eq=False)
class Mixture:
    """Densities at n inputs; see the notation of the module."""

    weights: FloatArray
    means: FloatArray
    stds: FloatArray

    def cdf(self, y: FloatArray) -> FloatArray:
        """Probability of each output alone to be at most y (n, m), shape (n, m)."""
        from scipy.special import ndtr  # late, like all of scipy: the web process imports this module, but never computes

        return np.asarray(np.einsum("nk,nkm->nm", self.weights, ndtr((y[:, None] - self.means) / self.stds)))

    def quantile(self, level: FloatArray) -> FloatArray:
        """Values (n, m) that each output alone stays below with the probability of its level (m,)."""
        low, high = (self.means + side * _BEYOND * self.stds for side in (-1, 1))
        below, above = low.min(axis=1), high.max(axis=1)
        for _ in range(_HALVINGS):
            middle = (below + above) / 2
            less = self.cdf(middle) < level
            below, above = np.where(less, middle, below), np.where(less, above, middle)
        return np.asarray((below + above) / 2)


class MixtureDensity(ArrayLearner[MixtureSettings]):
    """A mixture density network of numbers; its posterior is the mean and the standard deviation of the mixture."""

    can: ClassVar[frozenset[HeadKind]] = frozenset({"number"})
    settings_type = MixtureSettings

    def mixture(self, X: FloatArray) -> Mixture:
        """The densities of the outputs at inputs (n, d).

        Raises:
            NotFitted: ``fit`` has not been called.
        """
        known, k, m = self.fitted.arrays, self.settings.kernels, len(self.fitted.arrays["shift"])
        state = {name.removeprefix("net."): array for name, array in known.items() if name.startswith("net.")}
        scores = DenseForward(state, "relu")(((X - known["centre"]) / known["spread"]).astype(np.float32))[0]
        logits, means, logs = np.split(scores, [k, k + k * m], axis=1)
        stds = np.exp(np.clip(logs, _LEAST, _MOST)).reshape(-1, k, m) * known["scale"]
        return Mixture(softmax(logits), known["shift"] + means.reshape(-1, k, m) * known["scale"], stds)

    def levels(self, X: FloatArray, Y: FloatArray, share: float = 0.9) -> FloatArray:
        """How far from one half the levels of two quantiles have to be for a share of outputs to lie between, shape (m,).

        Args:
            X: Inputs (n, d) that were not learnt from.
            Y: Their outputs (n, m).
            share: Of outputs to come.
        """
        off = np.sort(np.abs(self.mixture(X).cdf(Y) - 0.5), axis=0)
        return np.asarray(off[min(math.ceil((len(Y) + 1) * share), len(Y)) - 1])

    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        centre, width = spread(X)
        shift, scale = Y.mean(axis=0), head_scales(Y, heads)
        state, losses = _trained(((X - centre) / width).astype(np.float32), ((Y - shift) / scale).astype(np.float32), self, progress)
        arrays = {"centre": centre, "spread": width, "shift": shift, "scale": scale}
        return Fitted(arrays | {f"net.{name}": array for name, array in state.items()}, card={"train": losses})

    def _answer(self, X: FloatArray) -> Posterior:
        told = self.mixture(X)
        mean = np.einsum("nk,nkm->nm", told.weights, told.means)
        variance = np.einsum("nk,nkm->nm", told.weights, told.stds**2 + (told.means - mean[:, None]) ** 2)
        return Posterior(mean, np.sqrt(variance))


def _trained(
    X: Float32Array, T: Float32Array, learner: MixtureDensity, progress: Progress | None
) -> tuple[dict[str, Float32Array], list[float]]:
    """Arrays of the network, and its loss in every epoch."""
    import torch  # late, since few processes learn

    from models import trainer
    from models.modules import Dense

    settings, where, m = learner.settings, trainer.device(learner.device), T.shape[1]
    generator = torch.Generator().manual_seed(learner.seed)
    network = Dense((X.shape[1], *settings.hidden, settings.kernels * (1 + 2 * m)), 1, generator)
    sizes = [settings.kernels, settings.kernels * m, settings.kernels * m]
    with torch.no_grad():
        # Kernels that start at one place tend to stay together.
        network.b[-1][..., sizes[0] : sizes[0] + sizes[1]] = torch.randn(sizes[1], generator=generator)
    inputs, targets = torch.from_numpy(X).to(where), torch.from_numpy(T).to(where)
    network.to(where)
    steps, losses = torch.optim.Adam(network.parameters(), lr=settings.rate, fused=True), list[float]()

    def loss(rows: torch.Tensor) -> torch.Tensor:
        logits, means, logs = network(inputs[rows])[0].split(sizes, dim=1)
        logs = logs.clamp(_LEAST, _MOST).view(-1, settings.kernels, m)
        off = (targets[rows][:, None] - means.view_as(logs)) / logs.exp()
        return -torch.logsumexp(logits.log_softmax(dim=1) - (off**2 / 2 + logs).sum(dim=2), dim=1).mean()

    with trainer.threads(settings.threads):
        for epoch in range(settings.epochs):
            batches, total = torch.randperm(len(X), generator=generator).to(where).split(settings.batch), 0.0  # type: ignore[no-untyped-call]
            for j, rows in enumerate(batches):
                steps.param_groups[0]["lr"] = settings.rate * step_size("cosine", (epoch + j / len(batches)) / settings.epochs)
                steps.zero_grad()
                now = loss(rows)
                now.backward()  # type: ignore[no-untyped-call]
                steps.step()
                total += float(now.detach()) * len(rows)
            losses.append(total / len(X))
            if not math.isfinite(total):
                raise FloatingPointError(f"the training diverged in epoch {epoch + 1}: choose a rate below {settings.rate}")
            tell(progress, (epoch + 1) / settings.epochs)
    return {name: tensor.cpu().numpy() for name, tensor in network.state_dict().items()}, losses
