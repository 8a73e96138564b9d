"""The published study on size distributions from images, made once more on rendered stacks: its trainings, one by one.

The published programme starts from a residual network that sees a stack as channels (``presets.PRESETS["published"]``), varies one
factor at a time, four seeds each, and takes the setting that most of five metrics name. Beside it stand the methods of today:
an encoder of single images that takes stacks of any length, features, segmentation, and what perfect detection would tell.

Training and unseen stacks have seeds of their own, so that no suspension is in both. Seeds of trials are those of networks.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models import metrics
from models.network import Network
from models.psd import presets
from models.psd.bins import CENTRES, EDGES, Weighting
from models.psd.counting import perfect
from models.psd.dataset import CONCENTRATIONS, SIZES, psd_table
from models.psd.distribution import mark_errors
from models.psd.suspension import drawn
from models.surrogate import FloatArray
from models.table import Table

What = Literal["learner", "encoder", "mean", "perfect"]
Shapes = Literal["spheres", "spheroids"]
Scores = dict[str, float]
LENGTHS = (1, 2, 3, 5, 10)
"""Images of the stacks that the encoder is shown."""
MARKS = ("D10", "D50", "D90", "span")
KNOWN, UNSEEN = 0, 1
"""Seeds of the stacks to learn from, and of those to be scored on."""


@dataclass(frozen=True)
class Trial:
    """A training, or what is measured beside it.

    Attributes:
        what: A learner of ``presets.PRESETS``; the encoder with all that one of it tells; the mean of the known distributions; or
            particles that are measured without error.
        preset: Of the learner.
        changes: Settings to change.
        seed: Of the learner.
        rows: Stacks to learn from.
        unseen: Stacks to be scored on.
        images: Of a stack.
        pixels: Of an image, along a side; the field of view stays.
        shapes: Of the particles.
        weighting: Of the distributions.
        kept: Whether checkpoints are kept, so that a training that was killed goes on.
    """

    what: What
    preset: str = "published"
    changes: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    rows: int = 1000
    unseen: int = 400
    images: int = 5
    pixels: int = 64
    shapes: Shapes = "spheres"
    weighting: Weighting = "number"
    kept: bool = False


@dataclass(frozen=True)
class Result:
    """What a trial came to, in plain values.

    Attributes:
        scores: Of the unseen stacks; see ``scores``.
        classes: Rows of concentration, size, stacks and scores, for every class that has any.
        others: Scores of other stacks that were asked about, by their name.
        errors: Wasserstein distance over ln d of every unseen stack, by what was asked about; the stacks themselves go by ``unseen``.
        told: Shares of the unseen stacks, shape (n, 32); empty but of the encoder.
        train: Loss of every epoch.
        held_out: Loss of the data held out in every epoch.
        cpu_s: What the training cost, without the rendering.
    """

    scores: Scores
    classes: list[dict[str, Any]]
    others: dict[str, Scores]
    errors: dict[str, list[float]]
    told: list[list[float]]
    train: list[float]
    held_out: list[float]
    cpu_s: float


def run(trial: Trial, folder: Path | None = None) -> Result:
    """Do a trial.

    Args:
        trial: What to do.
        folder: Where checkpoints are kept.
    """
    images = max(LENGTHS) if trial.what == "encoder" else trial.images
    unseen = stacks(trial.unseen, UNSEEN, images, trial.shapes, trial.weighting, trial.pixels)
    return _RUNS[trial.what](trial, unseen, folder)


def _learner(trial: Trial, unseen: Table, folder: Path | None) -> Result:
    known = stacks(trial.rows, KNOWN, trial.images, trial.shapes, trial.weighting, trial.pixels)
    model, cpu = _fitted(trial, known, folder)
    told = model.predict(_grey(unseen))
    return _result(trial, unseen, told, model, cpu)


def _encoder(trial: Trial, unseen: Table, folder: Path | None) -> Result:
    """The encoder, stacks of other lengths and of spheroids, the latter also after fine-tuning, and conversion to volume."""
    known = stacks(trial.rows, KNOWN, trial.images)
    model, cpu = _fitted(trial, known, folder)
    X, truth = _grey(unseen), unseen["psd"].values
    of_length = {f"{length} images": model.predict(X[:, :length]) for length in LENGTHS}
    others = {name: scores(truth, shares) for name, shares in of_length.items()}
    errors = {name: distances(truth, shares).tolist() for name, shares in of_length.items()}
    told = model.predict(X[:, : trial.images])
    others["eight orientations"] = scores(truth, _all_around(model, X[:, : trial.images]))
    volume = stacks(trial.unseen, UNSEEN, 1, weighting="volume")["psd"].values
    cubed = told * CENTRES**3
    others["converted to volume"] = scores(volume, cubed / cubed.sum(axis=1, keepdims=True))
    strange = stacks(trial.unseen, UNSEEN, trial.images, "spheroids")
    others["spheroids"] = scores(strange["psd"].values, model.predict(_grey(strange)))
    tuned, more = _tuned(trial, model)
    others["spheroids, fine-tuned"] = scores(strange["psd"].values, tuned.predict(_grey(strange))) | {"cpu_s": more}
    began = time.process_time()
    model.predict(X[:, : trial.images])
    others["speed"] = {"stacks per CPU second": trial.unseen / (time.process_time() - began)}
    result = _result(trial, unseen, told, model, cpu)
    return replace(result, others=others, errors=result.errors | errors, told=told.tolist())


def _all_around(model: Network, X: npt.NDArray[np.float32]) -> FloatArray:
    """Mean of what is told of stacks (n, images, side, side) flipped either way and transposed, or not."""
    flipped = (X, X[:, :, ::-1], X[..., ::-1], X[:, :, ::-1, ::-1])
    views = (view for one in flipped for view in (one, one.swapaxes(2, 3)))
    return np.asarray(np.mean([model.predict(np.ascontiguousarray(view)) for view in views], axis=0))


def _tuned(trial: Trial, model: Network) -> tuple[Network, float]:
    """The network gone on with a third as many stacks, of spheroids, and the CPU time in s."""
    known = stacks(max(trial.rows // 3, 2), KNOWN, trial.images, "spheroids")
    task, fine = presets.task_of(known), presets.FINE_TUNING
    epochs = max(1, round(fine["epochs"] * model.settings.epochs / presets.PRESETS[trial.preset].settings["epochs"]))
    settings, began = replace(model.settings, **{**fine, "epochs": epochs}), time.process_time()
    tuned = type(model)(settings, task.heads, trial.seed, model.device).fit(task.X(known), task.Y(known), start=model)
    return tuned, time.process_time() - began


def _mean(trial: Trial, unseen: Table, _: Path | None) -> Result:
    known = stacks(trial.rows, KNOWN, 1, trial.shapes, trial.weighting)["psd"].values
    return _result(trial, unseen, np.tile(known.mean(axis=0), (len(unseen), 1)))


def _perfect(trial: Trial, unseen: Table, _: Path | None) -> Result:
    suspensions = [drawn(np.random.default_rng([UNSEEN, row]), trial.shapes == "spheroids") for row in range(trial.unseen)]
    told = [perfect(one, (UNSEEN, row), trial.images, weighting=trial.weighting) for row, one in enumerate(suspensions)]
    return _result(trial, unseen, np.array(told))


_RUNS: Mapping[What, Callable[[Trial, Table, Path | None], Result]] = {
    "learner": _learner,
    "encoder": _encoder,
    "mean": _mean,
    "perfect": _perfect,
}


def _fitted(trial: Trial, known: Table, folder: Path | None) -> tuple[Any, float]:
    """The learner of a trial, trained, and the CPU time in s."""
    task = presets.task_of(known)
    model: Any = presets.make(trial.preset, task, trial.seed, **trial.changes)
    kept: dict[str, Any] = {}
    if trial.kept and folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        kept["checkpoint"] = folder / f"psd-{_key(trial, known)}.safetensors"
    X, Y, began = task.X(known), task.Y(known), time.process_time()
    return model.fit(X, Y, **kept), time.process_time() - began


def _key(trial: Trial, known: Table) -> str:
    """Tells a training from every other one."""
    return hashlib.sha256(f"{sorted(asdict(trial).items())} {known.digest}".encode()).hexdigest()[:16]


@lru_cache(maxsize=4)
def stacks(rows: int, seed: int, images: int = 5, shapes: Shapes = "spheres", weighting: Weighting = "number", pixels: int = 64) -> Table:
    """Rendered stacks; the last few tables are kept, since trainings often share theirs."""
    return psd_table(rows, seed, images=images, pixels=pixels, particles=shapes, weighting=weighting)


def _grey(table: Table) -> npt.NDArray[np.float32]:
    """Stacks of any length as networks see them; a task knows but one length."""
    return table["images"].values.astype(np.float32) / np.float32(255)


def scores(truth: FloatArray, told: FloatArray) -> Scores:
    """``metrics.distributions`` over ln d, and median errors of the marks in %, such as ``D50_error``.

    Their means would be made by the few distributions of two modes whose mark lies in the gap between these: with every particle
    measured perfectly D50 is 2 % off in the median, and 5 % in the mean. Figures that are not defined are NaN.
    """
    figures = metrics.distributions(truth, told, np.log(CENTRES))
    errors = np.median(mark_errors(EDGES, truth, told), axis=0).tolist()
    known = {name: float("nan") if value is None else float(value) for name, value in figures.items()}
    return known | {f"{name}_error": error for name, error in zip(MARKS, errors, strict=True)}


def distances(truth: FloatArray, told: FloatArray) -> FloatArray:
    """Wasserstein distance over ln d of every distribution (n, 32), shape (n,)."""
    return np.asarray(np.abs(np.cumsum(truth - told, axis=1)[:, :-1]) @ np.diff(np.log(CENTRES)))


def by_class(table: Table, told: FloatArray) -> list[dict[str, Any]]:
    """Scores of every class of concentration and size, and of all sizes and all concentrations."""
    truth, rows = table["psd"].values, []
    for concentration in (*CONCENTRATIONS, "all"):
        for size in (*SIZES, "all"):
            mask = _members(table, "concentration", concentration) & _members(table, "size", size)
            if mask.any():
                told_of = {"concentration": concentration, "size": size, "stacks": int(mask.sum())}
                rows.append(told_of | scores(truth[mask], told[mask]))
    return rows


def _members(table: Table, name: str, label: str) -> Any:
    values = table[name]
    return np.full(len(table), True) if label == "all" else values.values == values.classes.index(label)


def _result(trial: Trial, unseen: Table, told: FloatArray, model: Any = None, cpu: float = 0.0) -> Result:
    card = model.card if model is not None else {}
    train, held_out = card.get("train", []), card.get("held_out", [])
    truth = unseen["psd"].values
    errors = {"unseen": distances(truth, told).tolist()}
    return Result(scores(truth, told), by_class(unseen, told), {}, errors, [], train, held_out, cpu)
