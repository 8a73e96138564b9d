from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoints


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path, strided = tmp_path / "run.ckpt", torch.arange(6.0).reshape(2, 3).T
    checkpoints.write(path, {"old": torch.zeros(1)}, {})
    checkpoints.write(path, {"a.b": strided, "step": torch.tensor(3.0)}, {"losses": [1 / 3, float("inf")]})
    tensors, card = checkpoints.read(path)
    assert card == {"losses": [1 / 3, float("inf")]}
    assert tensors.keys() == {"a.b", "step"}
    np.testing.assert_array_equal(tensors["a.b"], strided)
    assert [file.name for file in tmp_path.iterdir()] == ["run.ckpt"]


def test_a_failed_write_leaves_the_old_state(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    checkpoints.write(path, {"a": torch.ones(1)}, {"epoch": 1})
    with pytest.raises(TypeError):
        checkpoints.write(path, {"a": torch.zeros(1)}, {"epoch": object()})
    assert checkpoints.read(path)[1] == {"epoch": 1}


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no tensors in here")
    with pytest.raises(ValueError, match="is no checkpoint"):
        checkpoints.read(path)
