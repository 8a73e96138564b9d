"""The state of a training in one file, so that a killed one goes on as if nothing had happened. Loads torch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor


def write(path: Path, tensors: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Put tensors and a JSON card in place of what the file held; whoever reads it sees the one or the other, whole.

    Args:
        path: A safetensors file; the card is in its header, so that both are replaced at once.
        tensors: None shares its memory with another.
        card: Plain values.
    """
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        file.write(save({name: tensor.contiguous() for name, tensor in tensors.items()}, {"card": json.dumps(card)}))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What ``write`` wrote.

    Raises:
        ValueError: The file is something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["card"])  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no checkpoint of a training: remove it, or name another file") from error
