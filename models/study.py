"""What studies of models have in common: which values of a metric are good, and whoever watches the progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from models.nets import Cancelled
from models.task import HeadKind

Better = Literal["low", "high"]
"""Which values of a metric are the good ones."""
BETTER: Mapping[str, Better] = {
    "rmse": "low",
    "mae": "low",
    "relative_mae": "low",
    "wasserstein": "low",
    "log_loss": "low",
    "r2": "high",
    "cosine": "high",
    "pearson": "high",
    "spearman": "high",
    "accuracy": "high",
}
"""Metrics of ``models.metrics`` that are one number."""
USUAL: Mapping[HeadKind, str] = {"number": "r2", "curve": "r2", "category": "log_loss", "distribution": "wasserstein"}
"""The metric that a target is judged by where none is named; the finer one of a category."""
METRICS: Mapping[HeadKind, tuple[str, ...]] = {
    "number": ("rmse", "mae", "r2", "relative_mae"),
    "curve": ("rmse", "cosine", "r2"),
    "distribution": ("rmse", "cosine", "pearson", "spearman", "wasserstein", "r2"),
    "category": ("accuracy", "log_loss"),
}
"""Those that a target can be judged by."""

Watch = Callable[[float, str], bool | None]
"""Told which share of a study is done, and what is next; returns False to stop it."""


def tell(watch: Watch | None, share: float, what: str) -> None:
    """Tell whoever watches.

    Raises:
        Cancelled: They said so.
    """
    if watch and watch(share, what) is False:
        raise Cancelled(f"stopped before: {what}")
