import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.dense import BLOCK, Ensemble, Screenable
from models.nets import AGBONN, WIDTH_95, Cancelled, Epoch, NetworkSettings, SpectrumNetwork
from models.surrogate import NotFitted
from models.testbeds import silver_spectra
from optimizer.grid_speed import published_space
from tests.house.tree import ROOT

AXIS = np.linspace(0, 1, 40)
QUICK = NetworkSettings((16, 16, 16), members=6, folds=3, epochs=300)


def bands(X: np.ndarray) -> np.ndarray:
    """Curves whose band moves with the first input and grows with the second."""
    return (0.5 + X[:, 1:2]) * np.exp(-(((AXIS - 0.3 - 0.3 * X[:, :1]) / 0.15) ** 2))


def inputs(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 2))


@pytest.fixture(scope="module")
def fitted() -> SpectrumNetwork:
    X = inputs(40)
    return SpectrumNetwork(QUICK).fit(X, bands(X))


def test_the_published_network_has_337021_weights() -> None:
    X = inputs(5).repeat(3, axis=1)[:, :5]
    Y = np.random.default_rng(0).random((5, 421))
    network = SpectrumNetwork(replace(AGBONN, epochs=1)).fit(X, Y)
    assert network.ensemble.size == 337_021
    assert network.posterior(X).std is None
    assert network.screen().operations == 671_500


def test_the_published_settings() -> None:
    assert (AGBONN.hidden, AGBONN.activation, AGBONN.epochs, AGBONN.batch) == ((50, 100, 200, 500), "relu", 1000, 39)
    assert (AGBONN.folds, AGBONN.scaled, AGBONN.decay) == (0, False, 0)


def test_new_curves_are_predicted_within_their_standard_deviations(fitted: SpectrumNetwork) -> None:
    X = inputs(200, seed=1)
    belief = fitted.posterior(X)
    assert ((belief.mean - bands(X)) ** 2).mean() < 0.02 * bands(X).var(axis=0).mean()
    assert belief.std is not None
    assert (np.abs(belief.mean - bands(X)) <= WIDTH_95 * belief.std).mean() > 0.8
    assert 0.7 < fitted.card["coverage"] <= 1


def test_the_standard_deviation_grows_away_from_the_data(fitted: SpectrumNetwork) -> None:
    near, far = fitted.posterior(inputs(50)).std, fitted.posterior(inputs(50) + 1.5).std
    assert near is not None
    assert far is not None
    assert far.mean() > 3 * near.mean()


def test_the_curves_of_the_members_scatter_by_the_standard_deviation(fitted: SpectrumNetwork) -> None:
    X = inputs(7, seed=2)
    belief, curves = fitted.posterior(X), fitted.curves(X)
    np.testing.assert_allclose(curves.mean(axis=0), belief.mean, atol=1e-12)
    np.testing.assert_allclose(curves.std(axis=0, ddof=1), belief.std, atol=1e-12)


@pytest.mark.parametrize("settings", [QUICK, replace(AGBONN, epochs=20)])
@pytest.mark.parametrize("count", [1, 3, BLOCK])
def test_single_precision_agrees(settings: NetworkSettings, count: int) -> None:
    X = inputs(20)
    network = SpectrumNetwork(replace(settings, epochs=30)).fit(X, bands(X))
    assert isinstance(network, Screenable)
    quick = network.screen()
    Q = inputs(count, seed=3)
    quick(inputs(BLOCK).astype(np.float32))
    np.testing.assert_allclose(quick(Q.astype(np.float32)), network.predict(Q), atol=1e-5)


def test_single_precision_with_the_basis_folded_in_or_apart() -> None:
    rng = np.random.default_rng(0)
    for scores in (2, 6):
        W = tuple(rng.standard_normal(shape).astype(np.float32) for shape in ((3, 2, 4), (3, 4, scores)))
        b = tuple(rng.standard_normal((3, 1, width)).astype(np.float32) for width in (4, scores))
        mean, basis = rng.standard_normal(8), rng.standard_normal((scores, 8))
        ensemble = Ensemble(np.array([0.2, -3.0]), np.array([0.5, 2.0]), W, b, mean, basis, "relu")
        X = rng.random((5, 2))
        np.testing.assert_allclose(ensemble.screen()(X.astype(np.float32)), ensemble.curves(X).mean(axis=0), atol=1e-4)


def test_progress_is_told_and_may_stop_the_training(fitted: SpectrumNetwork) -> None:
    told: list[Epoch] = []
    X = inputs(20)
    SpectrumNetwork(QUICK).fit(X, bands(X), told.append)
    fractions = [epoch.fraction for epoch in told]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] <= 1
    assert told[-1].train < told[0].train
    assert told[-1].held_out < told[0].held_out
    before = fitted.predict(X)
    with pytest.raises(Cancelled):
        fitted.fit(X, bands(X) + 1, lambda epoch: epoch.fraction < 0.5)
    np.testing.assert_array_equal(fitted.predict(X), before)


def test_pure_noise_stops_early() -> None:
    rng = np.random.default_rng(0)
    network = SpectrumNetwork(replace(QUICK, epochs=3000, decay=0)).fit(rng.random((24, 2)), rng.standard_normal((24, 10)))
    assert network.card["best_epoch"] < network.card["epochs"] < 3000


def test_the_published_network_trains_to_the_end() -> None:
    X = inputs(10)
    network = SpectrumNetwork(replace(AGBONN, hidden=(4,), epochs=400)).fit(X, bands(X))
    assert network.card["epochs"] == 400
    assert network.card["held_out_mse"] is None


def test_few_data_are_announced_and_equal_curves_are_learnt() -> None:
    X = inputs(5)
    network = SpectrumNetwork(QUICK).fit(X, np.tile(bands(X[:1]), (5, 1)))
    assert any("not calibrated" in warning for warning in network.warnings)
    np.testing.assert_allclose(network.predict(X), np.tile(bands(X[:1]), (5, 1)), atol=1e-3)


def test_another_seed_is_another_network() -> None:
    X = inputs(12)
    first, second = (SpectrumNetwork(QUICK, seed).fit(X, bands(X)).predict(X) for seed in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("X", "Y"),
    [
        (np.ones((3, 2)), np.ones((2, 4))),
        (np.ones((0, 2)), np.ones((0, 4))),
        (np.ones(3), np.ones((3, 4))),
        (np.ones((3, 2)), np.ones(3)),
        (np.array([[np.nan, 1]]), np.ones((1, 4))),
        (np.ones((1, 2)), np.array([[np.inf, 1]])),
    ],
)
def test_bad_data_are_refused(X: np.ndarray, Y: np.ndarray) -> None:
    network = SpectrumNetwork(QUICK)
    with pytest.raises(ValueError, match="finite inputs"):
        network.fit(X, Y)
    with pytest.raises(NotFitted):
        network.screen()


def test_the_card_is_plain_json(fitted: SpectrumNetwork, tmp_path: Path) -> None:
    fitted.save(tmp_path / "net.safetensors")
    card = json.loads((tmp_path / "net.json").read_text(), parse_constant=pytest.fail)
    assert card["kind"] == "spectrum_network"
    assert {"data", "sha256", "factor", "coverage", "cosine", "low", "high"} <= set(card["card"])
    again = SpectrumNetwork.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again.curves(inputs(3)), fitted.curves(inputs(3)))


def test_predicting_and_searching_load_no_torch() -> None:
    program = "import sys, models.nets, models.dense, optimizer.grid, optimizer.rules.spectral_grid; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_silver_spectra_are_predicted_better_than_by_components() -> None:
    from models.components import CurveProcess

    space, rng = published_space(), np.random.default_rng(0)
    X, Q = space.sample(90, rng), space.sample(300, rng)
    Y = silver_spectra(X) + 0.004 * rng.standard_normal((90, 421))
    errors = [
        ((learner.fit(space.encode(X), Y).predict(space.encode(Q)) - silver_spectra(Q)) ** 2).mean()
        for learner in (SpectrumNetwork(), CurveProcess())
    ]
    assert errors[0] < 0.5 * errors[1]


def test_the_spread_is_that_of_the_curves_and_is_known_at_the_data_held_out(fitted: SpectrumNetwork, tmp_path: Path) -> None:
    X = inputs(10, seed=5)
    np.testing.assert_allclose(fitted.spread(X), np.sqrt((fitted.posterior(X).std ** 2).mean(axis=1)), rtol=1e-6)
    fitted.save(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(SpectrumNetwork.load(tmp_path / "net.safetensors").held_out_std, fitted.held_out_std)


def test_held_out_spreads_follow_the_order_of_the_data() -> None:
    X, settings = inputs(30), NetworkSettings((16,), members=4, folds=2, epochs=50)
    order = np.random.default_rng(0).permutation(30)
    first, second = (SpectrumNetwork(settings).fit(Z, bands(Z)).held_out_std for Z in (X, X[order]))
    assert first is not None
    np.testing.assert_array_equal(first[order], second)
    assert SpectrumNetwork(settings).fit(X[:3], bands(X[:3])).held_out_std is None
