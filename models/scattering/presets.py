"""Learners of scattering curves: which kind with which settings, on logarithms of curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from models import learners
from models.convolution import PUBLISHED
from models.corruption import Noise, corrupted
from models.learners import BadSettings, Learner
from models.scattering.dataset import TARGETS
from models.table import Field, Table
from models.task import Block, Task

NOISE = 0.15
"""Relative noise of intensities that ridge regression is made to stand: the level that the published programme shows."""
_SHAPE, _NUMBERS = TARGETS[:1], TARGETS[1:]
_SMALL = {"epochs": 15, "batch": 64, "noise": NOISE}
_FORM = ("form", "structure_factor")


@dataclass(frozen=True)
class Preset:
    """A learner for scattering.

    Attributes:
        kind: A key of ``learners.KINDS``.
        settings: Those that are not the defaults of the kind.
        targets: What it tells, of ``dataset.TARGETS``, in order.
        about: What it is good for, in a line.
        inputs: What it sees, in logarithms: the curve as measured, or fields of ``invariant.with_invariants``.
    """

    kind: str
    settings: Mapping[str, Any]
    targets: tuple[str, ...]
    about: str
    inputs: tuple[str, ...] = ("intensity",)


PRESETS: Mapping[str, Preset] = {
    "ridge": Preset("ridge", {"noise": NOISE, "noise_kind": "additive"}, _NUMBERS, "Sizes at a stroke; its penalty is chosen for noise"),
    "logistic": Preset("logistic", {"C": 100.0}, _SHAPE, "The shape, linearly: the best of all on clean curves of known structures"),
    "two_stage": Preset("two_stage", {"C": 100.0, "noise": NOISE}, TARGETS[:3], "The shape, then the size at which it has as many atoms"),
    "published_cnn": Preset("cnn", asdict(PUBLISHED), _SHAPE, "The network of the published programme"),
    "small_cnn": Preset("cnn", _SMALL, TARGETS, "Strided convolutions with batch normalisation, all targets at once; stands noise"),
    "library": Preset("library", {"scale": False}, TARGETS, "Nearest curves of the library, whatever their factor; ranked, with residuals"),
    "reduced": Preset("logistic", {"C": 100.0}, _SHAPE, "The shape, of particles of known elements, seen before or not", ("reduced",)),
    "form": Preset("logistic", {}, _SHAPE, "The shape, of particles of known elements and of sizes not seen before", _FORM),
}


def task_of(table: Table, targets: Sequence[str] = TARGETS, inputs: Sequence[str] = ("intensity",)) -> Task:
    """The task of telling targets from the logarithms of a table's curves."""
    return Task(tuple(Block.of(table[name], "log") for name in inputs), tuple(Block.of(table[name]) for name in targets))


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
    settings = {**preset.settings, **changes}
    return learners.make(preset.kind, learners.settings_of(preset.kind, settings), task.heads, seed, device)


def with_noise(table: Table, level: float = NOISE, seed: int = 0) -> Table:
    """The table with noise on its curves: what to learn from for measured ones."""
    return corrupted(table, ["intensity"], Noise(level), table, seed)


def part(table: Table, low: float = 0.0, high: float = np.inf, step: int = 1) -> Table:
    """The table with every so manieth point of its curves from low on and below high, in 1/Angstrom."""
    return Table(tuple(_part(field, low, high, step) for field in table.fields))


def _part(field: Field, low: float, high: float, step: int) -> Field:
    if field.axis is None:
        return field
    kept = np.flatnonzero((field.axis >= low) & (field.axis < high))[::step]
    return replace(field, values=field.values[:, kept], axis=field.axis[kept])
