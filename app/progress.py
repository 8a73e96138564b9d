"""How far a job is: written to a small file where it runs, read by the worker beside it.

A process of this machine shares the folder. On a cluster of other machines the folder is not there, and nothing is told.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Progress:
    """The progress of one job.

    Attributes:
        path: The file.
    """

    path: Path

    @classmethod
    def open(cls) -> Self:
        """The progress of a job that begins."""
        return cls(Path(tempfile.mkdtemp(prefix="closedloop-")) / "progress.json")

    def close(self) -> None:
        """Forget it."""
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def tell(self, fraction: float, doing: str) -> None:
        """Say which share of the job is done, and what is under way."""
        if not self.path.parent.is_dir():
            return
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps([fraction, doing]), encoding="utf-8")
        os.replace(new, self.path)  # the reader sees the old text or the new one

    def read(self) -> tuple[float, str] | None:
        """What was told last, None before the first time."""
        if not self.path.exists():
            return None
        fraction, doing = json.loads(self.path.read_text(encoding="utf-8"))
        return fraction, doing
