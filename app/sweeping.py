"""Settings of a learner tried on the data of a trained model: one factor at a time, or by the loop of the campaigns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.schemas.studies import SearchIn, SweepIn
from app.subject import Drawn, Found, Material, Subject, known
from models import learners, metrics
from models.learners import BadSettings
from models.study import BETTER, METRICS, Better
from models.task import Block
from optimizer import sweep_figures
from optimizer.parameters import Categorical, Continuous, Discrete, Parameter
from optimizer.space import SearchSpace
from optimizer.sweep import Evaluate, Keep, Plan, Results, Run, Settings, one_at_a_time
from optimizer.tuning import Tuning, tune
from optimizer.types import InvalidInput

_MOST_RUNS = 1000


def check(subject: Subject, body: SweepIn) -> None:
    """Check a request.

    Raises:
        InvalidInput: Names the field at fault.
    """
    part = "search" if body.method == "loop" else "factors"
    if not getattr(body, part) or (body.factors and body.search):
        remedy = "give factors for one at a time, search for the loop"
        raise InvalidInput(f"the method {body.method!r} needs {part}, and nothing else", where=(part,), remedy=remedy)
    _metrics(subject, body)
    default = _default(subject)
    for name, values in body.factors.items():
        for index, value in enumerate(values):
            _check_setting(subject, default, name, value, ("factors", name, index))
    for index, searched in enumerate(body.search):
        for value in _ends(searched):
            _check_setting(subject, default, searched.name, value, ("search", index))
    runs = len(_tuning(subject, body).seeds) * (body.batches + 1) * body.size if body.search else len(_plan(subject, body).runs)
    if runs > _MOST_RUNS:
        raise InvalidInput(f"these are {runs} trainings, {_MOST_RUNS} at most", where=(part,), remedy="try fewer values, or fewer seeds")


def _default(subject: Subject) -> dict[str, Any]:
    """All settings of the model."""
    return asdict(learners.settings_of(subject.spec.kind, subject.spec.settings))


def _check_setting(subject: Subject, default: Mapping[str, Any], name: str, value: Any, where: tuple[str | int, ...]) -> None:
    known(name, default, "setting", where[:2] if where[0] == "factors" else (*where, "name"))
    try:
        learners.settings_of(subject.spec.kind, {**default, name: value})
    except BadSettings as error:
        raise InvalidInput(str(error), where=where, remedy="leave the value out, or correct it") from error


def _ends(searched: SearchIn) -> Sequence[Any]:
    if searched.values is not None:
        return searched.values
    return [int(end) if searched.whole and end == int(end) else end for end in (searched.low, searched.high) if end is not None]


def _metrics(subject: Subject, body: SweepIn) -> tuple[Block, dict[str, Better]]:
    """What is judged by: the target, its metrics, and which values of these are good."""
    block = subject.task.targets[0] if body.target is None else subject.block(body.target, "targets", ("target",))
    names = METRICS[block.head.kind]
    for index, name in enumerate(body.metrics):
        if name not in names:
            fault = f"{block.name} has no metric {name!r}"
            raise InvalidInput(fault, where=("metrics", index), remedy=f"name one of: {', '.join(names)}")
    return block, {name: BETTER[name] for name in body.metrics or names}


def _plan(subject: Subject, body: SweepIn) -> Plan:
    return Plan(_default(subject), body.factors, _metrics(subject, body)[1], _seeds(body))


def _seeds(body: SweepIn) -> range:
    return range(body.seed, body.seed + body.seeds)


def _tuning(subject: Subject, body: SweepIn) -> Tuning:
    metric, better = next(iter(_metrics(subject, body)[1].items()))
    space = SearchSpace(tuple(_parameter(searched, index) for index, searched in enumerate(body.search)))
    logged = frozenset(searched.name for searched in body.search if searched.log)
    return Tuning(space, metric, better, _default(subject), logged, _seeds(body), body.batches, body.size, body.seed)


def _parameter(searched: SearchIn, index: int) -> Parameter:
    where = ("search", index)
    if searched.values is not None:
        values = searched.values
        if all(isinstance(value, float | int) and not isinstance(value, bool) for value in values):
            return Discrete(searched.name, tuple(sorted(float(value) for value in values)))
        if not all(isinstance(value, str) for value in values):
            raise InvalidInput(f"{searched.name}: values are all numbers, or all names", where=(*where, "values"))
        return Categorical(searched.name, tuple(map(str, values)))
    low, high = searched.low, searched.high
    assert low is not None and high is not None  # noqa: S101, PT018 - the shape holds it
    if searched.log:
        if low <= 0:
            raise InvalidInput(f"{searched.name}: no logarithm of {low:g}", where=(*where, "low"), remedy="begin above 0, or leave log out")
        low, high = math.log10(low), math.log10(high)
    if low >= high:
        raise InvalidInput(f"{searched.name}: low is not below high", where=(*where, "low"), remedy="swap the ends")
    return Continuous(searched.name, low, high, step=1.0 if searched.whole else None)


def found(material: Material, body: SweepIn) -> Found:
    """Which settings are best on rows held out."""
    subject, (block, good) = material.subject, _metrics(material.subject, body)
    evaluate = _evaluate(material, body, block)
    result = {
        "method": body.method,
        "learner": subject.spec.kind,
        "target": block.name,
        "metrics": good,
        "default": _default(subject),
        "split": body.split,
    }
    finished, keep = _runs(material.kept)
    if body.method == "loop":
        tuned = tune(_tuning(subject, body), evaluate, finished, keep, material.watch)
        best = None if tuned.best is None else asdict(tuned.best)
        figure = sweep_figures.tuning(tuned, *next(iter(good.items())))
        said = "every training failed" if best is None else f"best of {len(tuned.trials)} settings: {best['score']:.4g}"
        told = {"factors": [], "trials": [asdict(trial) for trial in tuned.trials], "best": best}
        return Found(result | told, (Drawn("trials", "Settings that the loop tried", figure),), said)
    factors = one_at_a_time(_plan(subject, body), evaluate, finished, keep, material.watch)
    numbered = enumerate(factors, 1)
    drawn = tuple(Drawn(f"factor_{k}", f"Settings of {factor.name}", sweep_figures.factor(factor, good)) for k, factor in numbered)
    said = "; ".join(f"{factor.name}: {', '.join(map(str, factor.chosen))}" for factor in factors)
    told = {"factors": [asdict(factor) for factor in factors], "trials": [], "best": None}
    return Found(result | told, drawn, said)


def _runs(folder: Path | None) -> tuple[dict[str, Results], Keep | None]:
    """Runs that an attempt before has left in a folder, and what keeps new ones there."""
    if folder is None:
        return {}, None
    path, finished = folder / "runs.jsonl", dict[str, Results]()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with suppress(json.JSONDecodeError):  # a process that was killed may have left half a line
            finished |= json.loads(line)

    def keep(run: Run, results: Results) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps({run.key: dict(results)})}\n")

    return finished, keep


def _evaluate(material: Material, body: SweepIn, block: Block) -> Evaluate:
    """Trains with some settings on a split of its own for each seed."""
    task, table = material.model.task, material.table
    X, Y = task.X(table), task.Y(table)

    def evaluate(settings: Settings, seed: int) -> Results:
        split = material.split(body.split, seed)
        learner = material.sibling(settings, seed).fit(X[split.train], Y[split.train])
        truth, told = task.told(Y[split.test])[block.name], task.told(learner.predict(X[split.test]))[block.name]
        return dict(_figures(metrics.score(block, block.values(truth), block.values(told)), block))

    return evaluate


def _figures(score: Mapping[str, Any], block: Block) -> Iterator[tuple[str, float]]:
    """Metrics as numbers; one that is not defined is not finite."""
    for name in METRICS[block.head.kind]:
        yield name, math.nan if score[name] is None else float(score[name])
