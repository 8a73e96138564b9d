import numpy as np
import pytest

from models.learners import BadSettings
from models.psd import presets
from models.psd.dataset import psd_table

TABLE = psd_table(6, 0, images=2, pixels=32)
TASK = presets.task_of(TABLE)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_tells_shares(name: str) -> None:
    if presets.PRESETS[name].kind == "segmentation":
        pytest.importorskip("skimage")
    changes = {"epochs": 1, "width": 2} if presets.PRESETS[name].kind == "resnet" else {}
    told = presets.make(name, TASK, **changes).fit(TASK.X(TABLE), TASK.Y(TABLE)).predict(TASK.X(TABLE))
    assert told.shape == (6, 32)
    np.testing.assert_allclose(told.sum(axis=1), 1)


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(BadSettings, match="no preset 'vgg'"):
        presets.make("vgg", TASK)
    with pytest.raises(BadSettings, match="no setting 'depht'"):
        presets.make("encoder", TASK, depht=34)
