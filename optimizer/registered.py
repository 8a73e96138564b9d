"""A model that was trained elsewhere, from past data, as the predictor of a campaign: it is asked, and never fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.surrogate import Posterior
from models.table import Field, Table
from models.task import Block, Task
from models.trained import Trained
from optimizer.parameters import Categorical, Parameter
from optimizer.space import SearchSpace
from optimizer.types import FloatArray, InvalidInput, ValidityVerdict


@dataclass(frozen=True)
class Registered:
    """A trained model as its files, which are small to send, and loaded where it is asked.

    Attributes:
        name: Its identifier.
        files: Name and content of each file; see ``models.trained``.
    """

    name: str
    files: Mapping[str, bytes]

    @cached_property
    def model(self) -> Trained:
        """The model, loaded at the first question."""
        return Trained.from_files(self.files)

    def __getstate__(self) -> dict[str, object]:
        return {"name": self.name, "files": dict(self.files)}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)


@dataclass(frozen=True)
class Oracle:
    """What a model tells of the wells of a space; rows (n, d) in units of the parameters.

    Attributes:
        space: Where wells lie.
        model: Takes the parameters of the space as inputs, and tells the outcome alone; see ``check``.
    """

    space: SearchSpace
    model: Trained

    def predict(self, X: FloatArray) -> FloatArray:
        """Expected outcomes of rows, shape (n, m)."""
        return self.posterior(X).mean

    def posterior(self, X: FloatArray) -> Posterior:
        """Expected outcomes of rows and their standard deviation, shape (n, m) each."""
        answer = self.model.answers(self._inputs(X))[0]
        return Posterior(answer.mean, answer.std)

    def verdicts(self, X: FloatArray) -> tuple[ValidityVerdict, ...]:
        """Whether rows lie where the model was trained."""
        found = self.model.region.judge(self._inputs(X))
        return tuple(ValidityVerdict(v.status, v.variable, v.check, v.value, v.limit) for v in found)

    def _inputs(self, X: FloatArray) -> FloatArray:
        fields = []
        for block in self.model.task.inputs:
            j = self.space.names.index(block.name)
            parameter = self.space.parameters[j]
            if isinstance(parameter, Categorical):
                fields.append(Field(block.name, X[:, j].astype(int), classes=parameter.categories))
            else:
                fields.append(Field(block.name, X[:, j], block.unit))
        return np.asarray(self.model.task.X(Table(tuple(fields))))


def check(task: Task, space: SearchSpace, outcome: str, unit: str, axis: FloatArray | None) -> None:
    """Check that a model takes exactly the parameters of a space, and tells exactly the outcome.

    Args:
        task: Of the model.
        space: Of the campaign.
        outcome: Name of the outcome.
        unit: Of the outcome where it is a number; of its axis where it is a curve.
        axis: Of a curve, shape (m,); None for a number.

    Raises:
        InvalidInput: Says what does not fit.
    """
    blocks = {block.name: block for block in task.inputs}
    for name in sorted(blocks.keys() ^ set(space.names)):
        fault = f"the model takes {name!r}, which is no parameter" if name in blocks else f"the model does not know the parameter {name!r}"
        raise InvalidInput(fault, remedy=f"name a model that was trained on exactly {', '.join(space.names)}")
    for parameter in space.parameters:
        _check_parameter(blocks[parameter.name], parameter)
    if len(task.targets) > 1 or task.targets[0].name != outcome:
        told = ", ".join(block.name for block in task.targets)
        raise InvalidInput(f"the model tells {told}, the outcome is {outcome!r}", remedy=f"name a model whose only target is {outcome!r}")
    _check_outcome(task.targets[0], unit, axis)


def _check_parameter(block: Block, parameter: Parameter) -> None:
    name = parameter.name
    if (block.kind == "category") != isinstance(parameter, Categorical) or block.kind not in ("number", "category"):
        raise InvalidInput(f"the model takes {name} as a {block.kind}", remedy="name a model that was trained on it as it is here")
    if isinstance(parameter, Categorical):
        if unknown := [category for category in parameter.categories if category not in block.classes]:
            remedy = f"leave it out; the model knows: {', '.join(block.classes)}"
            raise InvalidInput(f"the model has never seen {name} as {unknown[0]!r}", remedy=remedy)
        return
    if _unit(block.unit) != _unit(parameter.unit):
        told = f"the model takes {name} in {block.unit or 'no unit'}, here it is in {parameter.unit or 'none'}"
        raise InvalidInput(told, remedy="give the parameter, and its range, in the unit of the model")
    low = parameter.low if parameter.levels is None else float(parameter.levels[0])
    if block.scale == "log" and low <= 0:
        raise InvalidInput(f"the model takes the logarithm of {name}, which may be {low:g} here", remedy="let its range begin above 0")


def _check_outcome(block: Block, unit: str, axis: FloatArray | None) -> None:
    wanted = "number" if axis is None else "curve"
    if block.kind != wanted:
        raise InvalidInput(f"the model tells a {block.kind}, the outcome is a {wanted}", remedy=f"name a model of the {wanted}")
    theirs = block.unit if axis is None else block.axis_unit
    if _unit(theirs) != _unit(unit):
        told = (
            f"the model tells {block.name} {'in' if axis is None else 'over an axis in'} {theirs or 'no unit'}, here it is {unit or 'none'}"
        )
        raise InvalidInput(told, remedy="set objective.unit to that of the model, and give the objective in it")
    if axis is not None and (len(axis) != block.size or not np.allclose(axis, block.axis, rtol=1e-9, atol=0)):
        ends = f"{block.axis[0]:g} to {block.axis[-1]:g}, {block.size} points"
        raise InvalidInput(
            f"the model knows another axis ({ends})", remedy="set objective.axis to that of the model; GET /surrogates tells it"
        )


def _unit(unit: str) -> str:
    """A unit, with none being 1."""
    return unit or "1"
