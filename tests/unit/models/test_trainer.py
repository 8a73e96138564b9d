import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.convolution import Convolution, ConvolutionSettings
from models.nets import Cancelled, Epoch
from models.network import Network
from models.perceptron import Perceptron, PerceptronSettings
from models.residual import Residual, ResidualSettings
from models.scaling import Outputs
from models.task import Head
from models.trainer import Loss

RNG = np.random.default_rng(0)
X, Y = RNG.random((30, 40)), RNG.random((30, 2))
STACKS = RNG.random((12, 2, 8, 8)).astype(np.float32)
DENSE = PerceptronSettings(members=2, epochs=12, batch=8, hidden=(8, 8), dropout=(0.3, 0.0), schedule="one_cycle", every=4, decay=0.01)
NETWORKS = [
    lambda: Perceptron(DENSE),
    lambda: Perceptron(replace(DENSE, optimizer="adamw", validation=0.0)),
    lambda: Perceptron(replace(DENSE, noise=0.1)),
    lambda: Convolution(
        ConvolutionSettings(epochs=10, batch=8, filters=(4,), kernels=(5,), strides=(2,), pools=(2,), hidden=(8,), every=4)
    ),
    lambda: Residual(ResidualSettings(epochs=6, batch=6, width=2, stem="3x3", every=2)),
]


def data(network: Network) -> tuple[np.ndarray, np.ndarray]:
    return (STACKS, Y[:12]) if isinstance(network, Residual) else (X, Y)


def saved(network: Network, path: Path) -> bytes:
    network.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("make", NETWORKS, ids=["adam", "adamw", "noise", "convolution", "residual"])
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(make: type[Network], tmp_path: Path) -> None:
    whole, again, path = make(), make(), tmp_path / "run.ckpt"
    inputs, outputs = data(whole)
    whole.fit(inputs, outputs)
    with pytest.raises(Cancelled):
        make().fit(inputs, outputs, lambda epoch: epoch.fraction < 0.7, path)
    told: list[Epoch] = []
    again.fit(inputs, outputs, told.append, path)
    assert 0.3 < told[0].fraction < 0.9
    assert again.card == whole.card
    assert saved(again, tmp_path / "again.safetensors") == saved(whole, tmp_path / "whole.safetensors")


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    path, told = tmp_path / "run.ckpt", []
    first = Perceptron(replace(DENSE, epochs=400, patience=3, rate=0.05, schedule="constant")).fit(X, Y, checkpoint=path)
    assert first.card["epochs"] < 400
    second = Perceptron(first.settings).fit(X, Y, told.append, path)
    assert told == []
    np.testing.assert_array_equal(first.predict(X), second.predict(X))


@pytest.mark.parametrize(
    ("settings", "seed", "shift"), [(replace(DENSE, rate=0.01), 0, 0.0), (DENSE, 1, 0.0), (DENSE, 0, 1.0)], ids=["settings", "seed", "data"]
)
def test_the_checkpoint_of_another_training_is_refused(settings: PerceptronSettings, seed: int, shift: float, tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    Perceptron(DENSE).fit(X, Y, checkpoint=path)
    with pytest.raises(ValueError, match="other data, settings or another seed"):
        Perceptron(settings, seed=seed).fit(X, Y + shift, checkpoint=path)


def test_losses_of_all_epochs_are_kept_and_told() -> None:
    told: list[Epoch] = []
    card = Perceptron(DENSE).fit(X, Y, told.append).card
    assert [epoch.train for epoch in told] == card["train"]
    assert [epoch.held_out for epoch in told] == card["held_out"]
    assert [epoch.fraction for epoch in told] == pytest.approx([k / 12 for k in range(1, 13)])
    assert card["held_out"][card["best_epoch"] - 1] == min(card["held_out"])
    assert json.loads(json.dumps(card)) == card


def test_the_best_epoch_is_kept() -> None:
    settings = PerceptronSettings(members=1, epochs=60, batch=16, hidden=(64,), rate=0.01, patience=0)
    X, noise = RNG.random((100, 40)), RNG.standard_normal((100, 1))
    late = Perceptron(settings).fit(X, noise)
    best = late.card["best_epoch"]
    assert best < 30
    assert late.card["held_out"][-1] > 1.1 * late.card["held_out"][best - 1]
    early = Perceptron(replace(settings, patience=25)).fit(X, noise)
    assert early.card["epochs"] == early.card["best_epoch"] + 25
    np.testing.assert_array_equal(early.predict(X), late.predict(X))


def test_without_data_held_out_the_last_epoch_counts() -> None:
    model = Perceptron(replace(DENSE, patience=1)).fit(X[:4], Y[:4])
    assert (model.card["epochs"], model.card["best_epoch"], model.card["held_out"]) == (12, 12, [])
    assert "4 data are too few" in model.warnings[-1]
    assert Perceptron(replace(DENSE, validation=0.0)).fit(X, Y).warnings == ()


def test_with_noise_on_its_inputs_a_network_trusts_them_less() -> None:
    x = np.random.default_rng(1).normal(2, 0.5, (400, 1))
    settings = PerceptronSettings(hidden=(16,), epochs=30, batch=50, rate=0.02, schedule="one_cycle", validation=0.0)
    slopes = [
        float(np.diff(Perceptron(replace(settings, noise=noise)).fit(x, 3 * x).predict(np.array([[1.75], [2.25]]))[:, 0])[0] / 0.5)
        for noise in (0.0, 0.5)
    ]
    assert slopes == pytest.approx([3.0, 1.5], rel=0.2)  # the best line through noisy x: its variance over that with the noise


def test_a_cancelled_fit_leaves_the_network_as_it_was() -> None:
    model = Perceptron(DENSE).fit(X, Y)
    before, card = model.predict(X), model.card
    with pytest.raises(Cancelled, match="after 6 epochs"):
        model.fit(X, Y + 1, lambda epoch: epoch.fraction < 0.5)
    np.testing.assert_array_equal(model.predict(X), before)
    assert model.card == card


def test_a_training_that_diverges_says_so() -> None:
    with pytest.raises(FloatingPointError, match=r"diverged in epoch \d+: choose a rate below 1e\+30"):
        Perceptron(replace(DENSE, rate=1e30, schedule="constant")).fit(X, Y)


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    Perceptron(replace(DENSE, epochs=1, threads=before + 1)).fit(X, Y)
    assert torch.get_num_threads() == before


def loss(head: Head, scores: np.ndarray, targets: np.ndarray) -> float:
    return float(Loss((head,))(torch.tensor(scores, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)))


def test_the_loss_of_shares_is_zero_where_they_are_met() -> None:
    shares = np.array([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])
    assert loss(Head("distribution", 3), np.log(shares)[None] + 5, shares) == pytest.approx(0, abs=1e-6)
    assert loss(Head("category", 3), np.log(shares)[None], shares) == pytest.approx(-(shares * np.log(shares)).sum(axis=1).mean(), rel=1e-5)


def test_the_loss_of_a_distribution_by_hand() -> None:
    # All in the first bin against one half each: log 2, and half of the shares is one bin off, which counts .1 a bin.
    assert loss(Head("distribution", 2), np.zeros((1, 1, 2)), np.array([[1.0, 0.0]])) == pytest.approx(np.log(2) + 0.1 / 2, rel=1e-6)


def test_a_distribution_that_is_farther_away_costs_more() -> None:
    shares = np.array([[1.0, 0, 0, 0]])
    near, far = (np.log(np.array([[[0.1, *rest]]])) for rest in ((0.8, 0.05, 0.05), (0.05, 0.05, 0.8)))
    assert loss(Head("distribution", 4), near, shares) < loss(Head("distribution", 4), far, shares) - 0.1
    assert loss(Head("category", 4), near, shares) == pytest.approx(loss(Head("category", 4), far, shares))


def test_every_head_counts_once_whatever_its_size_and_unit() -> None:
    heads = (Head("number", 1), Head("curve", 50))
    Y = RNG.normal(0, 1, (200, 51)) * np.array([1e3] + [1e-3] * 50)
    T = torch.from_numpy(Outputs.of(Y, heads)(Y))
    both = [float(Loss((head,))(torch.zeros(1, 200, head.size), part)) for head, part in zip(heads, T.split([1, 50], dim=1), strict=True)]
    assert both == pytest.approx([1, 1], rel=1e-3)
    assert float(Loss(heads)(torch.zeros(3, 200, 51), T)) == pytest.approx(6, rel=1e-3)
