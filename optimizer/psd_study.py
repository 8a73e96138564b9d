"""The study on size distributions: how large it is within a budget of time, its sweep, and the trials that follow the choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import sqrt
from typing import Any, Self

import numpy as np

from models.psd.presets import PRESETS
from models.psd.study import Result, Trial
from models.residual import Residual, ResidualSettings
from models.study import BETTER
from models.task import Head
from optimizer.sweep import Factor, Plan, Run

METRICS = ("rmse", "cosine", "pearson", "spearman", "r2")
"""Those that vote."""
FACTORS: Mapping[str, tuple[Any, ...]] = {"depth": (18, 34), "stack": (1, 3, 5, 10), "batch": (5, 10, 20), "rate": (1e-3, 3e-3, 1e-2)}
DEFAULT: Mapping[str, Any] = {"depth": 18, "stack": 5, "batch": 10, "rate": 1e-2}
_LEAST_SHARE, _HALVINGS = 1e-6, 40
_RENDER_S = 0.015
"""To render a stack of five, and to read its features."""
_FIND_S = 0.2
"""To find the particles of a stack of five images of 128 pixels."""
_CHANNELS, _DEEP, _PART = 2.0, 1.8, 0.6
"""Work of a stack that is seen at once, in images; of 34 layers, by that of 18; of parts of a stack, by that of all of it."""


@dataclass(frozen=True)
class Size:
    """How large a study is.

    Attributes:
        subset: Stacks of the small set.
        full: Stacks of the full sets.
        unseen: Stacks that are scored on.
        epochs: Of the published trainings.
        long: Epochs of the training that looks for grokking.
        passes: Share of the epochs of the presets.
        seeds: Of every setting of the sweep.
    """

    subset: int = 1000
    full: int = 6000
    unseen: int = 400
    epochs: int = 100
    long: int = 10_000
    passes: float = 1.0
    seeds: int = 4

    @classmethod
    def scaled(cls, share: float) -> Self:
        """About so large a share of the work of the whole: as many times fewer stacks as epochs."""
        whole, root = cls(), sqrt(share)
        return cls(
            subset=max(40, round(root * whole.subset)),
            full=max(100, round(root * whole.full)),
            unseen=max(60, round(min(1.0, 3 * root) * whole.unseen)),
            epochs=max(2, round(root * whole.epochs)),
            long=max(10, round(root * whole.long)),
            passes=root,
            seeds=4 if root > 0.05 else 2,
        )


QUICK = Size.scaled(_LEAST_SHARE)


def within(minutes: float, jobs: int) -> tuple[Size, Size]:
    """The sizes of methods and of programme that take about so long; the methods get half of the time, or less if they are whole.

    Args:
        minutes: Of wall time.
        jobs: Trials at once.
    """
    per_image = speed()
    methods_s = 30 * minutes * jobs
    methods_size = _largest(lambda size: cost(methods(size).values(), per_image), methods_s)
    spent = min(methods_s, cost(methods(methods_size).values(), per_image))
    return methods_size, _largest(lambda size: cost(programme(size), per_image), 60 * minutes * jobs - spent)


def _largest(seconds: Callable[[Size], float], most: float) -> Size:
    if seconds(Size()) <= most:
        return Size()
    low, high = np.log(_LEAST_SHARE), 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if seconds(Size.scaled(np.exp(middle))) <= most else (low, middle)
    return Size.scaled(float(np.exp(low)))


def speed() -> float:
    """Seconds per image of training the encoder, where trainings go: on a GPU where there is one."""
    rng, heads = np.random.default_rng(0), [Head("distribution", 32)]
    X, Y = rng.random((40, 5, 64, 64), np.float32), rng.dirichlet(np.ones(32), 40)
    settings, taken = ResidualSettings(epochs=1, validation=0.0), []
    for _ in range(2):  # the first time loads and warms up
        began = time.perf_counter()
        Residual(settings, heads).fit(X, Y)
        taken.append(time.perf_counter() - began)
    return float(min(taken) / (X.shape[0] * X.shape[1]))


def cost(trials: Iterable[Trial], per_image: float) -> float:
    """About how many seconds trials take one after the other.

    Args:
        trials: What to do.
        per_image: Seconds of one image in one epoch of the encoder.
    """
    return sum(_cost(trial, per_image) for trial in trials)


def _cost(trial: Trial, per_image: float) -> float:
    rendering = _RENDER_S * (trial.rows + trial.unseen)
    settings = {**PRESETS[trial.preset].settings, **trial.changes}
    if trial.what in ("mean", "perfect") or PRESETS[trial.preset].kind == "features":
        return rendering
    if PRESETS[trial.preset].kind == "segmentation":
        return rendering + _FIND_S * (trial.rows + trial.unseen)
    images = _CHANNELS if settings.get("pooling") == "channels" else trial.images * (_PART if settings.get("part") else 1.0)
    layers = _DEEP if settings.get("depth") == 34 else 1.0
    more = 1.3 if trial.what == "encoder" else 1.0  # fine-tuning, and other stacks to be asked about
    return float(more * (rendering + trial.rows * settings["epochs"] * images * layers * per_image))


def methods(size: Size) -> dict[str, Trial]:
    """Methods of today by their names, those that take longest first; segmentation where scikit-image is installed.

    Segmentation sees all pixels of the camera, since it loses the small particles otherwise.
    """

    def passes(preset: str) -> dict[str, Any]:
        return {"epochs": max(1, round(size.passes * PRESETS[preset].settings["epochs"]))}

    common = Trial("learner", rows=size.full, unseen=size.unseen)
    found = {
        "encoder": replace(common, what="encoder", preset="encoder", changes=passes("encoder")),
        "encoder, by volume": replace(common, preset="encoder", changes=passes("encoder"), weighting="volume"),
        "channels": replace(common, preset="channels", changes=passes("channels")),
        "features": replace(common, preset="features", rows=min(size.full, 2500)),
        "mean": replace(common, what="mean"),
        "every particle measured perfectly": replace(common, what="perfect"),
    }
    if find_spec("skimage") is not None:
        few = replace(common, rows=max(20, size.full // 30), pixels=128)
        found |= {name: replace(few, preset=name) for name in ("watershed", "hough")}
    return found


def plan(size: Size) -> Plan:
    """The published sweep."""
    return Plan(DEFAULT, FACTORS, {name: BETTER[name] for name in METRICS}, tuple(range(size.seeds)))


def swept(run: Run, size: Size) -> Trial:
    """The trial of a run of the sweep."""
    return _published(run.settings, size, seed=run.seed)


def chosen(factors: Iterable[Factor]) -> dict[str, Any]:
    """The setting of every factor that most metrics name; of several the default, if it is among them, else the first."""
    return {one.name: one.default if one.default in one.chosen or not one.chosen else one.chosen[0] for one in factors}


def following(settings: Mapping[str, Any], size: Size) -> dict[str, Trial]:
    """Trials with the chosen settings by their names, those that take longest first."""
    small = _published(settings, size)
    long = {"epochs": size.long, "validation": 0.2, "every": max(1, size.long // 100)}
    return {
        "long": replace(small, changes={**small.changes, **long}, kept=True),
        "spheres": replace(small, rows=size.full),
        "spheroids": replace(small, rows=size.full, shapes="spheroids"),
        "small": small,
        "small, augmented": replace(small, changes={**small.changes, "augment": True}),
    }


def programme(size: Size) -> list[Trial]:
    """All trials of the published programme, for their cost: what follows with the costliest choice."""
    return [*(swept(run, size) for run in plan(size).runs), *following({**DEFAULT, "depth": 34}, size).values()]


def _published(settings: Mapping[str, Any], size: Size, seed: int = 0) -> Trial:
    changes = {name: value for name, value in settings.items() if name != "stack"} | {"epochs": size.epochs}
    return Trial("learner", "published", changes, seed, size.subset, size.unseen, settings["stack"])


def concluded(planned: Plan, results: Mapping[str, Result]) -> tuple[Factor, ...]:
    """What the results of the runs, by their keys, say of every factor."""
    return planned.concluded({key: result.scores for key, result in results.items()})
