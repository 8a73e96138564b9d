"""What the reproduction of the published programme measures: one learner on one split of one table at a time.

Learners see logarithms of curves. Logistic regression sees every so manieth of their points, which tells it no less and takes
a fraction of the time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np

from models import metrics
from models.corruption import Corruption, Missing, Noise, Range, Step
from models.explain import Groups, permutation
from models.nets import Progress
from models.robustness import retrained, robustness
from models.scattering.curves import WIDE, Sample, simulate
from models.scattering.dataset import MISSING, published_samples, scattering_table, table
from models.scattering.debye import debye_sum
from models.scattering.invariant import with_invariants
from models.scattering.presets import PRESETS, make, part, task_of
from models.splits import Split, grouped_split, random_split
from models.surrogate import FloatArray, Posterior
from models.table import Table
from models.task import Task

What = Literal["speed", "whole", "part", "retrained", "unseen element", "unseen structure"]
Data = Literal["published", "zeros", "library"]
PARTS: Mapping[str, tuple[float, float]] = {"all angles": (0.0, np.inf), "small angles": (0.0, WIDE), "wide angles": (WIDE, np.inf)}
BOUNDS = ((0.02, 19.0), (0.1, 10.0), (0.3, 8.0))
"""Of the published programme, in 1/Angstrom."""
CUTS = (0.4, 0.8, WIDE, 3.2, 6.4, 10.0, 15.0)
"""Where regions of q begin whose importance is told."""
CORRUPTIONS: tuple[Corruption, ...] = (
    *map(Noise, (0.01, 0.05, 0.15)),
    *map(Missing, (0.1, 0.5, 0.9)),
    *map(Step, (2, 5, 10, 20, 50)),
    Range(0.0, WIDE - 0.005),
    Range(WIDE, 20.0),
    *(Range(*bounds) for bounds in BOUNDS),
)
QUICK = (Noise(0.15), Missing(0.5), Step(10), Range(*BOUNDS[-1]))
"""Those of a quick run."""
SPLITS = 4
"""By group, each with a seed of its own."""
_POINTS = 600
"""Most points that logistic regression is shown."""
_CLEAN = {"alpha": 0.1, "noise": 0.0}
_ROWS, _LARGEST = 2520, 15
"""Of the larger library: 20 curves of each of its 126 structures, on average."""
_FEW = ("Ag", "Cu", "Fe", "Pb", "Pt")
"""Elements of a quick run."""


@dataclass(frozen=True)
class Trial:
    """One measurement.

    Attributes:
        what: ``speed``, of the simulation; ``whole``, a random split, with what corruptions do to a learner of clean curves, and
            importance; ``part``, a random split of a part of the axis; ``retrained``, a learner of corrupted curves; or a split
            by group.
        learner: A key of ``LEARNERS``.
        data: ``published``; ``zeros``, the same with missing radii; or ``library``, more sizes and strains.
        inputs: Fields that it sees.
        over: A key of ``PARTS``.
        corruption: Index into the corruptions of the run.
        seed: Of split, learner and corruptions.
        quick: Small, to see it work.
    """

    what: What
    learner: str
    data: Data = "published"
    inputs: tuple[str, ...] = ("intensity",)
    over: str = "all angles"
    corruption: int = 0
    seed: int = 0
    quick: bool = False


@dataclass(frozen=True)
class Result:
    """What a trial came to, in plain values.

    Attributes:
        scores: Target to the names of figures and their values, confusion matrix among them.
        rows: Of ``robustness.Row``, as mappings.
        truth: Target to true values of the rows held out.
        told: Target to what was told of them; both of numbers only.
        importance: Region of q to the fall of the usual figure of each target once it is shuffled.
        card: Of the learner.
        cpu_s: What it cost.
    """

    scores: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]] = field(default_factory=list)
    truth: dict[str, list[float]] = field(default_factory=dict)
    told: dict[str, list[float]] = field(default_factory=dict)
    importance: dict[str, list[float]] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    cpu_s: float = 0.0


@dataclass(frozen=True)
class _Learner:
    """A preset with changed settings, and how many points of a curve it is shown at most."""

    preset: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    points: int | None = None

    def made(self, task: Task, seed: int, quick: bool) -> Any:
        short = {"epochs": 2} if quick and PRESETS[self.preset].kind == "cnn" else {}
        learner = make(self.preset, task, seed, **{**self.changes, **short})
        return learner if self.points is None else _Thinned(learner, self.points)


LEARNERS: Mapping[str, _Learner] = {
    "ridge": _Learner("ridge", _CLEAN),
    "ridge for noise": _Learner("ridge"),
    "logistic": _Learner("logistic", points=_POINTS),
    "two-stage": _Learner("two_stage", points=_POINTS),
    "published CNN": _Learner("published_cnn"),
    "small CNN": _Learner("small_cnn"),
    "reduced": _Learner("reduced", points=_POINTS),
    "form": _Learner("form"),
}
"""By their names in tables."""
ROBUST = ("ridge for noise", "logistic", "small CNN")
"""Learners that go through all corruptions."""


class _Thinned:
    """A learner that sees every so manieth column."""

    def __init__(self, learner: Any, points: int) -> None:
        self._learner, self._points = learner, points

    def fit(self, X: FloatArray, Y: FloatArray, progress: Progress | None = None) -> Self:
        self._learner.fit(self._seen(X), Y, progress)
        return self

    def posterior(self, X: FloatArray) -> Posterior:
        return self._learner.posterior(self._seen(X))  # type: ignore[no-any-return]

    def predict(self, X: FloatArray) -> FloatArray:
        return self.posterior(X).mean

    @property
    def card(self) -> dict[str, Any]:
        return self._learner.card  # type: ignore[no-any-return]

    def _seen(self, X: FloatArray) -> FloatArray:
        return X[:, :: -(-X.shape[1] // self._points)]


def trials(quick: bool) -> list[Trial]:
    """All of them, those that take longest first."""
    count = len(QUICK if quick else CORRUPTIONS)
    networks = [Trial("whole", name, quick=quick) for name in ("published CNN", *ROBUST[::-1])]
    robust = [Trial("retrained", name, corruption=k, quick=quick) for name in ROBUST[::-1] for k in range(count)]
    parts = [Trial("part", name, over=over, quick=quick) for over in PARTS for name in ("ridge", "logistic", "two-stage")]
    parts += [Trial("part", "small CNN", over=over, quick=quick) for over in list(PARTS)[1:]]
    parts += [Trial("part", "ridge", "zeros", over=over, quick=quick) for over in PARTS]
    return [*networks, *robust, *parts, *_unseen(quick), Trial("speed", "", quick=quick)]


def _unseen(quick: bool) -> list[Trial]:
    """Trials of elements and of structures that are new."""
    asked: tuple[tuple[What, str, Data, tuple[str, ...]], ...] = (
        ("unseen element", "logistic", "published", ("intensity",)),
        ("unseen element", "reduced", "published", ("reduced",)),
        ("unseen structure", "logistic", "published", ("intensity",)),
        ("unseen structure", "form", "published", ("form", "structure_factor")),
        ("unseen structure", "logistic", "library", ("intensity",)),
        ("unseen structure", "form", "library", ("form", "structure_factor")),
    )
    splits = 1 if quick else SPLITS
    return [Trial(w, name, data, inputs, seed=seed, quick=quick) for w, name, data, inputs in asked for seed in range(splits)]


def run(trial: Trial) -> Result:
    """Do a trial."""
    began = time.process_time()
    if trial.what == "speed":
        done = _simulated(trial.quick)
    elif trial.what == "whole":
        done = _whole(trial)
    elif trial.what == "retrained":
        done = _retrained(trial)
    else:
        done = _scored(trial)
    return replace(done, cpu_s=time.process_time() - began)


def corruptions(quick: bool) -> tuple[Corruption, ...]:
    """Those of a run."""
    return QUICK if quick else CORRUPTIONS


def _simulated(quick: bool) -> Result:
    """The curves of the data set, none of them summed before."""
    samples = _samples(quick)
    debye_sum.cache_clear()
    simulate(samples)
    return Result({}, card={"curves": len(samples)})


def _whole(trial: Trial) -> Result:
    """Scores of a random split, what corruptions do to them, and what they rest on."""
    task, train, test, learner = _parts(trial)
    rows = robustness(lambda: learner, task, train, test, corruptions(trial.quick), trial.seed, ("predict only",))
    X, Y = task.X(test), task.Y(test)
    groups = Groups.inputs(task.inputs, cuts={"intensity": CUTS})
    by = {block.name: "accuracy" for block in task.targets if block.kind == "category"}
    found = permutation(learner.predict, X, Y, groups, task.targets, by, repeats=1 if trial.quick else 3, seed=trial.seed)
    important = {name: [float(one.importance[j]) for one in found] for j, name in enumerate(groups.names)}
    return replace(_result(task, test, learner), rows=[asdict(row) for row in rows], importance=important)


def _retrained(trial: Trial) -> Result:
    """Scores of a learner of corrupted curves."""
    task, train, test, _ = _parts(trial)
    chosen = corruptions(trial.quick)[trial.corruption]
    rows = retrained(lambda: _learner(trial, task), task, train, test, chosen, trial.seed)
    return Result({}, [asdict(row) for row in rows])


def _scored(trial: Trial) -> Result:
    """Scores of a split."""
    task, train, test, learner = _parts(trial)
    return _result(task, test, learner.fit(task.X(train), task.Y(train)))


def _parts(trial: Trial) -> tuple[Task, Table, Table, Any]:
    """Task, data to learn from, data held out, and the learner."""
    whole = part(_table(trial.data, trial.quick), *PARTS[trial.over]) if trial.over != "all angles" else _table(trial.data, trial.quick)
    if trial.inputs != ("intensity",):
        whole = _invariant(trial.data, trial.quick)
    split = _split(trial, whole)
    task = task_of(whole, PRESETS[LEARNERS[trial.learner].preset].targets, trial.inputs)
    return task, whole.rows(split.train), whole.rows(split.test), _learner(trial, task)


def _learner(trial: Trial, task: Task) -> Any:
    return LEARNERS[trial.learner].made(task, trial.seed, trial.quick)


def _split(trial: Trial, whole: Table) -> Split:
    if trial.what.startswith("unseen"):
        return grouped_split(whole[trial.what.removeprefix("unseen ")].values, 0.2, trial.seed)
    return random_split(len(whole), 0.2, trial.seed)


@lru_cache(maxsize=2)
def _table(data: Data, quick: bool) -> Table:
    """The curves of a trial."""
    if data == "library":
        return scattering_table(_ROWS // 6, 0, largest=5) if quick else scattering_table(_ROWS, 0, largest=_LARGEST)
    zeros = MISSING if data == "zeros" else ()
    samples = _samples(quick)
    return table(samples, simulate(samples), zeros=zeros)


def _samples(quick: bool) -> list[Sample]:
    return [one for one in published_samples() if not quick or (one.composition[0][0] in _FEW and one.size <= 5)]


@lru_cache(maxsize=2)
def _invariant(data: Data, quick: bool) -> Table:
    return with_invariants(_table(data, quick))


def _result(task: Task, test: Table, learner: Any) -> Result:
    """Scores of a learner on data held out, and of numbers the data themselves."""
    truth, told = task.told(task.Y(test)), task.told(learner.predict(task.X(test)))
    numbers = [block.name for block in task.targets if block.kind == "number"]
    scores = {block.name: metrics.score(block, truth[block.name], told[block.name]) for block in task.targets}
    for name in numbers:
        right = float((np.rint(told[name]) == truth[name]).mean()) if name == "Size_parameter_1" else None
        scores[name] |= {"variance": float(truth[name].var()), "right": right}
    true, answers = ({name: values[name][:, 0].tolist() for name in numbers} for values in (truth, told))
    return Result(scores, truth=true, told=answers, card=dict(learner.card))
