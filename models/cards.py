"""Parts of the card of a trained model, as JSON."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from models.surrogate import FloatArray
from models.table import Field
from models.task import Block, Task

_PACKAGES = ("closedloop", "numpy", "safetensors", "scikit-learn", "scipy", "torch")
_SAMPLES, _ALL_SAMPLES = 500, 5000
"""Values that are kept of a target, and of all targets together, to draw what is told over what is true."""


def box(block: Block, field: Field) -> dict[str, Any]:
    """What an input was like in training: its range and unit, the axis of a curve, the classes of a category."""
    if block.classes:
        present = set(field.values.tolist())
        return {"classes": [name for code, name in enumerate(block.classes) if code in present]}
    told: dict[str, Any] = {"low": float(field.values.min()), "high": float(field.values.max()), "unit": block.unit}
    if block.axis:
        told["axis"] = {"low": block.axis[0], "high": block.axis[-1], "points": block.size, "unit": block.axis_unit}
    if block.shape:
        told["shape"] = list(block.shape)
    return told


def over_seeds(scores: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Mean of every metric over the seeds, and its standard deviation; None where fewer than two seeds know it.

    Args:
        scores: Of each seed; numbers, or further mappings. Lists hold counts, and are added up.
    """
    mean, spread = dict[str, Any](), dict[str, Any]()
    for name, first in scores[0].items():
        values = [score[name] for score in scores]
        if isinstance(first, Mapping):
            mean[name], spread[name] = over_seeds(values)
        elif isinstance(first, list):
            mean[name] = np.sum(values, axis=0).tolist()
        else:
            known = [float(value) for value in values if value is not None and math.isfinite(value)]
            mean[name] = float(np.mean(known)) if known else None
            spread[name] = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return mean, spread


def samples(task: Task, truth: FloatArray, told: FloatArray) -> dict[str, Any]:
    """True and told values of every target but categories, in its unit: of numbers, or of random points of curves.

    Args:
        task: Its targets.
        truth: Columns (n, m) of rows held out, on the scale of the learner.
        told: The same as predicted.
    """
    found, columns = dict[str, Any](), (task.told(truth), task.told(told))
    most = min(_SAMPLES, max(1, _ALL_SAMPLES // len(task.targets)))
    for block in task.targets:
        if block.kind != "category":
            pair = np.array([block.values(part[block.name]).ravel() for part in columns])
            kept = np.random.default_rng(0).permutation(pair.shape[1])[:most]
            found[block.name] = dict(zip(("truth", "told"), pair[:, kept].tolist(), strict=True))
    return found


def warnings(intervals: Mapping[str, Any]) -> list[str]:
    """What is wrong with intervals: with few rows held out they cannot hold the share that they are to hold."""
    held, level = min(intervals["held_out"].values()), intervals["level"]
    if math.ceil((held + 1) * level) <= held:
        return []
    return [f"{held} rows held out are too few for intervals of {level:.0%}: these hold {held / (held + 1):.0%}"]


def versions() -> dict[str, str]:
    """Of Python and of the packages that a prediction depends on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def plain(value: Any) -> Any:
    """A value as JSON: numbers of NumPy become Python's, and what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
