"""Learners of size distributions from image stacks: which kind with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models import learners
from models.learners import BadSettings, Learner
from models.table import Table
from models.task import Block, Task


@dataclass(frozen=True)
class Preset:
    """A learner of size distributions.

    Attributes:
        kind: A key of ``learners.KINDS``.
        settings: Those that are not the defaults of the kind.
        about: What it is good for, in a line.
    """

    kind: str
    settings: Mapping[str, Any]
    about: str


PRESETS: Mapping[str, Preset] = {
    "encoder": Preset(
        "resnet",
        {"epochs": 9, "validation": 0.0, "part": True, "batch": 40, "rate": 6e-3},
        "A residual network for each image, pooled over stacks of any length",
    ),
    "channels": Preset(
        "resnet", {"epochs": 12, "validation": 0.0, "pooling": "channels"}, "A residual network for stacks of one length, seen at once"
    ),
    "published": Preset(
        "resnet",
        {"epochs": 100, "validation": 0.0, "pooling": "channels", "batch": 10, "rate": 1e-2, "augment": False},
        "Where the published programme started from, a quarter as wide",
    ),
    "features": Preset("features", {}, "A perceptron on features of the images: learns in seconds"),
    "watershed": Preset("segmentation", {"method": "watershed"}, "Regions of the images, counted and measured"),
    "hough": Preset("segmentation", {"method": "hough"}, "Circles in the images, counted and measured"),
}
FINE_TUNING: Mapping[str, Any] = {"epochs": 5, "rate": 1e-3}
"""Settings that change where a trained network goes on with other stacks."""


def task_of(table: Table) -> Task:
    """The task of telling the size distribution from a table's stacks."""
    return Task((Block.of(table["images"]),), (Block.of(table["psd"], shares=True),))


def make(name: str, task: Task, seed: int = 0, device: str = "auto", **changes: Any) -> Learner:
    """A new learner.

    Args:
        name: A key of ``PRESETS``.
        task: What it learns.
        seed: Of all random choices.
        device: Where networks train.
        changes: Settings to change.

    Raises:
        BadSettings: There is no such preset or setting.
        ValueError: The preset cannot tell the targets of the task.
    """
    if name not in PRESETS:
        raise BadSettings(f"there is no preset {name!r}", "name", f"use one of: {', '.join(PRESETS)}")
    preset = PRESETS[name]
    return learners.make(preset.kind, learners.settings_of(preset.kind, {**preset.settings, **changes}), task.heads, seed, device)
