import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from models import matern
from models.gp import GaussianProcess
from models.priors import Gamma, LogNormal, Prior

PRIORS = [(Gamma(3.0, 6.0), stats.gamma(3.0, scale=1 / 6)), (LogNormal(-0.4, 1.3), stats.lognorm(1.3, scale=np.exp(-0.4)))]


@pytest.mark.parametrize(("prior", "known"), PRIORS)
def test_the_density_is_that_of_scipy(prior: Prior, known: Any) -> None:
    values = np.geomspace(0.01, 20, 9)
    np.testing.assert_allclose(prior.log(np.log(values))[0] + prior.constant, known.logpdf(values), atol=1e-12)


@pytest.mark.parametrize("prior", [prior for prior, _ in PRIORS])
def test_the_slope_is_that_in_the_logarithms(prior: Prior) -> None:
    logs = np.linspace(-3, 3, 7)
    up, down = (prior.log(logs + step)[0] for step in (1e-6, -1e-6))
    np.testing.assert_allclose(prior.log(logs)[1], (up - down) / 2e-6, atol=1e-8)


def test_the_wide_prior_is_that_of_botorch() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from inside the library, as it loads
        from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior

    theirs = get_covar_module_with_dim_scaled_prior(ard_num_dims=7).lengthscale_prior
    ours = matern.wide_prior(7)
    assert (ours.location, ours.width) == pytest.approx((float(theirs.loc), float(theirs.scale)), rel=1e-6)


def landscape(bend: float, n: int = 40, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """One input matters: a nearly straight slope, or waves."""
    X = np.random.default_rng(3).random((n, d))
    return X, np.sin(bend * X[:, 0]) + 0.01 * np.random.default_rng(4).standard_normal(n)


def test_data_choose_the_wide_prior_where_length_scales_exceed_the_range() -> None:
    assert GaussianProcess(either=True).fit(*landscape(0.5)).hyper.wide


def test_data_choose_the_short_prior_where_everything_varies() -> None:
    X = np.random.default_rng(5).random((40, 4))
    gp = GaussianProcess(either=True).fit(X, np.sin(9 * X).sum(axis=1))
    assert not gp.hyper.wide
    np.testing.assert_array_equal(gp.hyper.lengths, GaussianProcess().fit(X, np.sin(9 * X).sum(axis=1)).hyper.lengths)


def test_the_wide_prior_has_to_be_asked_for() -> None:
    assert not GaussianProcess().fit(*landscape(0.5)).hyper.wide


def test_the_wide_prior_foretells_better_where_it_is_chosen() -> None:
    X, y = landscape(0.5)
    far = np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    short, either = (np.abs(GaussianProcess(either=e).fit(X, y).predict(far)[:, 0] - np.sin(0.5 * far[:, 0])) for e in (False, True))
    assert either.max() < short.max()


@pytest.mark.parametrize("isotropic", [False, True])
@pytest.mark.parametrize("given_noise", [False, True])
def test_the_choice_does_not_depend_on_order_or_unit(isotropic: bool, given_noise: bool) -> None:
    X, y = landscape(0.5)
    noise = np.full(len(y), 1e-4) if given_noise else None
    gp = GaussianProcess(isotropic=isotropic, either=True).fit(X, y, noise)
    other = GaussianProcess(isotropic=isotropic, either=True).fit(X[::-1], 100 * y[::-1], None if noise is None else 1e4 * noise)
    assert gp.hyper.wide == other.hyper.wide
    np.testing.assert_allclose(gp.hyper.lengths, other.hyper.lengths, rtol=0.02)


def log_integral(data: tuple[Any, ...], best: Any) -> float:
    """Log of the integral of the likelihood times the priors over the logarithms of both hyperparameters, up to a constant."""
    grid = np.stack(np.meshgrid(np.linspace(-4, 6, 30), np.linspace(-4, 7, 30)), -1).reshape(-1, 2)
    values = [best.fun - matern._objective(theta, *data)[0] + theta.sum() for theta in grid]
    return float(np.log(np.exp(values).sum()) - best.fun + data[-1].constant)


@pytest.mark.parametrize("bend", [1.0, 6.0])
def test_evidences_differ_as_the_integrals_over_the_hyperparameters(bend: float) -> None:
    X = np.random.default_rng(0).random((25, 1))
    t = np.sin(bend * X[:, 0]) + 0.3 * np.random.default_rng(1).standard_normal(25)
    ours, exact = [], []
    for prior in (matern.LENGTH_PRIOR, matern.wide_prior(1)):
        data = (X, t, 2.5, np.full(25, 0.09), None, prior)
        best = minimize(matern._objective, np.log([0.5, 1.0]), data, jac=True, method="L-BFGS-B")
        ours.append(matern._evidence(best, *data))
        exact.append(log_integral(data, best))
    assert ours[1] - ours[0] == pytest.approx(exact[1] - exact[0], abs=0.3)


def test_a_saved_process_remembers_its_prior(tmp_path: Any) -> None:
    X, y = landscape(0.5)
    gp = GaussianProcess(either=True).fit(X, y)
    gp.save(tmp_path / "gp.safetensors")
    again = GaussianProcess.load(tmp_path / "gp.safetensors")
    assert again.hyper.wide
    assert again.either
    np.testing.assert_array_equal(gp.predict(X), again.predict(X))
