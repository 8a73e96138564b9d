"""Predictions in NumPy agree with the torch modules that they are of."""

from typing import Literal

import numpy as np
import pytest
import torch

from models.forward import CurveForward, DenseForward, folded
from models.modules import Curve, Dense, Unit
from models.residual import ResidualSettings
from models.resnet import ResNet

X = np.random.default_rng(0).standard_normal((37, 61)).astype(np.float32)


def arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in module.state_dict().items()}


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """The module in use, every array moved away from its first value and variances positive."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            value += 0.3 * torch.rand(value.shape, generator=generator()) if name.endswith("variance") else 0.1
    return module.eval()


@torch.no_grad()
def assert_agree(module: torch.nn.Module, scores: np.ndarray, inputs: np.ndarray) -> None:
    expected = module(torch.from_numpy(inputs)).numpy()
    assert scores.shape == expected.shape
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("hidden", [(), (16, 8)])
def test_dense_layers(activation: Literal["relu", "tanh"], members: int, hidden: tuple[int, ...]) -> None:
    module = shaken(Dense((61, *hidden, 5), members, generator(), activation))
    assert_agree(module, DenseForward(arrays(module), activation)(X), X)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize(("strides", "pools"), [((1, 1), (2, 3)), ((3, 2), (1, 1))])
def test_convolutions(members: int, norm: bool, same: bool, strides: tuple[int, ...], pools: tuple[int, ...]) -> None:
    first = Unit(1, 4, (1, 5), members, generator(), strides[0], norm, same)
    second = Unit(4, 6, (1, 3), members, generator(), strides[1], norm, same)
    points = {(True, 1): 10, (False, 1): 8, (True, 3): 11, (False, 3): 9}[same, strides[0]]
    module = shaken(Curve([first, second], pools, Dense((6 * points, 7, 3), members, generator())))
    assert_agree(module, CurveForward(arrays(module), strides, pools, same)(X), X)


@pytest.mark.parametrize("shape", [(3, 16, 16), (61,)])
@pytest.mark.parametrize("stem", ["7x7", "3x3"])
def test_normalisation_folded_into_a_residual_network(shape: tuple[int, ...], stem: Literal["7x7", "3x3"]) -> None:
    settings = ResidualSettings(width=4, stem=stem, members=2)
    module = shaken(ResNet(settings, shape, 5, generator()))
    plain = ResNet(settings, shape, 5, generator(), norm=False).eval()
    plain.load_state_dict({name: torch.from_numpy(array) for name, array in folded(arrays(module)).items()})
    inputs = np.random.default_rng(0).standard_normal((6, *shape)).astype(np.float32)
    with torch.no_grad():
        assert_agree(module, plain(torch.from_numpy(inputs)).numpy(), inputs)
