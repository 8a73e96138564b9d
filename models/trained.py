"""A trained model: a learner with all that is needed to ask it in units, and to know how far its answers can be trusted.

Stored as four files: ``learner.safetensors`` and ``learner.json``, which the learner writes, ``model.safetensors`` (the
region of its training inputs, the widths of its intervals) and ``model.json`` (fields, kind and card).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from models import learners
from models.region import Region, Verdict
from models.surrogate import FloatArray
from models.table import Table
from models.task import Block, Task

LEVEL = 0.9
"""Share of new outcomes that an interval is to hold."""
FILES = ("learner.safetensors", "learner.json", "model.safetensors", "model.json")


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model tells of one target at n inputs; its arrays have shape (n, size).

    Attributes:
        block: The target.
        mean: In its unit: the expected value, its median where the learner sees logarithms; of a category probabilities.
        std: Standard deviation, None where the learner knows none.
        low: Lower end of the interval that holds ``LEVEL`` of new outcomes, point by point; None of a category.
        high: Its upper end.
    """

    block: Block
    mean: FloatArray
    std: FloatArray | None
    low: FloatArray | None
    high: FloatArray | None


@dataclass(frozen=True, eq=False)
class Trained:
    """A model that was trained and held against data it had not seen.

    Attributes:
        task: Its fields.
        kind: Of the learner.
        learner: Fitted to all rows.
        region: The inputs it was trained on.
        widths: Half widths of the intervals on the scale of the learner, shape (m,).
        card: How it was trained and how it did, as JSON.
    """

    task: Task
    kind: str
    learner: learners.Learner
    region: Region
    widths: FloatArray
    card: dict[str, Any]

    def predict(self, table: Table) -> tuple[tuple[Answer, ...], tuple[Verdict, ...]]:
        """Answers per target and verdicts per row of a table that has the inputs.

        Raises:
            BadTable: An input is missing, or is another one: its kind, unit, axis or classes.
        """
        X = self.task.X(table)
        return self.answers(X), self.region.judge(X)

    def answers(self, X: npt.NDArray[Any]) -> tuple[Answer, ...]:
        """Answers per target at inputs as the learner sees them."""
        posterior = self.learner.posterior(X)
        means = self.task.told(posterior.mean)
        stds = {} if posterior.std is None else self.task.told(posterior.std)
        widths = self.task.told(self.widths[None])
        return tuple(_answer(block, means[block.name], stds.get(block.name), widths[block.name]) for block in self.task.targets)

    def save(self, folder: Path) -> None:
        """Write the four files."""
        folder.mkdir(parents=True, exist_ok=True)
        self.learner.save(folder / "learner.safetensors")
        save_file({**self.region.arrays(), "widths": self.widths}, folder / "model.safetensors")
        told = {"task": self.task.card(), "kind": self.kind, "card": self.card}
        (folder / "model.json").write_text(json.dumps(told, indent=1, allow_nan=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; with the same versions of the packages, predictions are the same to the last bit."""
        told, arrays = json.loads((folder / "model.json").read_text(encoding="utf-8")), load_file(folder / "model.safetensors")
        task = Task.from_card(told["task"])
        learner = learners.load(told["kind"], folder / "learner.safetensors")
        return cls(task, told["kind"], learner, Region.from_arrays(task.inputs, arrays), arrays["widths"], told["card"])

    def to_files(self) -> dict[str, bytes]:
        """Name and content of each file."""
        with TemporaryDirectory() as folder:
            self.save(Path(folder))
            return {name: (Path(folder) / name).read_bytes() for name in FILES}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read what ``to_files`` told."""
        with TemporaryDirectory() as folder:
            for name in FILES:
                (Path(folder) / name).write_bytes(files[name])
            return cls.load(Path(folder))


def _answer(block: Block, mean: FloatArray, std: FloatArray | None, width: FloatArray) -> Answer:
    """Columns of the learner in the unit of the target; a logarithm that is normal is told by its median and deviation."""
    if block.kind == "category":
        return Answer(block, mean, std, None, None)
    low, high = block.values(mean - width), block.values(mean + width)
    if block.shares:
        low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    told = block.values(mean)
    if std is not None and block.scale == "log":
        std = told * np.sqrt(np.expm1(std**2)) * np.exp(std**2 / 2)
    return Answer(block, told, std, low, high)
