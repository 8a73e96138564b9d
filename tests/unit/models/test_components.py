import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.components import EXPLAINED, MOST, Components, CurveProcess
from models.surrogate import NotFitted
from tests.contracts.surrogate import Arrays, SurrogateContract

AXIS = np.linspace(0, 1, 60)


def bands(X: np.ndarray) -> np.ndarray:
    """Curves whose band moves with the first input and grows with the second."""
    return (0.5 + X[:, 1:2]) * np.exp(-(((AXIS - 0.3 - 0.3 * X[:, :1]) / 0.15) ** 2))


def inputs(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 2))


class TestCurveProcess(SurrogateContract):
    permuted_rtol = 5e-3
    test_a_saved_model_predicts_the_same_bits = None  # rules fit it anew, so it has no file

    def make(self) -> CurveProcess:
        return CurveProcess()

    def data(self) -> Arrays:
        X = inputs(20)
        return X, bands(X)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 20), rank=st.integers(1, 9), seed=st.integers(0, 99))
def test_components_are_orthonormal_and_few(n: int, rank: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    Y = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, 30))
    found = Components.of(Y)
    K = len(found.P)
    assert 1 <= K <= min(MOST, n)
    np.testing.assert_allclose(found.P @ found.P.T, np.eye(K), atol=1e-9)
    assert min(MOST, n) == K or found.explained >= EXPLAINED
    left = ((Y - found.curves(found.scores(Y))) ** 2).sum()
    assert left == pytest.approx((1 - found.explained) * ((Y - Y.mean(axis=0)) ** 2).sum(), abs=1e-6)


def test_no_more_components_than_needed() -> None:
    Y = bands(np.column_stack([np.zeros(9), np.linspace(0, 1, 9)]))
    assert len(Components.of(Y).P) == 1


def test_equal_curves_have_one_component_that_nothing_scores_on() -> None:
    Y = np.tile(bands(inputs(1)), (5, 1))
    found = Components.of(Y)
    assert (len(found.P), found.explained) == (1, 1.0)
    np.testing.assert_allclose(found.scores(Y), 0, atol=1e-12)


def test_the_longer_tail_points_down_whatever_the_order_of_rows() -> None:
    Y = bands(inputs(15))
    one, other = Components.of(Y), Components.of(Y[::-1])
    np.testing.assert_allclose(one.P, other.P, atol=1e-8)
    for column in one.scores(Y).T:
        middle = np.median(column)
        assert column.max() - middle <= middle - column.min()


def test_new_curves_are_predicted() -> None:
    X, new = inputs(40), inputs(30, 1)
    belief = CurveProcess().fit(X, bands(X)).posterior(new)
    error = np.abs(belief.mean - bands(new))
    assert np.median(error) < 0.01
    assert np.sqrt((error**2).mean()) < 0.1 * bands(new).std()


def test_shared_and_joint_samples_have_the_same_marginals() -> None:
    X, new, rng = inputs(12), inputs(3, 1), np.random.default_rng(0)
    process = CurveProcess().fit(X, bands(X))
    K = len(process.processes)
    shared, joint = process.marginal(new, rng.standard_normal((6000, K))), process.joint(new, 6000, rng)
    assert shared.shape == joint.shape == (3, 6000, K)
    spread = shared.std(axis=1)
    assert (np.abs(shared.mean(axis=1) - joint.mean(axis=1)) < 0.1 * spread + 1e-3).all()
    np.testing.assert_allclose(joint.std(axis=1), spread, rtol=0.1, atol=2e-3)


def test_joint_samples_of_neighbours_agree() -> None:
    X = inputs(8)
    process = CurveProcess().fit(X, bands(X))
    near, far = np.array([[0.5, 0.5], [0.501, 0.5]]), np.array([[0.02, 0.98], [0.98, 0.02]])
    draws = [process.joint(at, 500, np.random.default_rng(0))[..., 0] for at in (near, far)]
    assert np.corrcoef(draws[0])[0, 1] > 0.98
    assert abs(np.corrcoef(draws[1])[0, 1]) < 0.9


def test_remarks_name_the_component() -> None:
    X = inputs(2)
    assert any(warning.startswith("component 1:") for warning in CurveProcess().fit(X, bands(X)).warnings)


def test_what_cannot_be_learnt_is_refused() -> None:
    X = inputs(3)
    with pytest.raises(ValueError, match="curves"):
        CurveProcess().fit(X, bands(X)[:2])
    with pytest.raises(ValueError, match="finite"):
        CurveProcess().fit(X, np.full((3, 4), np.nan))
    with pytest.raises(NotFitted):
        _ = CurveProcess().components
