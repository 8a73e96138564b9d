import numpy as np
import pytest

from models import matern
from models.gp import GaussianProcess
from optimizer.rules.fantasies import Fantasies

RNG = np.random.default_rng(2)
X, POOL, NEW = RNG.random((20, 3)), RNG.random((40, 3)), RNG.random((4, 3))
GP = GaussianProcess().fit(X, np.sin(4 * X[:, 0]) + X[:, 1])


def exact(inputs: np.ndarray, t: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior of t by solving the whole system anew, with the mean and hyperparameters of the fit."""
    hyper, mean = GP.hyper, GP.known.mean

    def kernel(A: np.ndarray, B: np.ndarray) -> np.ndarray:
        return hyper.scale * matern.correlation(A, B, hyper.lengths, GP.nu)[0]

    K = kernel(inputs, inputs) + hyper.noise * np.eye(len(inputs))
    cross = kernel(at, inputs)
    return mean + cross @ np.linalg.solve(K, t - mean), hyper.scale - np.einsum("ij,ji->i", cross, np.linalg.solve(K, cross.T))


def test_without_picks_it_believes_what_the_process_believes() -> None:
    story = Fantasies(GP, POOL, 3)
    mean, std = GP.latent(POOL)
    np.testing.assert_allclose(story.mean, np.tile(mean, (3, 1)), atol=1e-9)
    np.testing.assert_allclose(story.std, std, atol=1e-7)


def test_picks_one_by_one_give_the_posterior_of_all_data_at_once() -> None:
    story, outcomes = Fantasies(GP, POOL, 1), (0.3, -1.0, 0.8, 0.0)
    for x, outcome in zip(NEW, outcomes, strict=True):
        after = story.imagine(x[None, :], story.deviates(x[None, :], outcome))
        assert after == pytest.approx(story.believe(x[None, :])[0][:, 0])
    mean, var = exact(np.vstack([X, NEW]), np.r_[GP.known.t, outcomes], POOL)
    np.testing.assert_allclose(story.mean[0], mean, atol=1e-8)
    np.testing.assert_allclose(story.std**2, var, atol=1e-8)
    np.testing.assert_allclose(story.believe(POOL)[0], story.mean, atol=1e-8)
    np.testing.assert_allclose(story.believe(POOL)[1], story.std, atol=1e-6)


def test_histories_are_independent_of_each_other() -> None:
    z = np.array([-1.0, 0.0, 2.0])
    together = Fantasies(GP, POOL, 3)
    together.imagine(NEW[:1], z)
    for k in range(3):
        alone = Fantasies(GP, POOL, 1)
        alone.imagine(NEW[:1], z[k : k + 1])
        np.testing.assert_allclose(together.mean[k], alone.mean[0], atol=1e-12)


def test_the_average_over_many_histories_is_the_belief_before() -> None:
    """Martingale: what one expects to believe is what one believes."""
    z = np.random.default_rng(0).standard_normal(4000)
    z -= z.mean()
    story = Fantasies(GP, POOL, len(z))
    before = story.mean[0].copy()
    story.imagine(NEW[:1], z)
    np.testing.assert_allclose(story.mean.mean(axis=0), before, atol=1e-8)
    assert (story.std <= GP.latent(POOL)[1] + 1e-9).all()


def test_imagining_the_expected_outcome_changes_no_mean() -> None:
    story = Fantasies(GP, POOL, 1)
    before = story.mean.copy()
    story.imagine(POOL[:1], np.zeros(1))
    np.testing.assert_allclose(story.mean, before, atol=1e-12)
    assert story.std[0] < GP.latent(POOL[:1])[1][0]


def test_the_fitted_process_is_left_as_it_was() -> None:
    factor = GP.known.L.copy()
    story = Fantasies(GP, POOL, 2)
    story.imagine(NEW[:1], np.ones(2))
    np.testing.assert_array_equal(GP.known.L, factor)
