import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.convolution import Convolution, ConvolutionSettings
from models.network import Network
from models.perceptron import Perceptron, PerceptronSettings
from models.surrogate import NotFitted
from models.task import Head
from tests.house.tree import ROOT

RNG = np.random.default_rng(0)
X, Y = RNG.random((10, 40)), RNG.random((10, 2))
QUICK = PerceptronSettings(members=2, epochs=2, hidden=(4,))
CURVES = ConvolutionSettings(epochs=2, filters=(2,), kernels=(5,), strides=(2,), pools=(1,))


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        (X, Y[:9], "10 data"),
        (X, Y[:, 0], r"outputs \(n, m\)"),
        (X, np.full_like(Y, np.nan), "finite outputs"),
        (np.full_like(X, np.inf), Y, "inputs have to be finite"),
        (X[:0], Y[:0], "no inputs"),
        (X.reshape(10, 1, 5, 8), Y, r"columns \(n, d\), not \(n, 1, 5, 8\)"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(inputs: np.ndarray, outputs: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Perceptron(QUICK).fit(inputs, outputs)


@pytest.mark.parametrize(
    ("heads", "said"), [([Head("curve", 3)], "3 columns, the outputs 2"), ([Head("category", 2)], "add up to one")], ids=["size", "shares"]
)
def test_heads_that_do_not_fit_the_outputs_are_refused(heads: Sequence[Head], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Perceptron(QUICK, heads).fit(X, Y)


def test_inputs_unlike_those_of_the_fit_are_refused() -> None:
    model = Perceptron(QUICK).fit(X, Y)
    for wrong, said in ((X[:, :5], "5 columns"), (X[:0], "no inputs"), (X * np.nan, "finite")):
        with pytest.raises(ValueError, match=said):
            model.predict(wrong)


def test_an_output_that_does_not_vary_is_told_of_and_told() -> None:
    model = Perceptron(QUICK).fit(X, np.hstack([Y, np.full((10, 1), 0.1)]))
    assert "column 2: all 10 outputs are the same" in model.warnings[0]
    np.testing.assert_allclose(model.predict(X)[:, 2], 0.1, rtol=1e-12)


def test_the_card_tells_data_and_size_whatever_their_order() -> None:
    first, second = Perceptron(QUICK).fit(X, Y).card, Perceptron(QUICK).fit(X[::-1], Y[::-1]).card
    assert first == second
    assert (first["data"], first["parameters"]) == (10, 40 * 4 + 4 + 4 * 2 + 2)
    assert first["sha256"] != Perceptron(QUICK).fit(X, Y + 1).card["sha256"]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    Perceptron(QUICK).fit(X, Y).save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="of the kind mlp, not cnn"):
        Convolution.load(tmp_path / "model.safetensors")


def test_a_loaded_network_is_the_same(tmp_path: Path) -> None:
    model = Perceptron(QUICK, [Head("curve", 2)], seed=3, device="cpu").fit(X, Y)
    model.save(tmp_path / "model.safetensors")
    again = Perceptron.load(tmp_path / "model.safetensors")
    for name in ("settings", "heads", "seed", "device", "warnings", "card"):
        assert getattr(again, name) == getattr(model, name)


@pytest.mark.parametrize("network", [Perceptron(QUICK), Convolution(CURVES)], ids=["perceptron", "convolution"])
def test_predictions_load_no_torch(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    network.fit(X, Y).save(path)
    np.save(tmp_path / "X.npy", X)
    program = f"""
import sys, numpy as np, models.residual
from {type(network).__module__} import {type(network).__name__} as Kind
answer = Kind.load(__import__("pathlib").Path({str(path)!r})).predict(np.load({str(tmp_path / "X.npy")!r}))
print(answer.tobytes().hex(), "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [network.predict(X).tobytes().hex(), "False"], done.stderr


def test_a_training_goes_on_from_a_fitted_network() -> None:
    first = Perceptron(QUICK).fit(X, Y)
    before = first.predict(X)
    tiny = replace(QUICK, epochs=1, rate=1e-9)
    np.testing.assert_allclose(Perceptron(tiny, seed=5).fit(2 * X, Y, start=first).predict(X), before, atol=1e-5)
    further = Perceptron(replace(QUICK, epochs=50), seed=5).fit(X, Y, start=first)
    assert ((further.predict(X) - Y) ** 2).mean() < ((before - Y) ** 2).mean()
    np.testing.assert_array_equal(first.predict(X), before)


def test_only_the_same_layout_is_gone_on_from(tmp_path: Path) -> None:
    first = Perceptron(QUICK).fit(X, Y)
    for settings, heads, outputs, said in (
        (replace(QUICK, hidden=(5,)), (), Y, "another layout"),
        (QUICK, [Head("curve", 2)], Y, "other heads"),
        (QUICK, (), Y[:, :1], "other heads"),
    ):
        with pytest.raises(ValueError, match=said):
            Perceptron(settings, heads).fit(X, outputs, start=first)
    with pytest.raises(ValueError, match="5 columns"):
        Perceptron(QUICK).fit(X[:, :5], Y, start=first)
    with pytest.raises(NotFitted):
        Perceptron(QUICK).fit(X, Y, start=Perceptron(QUICK))
    path = tmp_path / "checkpoint.safetensors"
    Perceptron(QUICK).fit(X, Y, checkpoint=path)
    with pytest.raises(ValueError, match="another seed"):
        Perceptron(QUICK).fit(X, Y, checkpoint=path, start=first)
