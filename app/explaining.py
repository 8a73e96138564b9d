"""What a trained model looks at: Shapley values of groups of its inputs, and their importance on rows held out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from app.problems import Conflict
from app.schemas.studies import ExplainIn
from app.subject import Drawn, Found, Material, Subject, known
from models import figures
from models.explain import MOST, Explanation, Groups, Permutation, explain, permutation
from models.study import METRICS
from models.surrogate import FloatArray
from models.task import Block
from optimizer.types import InvalidInput

_SIBLING, _SHUFFLED = 0.5, 0.9
"""Shares of the work that are done once the values are told, and once the sibling is trained."""


def check(subject: Subject, body: ExplainIn) -> None:
    """Check a request.

    Raises:
        InvalidInput: Names the field at fault.
        Conflict: The model sees images.
    """
    blocks = subject.task.inputs + subject.task.targets
    if subject.task.inputs[0].kind == "stack":
        raise Conflict(
            f"{subject.task.inputs[0].name!r} is a stack of images, whose pixels have no groups; models of curves and numbers have"
        )
    curves = {block.name: block for block in blocks if block.axis}
    for name, cuts in body.cuts.items():
        known(name, curves, "curve", ("cuts", name))
        axis = curves[name].axis
        if not all(axis[0] < cut <= axis[-1] for cut in cuts):
            fault = f"a cut lies outside of the axis of {name}"
            raise InvalidInput(fault, where=("cuts", name), remedy=f"cut above {axis[0]:g} and up to {axis[-1]:g}")
    for name, metric in body.metrics.items():
        usual = METRICS[subject.block(name, "targets", ("metrics", name)).head.kind]
        if metric not in usual:
            remedy = f"name one of: {', '.join(usual)}"
            raise InvalidInput(f"{name} has no metric {metric!r}", where=("metrics", name), remedy=remedy)


def found(material: Material, body: ExplainIn) -> Found:
    """Shapley values of the model, and permutation importance of a sibling that has not seen the rows held out."""
    task, split = material.model.task, material.split(body.split)
    X, rng = task.X(material.table), np.random.default_rng(body.seed)
    rows = np.sort(rng.permutation(split.test)[: body.rows])
    background = rng.permutation(split.train)[: body.background]
    seen = Groups.inputs(task.inputs, body.regions, _own(task.inputs, body))
    told = Groups.outputs(task.targets, body.regions, _own(task.targets, body))
    predict = _watched(material, len(seen.names))
    explanation = explain(predict, X[rows], X[background], seen, told, body.seed)
    sibling = material.fitted(split.train, _SIBLING, _SHUFFLED, "a model that has not seen the rows held out")
    material.watch(_SHUFFLED, "shuffling")
    test, Y = split.test, task.Y(material.table)
    shuffled = permutation(sibling.predict, X[test], Y[test], seen, task.targets, body.metrics, body.repeats, body.seed)
    result = {
        "shapley": _shapley(explanation, rows.tolist()),
        "permutation": [_permutation(one) for one in shuffled],
        "split": body.split,
        "held_out": len(split.test),
    }
    importance = explanation.shapley.importance
    first = explanation.groups[int((importance / np.maximum(importance.max(axis=0), np.finfo(float).tiny)).sum(axis=1).argmax())]
    return Found(result, tuple(_figures(explanation, shuffled)), f"{len(rows)} rows explained; {first} moves the predictions most")


def _own(blocks: tuple[Block, ...], body: ExplainIn) -> dict[str, list[float]]:
    return {block.name: body.cuts[block.name] for block in blocks if block.name in body.cuts}


def _watched(material: Material, groups: int) -> Callable[[FloatArray], FloatArray]:
    """The predictions of the model, told of as a part of the progress."""
    calls, most = 0, 2**groups if groups <= MOST else 128

    def predict(rows: FloatArray) -> FloatArray:
        nonlocal calls
        if calls % max(1, most // 20) == 0:
            material.watch(min(1.0, calls / most) * _SIBLING, "Shapley values")
        calls += 1
        return material.model.learner.predict(rows)

    return predict


def _shapley(told: Explanation, rows: list[int]) -> dict[str, Any]:
    return {
        "groups": told.groups,
        "outputs": told.outputs,
        "rows": rows,
        "base": told.shapley.base,
        "predicted": told.predicted,
        "values": told.shapley.values,
        "importance": told.shapley.importance,
        "error": None if told.shapley.error is None else told.shapley.error.max(),
    }


def _permutation(told: Permutation) -> dict[str, Any]:
    spread = told.shuffled.std(axis=1, ddof=1)
    return {"target": told.target, "metric": told.metric, "base": told.base, "importance": told.importance, "spread": spread}


def _figures(told: Explanation, shuffled: tuple[Permutation, ...]) -> list[Drawn]:
    shapley = figures.importance(told.groups, told.outputs, told.shapley.importance)
    drawn = [Drawn("shapley", "What moves the predictions", shapley)]
    for number, one in enumerate(shuffled, 1):
        spread = one.shuffled.std(axis=1, ddof=1)[:, None]
        figure = figures.importance(told.groups, [one.target], one.importance[:, None], f"{one.metric}: worse by", spread)
        drawn.append(Drawn(f"permutation_{number}", f"What the quality of {one.target} rests on", figure))
    return drawn
