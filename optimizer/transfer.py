"""Related tasks for the models: which of their wells are used, and what was learned of each.

A task has a process of its own, on its own normal scale and with its own noise; what it predicts enters the model of the
present one with a weight that the present data decide, so a task that says nothing is left out by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.gp import GaussianProcess, telling
from optimizer.space import SearchSpace
from optimizer.state import PriorTask
from optimizer.types import Dataset

MOST = 300
"""Wells of a task that are used."""


def chosen(task: PriorTask, space: SearchSpace) -> Dataset:
    """The wells of a task that are used: all, or the lowest losses and those that fill the space."""
    keep = np.ones(len(task.data), bool)
    if len(keep) > MOST:
        keep[:] = False
        keep[telling(space.encode(task.data.X), task.data.loss, MOST)] = True
    return task.data.where(keep)


def warnings(tasks: Sequence[PriorTask]) -> tuple[str, ...]:
    """What a person should know of the tasks before the fit."""
    return tuple(
        f"prior {task.name}: {MOST} of its {len(task.data)} wells are used, the best and those that fill the space"
        for task in tasks
        if len(task.data) > MOST
    )


def card(tasks: Sequence[PriorTask], gp: GaussianProcess) -> dict[str, Any]:
    """What was learned of each task, for people; nothing where there is none.

    ``correlation`` is that of its predictions with the measured losses, ``effect`` the standard deviation of what it adds to
    the prediction of the measured wells, in standard deviations of their losses on the normal scale: 0 means ignored.
    """
    if not tasks:
        return {}
    learned = zip(tasks, gp.correlations.tolist(), gp.effects.tolist(), strict=True)
    figures = [
        {"campaign": task.name, "wells": min(len(task.data), MOST), "correlation": correlation, "effect": effect}
        for task, correlation, effect in learned
    ]
    return {"priors": figures}
