"""The published study on inverse design, made again: learners as published and honest, a density of recipes, the refinement.

A ``Trial`` is one fit and what it came to; trials do not depend on each other. Rows of figures are made of all of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.explain import Groups, permutation
from models.perceptron import Perceptron
from models.polymer import figures_of_merit, learners
from models.polymer.chains import LOG_M
from models.polymer.coefficients import RECIPE
from models.polymer.dataset import HIGH, LOW, OUTCOMES, box, polymer_table, published_recipes, published_table
from models.polymer.figures_of_merit import Row
from models.polymer.inverse import Answer, Goal, Inverse
from models.polymer.kinetics import Simulator
from models.polymer.learners import Held, Scaler, Seen
from models.polymer.mixture_density import MixtureSettings
from models.surrogate import BoolArray, FloatArray, IntArray
from models.table import Table
from models.task import Block

What = Literal["forest", "network", "density", "hypercube", "refinement"]
SHARES = (0.1, 0.25, 0.5)
"""Of the rows to learn from, in the curve over them."""
REGIONS = (3.5, 4.0, 4.5, 5.0, 5.5)
"""Where the axis of log10 M is cut to tell which regions matter."""
_SIMULATED, _FRESH = 6000, 1000
_TARGETS = 200
_EXACT = 1e-4
"""Noise of targets that hold none."""
NOISE = 0.01
"""Of the distributions that the density of recipes learns and is asked with."""
LEAST_COVERED = 0.87
"""Least share of 1000 fresh recipes inside their 90 % intervals: three standard deviations below."""


@dataclass(frozen=True)
class Published:
    """Figures of the published study, row split; per variable in the order of ``coefficients.RECIPE``."""

    global_r2: float
    r2: tuple[float, ...]
    mse: float
    relative_mae: tuple[float, ...]


PUBLISHED: Mapping[tuple[str, str], Published] = {
    ("forest", "mmd"): Published(0.5745, (0.9445, 0.1851, 0.5685, 0.5999), 113545.5647, (5.39, 24.77, 16.10, 14.39)),
    ("forest", "composite"): Published(0.7454, (0.9869, 0.2386, 0.8997, 0.8562), 40822.8319, (2.25, 23.32, 7.52, 8.71)),
    ("network", "composite"): Published(0.8703, (0.9940, 0.5927, 0.9754, 0.9193), 22916.5960, (1.77, 15.22, 3.93, 6.24)),
}
"""By learner and what it sees."""
TARGETS: Mapping[tuple[str, str], float] = {("forest", "composite"): 0.70, ("network", "composite"): 0.86}
"""Least global R2 with the row split."""


@dataclass(frozen=True)
class Trial:
    """One fit.

    Attributes:
        what: Is fitted, or done.
        seen: Inputs of forest and network.
        held: What they are scored on.
        share: Of the rows to learn from that they are given; below 1 a forest has the best known settings.
        quick: Small, to see it work.
    """

    what: What
    seen: Seen = "composite"
    held: Held = "row"
    share: float = 1.0
    quick: bool = False


@dataclass(frozen=True)
class Result:
    """What a trial came to, in plain values.

    Attributes:
        scores: Of ``learners.score``; empty of the refinement.
        settings: Of the learner.
        rows: Learnt from.
        truth: Recipes held out, shape (n, 4).
        told: What was told of them.
        importance: By how much R2 falls when a group of inputs is shuffled: group to one figure per variable.
        figures: Rows that the trial brings itself.
        cpu_s: What it cost.
    """

    scores: dict[str, Any]
    settings: dict[str, Any]
    rows: int
    truth: list[list[float]]
    told: list[list[float]]
    importance: dict[str, list[float]] = field(default_factory=dict)
    figures: list[Row] = field(default_factory=list)
    cpu_s: float = 0.0


def trials(quick: bool) -> list[Trial]:
    """All of them, those that take longest first."""
    helds: tuple[Held, ...] = ("row", "recipe")
    whole = [Trial(what, seen, held, quick=quick) for what, seen in PUBLISHED for held in helds]  # type: ignore[arg-type]
    shares = SHARES[1:2] if quick else SHARES
    names: tuple[What, ...] = ("network", "forest")
    parts = [Trial(what, "composite", held, share, quick) for share in shares for what in names for held in helds]
    return [*whole, Trial("refinement", quick=quick), Trial("hypercube", quick=quick), Trial("density", quick=quick), *parts]


def run(trial: Trial) -> Result:
    """Do a trial."""
    began = time.process_time()
    if trial.what == "refinement":
        rows = figures_of_merit.inverse(_TARGETS // 10 if trial.quick else _TARGETS) + _refined(trial.quick)
        done = Result({}, {}, 0, [], [], figures=rows)
    elif trial.what == "density":
        done = _density(trial.quick)
    elif trial.what == "hypercube":
        done = _hypercube(trial.quick)
    else:
        done = _learner(trial, published_table())
    return replace(done, cpu_s=time.process_time() - began)


def _learner(trial: Trial, table: Table) -> Result:
    X, Y, split = learners.inputs(table, trial.seen), learners.recipes(table), learners.split(table, trial.held)
    train = np.random.default_rng(learners.SEED).permutation(split.train)[: round(trial.share * len(split.train))]
    # As published the scalers know all rows, those held out among them.
    known = np.arange(len(X)) if trial.held == "row" else train
    see, tell = Scaler.of(X[known]), Scaler.of(Y[known])
    model, settings = _fitted(trial, see(X[train]), tell(Y[train]), table["recipe"].values[train])

    def predict(rows: FloatArray) -> FloatArray:
        return tell.back(model.predict(see(rows)))

    told, truth = predict(X[split.test]), Y[split.test]
    important = _importance(predict, X[split.test], truth, table, trial) if trial.share == 1 else {}
    return Result(learners.score(truth, told), settings, len(train), truth.tolist(), told.tolist(), important)


def _fitted(trial: Trial, X: FloatArray, Y: FloatArray, recipe: IntArray) -> tuple[Any, dict[str, Any]]:
    """The learner of a trial, and its settings."""
    if trial.what == "network":
        settings = learners.network(trial.quick)
        return learners.perceptron(settings).fit(X, Y), asdict(settings)
    if trial.quick or trial.share < 1:
        grown = learners.best_known(trial.quick)
    else:
        grown = learners.searched(X, Y, recipe if trial.held == "recipe" else None)
    return learners.forest(grown).fit(X, Y), asdict(grown)


def _importance(predict: Any, X: FloatArray, Y: FloatArray, table: Table, trial: Trial) -> dict[str, list[float]]:
    """Group of inputs to the fall of R2 of each variable once it is shuffled."""
    fields = ("mmd",) if trial.seen == "mmd" else (*OUTCOMES, "mmd")
    groups = Groups.inputs([Block.of(table[name]) for name in fields], cuts={"mmd": REGIONS})
    found = permutation(predict, X, Y, groups, [Block.of(table[name]) for name in RECIPE], repeats=1 if trial.quick else 5)
    return {name: [float(one.importance[j]) for one in found] for j, name in enumerate(groups.names)}


def _density(quick: bool) -> Result:
    """A density of recipes, learnt from a Latin hypercube with noise, asked off the published grid."""
    table, held, new = _hypercubes(quick)
    settings = MixtureSettings(epochs=5) if quick else MixtureSettings()
    model = learners.RecipeDensity.learnt(table, held, box(), settings=settings)
    Y, seen = learners.recipes(new), learners.noisy(learners.inputs(new, "composite"), NOISE, np.random.default_rng(learners.SEED))
    told, (low, high) = model.predict(seen), model.interval(seen)
    covered = ((low <= Y) & (high >= Y)).mean(axis=0)
    width = (box().unit(high) - box().unit(low)).mean(axis=0)
    name = "density of recipes, off the grid, 1 % noise"
    rows = _off_grid(name, Y, told, new)
    for one, share, wide in zip(RECIPE, covered.tolist(), width.tolist(), strict=True):
        rows.append(_row(f"{name}: share inside the 90 % interval, {one}", None, share, LEAST_COVERED))
        rows.append(_row(f"{name}: mean width of the interval as a share of the box, {one}", None, wide))
    return Result(learners.score(Y, told), asdict(settings), len(table), Y.tolist(), told.tolist(), figures=rows)


def _hypercube(quick: bool) -> Result:
    """The published network, in logarithms, learnt from a Latin hypercube without noise, asked off the published grid."""
    table, _, new = _hypercubes(quick)
    settings = learners.network(quick)
    model = Perceptron(settings, seed=learners.SEED).fit(_logarithms(table), box().unit(learners.recipes(table)))
    Y, told = learners.recipes(new), box().inputs(np.clip(model.predict(_logarithms(new)), 0, 1))
    rows = _off_grid("network, in logarithms, off the grid", Y, told, new)
    return Result(learners.score(Y, told), asdict(settings), len(table), Y.tolist(), told.tolist(), figures=rows)


def _hypercubes(quick: bool) -> tuple[Table, Table, Table]:
    """Simulations to learn from, to calibrate with and to be scored on."""
    simulated, fresh = (_SIMULATED // 10, _FRESH // 5) if quick else (_SIMULATED, _FRESH)
    return polymer_table(simulated, 1), polymer_table(fresh, 2), polymer_table(fresh, 3)


def _logarithms(table: Table) -> FloatArray:
    """Composite inputs (n, 103) with the logarithms of the numbers."""
    X = learners.inputs(table, "composite")
    return np.column_stack([np.log(X[:, : len(OUTCOMES)]), X[:, len(OUTCOMES) :]])


def _off_grid(name: str, Y: FloatArray, told: FloatArray, new: Table) -> list[Row]:
    """How near recipes that were told are to the true ones (n, 4), and what they give to what was wanted."""
    off = np.mean((Simulator().attempt(told).mmd - new["mmd"].values) ** 2, axis=1)
    return [
        _row(f"{name}: R2, mean of the four variables", None, learners.score(Y, told)["global_r2"]),
        _row(f"{name}: median MSE of the distribution of what is told", None, float(np.nanmedian(off))),
    ]


def _refined(quick: bool) -> list[Row]:
    """How far recipes off the grid are found again from a distribution and the numbers of ``OUTCOMES``."""
    new = polymer_table(_TARGETS // 10 if quick else _TARGETS, 3)
    outcomes = {name: new[name].values for name in OUTCOMES}
    goals = [Goal(w, _EXACT, {n: float(outcomes[n][j]) for n in OUTCOMES}, _EXACT) for j, w in enumerate(new["mmd"].values)]
    answers = Inverse().nearest(goals)
    told, truth = np.array([answer.recipe for answer in answers]), learners.recipes(new)
    r2 = learners.score(truth, told)["global_r2"]
    return [_row("refined by the simulator, composite, off the grid: R2, mean of the four variables", None, r2, 0.93)]


def learner_rows(done: Mapping[Trial, Result]) -> list[Row]:
    """Figures of the published learners, those as published first."""
    order = sorted(done, key=lambda trial: trial.held == "recipe")
    known = [trial for trial in order if (trial.what, trial.seen) in PUBLISHED and trial.share == 1]
    return [row for trial in known for row in _learner_rows(trial, done[trial])]


def other_rows(done: Mapping[Trial, Result]) -> list[Row]:
    """Figures that the other trials bring."""
    return [row for result in done.values() for row in result.figures]


def _learner_rows(trial: Trial, result: Result) -> list[Row]:
    honest, scores = trial.held == "recipe", result.scores
    known: dict[str, Any] = asdict(PUBLISHED[trial.what, trial.seen])
    name = f"{trial.what}, {trial.seen}, {'honest' if honest else 'as published'}"
    seed = {key: None if honest else value for key, value in known.items()}
    per = {
        f"{label} of {one}": (key, j)
        for key, label in (("r2", "R2"), ("relative_mae", "relative MAE in %"))
        for j, one in enumerate(RECIPE)
    }
    target = None if honest else TARGETS.get((trial.what, trial.seen))
    return [
        _row(f"{name}: R2, mean of the four variables", seed["global_r2"], scores["global_r2"], target),
        _row(f"{name}: MSE, mean over raw units", seed["mse"], scores["mse"]),
        *(_row(f"{name}: {label}", None if honest else known[key][j], scores[key][j]) for label, (key, j) in per.items()),
    ]


def _row(name: str, seed: float | None, ours: float, least: float | None = None) -> Row:
    return {"name": name, "seed": seed, "ours": ours, "target": least, "met": None if least is None else bool(ours >= least)}


def side_by_side(done: Mapping[Trial, Result]) -> list[list[Any]]:
    """Figure, published, ours as published, ours honest: a line per learner and figure."""
    lines = []
    for (what, seen), known in PUBLISHED.items():
        pair = [result.scores for held in ("row", "recipe") for trial, result in done.items() if _is(trial, what, seen, held)]
        for label, key in (("R2, mean of the four variables", "global_r2"), ("MSE, mean over raw units", "mse")):
            lines.append([f"{what}, {seen}: {label}", getattr(known, key), *(scores[key] for scores in pair)])
        for label, key in (("R2", "r2"), ("relative MAE in %", "relative_mae")):
            for j, name in enumerate(RECIPE):
                lines.append([f"{what}, {seen}: {label} of {name}", getattr(known, key)[j], *(scores[key][j] for scores in pair)])
    return lines


def _is(trial: Trial, what: str, seen: str, held: str) -> bool:
    return (trial.what, trial.seen, trial.held, trial.share) == (what, seen, held, 1.0)


def learning_curve(done: Mapping[Trial, Result]) -> tuple[list[int], dict[str, FloatArray]]:
    """Rows learnt from, with the row split, and global R2 of each learner and split at them (sizes, 1)."""
    parts = {trial: result for trial, result in done.items() if trial.what in ("forest", "network") and trial.seen == "composite"}
    shares = sorted({trial.share for trial in parts})
    lines: dict[str, FloatArray] = {}
    for trial, result in parts.items():
        line = lines.setdefault(f"{trial.what}, {trial.held}", np.full((len(shares), 1), np.nan))
        line[shares.index(trial.share)] = result.scores["global_r2"]
    sizes = {trial.share: result.rows for trial, result in parts.items() if trial.held == "row"}
    return [sizes[share] for share in shares], lines


def parity(done: Mapping[Trial, Result], variable: int) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Truth and answers of a variable by the honest learners that see all inputs, and by the density of recipes off the grid."""
    parts = {}
    for trial, result in done.items():
        if trial.what == "density" or (trial.seen == "composite" and trial.share == 1 and trial.held == "recipe" and result.scores):
            name = "density, off the grid" if trial.what == "density" else f"{trial.what}, by recipe"
            parts[name] = (np.array(result.truth)[:, variable], np.array(result.told)[:, variable])
    return parts


def importance(done: Mapping[Trial, Result], what: What) -> dict[str, list[float]]:
    """Of a learner that sees all inputs, honest."""
    return next(result.importance for trial, result in done.items() if _is(trial, what, "composite", "recipe"))


def distributions(folder: Path | None) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Name to log10 M and w of the published distribution, where its folder is given, and of the same recipe by the simulator."""
    simulated = {"simulated": (LOG_M, Simulator()(figures_of_merit.FIOSINA[None]).mmd[0])}
    if folder is None:
        return simulated
    x, w = np.loadtxt(folder / "mmd_70C_1M_20mM_3600s.csv", delimiter=",", skiprows=1).T
    return {"published": (x, w)} | simulated


def converting(folder: Path | None) -> tuple[FloatArray, dict[str, BoolArray]]:
    """The published recipes (432, 3), and which of them reach a conversion of .90 in an hour: published, where given, and simulated."""
    X = published_recipes()
    X = X[X[:, 3] == 3600]
    reached = {"simulated": Simulator()(X).conversion >= 0.9}
    if folder is None:
        return X[:, :3], reached
    return X[:, :3], {"published": figures_of_merit.published_class(folder / "conversion90.csv", X)} | reached


def conversions() -> tuple[FloatArray, dict[str, FloatArray]]:
    """Times in s and, per temperature, the conversion of 1 mol/L of monomer with 20 mmol/L of initiator."""
    time = np.linspace(60, 3600, 60)
    told = {}
    for temp in (60, 65, 70, 75, 80):
        X = np.column_stack([np.full(len(time), 1.0), np.full(len(time), 0.02), np.full(len(time), float(temp)), time])
        told[f"{temp} C"] = Simulator()(X).conversion
    return time, told


def candidates() -> tuple[FloatArray, tuple[Answer, ...]]:
    """The distribution (100,) of a published recipe, and different recipes for it, the shortest first."""
    wanted = Simulator()(figures_of_merit.FIOSINA[None]).mmd[0]
    return wanted, Inverse().family(Goal(wanted), rank="time")


def bounds() -> tuple[FloatArray, FloatArray]:
    """Lowest and highest recipe (4,) that is looked for."""
    return LOW, HIGH
