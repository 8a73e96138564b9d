"""A request for an inverse design as the science sees it: the box that inputs may lie in, and the goal.

Every function raises InvalidInput, which names the field at fault and the remedy.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.problems import Conflict
from app.schemas.studies import InverseIn
from app.subject import Subject, known
from models.box import Box
from models.builders import SIMULATORS, Simulator
from models.distances import distance
from models.inverse import Goal
from models.surrogate import FloatArray
from models.task import Block
from optimizer.types import InvalidInput

_APPROXIMATELY = 4.0
"""Distances that are squares: twice the error."""


def check(subject: Subject, body: InverseIn) -> None:
    """Check a request.

    Raises:
        InvalidInput: Names the field at fault.
        Conflict: The model is not one of recipes.
    """
    box_of(subject, body)
    goal_of(subject, body)


def target_of(subject: Subject, body: InverseIn) -> Block:
    """The target.

    Raises:
        InvalidInput: There is none of this name, or it is a class.
    """
    block = subject.block(body.target.name, "targets", ("target", "name"))
    if block.kind == "category":
        remedy = "name a number or a curve; a model that has the class as an input can be inverted with the class fixed"
        raise InvalidInput(f"{block.name} is a class: no distance leads to it", where=("target", "name"), remedy=remedy)
    return block


def box_of(subject: Subject, body: InverseIn) -> Box:
    """Where inputs may lie.

    Raises:
        InvalidInput: Names the field at fault.
        Conflict: An input is a curve or a stack of images.
    """
    blocks = subject.task.inputs
    if others := [block for block in blocks if block.kind not in ("number", "category")]:
        raise Conflict(
            f"the input {others[0].name!r} is a {others[0].kind}: inverse design looks for numbers and classes; "
            "train a model from these to the outcome"
        )
    names = [block.name for block in blocks]
    for part in ("fixed", "bounds", "levels"):
        for name in getattr(body, part):
            known(name, names, "input", (part, name))
    ends = np.array([_ends(subject, block, body) for block in blocks])
    levels = {j: found for j, block in enumerate(blocks) if (found := _levels(subject, block, body)) is not None}
    fixed = {names.index(name): _code(blocks[names.index(name)], value, ("fixed", name)) for name, value in body.fixed.items()}
    for j, value in fixed.items():
        if not ends[j, 0] <= value <= ends[j, 1]:
            fault = f"{names[j]} is set to {value:g}, outside of {ends[j, 0]:g} to {ends[j, 1]:g}"
            raise InvalidInput(fault, where=("fixed", names[j]), remedy="set it within, or give wider bounds for it")
    return Box(ends[:, 0], ends[:, 1], fixed, levels, _logged(blocks, body, ends), *_limits(subject, body, names))


def _ends(subject: Subject, block: Block, body: InverseIn) -> tuple[float, float]:
    """Range of an input."""
    if block.classes:
        if block.name in body.bounds:
            raise InvalidInput(f"{block.name} is a class and has no bounds", where=("bounds", block.name), remedy="list levels, or fix it")
        return 0.0, float(block.size - 1)
    if block.name in body.levels:
        if block.name in body.bounds:
            remedy = "give its levels or its bounds"
            raise InvalidInput(f"{block.name} is listed and bounded", where=("bounds", block.name), remedy=remedy)
        numbers = [_code(block, value, ("levels", block.name)) for value in body.levels[block.name]]
        return min(numbers), max(numbers)
    known_range, given = subject.card["box"][block.name], body.bounds.get(block.name)
    low, high = (known_range["low"], known_range["high"]) if given is None else (given.low, given.high)
    if low > high:
        raise InvalidInput(f"{block.name}: low is above high", where=("bounds", block.name), remedy="swap the ends")
    return low, high


def _levels(subject: Subject, block: Block, body: InverseIn) -> FloatArray | None:
    """Listed settings of an input, increasing; of a category those that were trained on."""
    given = body.levels.get(block.name)
    if given is None:
        present = subject.card["box"][block.name]["classes"] if block.classes else ()
        return np.array([float(block.classes.index(name)) for name in present]) if block.classes else None
    return np.unique([_code(block, value, ("levels", block.name)) for value in given])


def _code(block: Block, value: float | str, where: tuple[str | int, ...]) -> float:
    """A setting as a number."""
    if block.classes:
        if value not in block.classes:
            raise InvalidInput(f"{block.name} has no class {value!r}", where=where, remedy=f"name one of: {', '.join(block.classes)}")
        return float(block.classes.index(str(value)))
    if isinstance(value, str):
        raise InvalidInput(f"{block.name} is a number, not {value!r}", where=where, remedy=f"send a number in {block.unit or 'its unit'}")
    return float(value)


def _logged(blocks: tuple[Block, ...], body: InverseIn, ends: FloatArray) -> frozenset[int]:
    """Columns that are searched by their logarithm: those named, and those that the learner sees so."""
    names = [block.name for block in blocks]
    for index, name in enumerate(body.log):
        known(name, names, "input", ("log", index))
    logged = {j for j, block in enumerate(blocks) if block.scale == "log"} | {names.index(name) for name in body.log}
    for j in sorted(logged):
        if blocks[j].classes or ends[j, 0] <= 0:
            where = ("bounds", names[j]) if names[j] in body.bounds else ("log", body.log.index(names[j]))
            remedy = "give it bounds above 0, or leave it out of log"
            raise InvalidInput(f"{names[j]} has no logarithm in its range", where=where, remedy=remedy)
    return frozenset(logged)


def _limits(subject: Subject, body: InverseIn, names: list[str]) -> tuple[FloatArray, FloatArray] | tuple[None, None]:
    """Linear constraints A x <= b: those asked for, then those of the simulator that built the data."""
    for index, limit in enumerate(body.constraints):
        for name in limit.coefficients:
            where = ("constraints", index, "coefficients", name)
            if subject.block(name, "inputs", where).classes:
                raise InvalidInput(f"{name} is a class and adds up to nothing", where=where, remedy="leave it out; fix it or list levels")
    every = limits_of(subject, body)
    if not every:
        return None, None
    A = np.array([[coefficients.get(name, 0.0) for name in names] for coefficients, _ in every])
    return A, np.array([bound for _, bound in every])


def limits_of(subject: Subject, body: InverseIn) -> list[tuple[Mapping[str, float], float]]:
    """Linear constraints: coefficients by input, and what their sum may be at most."""
    made_by = simulator_of(subject, body)
    return [(limit.coefficients, limit.bound) for limit in body.constraints] + list(() if made_by is None else made_by.limits)


def goal_of(subject: Subject, body: InverseIn) -> Goal:
    """What is wanted.

    Raises:
        InvalidInput: Names the field at fault.
    """
    block = target_of(subject, body)
    wanted = _wanted(block, body)
    if block.kind == "number" and body.distance != "mse":
        raise InvalidInput(f"{block.name} is a number: its distance is mse", where=("distance",), remedy="leave distance out")
    weights = None if body.weights is None else np.array(body.weights)
    if weights is not None and (body.distance != "weighted" or weights.shape != wanted.shape):
        remedy = f"send {len(wanted)} of them, with the distance weighted"
        raise InvalidInput("weights belong to the points of a weighted distance", where=("weights",), remedy=remedy)
    try:
        away = distance(body.distance, weights, np.array(block.axis) if block.axis else None)
    except ValueError as error:
        raise InvalidInput(str(error), where=("weights",), remedy="send a weight of 0 or more for every point, not all 0") from error
    ok = body.ok or _error(subject, block, body)
    approximate = body.approximate or _APPROXIMATELY * ok
    if approximate < ok:
        raise InvalidInput("approximate is below ok", where=("approximate",), remedy=f"give {ok:g} or more")
    return Goal(wanted, away, ok, approximate, _second(subject, body))


def _wanted(block: Block, body: InverseIn) -> FloatArray:
    """The target, shape (m,)."""
    value, where = body.target.value, ("target", "value")
    if body.target.unit is not None and body.target.unit != block.unit:
        fault = f"the unit is {body.target.unit!r}, the model knows {block.unit!r}"
        raise InvalidInput(fault, where=("target", "unit"), remedy="convert the value to the unit of the model")
    if block.kind == "number":
        if not isinstance(value, float | int):
            raise InvalidInput(f"{block.name} is a number", where=where, remedy="send one number")
        return np.array([float(value)])
    ends = f"{block.axis[0]:g} to {block.axis[-1]:g} {block.axis_unit}, {block.size} points"
    remedy = f"resample the curve onto the axis of the model ({ends}); where that reaches further, train on the overlap"
    if not isinstance(value, list) or len(value) != block.size:
        raise InvalidInput(f"{block.name} is a curve of {block.size} points", where=where, remedy=remedy)
    axis = body.target.axis
    if axis is not None and (len(axis) != block.size or not np.allclose(axis, block.axis, rtol=1e-9, atol=0)):
        raise InvalidInput("the axis is not that of the model", where=("target", "axis"), remedy=remedy)
    return np.array(value)


def _error(subject: Subject, block: Block, body: InverseIn) -> float:
    """The error of the model on new groups, as a distance."""
    told = subject.card["splits"]["grouped"]["metrics"][block.name]
    of = {"mse": "rmse", "weighted": "rmse"}.get(body.distance, body.distance)
    if told.get(of) is None:
        raise InvalidInput(f"the card tells no error as {body.distance}", where=("ok",), remedy="say which distance is ok")
    error = {"rmse": lambda value: value**2, "cosine": lambda value: 1 - value}.get(of, lambda value: value)(told[of])
    return float(max(error, sys.float_info.min))


def _second(subject: Subject, body: InverseIn) -> Any:
    if body.second is None:
        return None
    where = ("second", "input")
    block, names = subject.block(body.second.input, "inputs", where), [block.name for block in subject.task.inputs]
    if block.classes or block.name in body.fixed:
        raise InvalidInput(f"{block.name} cannot be made small or large", where=where, remedy="name a number that is not fixed")
    column, sign = names.index(block.name), -1.0 if body.second.better == "high" else 1.0
    return lambda x: sign * x[:, column]


def simulator_of(subject: Subject, body: InverseIn) -> Simulator | None:
    """What simulates the target, where the data were built by it and the model sees the whole recipe."""
    made_by = SIMULATORS.get(str(subject.source.get("simulator")))
    inputs = {block.name for block in subject.task.inputs}
    fits = made_by is not None and set(made_by.inputs) == inputs and made_by.outcome == body.target.name
    return made_by if fits and body.simulate else None
