"""The mixture density network: a surrogate, with densities of several peaks and calibrated intervals."""

import numpy as np
import pytest

from models.polymer.mixture_density import Mixture, MixtureDensity, MixtureSettings
from tests.contracts.surrogate import SurrogateContract

SMALL = MixtureSettings(kernels=3, hidden=(16,), epochs=30, batch=32, rate=1e-2)


def two_branches(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n, 1), and outputs (n, 2) of which the first lies on either of two branches."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, 1))
    side = rng.choice([-1.0, 1.0], (n, 1))
    return X, np.hstack([side * (1 + X), 100 * X]) + [0.05, 1] * rng.standard_normal((n, 2))


class TestMixtureDensity(SurrogateContract):
    def make(self) -> MixtureDensity:
        return MixtureDensity(SMALL)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        return two_branches(60, 0)


@pytest.fixture(scope="module")
def fitted() -> MixtureDensity:
    return MixtureDensity(MixtureSettings(kernels=4, hidden=(32,), epochs=60, batch=64, rate=1e-2), seed=1).fit(*two_branches(600, 0))


def test_both_branches_are_told_and_their_mean_is_not(fitted):
    told = fitted.mixture(np.array([[0.5]]))
    below, above = (told.cdf(np.array([[y, 0.0]]))[0, 0] for y in (-1.2, 1.2))
    assert above - below < 0.1
    assert 0.2 < below < 0.8
    posterior = fitted.posterior(np.array([[0.5]]))
    assert posterior.std[0, 0] == pytest.approx(1.5, abs=0.3)
    assert posterior.std[0, 1] < 29 / 4  # of all outputs it is 29


def test_quantiles_invert_probabilities():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(3), 20)
    told = Mixture(weights, rng.normal(size=(20, 3, 2)), rng.uniform(0.1, 2, (20, 3, 2)))
    for level in (0.001, 0.3, 0.95):
        np.testing.assert_allclose(told.cdf(told.quantile(np.full(2, level))), level, atol=1e-6)


def test_a_normal_density_has_its_quantiles():
    told = Mixture(np.ones((1, 1)), np.array([[[5.0]]]), np.array([[[2.0]]]))
    assert told.quantile(np.array([0.95]))[0, 0] == pytest.approx(5 + 1.644854 * 2, abs=1e-5)


def test_levels_make_intervals_of_a_network_that_is_too_sure_hold_what_they_say(fitted):
    X, Y = two_branches(2000, 2)
    wide = Y + [0.0, 3.0] * np.random.default_rng(3).standard_normal(Y.shape)
    levels = fitted.levels(X[:1000], wide[:1000])
    low, high = (fitted.mixture(X[1000:]).quantile(0.5 + side * levels) for side in (-1, 1))
    assert levels[1] > 0.45
    assert ((low <= wide[1000:]) & (wide[1000:] <= high)).mean(axis=0) == pytest.approx([0.9, 0.9], abs=0.03)


@pytest.mark.parametrize(("field", "value"), [("kernels", 0), ("hidden", (8, 0)), ("epochs", 0), ("rate", 0.0), ("rate", float("nan"))])
def test_settings_that_make_no_sense_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        MixtureSettings(**{field: value})


def test_a_training_that_diverges_says_so():
    with pytest.raises(FloatingPointError, match="rate"):
        MixtureDensity(MixtureSettings(kernels=2, hidden=(8,), epochs=50, rate=1e18)).fit(*two_branches(60, 0))
