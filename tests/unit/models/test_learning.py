from dataclasses import asdict
from typing import Any

import pytest

from models.convolution import ConvolutionSettings
from models.learning import Learning, step_size
from models.perceptron import PerceptronSettings
from models.residual import ResidualSettings


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (Learning, "members", 0),
        (Learning, "epochs", 2.5),
        (Learning, "epochs", True),
        (Learning, "patience", -1),
        (Learning, "batch", 1),
        (Learning, "optimizer", "sgd"),
        (Learning, "schedule", "steps"),
        (Learning, "rate", 0.0),
        (Learning, "rate", float("nan")),
        (Learning, "decay", -1.0),
        (Learning, "noise", -0.1),
        (Learning, "noise", float("inf")),
        (Learning, "validation", 1.0),
        (Learning, "threads", 0),
        (PerceptronSettings, "hidden", (16, 0)),
        (PerceptronSettings, "activation", "gelu"),
        (PerceptronSettings, "dropout", (0.1,)),
        (PerceptronSettings, "dropout", (0.1, 1.0)),
        (PerceptronSettings, "floor", -1.0),
        (ConvolutionSettings, "strides", (1,)),
        (ConvolutionSettings, "filters", (16, 32, 64, 0)),
        (ResidualSettings, "depth", 50),
        (ResidualSettings, "stem", "5x5"),
        (ResidualSettings, "pooling", "mean"),
    ],
)
def test_wrong_settings_are_named(settings: type, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} has to"):
        settings(**{name: value})


@pytest.mark.parametrize("settings", [PerceptronSettings, ConvolutionSettings, ResidualSettings])
def test_settings_are_plain(settings: type) -> None:
    assert settings(**asdict(settings())) == settings()


def test_half_a_cosine_falls_from_all_to_nothing() -> None:
    assert [step_size("cosine", f) for f in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert step_size("constant", 0.7) == 1


def test_one_cycle_is_that_of_torch() -> None:
    import torch

    steps = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(steps, 1.0, total_steps=201, cycle_momentum=False)
    for step in range(200):
        # Torch puts the peak one step before three tenths of the way.
        assert step_size("one_cycle", step / 200) == pytest.approx(cycle.get_last_lr()[0], abs=0.05)
        steps.step()
        cycle.step()
    assert step_size("one_cycle", 0.0) == pytest.approx(1 / 25)
    assert step_size("one_cycle", 0.3) == pytest.approx(1)
    assert step_size("one_cycle", 1.0) == pytest.approx(4e-6)
