import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.acquisition import lipschitz, log_ei, log_h, log_penalty, lowest, radius


def exact_log_h(u: float) -> float:
    """Log of the integral of s phi(s - u) over s > 0: no term cancels another."""
    with mp.workdps(30):
        scale = 1 / (1 + abs(mp.mpf(min(u, 0.0))))
        integral = mp.quad(lambda r: r * mp.exp(-((r * scale) ** 2) / 2 + r * scale * u), [0, 1, 4, 16, 64, 200]) * scale**2
        return float(mp.log(integral) - mp.mpf(u) ** 2 / 2 - mp.log(2 * mp.pi) / 2)


@pytest.mark.parametrize("u", [8.0, 1.0, 0.0, -0.5, -0.999999, -1.0, -1.000001, -3.0, -10.0, -37.0, -99.9, -100.0, -100.1])
def test_log_h_against_many_digits(u: float) -> None:
    assert log_h(np.array([u]))[0] == pytest.approx(exact_log_h(u), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("u", [-1e3, -1e6, -1e100])
def test_log_h_in_the_far_tail(u: float) -> None:
    leading = -0.5 * u**2 - 0.5 * np.log(2 * np.pi) - 2 * np.log(abs(u))
    assert log_h(np.array([u]))[0] == pytest.approx(leading, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(-200, 30), st.floats(1e-3, 5))
def test_log_h_rises(u: float, step: float) -> None:
    low, high = log_h(np.array([u, u + step]))
    assert low < high


def test_log_ei_is_the_logarithm_of_the_mean_improvement() -> None:
    draws = 0.3 + 0.5 * np.random.default_rng(0).standard_normal(400_000)
    value = log_ei(np.array([0.3]), np.array([0.5]), 0.1)[0]
    assert np.exp(value) == pytest.approx(np.maximum(0.1 - draws, 0).mean(), rel=0.01)


def test_log_ei_prefers_a_low_mean_and_a_large_spread() -> None:
    assert (np.diff(log_ei(np.linspace(-2, 40, 200), np.ones(200), 0.0)) < 0).all()
    assert (np.diff(log_ei(np.ones(200), np.geomspace(0.01, 10, 200), 0.0)) > 0).all()


@given(st.floats(-5, 5), st.floats(0.01, 5), st.floats(-5, 5), st.floats(0.1, 10), st.floats(-9, 9))
def test_log_ei_follows_a_change_of_unit(mean: float, std: float, best: float, scale: float, shift: float) -> None:
    plain = log_ei(np.array([mean]), np.array([std]), best)[0]
    scaled = log_ei(np.array([scale * mean + shift]), np.array([scale * std]), scale * best + shift)[0]
    assert scaled == pytest.approx(plain + np.log(scale), rel=1e-6, abs=1e-6)


def test_log_ei_without_doubt_is_the_improvement_itself_and_finite() -> None:
    values = log_ei(np.array([1.0, 3.0]), np.zeros(2), 2.0)
    assert values[0] == pytest.approx(0, abs=1e-9)
    assert np.isfinite(values[1])
    assert values[1] < -1e20


def test_a_penalty_is_a_half_on_the_rim_and_none_far_away() -> None:
    Z, taken = np.array([[0.0, 0.0], [2.0, 0.0], [50.0, 0.0]]), np.zeros((1, 2))
    inside, rim, far = np.exp(log_penalty(Z, taken, np.array([2.0]), np.array([0.4])))
    assert rim == pytest.approx(0.5)
    assert inside < 1e-6
    assert far == pytest.approx(1)


def test_penalties_add_up_and_forget_the_order() -> None:
    rng = np.random.default_rng(0)
    Z, taken, radii, blur = rng.random((20, 3)), rng.random((4, 3)), rng.random(4), 0.1 + rng.random(4)
    together = log_penalty(Z, taken, radii, blur)
    np.testing.assert_allclose(together, sum(log_penalty(Z, taken[j : j + 1], radii[j : j + 1], blur[j : j + 1]) for j in range(4)))
    np.testing.assert_allclose(together, log_penalty(Z, taken[::-1], radii[::-1], blur[::-1]))
    assert (together <= 0).all()
    assert (log_penalty(Z, taken[:0], radii[:0], blur[:0]) == 0).all()


def test_a_penalty_stays_finite_without_blur_and_deep_inside() -> None:
    values = log_penalty(np.zeros((1, 2)), np.zeros((1, 2)), np.array([1e3]), np.array([1e-6]))
    assert np.isfinite(values).all()
    assert not np.isnan(log_penalty(np.ones((1, 2)), np.zeros((1, 2)), np.array([0.5]), np.zeros(1))).any()


def test_the_radius_is_the_way_down_to_the_minimum_and_never_below_the_floor() -> None:
    np.testing.assert_allclose(radius(np.array([3.0, 1.0, -5.0]), 1.0, 4.0, 0.01), [0.5, 0.01, 0.01])


def test_no_function_of_that_slope_has_its_minimum_inside_the_ball() -> None:
    slope, at = 3.0, np.array([0.7])
    r = radius(np.abs(at) * slope, 0.0, slope, 0.0)[0]
    assert r == pytest.approx(abs(at[0]))


def test_slope_and_minimum() -> None:
    assert lipschitz(np.array([[3.0, 4.0], [1.0, 0.0]])) == 5
    assert lowest(np.array([[1.0, -1.0, 2.0], [0.0, 5.0, -3.0]])) == -2
