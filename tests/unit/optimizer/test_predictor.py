"""Which model speaks for a campaign, and that the network tells what its members do."""

from dataclasses import replace

import numpy as np
import pytest

from models.nets import NetworkSettings
from optimizer.forecast import forecasts
from optimizer.initial import initial_design
from optimizer.knowledge import predict
from optimizer.predictor import CurvePredictor, NetworkPredictor, fitted
from optimizer.rules import spectral_grid
from optimizer.state import CampaignState
from optimizer.switch import Phase, Switch
from tests.unit.optimizer.rules.test_composite import SPACE, matching, state_of


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectral_grid, "SETTINGS", NetworkSettings((24,) * 3, members=4, folds=2, epochs=200))


@pytest.fixture(name="state")
def _state() -> CampaignState:
    return replace(state_of(initial_design(SPACE, "lhs_random", 30, 0), matching(60)), switch=Switch())


@pytest.mark.parametrize(
    ("phase", "rule", "kind"),
    [
        (Phase.BO, "spectral_grid", CurvePredictor),
        (Phase.BOTH, "spectral_grid", NetworkPredictor),
        (Phase.NETWORK, "spectral_grid", NetworkPredictor),
        (Phase.NETWORK, "composite", CurvePredictor),
    ],
)
def test_the_network_speaks_once_it_takes_part(state: CampaignState, phase: Phase, rule: str, kind: type) -> None:
    assert isinstance(fitted(replace(state, phase=phase, switch=Switch(rule))), kind)


def test_without_a_second_step_the_components_speak(state: CampaignState) -> None:
    assert isinstance(fitted(replace(state, phase=Phase.NETWORK, switch=None)), CurvePredictor)


def test_what_the_network_tells_hangs_together(state: CampaignState) -> None:
    model = fitted(replace(state, phase=Phase.NETWORK))
    X = SPACE.sample(40, np.random.default_rng(1))
    curves, weights = model.curves(X), np.full((state.objective.width, 1), 1 / state.objective.width)
    told = model.outputs(X, weights)
    np.testing.assert_allclose(told[:, 1], curves.mean(axis=1), atol=1e-5)
    assert np.median(np.abs(told[:, 0] - state.objective.losses(curves).loss)) < 1e-4
    mean, std, gain = model.expected(X)
    assert ((mean >= 0) & (mean <= 1) & (std > 0) & (gain >= 0)).all()
    held, at = model.sigma(X) or (None, None)
    np.testing.assert_allclose(at, np.sqrt((model.band(X) ** 2).mean(axis=1)), rtol=1e-6)
    assert held is not None
    assert len(held) == len(state.data)


def test_predictions_of_the_network_are_judged_by_its_spread(state: CampaignState) -> None:
    network = fitted(replace(state, phase=Phase.NETWORK))
    assert isinstance(network, NetworkPredictor)
    assert network.network.held_out_std is not None
    network.network.held_out_std = network.network.held_out_std * 1e-6
    made = predict(state, network, state.data.X[:3])
    assert {verdict.check for verdict in made.validity} == {"sigma"}


def test_wells_are_ranked_by_the_network(state: CampaignState) -> None:
    X = SPACE.sample(5, np.random.default_rng(2))
    told = forecasts(replace(state, phase=Phase.NETWORK), X)
    assert sorted(forecast.rank for forecast in told) == [1, 2, 3, 4, 5]
    assert told != forecasts(replace(state, phase=Phase.BO), X)
