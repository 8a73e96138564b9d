"""Questions to trained models: samples in, answers with intervals and verdicts out.

Models are loaded once and kept. Those of columns predict in NumPy, here; those of images, which need torch or libraries of
images, are asked in a process of their own, so that the web process never loads them. ``app.together`` asks all of them on behalf
of many at once.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import anyio
import numpy as np
import numpy.typing as npt
from pydantic_core import to_json

from app import surrogates
from app.aside import Aside
from app.schemas.surrogates import PredictIn
from app.settings import Settings
from db.engine import Database
from models.learners import KINDS
from models.region import Verdict
from models.table import BadTable, Field, Table
from models.task import Block, Task
from models.trained import LEVEL, Answer, Trained
from optimizer.types import FloatArray, InvalidInput

_KEPT = 16
"""Models that are kept loaded."""
_MOST_VALUES = 500_000
"""Values in one answer: 10 MB of JSON."""
_THREADS = 2
"""Questions that are answered at once."""

Told = tuple[tuple[Answer, ...], tuple[Verdict, ...]]


class Held(NamedTuple):
    """A model at hand: loaded, or as the folder that another process loads it from; and how all of its answers begin."""

    task: Task
    model: Trained | Path
    head: bytes


class Models:
    """Trained models of a database, at hand.

    Args:
        database: Where they are.
        settings: Deadline and memory of the process that asks models of images.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._lock = threading.Lock()
        # More threads than can compute at once would only take turns, and make everyone wait for the slowest.
        self.limiter = anyio.CapacityLimiter(_THREADS)
        self._folder = TemporaryDirectory(prefix="closedloop-models-")
        self.elsewhere = Aside(settings)  # not that of the application: nobody who waits there need wait for torch

    def __contains__(self, id: str) -> bool:
        """Whether a model is loaded."""
        return id in self._held

    def held(self, id: str) -> Held:
        """A model; loaded at the first question, since a trained model never changes.

        Raises:
            NotFound: There is none of this identifier.
            Conflict: It is not trained.
        """
        found = self._held.get(id)
        if found is None:
            found = self._load(id)
        with self._lock:
            self._held[id] = found
            self._held.move_to_end(id)
            if len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return found

    def _load(self, id: str) -> Held:
        with self._database.read() as session:
            row = surrogates.find(session, id)
            files = surrogates.files(session, row)
        if not KINDS[row.spec["kind"]].stacks:
            model = Trained.from_files(files)
            return Held(model.task, model, _head(id, model.task))
        folder = Path(self._folder.name) / id
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        task = Task.from_card(json.loads(files["model.json"])["task"])
        return Held(task, folder, _head(id, task))

    def ask(self, held: Held, X: npt.NDArray[Any]) -> Told:
        """Answers and verdicts at inputs as the learner sees them."""
        if isinstance(held.model, Trained):
            return held.model.answers(X), held.model.region.judge(X)
        return self.elsewhere.run(_asked, held.model, X)

    def close(self) -> None:
        """Let go of all."""
        self.elsewhere.close()
        self._folder.cleanup()


@lru_cache(maxsize=4)
def loaded(folder: Path) -> Trained:
    """The model of a folder, kept by the process that asks it."""
    return Trained.load(folder)


def _asked(folder: Path, X: npt.NDArray[Any]) -> Told:
    model = loaded(folder)
    return model.answers(X), model.region.judge(X)


def answered(held: Held, answers: Sequence[Answer], verdicts: Sequence[Verdict], rows: slice) -> bytes:
    """What is answered (``PredictOut``) to a question, as JSON.

    Args:
        held: The model.
        answers: Of all that were asked together.
        verdicts: The same.
        rows: Those of the question.
    """
    told = [_told(answer, rows) for answer in answers]
    names = [answer.block.name for answer in answers]
    found = [
        {"answers": dict(zip(names, row, strict=True)), "validity": vars(verdict)}
        for row, verdict in zip(zip(*told, strict=True), verdicts[rows], strict=True)
    ]
    return b'%b,"rows":%b}' % (held.head, to_json(found))


def _head(id: str, task: Task) -> bytes:
    """The first fields of an answer, which are the same in all: they take as long to write as the rest of a short one."""
    return to_json({"surrogate": id, "level": LEVEL, "targets": [_target(block) for block in task.targets]})[:-1]


def _target(block: Block) -> dict[str, Any]:
    axis, classes = list(block.axis) or None, list(block.classes) or None
    return {"name": block.name, "kind": block.kind, "unit": block.unit, "axis": axis, "axis_unit": block.axis_unit, "classes": classes}


def _told(answer: Answer, rows: slice) -> list[dict[str, Any]]:
    """What is told of a target, sample by sample."""
    mean = answer.mean[rows]
    if answer.block.kind == "category":
        classes = answer.block.classes
        return [{"best": classes[int(row.argmax())], "probabilities": dict(zip(classes, row.tolist(), strict=True))} for row in mean]
    parts = {name: getattr(answer, name) for name in ("mean", "std", "low", "high")}
    single = answer.block.kind == "number"
    columns = {name: (part[rows, 0] if single else part[rows]).tolist() for name, part in parts.items() if part is not None}
    return [{name: column[k] for name, column in columns.items()} for k in range(len(mean))]


# Samples


def samples(task: Task, bodies: Sequence[PredictIn]) -> list[npt.NDArray[Any] | InvalidInput]:
    """The samples of each of several requests as the learner sees them, or what is wrong with them.

    Those that take units and axes of the model for granted are read as one, which costs little more than one of them.
    """
    if len(bodies) > 1 and not any(body.units or body.axes for body in bodies):
        joined = PredictIn.model_construct(rows=[row for body in bodies for row in body.rows], units={}, axes={})
        with suppress(InvalidInput):  # which of them is at fault shows when they are read one by one
            return [*np.split(inputs(task, joined), [*accumulate(len(body.rows) for body in bodies[:-1])])]
    return [_tried(task, body) for body in bodies]


def _tried(task: Task, body: PredictIn) -> npt.NDArray[Any] | InvalidInput:
    try:
        return inputs(task, body)
    except InvalidInput as error:
        return error


def inputs(task: Task, body: PredictIn) -> npt.NDArray[Any]:
    """The samples of a request as the learner sees them.

    Raises:
        InvalidInput: Names the row and the field at fault.
    """
    size = len(body.rows) * sum(block.size for block in task.targets)
    if size > _MOST_VALUES:
        message = f"the answer to {len(body.rows)} rows would hold {size} values, {_MOST_VALUES} at most"
        raise InvalidInput(message, where=("rows",), remedy="ask for fewer rows at a time")
    names = {block.name for block in task.inputs}
    for place, given in (("axes", body.axes), ("units", body.units)):
        for name in given:
            if name not in names:
                raise InvalidInput(f"the model has no input {name!r}", where=(place, name), remedy=f"use: {', '.join(sorted(names))}")
    for index, row in enumerate(body.rows):
        for name in names ^ row.keys():
            known = name in names
            fault = f"the input {name!r} is missing" if known else f"the model has no input {name!r}"
            remedy = "add the field" if known else f"use: {', '.join(sorted(names))}"
            raise InvalidInput(fault, where=("rows", index, name), remedy=remedy)
    try:
        return task.X(Table(tuple(_field(block, body) for block in task.inputs)))
    except BadTable as error:
        raise InvalidInput(f"{error.field}: {error}", where=("rows", 0, error.field), remedy=error.remedy) from error


def _field(block: Block, body: PredictIn) -> Field:
    """A field of the samples; its unit and axis are those of the model unless the request says otherwise."""
    given = [row[block.name] for row in body.rows]
    values = np.array(given) if block.kind == "number" and all(isinstance(value, float) for value in given) else _values(block, given)
    axis = np.array(body.axes[block.name]) if block.name in body.axes else np.array(block.axis) if block.axis else None
    if axis is not None and len(axis) != block.size:
        raise InvalidInput(f"the axis has {len(axis)} points", where=("axes", block.name), remedy=_resample(block))
    return Field(block.name, values, body.units.get(block.name, block.unit), axis, block.axis_unit, block.classes)


def _values(block: Block, given: Sequence[Any]) -> npt.NDArray[Any]:
    return np.stack([_value(block, index, value) for index, value in enumerate(given)])


def _value(block: Block, index: int, value: Any) -> FloatArray | npt.NDArray[Any]:
    where = ("rows", index, block.name)
    if block.kind == "category":
        if value not in block.classes:
            raise InvalidInput(f"the model knows no class {value!r}", where=where, remedy=f"use one of: {', '.join(block.classes)}")
        return np.array(block.classes.index(value))
    wanted = {"number": (), "curve": (block.size,), "stack": block.shape}[block.kind]
    try:
        found = np.array(value, np.uint8 if block.kind == "stack" else float)
    except ValueError:
        found = np.empty(0)
    if found.shape != wanted:
        told = f"{len(value)} points" if isinstance(value, list) and block.kind == "curve" else "something else"
        remedy = _resample(block) if block.kind == "curve" else f"send {_wanted(block)}"
        raise InvalidInput(f"the model takes {_wanted(block)}, this is {told}", where=where, remedy=remedy)
    return found


def _wanted(block: Block) -> str:
    if block.kind == "curve":
        return f"a curve of {block.size} points"
    return "a number" if block.kind == "number" else "{} images of {} by {} pixels, as nested lists".format(*block.shape)


def _resample(block: Block) -> str:
    """What to do about a curve on another axis."""
    unit = f" {block.axis_unit}" if block.axis_unit else ""
    ends = f"{block.axis[0]:g} to {block.axis[-1]:g}{unit}, {block.size} points"
    return f"resample onto the axis of the model ({ends}); where it reaches further than yours, train on the overlap"
