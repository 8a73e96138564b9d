from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from models import gp as gp_module
from models import matern
from models.gp import GaussianProcess
from models.warp import Warp


def smooth(n: int = 40, d: int = 2, seed: int = 0, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    return X, np.sin(3 * X[:, 0]) + X.sum(axis=1) ** 2 + noise * rng.standard_normal(n)


@pytest.mark.parametrize("nu", [0.5, 1.5, 2.5])
@pytest.mark.parametrize("isotropic", [False, True])
@pytest.mark.parametrize("given_noise", [False, True])
def test_the_gradient_of_the_likelihood(nu: float, isotropic: bool, given_noise: bool) -> None:
    rng = np.random.default_rng(0)
    X, t = rng.random((20, 3)), rng.standard_normal(20)
    X[1] = X[0]
    noise = 0.01 + 0.1 * rng.random(20) if given_noise else None
    theta = np.log([*([0.4] if isotropic else [0.3, 0.5, 0.9]), 0.7, *([] if given_noise else [0.02])])
    _, gradient = matern._objective(theta, X, t, nu, noise)
    for k, step in enumerate(1e-6 * np.eye(len(theta))):
        up, down = (matern._objective(theta + sign * step, X, t, nu, noise)[0] for sign in (1, -1))
        assert gradient[k] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-5)


def test_the_likelihood_is_that_of_gpytorch() -> None:
    X, y = smooth(noise=0.1)
    gp = GaussianProcess().fit(X, y)
    t, best = gp.warp.forward(y), np.log([*gp.hyper.lengths, gp.hyper.scale, gp.hyper.noise])
    model = gp.to_botorch()
    ours, theirs = [], []
    for theta in (best, best + np.array([0.1, -0.2, 0.3, 0.2]), best - 0.5):
        ours.append(-matern._objective(theta, X, t, 2.5, None)[0])
        theirs.append(gpytorch_likelihood(model, X, t, np.exp(theta)))
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), atol=1e-5)


def gpytorch_likelihood(model: Any, X: np.ndarray, t: np.ndarray, theta: np.ndarray) -> float:
    """The penalized log marginal likelihood, with the mean at its optimum."""
    import torch
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.priors import GammaPrior, LogNormalPrior

    kernel = model.covar_module
    kernel.base_kernel.register_prior("lengths", GammaPrior(*astuple(matern.LENGTH_PRIOR)), "lengthscale")
    kernel.register_prior("scale", GammaPrior(*astuple(matern.SCALE_PRIOR)), "outputscale")
    model.likelihood = GaussianLikelihood(noise_prior=LogNormalPrior(*astuple(matern.NOISE_PRIOR)))
    model.double().train()
    kernel.base_kernel.lengthscale, kernel.outputscale, model.likelihood.noise = torch.tensor(theta[:2]), theta[2], theta[3]
    K = model(torch.tensor(X)).covariance_matrix.detach().numpy() + theta[3] * np.eye(len(t))
    weights = np.linalg.solve(K, np.ones(len(t)))
    model.mean_module.constant = float(weights @ t / weights.sum())
    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    return len(t) * likelihood(model(torch.tensor(X)), torch.tensor(t)).item()


@pytest.mark.parametrize("nu", [0.5, 1.5, 2.5])
def test_the_twin_in_botorch_predicts_the_same(nu: float) -> None:
    X, y = smooth(noise=0.1)
    gp = GaussianProcess(nu).fit(X, y)
    fresh = np.random.default_rng(5).random((30, 2))
    model = gp.to_botorch()
    posterior = model.posterior(model.train_inputs[0].new_tensor(fresh))
    mean, std = gp.latent(fresh)
    np.testing.assert_allclose(mean, posterior.mean.detach().numpy()[:, 0], atol=1e-6)
    np.testing.assert_allclose(std, posterior.variance.sqrt().detach().numpy()[:, 0], atol=1e-5)


def test_without_noise_it_interpolates_and_predicts() -> None:
    X, y = smooth(60)
    gp = GaussianProcess().fit(X, y)
    fresh, truth = smooth(50, seed=9)
    assert np.abs(gp.predict(X)[:, 0] - y).max() < 0.03
    assert np.sqrt(np.mean((gp.predict(fresh)[:, 0] - truth) ** 2)) < 0.03 * truth.std()
    assert gp.warnings == ()


def test_noise_is_inferred() -> None:
    X, y = smooth(200, noise=0.3)
    gp = GaussianProcess().fit(X, y)
    slope = gp.warp.slope(y).mean()
    assert np.sqrt(gp.hyper.noise) / slope == pytest.approx(0.3, rel=0.2)


def test_the_posterior_covers_the_truth() -> None:
    X, y = smooth(60, noise=0.2)
    fresh, truth = smooth(300, seed=4)
    belief = GaussianProcess().fit(X, y).posterior(fresh)
    z = (truth - belief.mean[:, 0]) / belief.std[:, 0]
    assert (np.abs(z) < 2).mean() > 0.85
    assert np.abs(z).mean() > 0.2


def test_given_noise_weighs_the_data() -> None:
    X = np.repeat([[0.2], [0.8]], 6, axis=0)
    y = np.array([0.0, 1.0] * 3 + [4.0, 5.0] * 3)
    noise = np.array([1e-4, 1.0] * 6)
    mean = GaussianProcess().fit(X, y, noise).predict(np.array([[0.2], [0.8]]))[:, 0]
    assert np.abs(mean - [0.0, 4.0]).max() < 0.1


def test_length_scales_tell_what_matters() -> None:
    X = np.random.default_rng(0).random((60, 3))
    lengths = GaussianProcess().fit(X, np.sin(5 * X[:, 1])).hyper.lengths
    assert lengths[1] < 0.5 * min(lengths[0], lengths[2])
    assert len(set(GaussianProcess(isotropic=True).fit(X, X[:, 1]).hyper.lengths)) == 1


@pytest.mark.parametrize("nu", [1.5, 2.5])
def test_the_gradient_of_the_mean_is_that_of_the_mean(nu: float) -> None:
    X, y = smooth(30, 3)
    gp = GaussianProcess(nu).fit(X, y)
    at = np.random.default_rng(1).random((5, 3))
    for j, step in enumerate(1e-6 * np.eye(3)):
        numeric = (gp.latent(at + step)[0] - gp.latent(at - step)[0]) / 2e-6 * gp.hyper.lengths[j]
        np.testing.assert_allclose(gp.gradient(at)[:, j], numeric, rtol=1e-4, atol=1e-6)


def test_paths_have_the_moments_of_the_posterior() -> None:
    X, y = smooth(15)
    gp = GaussianProcess().fit(X, y)
    at = np.random.default_rng(2).random((40, 2))
    paths = gp.paths(at, 4000, np.random.default_rng(0))
    mean, std = gp.latent(at)
    assert np.abs(paths.mean(axis=0) - mean).max() < 0.08 * std.max()
    np.testing.assert_allclose(paths.std(axis=0), std, rtol=0.08, atol=2e-3)


def test_figures_in_the_unit_of_the_outcome_scale_with_it() -> None:
    X, y = smooth(noise=0.1)
    plain, scaled = GaussianProcess().fit(X, y).posterior(X), GaussianProcess().fit(X, 1e5 * y - 7e3).posterior(X)
    np.testing.assert_allclose(scaled.mean, 1e5 * plain.mean - 7e3, rtol=1e-3, atol=50)
    np.testing.assert_allclose(scaled.std, 1e5 * plain.std, rtol=1e-2)


@pytest.mark.parametrize("y", [np.full(8, 3.2), np.zeros(8), np.array([1.0] * 7 + [2.0])])
def test_data_without_shape_keep_the_defaults_and_say_so(y: np.ndarray) -> None:
    X = np.random.default_rng(0).random((8, 2))
    gp = GaussianProcess().fit(X, y)
    assert "default hyperparameters" in gp.warnings[0]
    belief = gp.posterior(np.random.default_rng(1).random((20, 2)))
    assert (belief.std > 0).all()
    assert np.abs(belief.mean - y.mean()).max() < 1


def test_a_single_datum() -> None:
    belief = GaussianProcess().fit(np.array([[0.5, 0.5]]), np.array([3.0])).posterior(np.array([[0.5, 0.5], [0.0, 1.0]]))
    np.testing.assert_allclose(belief.mean, 3.0)
    assert belief.std[0, 0] < belief.std[1, 0]


def test_repeated_rows_average() -> None:
    X = np.repeat(np.linspace(0, 1, 5)[:, None], 8, axis=0)
    y = np.repeat(np.arange(5.0), 8) + np.tile([-0.2, 0.2], 20)
    assert np.abs(GaussianProcess().fit(X, y).predict(X[::8])[:, 0] - np.arange(5)).max() < 0.1


def test_wild_outcomes_are_reported_and_only_the_bad_end_is_pulled_in() -> None:
    X, y = smooth()
    calm = GaussianProcess().fit(X, y).predict(X)[:, 0]
    wild = y.copy()
    worst = int(y.argmax())
    wild[worst] = 1e7
    gp = GaussianProcess().fit(X, wild)
    assert "up to 1e+07" in gp.warnings[0]
    far = np.linalg.norm(X - X[worst], axis=1) > 0.5
    assert np.abs(gp.predict(X)[far, 0] - calm[far]).max() < 0.3 * y.std()
    wild[worst] = -1e7
    assert "check that they are real" in GaussianProcess().fit(X, wild).warnings[0]
    assert GaussianProcess().fit(X, wild).warp.forward(wild).argmin() == worst


def test_a_failed_fit_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = smooth()
    monkeypatch.setattr(matern, "cho_factor", _singular)
    gp = GaussianProcess().fit(X, y)
    assert "fit of the Gaussian process failed" in gp.warnings[0]
    assert np.isfinite(gp.predict(X)).all()


def _singular(*_: object, **__: object) -> None:
    raise np.linalg.LinAlgError


def test_a_singular_covariance_is_mended_and_reported() -> None:
    factor, added = gp_module._factor(np.ones((4, 4)))
    assert 0 < added < 1e-6
    np.testing.assert_allclose(factor @ factor.T, np.ones((4, 4)), atol=1e-5)


def test_many_data_are_all_used_though_the_fit_sees_some() -> None:
    X, y = smooth(700, noise=0.05)
    gp = GaussianProcess().fit(X, y)
    fresh, truth = smooth(100, seed=3)
    assert np.sqrt(np.mean((gp.predict(fresh)[:, 0] - truth) ** 2)) < 0.05
    rows = gp_module.telling(X, y, gp_module.FIT_LIMIT)
    assert len(set(rows.tolist())) == gp_module.FIT_LIMIT
    assert set(np.argsort(y)[:100]) <= set(rows.tolist())


@pytest.mark.parametrize(
    ("X", "Y"),
    [
        (np.ones((3, 2)), np.ones((3, 2))),
        (np.full((3, 2), np.nan), np.ones(3)),
        (np.ones((2, 1)), np.array([0, np.inf])),
        (np.ones((0, 2)), np.ones(0)),
    ],
)
def test_arrays_that_make_no_sense(X: np.ndarray, Y: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"finite inputs|reshape"):
        GaussianProcess().fit(X, Y)


outcomes = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).map(np.array)


@given(outcomes)
def test_the_warp_is_monotone_and_has_an_inverse(y: np.ndarray) -> None:
    warp = Warp.fit(y)
    inside = y[y <= warp.high]
    t = warp.forward(np.sort(inside))
    assert (np.diff(t) >= 0).all()
    np.testing.assert_allclose(warp.inverse(t), np.sort(inside), rtol=1e-6, atol=1e-6 * max(1.0, np.abs(y).max()))


@given(outcomes)
def test_the_slope_is_the_derivative(y: np.ndarray) -> None:
    warp = Warp.fit(y)
    at = np.array([warp.shift - 0.7 * warp.scale, min(warp.shift + 0.3 * warp.scale, warp.high - 0.1 * warp.scale)])
    step = 1e-5 * warp.scale
    np.testing.assert_allclose(warp.slope(at) * 2 * step, warp.forward(at + step) - warp.forward(at - step), rtol=1e-3, atol=1e-12)


def test_the_warp_of_normal_outcomes_is_nearly_the_identity_and_skew_is_removed() -> None:
    z = np.random.default_rng(0).standard_normal(2000)
    assert Warp.fit(z).lam == pytest.approx(1, abs=0.1)
    skewed = np.exp(z)
    t = Warp.fit(skewed).forward(skewed)
    assert abs(np.mean(t**3)) < 0.3 * abs(np.mean(((skewed - skewed.mean()) / skewed.std()) ** 3))
    assert (t.mean(), t.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


@settings(max_examples=20, deadline=None)
@given(st.floats(-2, 2), st.floats(0.01, 1), st.floats(0, 2))
def test_moments_against_numerical_integration(mean: float, std: float, lam: float) -> None:
    warp = Warp(high=np.inf, shift=2.0, scale=3.0, lam=lam, centre=-0.1, spread=0.8)

    def moment(power: int) -> float:
        return quad(lambda u: warp.inverse(mean + std * u) ** power * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi), -12, 12, limit=300)[0]

    average, deviation = warp.moments(np.array([mean]), np.array([std]))
    assert average[0] == pytest.approx(moment(1), rel=1e-3, abs=1e-2)
    assert deviation[0] == pytest.approx(np.sqrt(max(moment(2) - moment(1) ** 2, 0)), rel=2e-2, abs=1e-3)
