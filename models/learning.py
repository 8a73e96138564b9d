"""How networks learn by gradient steps: the settings that they share, and the size of a step. Loads no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

Activation = Literal["relu", "tanh"]
Optimizer = Literal["adam", "adamw"]
Schedule = Literal["constant", "cosine", "one_cycle"]

_WARM, _FIRST, _LAST = 0.3, 1 / 25, 1 / 25e4
"""One cycle: the share of the steps that grow, and the first and last step as shares of the largest."""


@dataclass(frozen=True)
class Learning:
    """How a network learns.

    Attributes:
        members: Networks of the ensemble, trained side by side on the same batches; one knows no standard deviation.
        epochs: At most.
        batch: Data per step; the remainder of an epoch is shared out among its batches.
        optimizer: ``adam``, or ``adamw`` whose decay does not pass through the moments.
        rate: Step size; of a schedule its largest.
        schedule: ``constant``; ``cosine`` falls to nothing along half a cosine; ``one_cycle`` grows first.
        decay: Of the weights.
        validation: Share of the data that is held out to tell when to stop; the network of the best epoch is kept. 0 for none.
        patience: Epochs without a better held-out loss after which the training stops; 0 goes on to the last.
        noise: Standard deviation, in the unit of the inputs, of normal noise that every step adds to them afresh: a network
            learns to stand it. On logarithms it is the relative noise of what they are logarithms of.
        every: Epochs from one checkpoint to the next.
        threads: Of torch.
    """

    members: int = 1
    epochs: int = 200
    batch: int = 32
    optimizer: Optimizer = "adam"
    rate: float = 1e-3
    schedule: Schedule = "constant"
    decay: float = 0.0
    validation: float = 0.2
    patience: int = 0
    noise: float = 0.0
    every: int = 10
    threads: int = 1

    def __post_init__(self) -> None:
        whole(self, 1, "members", "epochs", "every", "threads")
        whole(self, 0, "patience")
        whole(self, 2, "batch")  # the variance of one datum is none to normalise by
        one_of(self, "optimizer", get_args(Optimizer))
        one_of(self, "schedule", get_args(Schedule))
        if not self.rate > 0 or not math.isfinite(self.rate):
            raise ValueError(f"rate has to be positive, not {self.rate!r}")
        if not self.decay >= 0 or not math.isfinite(self.decay):
            raise ValueError(f"decay has to be 0 or more, not {self.decay!r}")
        if not self.noise >= 0 or not math.isfinite(self.noise):
            raise ValueError(f"noise has to be 0 or more, not {self.noise!r}")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation has to be a share from 0 to below 1, not {self.validation!r}")


def whole(settings: object, least: int, *names: str) -> None:
    """Check fields, or the entries of fields that are tuples.

    Raises:
        ValueError: One is not a whole number of ``least`` or more.
    """
    for name in names:
        given = getattr(settings, name)
        for value in given if isinstance(given, tuple) else (given,):
            if type(value) is not int or value < least:
                raise ValueError(f"{name} has to be whole numbers of {least} or more, not {given!r}")


def one_of(settings: object, name: str, choices: tuple[Any, ...]) -> None:
    """Check a field.

    Raises:
        ValueError: It is none of the choices.
    """
    if getattr(settings, name) not in choices:
        raise ValueError(f"{name} has to be one of {', '.join(map(str, choices))}, not {getattr(settings, name)!r}")


def check_dense(hidden: tuple[int, ...], dropout: tuple[float, ...]) -> None:
    """Check the shares that are dropped behind hidden layers.

    Raises:
        ValueError: They are not as many as the layers, or no shares.
    """
    if dropout and len(dropout) != len(hidden):
        raise ValueError(f"dropout has to name a share for each of the {len(hidden)} hidden layers, or none, not {dropout!r}")
    if not all(0 <= share < 1 for share in dropout):
        raise ValueError(f"dropout has to be shares from 0 to below 1, not {dropout!r}")


def step_size(schedule: Schedule, fraction: float) -> float:
    """Share of the largest step after a share of all steps.

    Sources: half a cosine, Loshchilov and Hutter (2017), equation 5 without restarts; one cycle, Smith and Topin (2018), with
    cosines for its two slopes and the moments left alone.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return _cosine(1.0, 0.0, fraction)
    if fraction < _WARM:
        return _cosine(_FIRST, 1.0, fraction / _WARM)
    return _cosine(1.0, _LAST, (fraction - _WARM) / (1 - _WARM))


def _cosine(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2
