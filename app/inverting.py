"""Inverse design with a trained model: inputs of different kinds that should lead to a wanted outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.schemas.studies import InverseIn
from app.subject import Drawn, Found, Material
from app.wanting import box_of, goal_of, limits_of, simulator_of, target_of
from models import figures
from models.box import Box
from models.builders import Simulator
from models.inverse import Forward, Goal, Inversion, Search, invert
from models.recipes import Recipes
from models.surrogate import FloatArray
from models.task import Block


def found(material: Material, body: InverseIn) -> Found:
    """Inputs of different kinds that should lead to the target."""
    subject, block = material.subject, target_of(material.subject, body)
    recipes, box, goal = Recipes(subject.task.inputs), box_of(subject, body), goal_of(subject, body)
    made_by = simulator_of(subject, body)
    search = Search(body.count, body.apart, body.screened, body.starts, seed=body.seed)

    def forward(x: FloatArray) -> FloatArray:
        told = subject.task.told(material.model.learner.predict(recipes.X(x)))
        return block.values(told[block.name])

    inversion = invert(forward, box, goal, search, _simulate(recipes, made_by), watch=material.watch)
    result = _result(material, body, box, goal, inversion)
    nearest = min(candidate.distance for candidate in inversion.candidates)
    said = f"{len(inversion.candidates)} candidates; the nearest is {inversion.status}, {body.distance} {nearest:.3g}"
    return Found(result, _figures(recipes, block, box, goal, inversion), said)


def _simulate(recipes: Recipes, made_by: Simulator | None) -> Forward | None:
    return None if made_by is None else lambda x: made_by.simulate(recipes.only(x, made_by.inputs))


def _result(material: Material, body: InverseIn, box: Box, goal: Goal, inversion: Inversion) -> dict[str, Any]:
    block = target_of(material.subject, body)
    made_by = simulator_of(material.subject, body)
    return {
        "target": block.name,
        "unit": block.unit,
        "axis": list(block.axis) or None,
        "axis_unit": block.axis_unit,
        "wanted": _plain(block, goal.target),
        "distance": body.distance,
        "ok": goal.ok,
        "approximate": goal.approximate,
        "status": inversion.status,
        "simulator": None if made_by is None else str(material.subject.source["simulator"]),
        "screened": inversion.screened,
        "candidates": _candidates(material, body, block, box, inversion),
    }


def _candidates(material: Material, body: InverseIn, block: Block, box: Box, inversion: Inversion) -> list[dict[str, Any]]:
    recipes = Recipes(material.subject.task.inputs)
    X = recipes.X(np.array([candidate.x for candidate in inversion.candidates]))
    answer = next(answer for answer in material.model.answers(X) if answer.block.name == block.name)
    verdicts = material.model.region.judge(X)
    limits = [_in_words(*limit) for limit in limits_of(material.subject, body)]
    sign = -1.0 if body.second is not None and body.second.better == "high" else 1.0
    assert answer.low is not None and answer.high is not None  # noqa: S101, PT018 - only categories have no interval
    return [
        {
            "inputs": recipes.told(candidate.x),
            "predicted": _plain(block, candidate.predicted),
            "low": _plain(block, low),
            "high": _plain(block, high),
            "simulated": None if candidate.simulated is None else _plain(block, candidate.simulated),
            "distance": candidate.distance,
            "status": candidate.status,
            "second": None if candidate.second is None else sign * candidate.second,
            "bounds": [f"{end} {recipes.names[j]}" for j, end in candidate.bounds if j not in box.levels],
            "constraints": [limits[row] for row in candidate.constraints],
            "validity": vars(verdict),
        }
        for candidate, low, high, verdict in zip(inversion.candidates, answer.low, answer.high, verdicts, strict=True)
    ]


def _plain(block: Block, values: FloatArray) -> float | list[float]:
    return float(values[0]) if block.kind == "number" else values.tolist()


def _in_words(coefficients: Mapping[str, float], bound: float) -> str:
    terms = [name if value == 1 else f"{value:g} {name}" for name, value in coefficients.items()]
    return f"{' + '.join(terms)} <= {bound:g}"


def _figures(recipes: Recipes, block: Block, box: Box, goal: Goal, inversion: Inversion) -> tuple[Drawn, ...]:
    classes = {j: inner.classes for j, inner in enumerate(recipes.blocks) if inner.classes}
    drawn = [Drawn("inputs", "Inputs of the candidates", figures.inverse_inputs(inversion, recipes.names, box.low, box.high, classes))]
    if block.kind == "curve":
        shown = figures.inverse_outcomes(inversion, goal.target, np.array(block.axis), block.name, block.axis_unit)
        drawn.insert(0, Drawn("outcomes", "What the candidates give, and what is wanted", shown))
    return tuple(drawn)
