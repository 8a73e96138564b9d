"""Fits of a long training, kept in a folder: one that was killed goes on from there instead of from the beginning."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from models import learners
from models.nets import Progress
from models.network import Network
from models.surrogate import FloatArray

_FILE = "learner.safetensors"


@dataclass(frozen=True)
class KeptFits:
    """Fits by number: each that ended in a folder of its own, and the checkpoint of a network that is under way.

    Attributes:
        folder: Of one training; its data, settings and order of fits never change.
    """

    folder: Path

    def fit(
        self, number: int, kind: str, learner: learners.Learner, X: npt.NDArray[Any], Y: FloatArray, progress: Progress
    ) -> learners.Learner:
        """The learner as it was fitted before it was killed, or else fitted now: a network from its last checkpoint on.

        Raises:
            ValueError: What is kept is of another training.
        """
        ended = self.folder / f"fit-{number}"
        if ended.is_dir():
            return learners.load(kind, ended / _FILE)
        checkpoint = self.folder / f"fit-{number}.checkpoint"
        made = learner.fit(X, Y, progress, checkpoint) if isinstance(learner, Network) else learner.fit(X, Y, progress)
        self._keep(made, ended)
        checkpoint.unlink(missing_ok=True)
        return made

    def _keep(self, learner: learners.Learner, ended: Path) -> None:
        draft = Path(tempfile.mkdtemp(dir=self.folder))
        learner.save(draft / _FILE)
        if ended.is_dir():  # by an attempt that was given up and yet goes on
            shutil.rmtree(draft)
        else:
            draft.replace(ended)  # whole, or not at all
