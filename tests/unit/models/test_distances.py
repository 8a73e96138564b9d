import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from models.distances import NAMES, distance, measured_by

AXIS = np.array([0.0, 0.5, 1.5, 4.0])
WEIGHTS = np.array([1.0, 0, 2, 5])


def curves(n=5, seed=0):
    return np.random.default_rng(seed).random((n, 4))


@pytest.mark.parametrize("name", NAMES)
def test_a_distance_is_zero_at_the_target_alone_and_residuals_agree(name):
    metric, t = distance(name, WEIGHTS, AXIS), curves(1)[0]
    assert metric.measure(t[None], t)[0] == pytest.approx(0, abs=1e-15)
    assert metric.residuals(t[None], t) == pytest.approx(0, abs=1e-12)
    assert (metric.measure(curves(5, 1), t) > 1e-4).all()
    assert metric.residuals(curves(5, 1), t).shape[0] == 5


@pytest.mark.parametrize("name", ["mse", "weighted", "cosine"])
def test_squared_residuals_are_the_distance(name):
    metric, t = distance(name, WEIGHTS), curves(1)[0]
    np.testing.assert_allclose((metric.residuals(curves(), t) ** 2).sum(axis=1), metric.measure(curves(), t), atol=1e-15)


def test_distances_by_their_definitions():
    Y, t = curves(), curves(1, 3)[0]
    np.testing.assert_allclose(distance("mse").measure(Y, t), ((Y - t) ** 2).mean(axis=1))
    np.testing.assert_allclose(distance("weighted", WEIGHTS).measure(Y, t), ((Y - t) ** 2) @ WEIGHTS / WEIGHTS.sum())
    cosine = (Y @ t) / np.linalg.norm(Y, axis=1) / np.linalg.norm(t)
    np.testing.assert_allclose(distance("cosine").measure(Y, t), 1 - cosine)
    expected = [wasserstein_distance(AXIS, AXIS, row, t) for row in Y]
    np.testing.assert_allclose(distance("wasserstein", axis=AXIS).measure(Y, t), expected)


def test_wasserstein_tells_how_far_peaks_are_apart_where_they_do_not_overlap():
    Y = np.eye(5)
    assert distance("wasserstein").measure(Y, Y[0]).tolist() == [0, 1, 2, 3, 4]


def test_cosine_and_wasserstein_look_at_the_shape_alone():
    t = curves(1)[0]
    for name in ("cosine", "wasserstein"):
        assert distance(name).measure(7 * t[None], t)[0] == pytest.approx(0, abs=1e-15)


def test_a_distance_of_ones_own_has_one_residual():
    metric = measured_by(lambda Y, t: np.abs(Y - t).max(axis=1))
    assert metric.residuals(np.array([[1.0, 5.0]]), np.array([1.0, 1.0])).tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("name", "weights", "match"),
    [
        ("euclid", None, "name one of: mse"),
        ("weighted", None, "weights"),
        ("weighted", -WEIGHTS, "weights"),
        ("weighted", 0 * WEIGHTS, "all 0"),
    ],
)
def test_unknown_distances_and_bad_weights_are_refused(name, weights, match):
    with pytest.raises(ValueError, match=match):
        distance(name, weights)
