"""Training of an ensemble of dense networks, all members side by side as batched matrix products. Loads torch.

Notation: k members, n data, inputs X (n, d), targets T (n, K); a layer is W (k, a, b) with biases b (k, 1, b).

Sources: Adam, Kingma and Ba (2015); the annealed step, Loshchilov and Hutter (2017), equation 5 without restarts; deep
ensembles, Lakshminarayanan, Pritzel and Blundell (2017); early stopping, Prechelt (1998).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from models.dense import Float32Array
from models.nets import Cancelled, Epoch, NetworkSettings, Progress
from models.surrogate import BoolArray, FloatArray

_LOOK = 25
"""Epochs between two looks at the held-out data."""
_PATIENCE = 12
"""Looks without a new best before the training stops."""

Layers = list[torch.Tensor]


def train(
    X: FloatArray, T: FloatArray, held: BoolArray, settings: NetworkSettings, seed: int, device: str, progress: Progress | None
) -> tuple[list[Float32Array], list[Float32Array], dict[str, float | None]]:
    """Weights, biases and figures of an ensemble, as they were when the held-out data were predicted best.

    Args:
        X: Inputs, scaled, shape (n, d).
        T: Targets, scaled, shape (n, K).
        held: Which data a member does not learn from, shape (k, n).
        settings: What the networks look like and how they learn.
        seed: Of the first weights and the order of the data.
        device: Where to compute: ``auto`` takes a GPU where there is one.
        progress: Told of the epochs; it stops the training by returning False.

    Raises:
        Cancelled: ``progress`` said so.
    """
    where = torch.device("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else torch.device(device)
    with _threads(settings.threads):
        run = _Run(X, T, held, settings, torch.Generator().manual_seed(seed), where)
        figures = run.epochs(progress)
        arrays = [layer.detach().cpu().numpy() for layer in run.best]
    return arrays[::2], arrays[1::2], figures


class _Run:
    """One training."""

    def __init__(
        self, X: FloatArray, T: FloatArray, held: BoolArray, settings: NetworkSettings, generator: torch.Generator, where: torch.device
    ) -> None:
        self.settings, self.generator = settings, generator
        self.X, self.T = (torch.tensor(array, dtype=torch.float32, device=where) for array in (X, T))
        self.out = torch.tensor(held, dtype=torch.float32, device=where)[:, :, None]
        self.layers = [layer.to(where).requires_grad_() for layer in _first_layers(X.shape[1], T.shape[1], settings, generator)]
        self.best = self.layers

    def epochs(self, progress: Progress | None) -> dict[str, float | None]:
        """Run through the epochs; leaves the best layers in ``best``."""
        settings = self.settings
        steps = torch.optim.Adam(self.layers, lr=settings.rate, eps=1e-7, fused=True)
        anneal = torch.optim.lr_scheduler.CosineAnnealingLR(steps, settings.epochs) if settings.anneal else None
        least, looks, last, best, fitted, held = float("inf"), 0, 0, 0, float("nan"), bool(self.out.any())
        for epoch in range(1, settings.epochs + 1):
            for rows in self._batches():
                steps.zero_grad()
                self._loss(rows).backward()  # type: ignore[no-untyped-call]
                steps.step()
            if anneal:
                anneal.step()
            last = epoch
            if epoch % _LOOK and epoch < settings.epochs:
                continue
            fitted, error = self._errors()
            if progress and progress(Epoch(epoch / settings.epochs, fitted, error)) is False:
                raise Cancelled(f"the training was stopped after {epoch} epochs")
            looks += 1 if held else 0
            if error < least:
                least, looks, best, self.best = error, 0, epoch, [layer.detach().clone() for layer in self.layers]
            if looks >= _PATIENCE:
                break
        return {"epochs": last, "best_epoch": best or last, "train_mse": fitted, "held_out_mse": least if best else None}

    def _batches(self) -> Iterator[torch.Tensor | slice]:
        """Rows of the steps of an epoch."""
        n, size = len(self.X), self.settings.batch
        if size is None or size >= n:
            yield slice(None)
        else:
            order = torch.randperm(n, generator=self.generator).to(self.X.device)
            yield from (order[first : first + size] for first in range(0, n, size))

    def _loss(self, rows: torch.Tensor | slice) -> torch.Tensor:
        """Mean squared error of the data that members learn from, with the decay of the weights, summed over the members."""
        weight = 1 - self.out[:, rows]
        error = (self._forward(self.X[rows]) - self.T[rows]) ** 2
        loss = ((error * weight).mean(dim=2).sum(dim=1) / weight.sum(dim=(1, 2)).clamp_min(1)).sum()
        return loss + self.settings.decay * torch.stack([(W**2).sum() for W in self.layers[::2]]).sum() if self.settings.decay else loss

    @torch.no_grad()
    def _errors(self) -> tuple[float, float]:
        """Mean squared error of data learnt from, and of data held out; the latter is NaN where there are none."""
        error = ((self._forward(self.X) - self.T) ** 2).mean(dim=2, keepdim=True)
        fitted = (error * (1 - self.out)).sum() / (1 - self.out).sum()
        return float(fitted), float((error * self.out).sum() / self.out.sum())

    def _forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outputs of all members, shape (k, n, K)."""
        act = torch.tanh if self.settings.activation == "tanh" else torch.relu
        h = X.expand(self.settings.members, -1, -1)
        for W, b in zip(self.layers[:-2:2], self.layers[1:-1:2], strict=True):
            h = act(torch.baddbmm(b, h, W))
        return torch.baddbmm(self.layers[-1], h, self.layers[-2])


def _first_layers(inputs: int, outputs: int, settings: NetworkSettings, generator: torch.Generator) -> Layers:
    """Weights and biases in turn: variance 2 / a before relu (He et al. 2015), 1 / a before tanh; spread biases in the first layer."""
    layers: Layers = []
    for a, b in zip((inputs, *settings.hidden), (*settings.hidden, outputs), strict=True):
        deviation = ((2 if settings.activation == "relu" else 1) / a) ** 0.5
        layers.append(deviation * torch.randn(settings.members, a, b, generator=generator))
        spread = 0.0 if layers[1:] or not settings.scaled else 1.0
        layers.append(spread * (torch.rand(settings.members, 1, b, generator=generator) - 0.5))
    return layers


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
