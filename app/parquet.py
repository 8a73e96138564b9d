"""Columns of a parquet file: flat ones of numbers and texts, and lists of numbers of one length."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.columns import MAX_BYTES, refused
from app.npz import Npz
from app.problems import TooLarge
from app.tables_io import MAX_ROWS
from optimizer.types import InvalidInput

_LONGEST_S = 120


class Parquet(Npz):
    """A parquet file, turned into arrays by another process: see ``app.unparquet``."""

    def __init__(self, content: bytes) -> None:
        told, arrays = _unpacked(content)
        if told["large"]:
            raise TooLarge(f"a parquet file may have {MAX_ROWS} rows and {MAX_BYTES >> 20} MiB unpacked; split it, or drop columns")
        super().__init__(arrays)
        self._faults = told["faults"]
        self._arrays = {name: f"c{number}" for number, name in enumerate(told["names"])}
        self.names: Sequence[str] = [*self._arrays, *self._faults]

    def images(self, name: str) -> npt.NDArray[np.uint8]:
        """Refused: a column holds no images."""
        raise refused(name, "a parquet file holds no images", "send image stacks as an NPZ file")

    def _read(self, name: str) -> npt.NDArray[Any]:
        if name in self._faults:
            what, remedy, row = self._faults[name]
            raise refused(name, what, remedy, row)
        return super()._read(self._arrays[name])


def _unpacked(content: bytes) -> tuple[dict[str, Any], bytes]:
    """What is told of the file, and its columns as an NPZ file."""
    asked = f"{MAX_ROWS} {MAX_BYTES}\n".encode() + content
    try:
        done = subprocess.run([sys.executable, "-m", "app.unparquet"], input=asked, capture_output=True, timeout=_LONGEST_S, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise InvalidInput("the file is no readable parquet file", where=("file",), remedy="write it again, or send CSV or NPZ") from error
    told, _, arrays = done.stdout.partition(b"\n")
    return json.loads(told), arrays
