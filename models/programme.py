"""The programme that every model goes through: two splits, several seeds, a learning curve, intervals, then all rows.

Rows are held out in two ways, at random and by whole groups: the first tells how a model does on more of the same, the
second on what is new. The model that is kept learns from all rows; how it does, and how wide its intervals are, is known from
its siblings that learnt from less. Intervals are those of split conformal prediction, and of the two splits the wider ones: a
model is not told which of the two the next sample is.

Source: split conformal prediction, Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, J. Am. Stat. Assoc. 113, 1094 (2018),
algorithm 2; here point by point, and over several splits, whose residuals are pooled.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from models import cards, learners, metrics
from models.kept_fits import KeptFits
from models.nets import Cancelled, Epoch
from models.region import Region
from models.spec import Spec, SplitName, groups, held_out
from models.splits import Split
from models.surrogate import FloatArray, IntArray
from models.table import Table
from models.task import Task
from models.trained import LEVEL, Trained

Report = Callable[[float, str], bool | None]
"""Told now and then which share of the training is done, and what is under way; returns False to stop it."""


@dataclass(frozen=True, eq=False)
class _Trial:
    """A fit to some rows, held against others."""

    name: SplitName
    seed: int
    split: Split


@dataclass(eq=False)
class _Course:
    """Fits in order, and how far they are."""

    spec: Spec
    task: Task
    X: npt.NDArray[Any]
    Y: FloatArray
    fits: int
    report: Report | None
    kept: KeptFits | None
    done: int = 0

    def fit(self, what: str, rows: IntArray, seed: int) -> learners.Learner:
        """A learner fitted to some rows."""

        def tell(fraction: float) -> bool | None:
            return None if self.report is None else self.report((self.done + fraction) / self.fits, what)

        def hear(epoch: Epoch) -> bool | None:
            return tell(epoch.fraction)

        if tell(0.0) is False:
            raise Cancelled("the training was stopped")
        settings = learners.settings_of(self.spec.kind, self.spec.settings)
        learner, data = learners.make(self.spec.kind, settings, self.task.heads, seed), (self.X[rows], self.Y[rows], hear)
        fitted = learner.fit(*data) if self.kept is None else self.kept.fit(self.done, self.spec.kind, learner, *data)
        self.done += 1
        return fitted

    def score(self, rows: IntArray, predicted: FloatArray) -> dict[str, Any]:
        """Metrics per target of predictions at rows, in the units of the targets."""
        truth, told = self.task.told(self.Y[rows]), self.task.told(predicted)
        return {
            block.name: metrics.score(block, block.values(truth[block.name]), block.values(told[block.name])) for block in self.task.targets
        }


def train(table: Table, spec: Spec, report: Report | None = None, kept: Path | None = None) -> Trained:
    """Train a model and find out how good it is.

    Args:
        table: Inputs, targets and the group.
        spec: What to do.
        report: Told how far the training is.
        kept: A folder of this training alone: what is done is kept there, and not done again after the training was killed.

    Raises:
        BadTable, BadSettings: See ``Spec.task``.
        Cancelled: ``report`` said so.
    """
    began, task = time.process_time(), spec.task(table)
    X, Y, n = task.X(table), task.Y(table), len(table)
    trials = _trials(groups(table, task, spec.group), spec)
    known = len(trials[0].split.train)
    sizes = sorted({size for share in spec.sizes if (size := max(2, round(share * known))) < known})
    course = _Course(spec, task, X, Y, len(trials) + len(sizes) + 1, report, None if kept is None else KeptFits(kept))
    told = list[FloatArray]()
    for trial in trials:
        learner = course.fit(f"{trial.name} split, seed {trial.seed}", trial.split.train, trial.seed)
        told.append(learner.predict(X[trial.split.test]))
    held = list(zip(trials, told, strict=True))
    scores = [course.score(trial.split.test, predicted) for trial, predicted in held]
    residuals = [np.abs(Y[trial.split.test] - predicted) for trial, predicted in held]
    curve = [{"rows": size, "metrics": _at_size(course, trials[0], size)} for size in sizes]
    widths, intervals = _intervals(task, trials, residuals)
    learner = course.fit("all rows", np.arange(n), spec.seed)
    card = {
        "data": {"sha256": table.digest, "rows": n, "grouped_by": spec.group},
        "spec": spec.card(),
        "splits": {name: _summary(name, trials, scores) for name in ("random", "grouped")},
        "learning_curve": [*curve, {"rows": known, "metrics": scores[0]}],
        "held_out": {t.name: cards.samples(task, Y[t.split.test], predicted) for t, predicted in held if t.seed == spec.seed},
        "intervals": intervals,
        "box": {block.name: cards.box(block, table[block.name]) for block in task.inputs},
        "learner": learner.card,
        "warnings": list(learner.warnings) + cards.warnings(intervals),
        "versions": cards.versions(),
        "cpu_s": time.process_time() - began,
    }
    return Trained(task, spec.kind, learner, Region.of(task.inputs, X, spec.seed), widths, cards.plain(card))


def _trials(group: IntArray, spec: Spec) -> list[_Trial]:
    """Both splits of each seed."""
    seeds, names = range(spec.seed, spec.seed + spec.seeds), get_args(SplitName)
    return [_Trial(name, seed, held_out(name, spec, group, seed)) for seed in seeds for name in names]


def _at_size(course: _Course, trial: _Trial, size: int) -> dict[str, Any]:
    """Metrics of a learner that knows some of the rows of a trial only."""
    rows = np.random.default_rng(trial.seed).permutation(trial.split.train)[:size]
    learner = course.fit(f"{size} rows", rows, trial.seed)
    return course.score(trial.split.test, learner.predict(course.X[trial.split.test]))


def _summary(name: str, trials: Sequence[_Trial], scores: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows and metrics of a split: their mean over the seeds, and their standard deviation where there are several."""
    made = [(trial, score) for trial, score in zip(trials, scores, strict=True) if trial.name == name]
    mean, spread = cards.over_seeds([score for _, score in made])
    first = made[0][0]
    return {"train": len(first.split.train), "test": len(first.split.test), "seeds": len(made), "metrics": mean, "spread": spread}


def _intervals(task: Task, trials: Sequence[_Trial], residuals: Sequence[FloatArray]) -> tuple[FloatArray, dict[str, Any]]:
    """Half widths (m,) on the scale of the learner, and where they come from: per target the split with the wider ones."""
    found, held = {}, {}
    for name in ("random", "grouped"):
        pooled = [rest for trial, rest in zip(trials, residuals, strict=True) if trial.name == name]
        held[name] = min(len(rest) for rest in pooled)
        level = min(1.0, math.ceil((held[name] + 1) * LEVEL) / held[name])
        found[name] = task.told(np.quantile(np.vstack(pooled), level, axis=0, method="higher")[None])
    wider = {block.name: max(found, key=lambda name: float(found[name][block.name].mean())) for block in task.targets}
    widths = np.hstack([found[split][name][0] for name, split in wider.items()])
    return widths, {"level": LEVEL, "split": wider, "held_out": held}
