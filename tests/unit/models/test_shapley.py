"""Shapley values: the axioms, an outcome by hand, and sampling against the exact values."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.shapley import shapley


def rows(n, d, seed=0):
    return np.random.default_rng(seed).random((n, d))


def bumps(X):
    """Two outputs with interactions of all orders; the last column counts for neither."""
    return np.column_stack([np.prod(1 + X[:, :-1], axis=1), np.sin(3 * X[:, 0] * X[:, -2]) + X[:, 1] ** 2])


def of(f, X, background, exact=8):
    return shapley(f, X, background, np.random.default_rng(0), exact=exact)


@pytest.mark.parametrize("d", [2, 4, 5, 8])
def test_the_values_of_a_row_add_up_to_its_output_less_the_base(d):
    X, background = rows(6, d), rows(7, d, 1)
    found = of(bumps, X, background)
    np.testing.assert_allclose(found.base, bumps(background).mean(axis=0))
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), bumps(X), rtol=1e-12)
    assert found.error is None


def test_a_parameter_that_does_not_count_gets_nothing():
    np.testing.assert_allclose(of(bumps, rows(6, 5), rows(7, 5, 1)).values[:, -1], 0, atol=1e-12)


def test_parameters_that_play_the_same_part_get_the_same():
    X, background = rows(6, 4), rows(7, 4, 1)
    X[:, 1], background[:, 1] = X[:, 0], background[:, 0]
    found = of(lambda A: (A[:, 0] * A[:, 1] * np.exp(A[:, 2]))[:, None], X, background)
    np.testing.assert_allclose(found.values[:, 0], found.values[:, 1], rtol=1e-9)


@given(st.integers(0, 100), st.floats(-3, 3), st.floats(-3, 3))
def test_values_of_a_sum_are_the_sum_of_the_values(seed, a, b):
    X, background = rows(3, 4, seed), rows(4, 4, seed + 1)
    both = of(lambda A: bumps(A) @ np.array([[a], [b]]), X, background)
    np.testing.assert_allclose(both.values, of(bumps, X, background).values @ np.array([[a], [b]]), atol=1e-9)


def test_a_linear_function_has_its_terms_for_values():
    X, background, slopes = rows(6, 3), rows(7, 3, 1), np.array([[2.0], [-1], [0.5]])
    found = of(lambda A: A @ slopes, X, background)
    np.testing.assert_allclose(found.values[:, :, 0], (X - background.mean(axis=0)) * slopes[:, 0], atol=1e-12)
    np.testing.assert_allclose(found.importance, np.abs(found.values).mean(axis=0))


def test_a_product_of_two_by_hand():
    # v() = 0, v(1) = v(2) = 0, v(1, 2) = 6: each of the two gets half.
    found = of(lambda A: A[:, :1] * A[:, 1:], np.array([[2.0, 3.0]]), np.array([[0.0, 0.0]]))
    assert found.values[0, :, 0].tolist() == [3, 3]


def test_many_parameters_are_sampled_to_within_the_error_that_is_told():
    X, background = rows(4, 6), rows(5, 6, 1)
    exact = of(bumps, X, background)
    sampled = of(bumps, X, background, exact=5)
    assert np.abs((sampled.values - exact.values) / np.maximum(sampled.error, 1e-12))[:, :-1].max() < 4
    assert sampled.error.max() < 0.2 * np.abs(exact.values).max()
    assert not sampled.values[:, -1].any()
    np.testing.assert_array_equal(of(bumps, X, background, exact=5).values, sampled.values)
    np.testing.assert_allclose(sampled.base, exact.base)


@pytest.mark.parametrize(("X", "background"), [(rows(0, 3), rows(2, 3)), (rows(2, 3), rows(0, 3)), (rows(2, 3), rows(2, 4))])
def test_what_cannot_be_compared_is_refused(X, background):
    with pytest.raises(ValueError, match="equal width"):
        of(bumps, X, background)


def test_a_group_gets_what_its_columns_get_as_one_player():
    X, background, groups = rows(5, 4), rows(6, 4, 1), np.array([1, 0, 1, 0])
    found = shapley(bumps, X, background, np.random.default_rng(0), groups)
    one, other = np.where(groups == 0, X[:, None], background), np.where(groups == 1, X[:, None], background)
    means = [bumps(part.reshape(-1, 4)).reshape(5, 6, 2).mean(axis=1) for part in (one, other)]
    base = bumps(background).mean(axis=0)
    np.testing.assert_allclose(found.values[:, 0], (means[0] - base + bumps(X) - means[1]) / 2, atol=1e-12)
    np.testing.assert_allclose(found.values.sum(axis=1), bumps(X) - base, atol=1e-12)


def test_many_groups_are_sampled_and_add_up_on_average():
    X, background, groups = rows(3, 8), rows(1, 8, 1), np.array([0, 0, 1, 1, 2, 2, 3, 3])
    exact = shapley(bumps, X, background, np.random.default_rng(0), groups)
    sampled = shapley(bumps, X, background, np.random.default_rng(0), groups, exact=3)
    assert sampled.error is not None
    np.testing.assert_allclose(sampled.values.sum(axis=1), exact.values.sum(axis=1), atol=1e-12)
    assert np.abs(sampled.values - exact.values).max() < 0.2 * np.abs(exact.values).max()


@pytest.mark.parametrize("groups", [[0, 1], [0, 2, 2], [-1, 0, 1]])
def test_groups_that_do_not_cover_the_columns_are_refused(groups):
    with pytest.raises(ValueError, match="without a gap, one for each of the 3 columns"):
        shapley(bumps, rows(2, 3), rows(2, 3), np.random.default_rng(0), np.array(groups))


def test_the_values_are_the_mean_gains_over_all_orders_of_the_parameters():
    X, background = rows(2, 4), rows(3, 4, 1)
    gains = np.zeros((2, 4, 2))
    for order in permutations(range(4)):
        mixed = np.repeat(background[None], 2, axis=0)
        for j in order:
            before = np.array([bumps(part).mean(axis=0) for part in mixed])
            mixed[:, :, j] = X[:, None, j]
            gains[:, j] += np.array([bumps(part).mean(axis=0) for part in mixed]) - before
    np.testing.assert_allclose(of(bumps, X, background).values, gains / 24, atol=1e-12)
