"""The training loop of all networks: epochs, losses, early stopping, checkpoints. Loads torch.

Notation: k members, n data, targets T (n, m), scores (k, n, m).

The random numbers of an epoch come from the seed and the number of the epoch alone. So a training that goes on from a
checkpoint makes the same steps, to the last bit, as one that was never interrupted.

Sources: Adam, Kingma and Ba (2015); AdamW, Loshchilov and Hutter (2019); early stopping, Prechelt (1998).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models import checkpoints
from models.learning import Learning, step_size
from models.nets import Cancelled, Epoch, Progress
from models.scaling import SHARES, Float32Array, spans
from models.task import Head

_ROWS = 256
"""Held-out data that are predicted at a time."""
_FARTHER = 0.1
"""Weight of how far shares have to be moved, in bins; see decision 86."""


@dataclass(frozen=True)
class Training:
    """A network and what it learns.

    Attributes:
        module: The network; its ``forward`` takes inputs and a generator, and gives scores.
        X: Inputs, scaled, shape (n, ...).
        T: Targets, scaled, shape (n, m).
        heads: What their columns are.
        settings: How it learns.
        seed: Of the data held out, the batches and all chance.
        device: ``auto``, ``cpu`` or ``cuda``.
        fingerprint: Tells this training from every other one.
        noise: Standard deviation of the noise that is added to scaled inputs, shape (d,) or ().
    """

    module: nn.Module
    X: Float32Array
    T: Float32Array
    heads: tuple[Head, ...]
    settings: Learning
    seed: int
    device: str
    fingerprint: str
    noise: Float32Array

    def run(self, progress: Progress | None = None, checkpoint: Path | None = None) -> tuple[dict[str, Float32Array], dict[str, Any]]:
        """Arrays of the network at its best epoch, and figures: ``epochs``, ``best_epoch``, and per epoch ``train`` and ``held_out``.

        Args:
            progress: Told of every epoch; it stops the training by returning False.
            checkpoint: A file that the state is kept in; where it exists, the training goes on from there.

        Raises:
            Cancelled: ``progress`` said so.
            FloatingPointError: The loss is no number any more.
            ValueError: The checkpoint is of another training.
        """
        with threads(self.settings.threads):
            run = _Run(self)
            if checkpoint is not None and checkpoint.exists():
                run.resume(checkpoint)
            run.epochs(progress, checkpoint)
            return {name: tensor.cpu().numpy() for name, tensor in run.best.items()}, run.figures()


class _Run:
    """A training as it goes; all that it knows is its tensors and the losses of its epochs."""

    def __init__(self, training: Training) -> None:
        self.training, self.settings, where = training, training.settings, device(training.device)
        self.module = training.module.to(where)
        self.X, self.T = (torch.from_numpy(array).to(where) for array in (training.X, training.T))
        self.noise = torch.from_numpy(training.noise).to(where) if training.noise.any() else None
        self.loss = Loss(training.heads)
        kind = torch.optim.AdamW if self.settings.optimizer == "adamw" else torch.optim.Adam
        self.steps = kind(self.module.parameters(), lr=self.settings.rate, weight_decay=self.settings.decay, fused=True)
        n, rows = len(self.X), torch.randperm(len(self.X), generator=self._generator(0), device=where)
        held = int(n * self.settings.validation)
        self.rows, self.held = rows[: n - held], rows[n - held :]
        self.train: list[float] = []
        self.held_out: list[float] = []
        self.best = self._now()

    def epochs(self, progress: Progress | None, checkpoint: Path | None) -> None:
        """Run through the epochs that are left; leaves the best arrays in ``best``."""
        settings = self.settings
        while not self._ended():
            self._epoch()
            if not self.held_out or self.held_out[-1] <= min(self.held_out):
                self.best = self._now()
            done = len(self.train)
            if checkpoint is not None and (done % settings.every == 0 or self._ended()):
                self.keep(checkpoint)
            held_out = self.held_out[-1] if self.held_out else float("nan")
            if progress and progress(Epoch(done / settings.epochs, self.train[-1], held_out)) is False:
                raise Cancelled(f"the training was stopped after {done} epochs")

    def figures(self) -> dict[str, Any]:
        """Of the epochs, for people."""
        return {"epochs": len(self.train), "best_epoch": self._best_epoch(), "train": self.train, "held_out": self.held_out}

    def keep(self, path: Path) -> None:
        """Write the state to a file."""
        moments = {f"{j}.{name}": value for j, moment in self.steps.state_dict()["state"].items() for name, value in moment.items()}
        parts = {"now": self._now(), "best": self.best, "moments": moments}
        card = {"fingerprint": self.training.fingerprint, "train": self.train, "held_out": self.held_out}
        checkpoints.write(path, {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}, card)

    def resume(self, path: Path) -> None:
        """Take up the state that ``keep`` wrote."""
        tensors, card = checkpoints.read(path)
        if card.get("fingerprint") != self.training.fingerprint:
            raise ValueError(f"{path} is the checkpoint of other data, settings or another seed: remove it, or name another file")
        self.train, self.held_out = card["train"], card["held_out"]
        self.module.load_state_dict(_part(tensors, "now"))
        self.best = {name: value.to(self.X.device) for name, value in _part(tensors, "best").items()}
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _part(tensors, "moments").items():
            index, kind = name.split(".")
            moments.setdefault(int(index), {})[kind] = value
        self.steps.load_state_dict(self.steps.state_dict() | {"state": moments})

    def _epoch(self) -> None:
        settings, epoch, generator = self.settings, len(self.train), self._generator(len(self.train) + 1)
        batches, total = self._batches(generator), torch.zeros((), device=self.X.device)
        self.module.train()
        for j, rows in enumerate(batches):
            for group in self.steps.param_groups:
                group["lr"] = settings.rate * step_size(settings.schedule, (epoch + j / len(batches)) / settings.epochs)
            self.steps.zero_grad()
            loss = self.loss(self.module(self._noisy(self.X[rows], generator), generator), self.T[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            self.steps.step()
            total += loss.detach() * len(rows)
        self.train.append(float(total) / sum(map(len, batches)) / settings.members)
        if len(self.held):
            self.held_out.append(self._held_out())
        if not np.isfinite(self.train[-1] + sum(self.held_out[-1:])):
            raise FloatingPointError(f"the training diverged in epoch {epoch + 1}: choose a rate below {settings.rate}")

    def _noisy(self, X: Tensor, generator: torch.Generator) -> Tensor:
        if self.noise is None:
            return X
        return X + self.noise * torch.randn(X.shape, generator=generator, device=X.device)

    def _batches(self, generator: torch.Generator) -> Sequence[Tensor]:
        """Rows of the steps of an epoch; a single datum is taken twice, since it has no variance to normalise by."""
        rows = self.rows[torch.randperm(len(self.rows), generator=generator, device=self.X.device)]
        return rows.tensor_split(len(rows) // self.settings.batch or 1) if len(rows) > 1 else [rows.repeat(2)]

    @torch.no_grad()
    def _held_out(self) -> float:
        self.module.eval()
        parts = [self.loss(self.module(self.X[rows]), self.T[rows]) * len(rows) for rows in torch.split(self.held, _ROWS)]
        return float(torch.stack(parts).sum()) / len(self.held) / self.settings.members

    def _generator(self, epoch: int) -> torch.Generator:
        state = np.random.SeedSequence([self.training.seed, epoch]).generate_state(1, np.uint64)[0]
        return torch.Generator(device(self.training.device)).manual_seed(int(state >> np.uint64(1)))

    def _now(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.module.state_dict().items()}

    def _best_epoch(self) -> int:
        """Where ``best`` is from: of several equal ones the last."""
        return len(self.held_out) - int(np.argmin(self.held_out[::-1])) if self.held_out else len(self.train)

    def _ended(self) -> bool:
        done, patience = len(self.train), self.settings.patience
        return done >= self.settings.epochs or bool(patience and self.held_out and done - self._best_epoch() >= patience)


class Loss:
    """Mean over the data of the sum over the heads, summed over the members.

    Of numbers and curves it is the mean squared error, of categories the cross-entropy, and of distributions the
    Kullback-Leibler divergence and a part of the summed difference of the cumulative shares, which is the Wasserstein distance in
    units of a bin.
    """

    def __init__(self, heads: Sequence[Head]) -> None:
        self._shares = [(head.kind, columns) for head, columns in spans(heads) if head.kind in SHARES]
        weights = [0.0 if head.kind in SHARES else 1 / head.size for head in heads for _ in range(head.size)]
        self._weights = torch.tensor(weights) if any(weights) else None

    def __call__(self, scores: Tensor, T: Tensor) -> Tensor:
        """The loss of scores (k, n, m)."""
        loss = torch.zeros((), device=T.device)
        if self._weights is not None:
            loss = (((scores - T) ** 2).sum(dim=0).mean(dim=0) * self._weights.to(T.device)).sum()
        for kind, columns in self._shares:
            logs, shares = F.log_softmax(scores[:, :, columns], dim=2), T[:, columns]
            error = -(shares * logs).sum(dim=2)
            if kind == "distribution":
                error = error + torch.xlogy(shares, shares).sum(dim=1)
                error = error + _FARTHER * (logs.exp() - shares).cumsum(dim=2).abs().sum(dim=2)
            loss = loss + error.mean(dim=1).sum()
        return loss


def device(name: str) -> torch.device:
    """Where to compute: ``auto`` takes a GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else torch.device(name)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _part(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")}
