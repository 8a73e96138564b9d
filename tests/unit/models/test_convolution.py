from dataclasses import replace

import numpy as np
import pytest
import torch

from models.convolution import PUBLISHED, Convolution, ConvolutionSettings
from models.task import Head

RNG = np.random.default_rng(0)


def curves(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Waves of two shapes at any phase, and their shape and logarithm of the number of periods."""
    rng, axis = np.random.default_rng(seed), np.linspace(0, 2 * np.pi, 200)
    shape, size, phase = rng.integers(0, 2, n), rng.uniform(0, 2, n), rng.uniform(0, 2 * np.pi, (n, 1))
    wave = np.sin(np.exp(size)[:, None] * axis + phase)
    X = np.where(shape[:, None] == 1, np.sign(wave), wave) + 0.05 * rng.standard_normal((n, 200))
    return X, np.hstack([np.eye(2)[shape], size[:, None]])


def test_the_published_network_has_its_weights() -> None:
    model = Convolution(replace(PUBLISHED, epochs=1), [Head("category", 9)]).fit(RNG.random((4, 1999)), np.eye(9)[:4])
    module = model._module((1999,), 9, torch.Generator())
    units = [sum(parameter.numel() for parameter in unit.parameters()) for unit in module.units]
    assert units == [128, 6208]
    assert PUBLISHED.points(1999) * 64 == 31872
    assert sum(parameter.numel() for parameter in module.dense.parameters()) == 286857
    assert model.card["parameters"] == 128 + 6208 + 286857


def test_the_default_network_is_small() -> None:
    card = Convolution(ConvolutionSettings(epochs=1)).fit(RNG.random((4, 1999)), RNG.random((4, 10))).card
    assert 120_000 < card["parameters"] < 140_000


def test_shape_and_size_are_told_at_once() -> None:
    heads = (Head("category", 2), Head("number", 1))
    settings = ConvolutionSettings(
        epochs=25, filters=(8, 16, 16), kernels=(9, 9, 9), strides=(2, 4, 4), pools=(1, 1, 1), hidden=(32,), rate=0.01
    )
    model = Convolution(settings, heads).fit(*curves(300, 0))
    X, Y = curves(200, 1)
    told = model.predict(X)
    assert (told[:, :2].argmax(axis=1) == Y[:, :2].argmax(axis=1)).mean() > 0.95
    assert ((told[:, 2] - Y[:, 2]) ** 2).mean() < 0.1 * Y[:, 2].var()
    np.testing.assert_allclose(told[:, :2].sum(axis=1), 1)


def test_members_of_an_ensemble_disagree() -> None:
    X, Y = curves(20, 0)
    settings = ConvolutionSettings(members=3, epochs=3, filters=(4,), kernels=(5,), strides=(4,), pools=(1,), hidden=(8,))
    std = Convolution(settings).fit(X, Y).posterior(X).std
    assert std is not None
    assert (std > 0).all()


def test_curves_that_are_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="curves of 9 points are too short"):
        Convolution(PUBLISHED).fit(RNG.random((4, 9)), RNG.random((4, 1)))
    assert (PUBLISHED.points(9), PUBLISHED.points(10), ConvolutionSettings().points(1)) == (0, 1, 1)
