from dataclasses import replace

import numpy as np
import pytest

from models.gp import GaussianProcess
from optimizer.objective import Minimize
from optimizer.space import Categorical, Continuous, SearchSpace
from optimizer.state import CampaignState
from optimizer.surrogate import fit_loss_model
from optimizer.types import Dataset, FloatArray, GPSettings, Strategy

SPACE = SearchSpace((Continuous("T", 20, 90), Categorical("s", ("a", "b", "c"))))


def state_of(error: FloatArray | None = None, counts: int = 4, noise: str = "replicates") -> CampaignState:
    X = SPACE.sample(30, np.random.default_rng(0))
    loss = ((X[:, 0] - 50) / 70) ** 2 + 0.1 * X[:, 1]
    names = tuple(f"w{i}" for i in range(30))
    spread = np.full(30, 0.01) if error is None else error
    data = Dataset(names, X, loss[:, None], loss, spread, loss, np.full(30, counts), np.ones(30, np.int64))
    return CampaignState(SPACE, Minimize("loss"), data, np.empty((0, 2)), 1, Strategy(gp=GPSettings(noise=noise)))


def test_predictions_are_in_units_of_the_loss() -> None:
    state = state_of(noise="inferred")
    model = fit_loss_model(state, state.data)
    assert np.abs(model.predict(state.data.X) - state.data.loss).max() < 0.02
    mean, std = model.posterior(state.data.X)
    assert mean.shape == std.shape == (30,)
    np.testing.assert_array_equal(mean, model.predict(state.data.X))


def test_noise_from_replicates_is_the_variance_of_each_aggregated_loss() -> None:
    error = np.linspace(0.01, 0.05, 30)
    state = state_of(error)
    gp = fit_loss_model(state, state.data).gp
    np.testing.assert_allclose(gp.known.noise / gp.warp.slope(state.data.loss) ** 2, error**2, rtol=1e-9)


@pytest.mark.parametrize("error", [np.zeros(30), np.full(30, np.nan)])
def test_without_replicates_the_noise_is_inferred_and_that_is_said(error: FloatArray) -> None:
    state = state_of(error, counts=1)
    model = fit_loss_model(state, state.data)
    assert "inferred" in model.warnings[0]
    assert model.gp.hyper.noise > 0


@pytest.mark.parametrize(("mean", "std"), [(0.2, 0.5), (1.5, 0.3), (-1.0, 0.2)])
def test_improvement_is_the_mean_gain_in_units_of_the_loss(mean: float, std: float) -> None:
    state = state_of()
    model = fit_loss_model(state, state.data)
    draws = model.gp.warp.inverse(mean + std * np.random.default_rng(0).standard_normal(400_000))
    gain = np.maximum(model.gp.warp.inverse(-0.5) - draws, 0).mean()
    assert model.improvement(mean, std, -0.5) == pytest.approx(gain, rel=0.03, abs=1e-6)


def test_without_doubt_the_improvement_is_a_difference() -> None:
    state = state_of()
    model = fit_loss_model(state, state.data)
    inverse = model.gp.warp.inverse
    assert model.improvement(-1.0, 0.0, 0.0) == pytest.approx(float(inverse(0.0) - inverse(-1.0)))
    assert model.improvement(1.0, 0.0, 0.0) == 0


def test_the_same_data_give_the_same_model() -> None:
    state = state_of()
    X = SPACE.sample(20, np.random.default_rng(5))
    models = [fit_loss_model(s, s.data) for s in (state, replace(state, seed=9))]
    assert models[0].predict(X).tobytes() == models[1].predict(X).tobytes()


def test_categories_are_related_until_the_data_say_otherwise():
    space = SearchSpace((Continuous("x", 0, 1), Categorical("solvent", ("water", "ethanol", "toluene"))))
    gp = GaussianProcess().fit(space.encode(np.array([[0.5, 0.0]])), np.array([1.0]))
    others = space.encode(np.array([[0.5, 1.0], [0.5, 2.0]]))
    shared = gp.covariance(space.encode(np.array([[0.5, 0.0]])), others) / gp.hyper.scale
    assert ((shared > 0.5) & (shared < 1)).all()


@pytest.mark.parametrize(("bend", "prior"), [(0.5, "wide"), (9.0, "short")])
def test_the_data_choose_the_prior_of_the_length_scales_and_the_card_says_which(bend: float, prior: str) -> None:
    space = SearchSpace(tuple(Continuous(name, 0, 1) for name in "abcd"))
    X = space.sample(40, np.random.default_rng(1))
    loss = np.sin(bend * X).sum(axis=1)
    data = Dataset(
        tuple(f"w{i}" for i in range(40)), X, loss[:, None], loss, np.full(40, 0.01), loss, np.full(40, 3), np.ones(40, np.int64)
    )
    state = CampaignState(space, Minimize("loss"), data, np.empty((0, 4)), 1, Strategy())
    assert fit_loss_model(state, data).card()["length_prior"] == prior
