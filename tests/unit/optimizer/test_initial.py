"""Initial designs: the Latin property, constraints, settings, tiny spaces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from optimizer.initial import initial_design
from optimizer.space import Categorical, Continuous, Discrete, LinearConstraint, SearchSpace
from optimizer.types import InvalidInput, NotEnoughPoints

METHODS = ("lhs_centered", "lhs_random", "lhs_maximin", "sobol")
LATIN = METHODS[:3]
PERCENT = ("QAgNO3", "Qpva", "Qtsc", "Qseed")
SUM = LinearConstraint(dict.fromkeys(PERCENT, 1.0), 90.0)


def silver(low, high, step=None):
    """The published silver space, with its constraint on the sum."""
    bounds = zip((*PERCENT, "Qtot"), low, high, strict=True)
    return SearchSpace(tuple(Continuous(name, a, b, step=step) for name, a, b in bounds), (SUM,))


def square(*constraints, step=None):
    return SearchSpace((Continuous("x", 0.0, 1.0, step=step), Continuous("y", 0.0, 1.0, step=step)), constraints)


FIRST_BOX = silver((4, 10, 4, 4, 200), (20, 40, 20, 20, 1000))
WIDE_BOX = silver((0.5, 10, 0.5, 0.5, 200), (80, 40, 80, 80, 1000))
MIXED = SearchSpace((Categorical("solvent", ("a", "b", "c")), Discrete("time", (1.0, 2.0, 5.0, 10.0, 60.0)), Continuous("T", 20.0, 80.0)))
GRID = SearchSpace((Discrete("a", (1.0, 2.0, 3.0)), Categorical("c", ("u", "v", "w", "z"))))
SLIVER = square(LinearConstraint({"x": 1.0, "y": 1.0}, 0.02))
CUT_GRID = SearchSpace(
    (Continuous("x", 0.0, 1.0, step=0.25), Discrete("y", (0.0, 1.0, 2.0))), (LinearConstraint({"x": 2.0, "y": 1.0}, 2.0, False),)
)
SPACES = (FIRST_BOX, WIDE_BOX, MIXED, SLIVER, silver((4, 10, 4, 4, 200), (20, 40, 20, 20, 1000), step=0.5))


def strata(space, X):
    """The stratum of every value, and how far it lies from the centre of it."""
    position = (X - space.low) / (space.high - space.low) * len(X)
    return np.floor(position).astype(int), position - np.floor(position) - 0.5


def assert_latin(space, X):
    cells, _ = strata(space, X)
    for column in cells.T:
        np.testing.assert_array_equal(np.sort(column), np.arange(len(X)))


def assert_valid(space, X, n):
    assert X.shape == (n, space.dimension)
    assert space.contains(X).all()
    assert len(np.unique(X, axis=0)) == n


# The Latin property


@pytest.mark.parametrize("seed", range(20))
def test_the_published_first_run_has_all_75_values_on_stratum_centres(seed):
    X = initial_design(FIRST_BOX, "lhs_centered", 15, seed)
    assert_valid(FIRST_BOX, X, 15)
    assert_latin(FIRST_BOX, X)
    assert abs(strata(FIRST_BOX, X)[1]).max() < 1e-9


def test_centres_are_snapped_to_steps_last():
    space = silver((4, 10, 4, 4, 200), (20, 40, 20, 20, 1000), step=0.5)
    X = initial_design(space, "lhs_centered", 15, 3)
    centres = space.low + (np.arange(15)[:, None] + 0.5) / 15 * (space.high - space.low)
    np.testing.assert_array_equal(np.sort(X, axis=0), space.snap(centres))


@pytest.mark.parametrize("method", LATIN)
@given(n=st.integers(1, 40), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=20)
def test_without_constraints_every_stratum_is_hit_once(method, n, seed):
    space = square()
    X = initial_design(space, method, n, seed)
    assert_valid(space, X, n)
    assert_latin(space, X)


@pytest.mark.parametrize("method", LATIN)
def test_a_constraint_that_leaves_a_latin_design_keeps_it(method):
    half = square(LinearConstraint({"x": 1.0, "y": 1.0}, 1.2), LinearConstraint({"x": -1.0, "y": -1.0}, -0.5))
    for seed in range(10):
        X = initial_design(half, method, 15, seed)
        assert_valid(half, X, 15)
        assert_latin(half, X)


def test_even_the_only_latin_design_is_found():
    diagonal = square(LinearConstraint({"x": 1.0, "y": 1.0}, 1.0))  # centred strata must add up to 1 in every well
    X = initial_design(diagonal, "lhs_centered", 9, 0)
    assert_latin(diagonal, X)
    np.testing.assert_allclose(X.sum(axis=1), 1.0)


def test_a_constraint_that_forbids_it_still_leaves_a_better_spread_than_chance():
    def spread(X):
        covered = sum(len(np.unique(column)) for column in strata(WIDE_BOX, X)[0].T)
        return covered, pdist(WIDE_BOX.to_unit(X)).min()

    design = np.mean([spread(initial_design(WIDE_BOX, "lhs_centered", 15, seed)) for seed in range(10)], axis=0)
    chance = np.mean([spread(WIDE_BOX.sample(15, np.random.default_rng(seed))) for seed in range(10)], axis=0)
    assert (design > 1.3 * chance).all()


# Levels


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [15, 17, 30])
def test_categories_and_lists_are_used_evenly(method, n):
    X = initial_design(MIXED, method, n, 1)
    assert_valid(MIXED, X, n)
    for j, levels in ((0, 3), (1, 5)):
        _, counts = np.unique(X[:, j], return_counts=True)
        assert len(counts) == levels
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_step_with_few_settings_is_used_evenly(method):
    X = initial_design(SearchSpace((Continuous("x", 0.0, 1.0, step=0.25), Continuous("y", 0.0, 1.0))), method, 20, 0)
    np.testing.assert_array_equal(np.unique(X[:, 0], return_counts=True)[1], [4] * 5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [6, 8, 9, 10])
def test_a_tiny_grid_stays_balanced_without_repeats(method, n):
    for seed in range(10):
        X = initial_design(GRID, method, n, seed)
        assert_valid(GRID, X, n)
        assert all(np.ptp(np.unique(column, return_counts=True)[1]) <= 1 for column in X.T)


def test_a_long_list_is_spread_over_few_wells():
    space = SearchSpace((Discrete("a", tuple(float(v) ** 2 for v in range(100))), Continuous("x", 0.0, 1.0)))
    X = initial_design(space, "lhs_centered", 10, 0)
    np.testing.assert_array_equal(np.sort(X[:, 0]), [float(v) ** 2 for v in range(5, 100, 10)])


# All methods, all spaces


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("n", [1, 2, 15])
def test_every_design_is_feasible_distinct_and_on_the_settings(method, space, n):
    assert_valid(space, initial_design(space, method, n, 4), n)


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_alone_decides(method):
    first, again, other = (initial_design(WIDE_BOX, method, 15, seed) for seed in ((7, 1), (7, 1), (7, 2)))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_global_random_numbers_are_left_alone():
    before = np.random.get_state()[1].copy()
    initial_design(WIDE_BOX, "sobol", 15, 0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_methods_differ():
    designs = [initial_design(FIRST_BOX, method, 15, 0) for method in METHODS]
    assert all((a != b).any() for i, a in enumerate(designs) for b in designs[:i])


def test_maximin_keeps_wells_farther_apart_than_chance():
    closest = {
        m: [pdist(FIRST_BOX.to_unit(initial_design(FIRST_BOX, m, 15, s))).min() for s in range(10)] for m in ("lhs_maximin", "lhs_random")
    }
    assert min(closest["lhs_maximin"]) > np.mean(closest["lhs_random"])


def test_sobol_points_fill_the_box():
    X = initial_design(square(), "sobol", 16, 0)
    quarters = np.unique(np.floor(X * 4), axis=0)
    assert len(quarters) == 16


# Tiny spaces and unhappy paths


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("space", [GRID, CUT_GRID])
def test_a_batch_as_large_as_the_space_takes_all_of_it(method, space):
    everything = space.points(1000)
    X = initial_design(space, method, len(everything), 5)
    np.testing.assert_array_equal(np.unique(X, axis=0), np.unique(everything, axis=0))


@pytest.mark.parametrize("method", METHODS)
def test_more_wells_than_exist_are_refused_with_both_numbers(method):
    with pytest.raises(NotEnoughPoints) as caught:
        initial_design(GRID, method, 13, 0)
    assert (caught.value.available, caught.value.wanted) == (12, 13)


def test_a_space_of_one_recipe_gives_it_and_no_second():
    corner = square(LinearConstraint({"x": 1.0, "y": 1.0}, 0.1), step=0.5)
    np.testing.assert_array_equal(initial_design(corner, "lhs_random", 1, 0), [[0.0, 0.0]])
    with pytest.raises(NotEnoughPoints):
        initial_design(corner, "lhs_random", 2, 0)


def test_a_space_whose_wells_cannot_be_found_is_refused(monkeypatch):
    monkeypatch.setattr(SearchSpace, "sample", lambda self, n, rng: np.array([[0.004, 0.005], [0.001, 0.002]]))
    with pytest.raises(NotEnoughPoints) as caught:
        initial_design(SLIVER, "lhs_centered", 15, 0)
    assert (caught.value.available, caught.value.wanted) == (2, 15)


def test_a_strict_constraint_is_strict():
    space = square(LinearConstraint({"x": 1.0}, 0.5, inclusive=False), step=0.25)
    X = initial_design(space, "lhs_centered", 10, 0)
    assert X[:, 0].max() == 0.25


def test_an_unknown_method_and_an_empty_round_are_refused():
    with pytest.raises(InvalidInput, match="random") as caught:
        initial_design(FIRST_BOX, "random", 15, 0)
    assert caught.value.where == ("strategy", "initial")
    with pytest.raises(InvalidInput, match="at least one"):
        initial_design(FIRST_BOX, "sobol", 0, 0)


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 12),
    seed=st.integers(0, 1000),
    method=st.sampled_from(METHODS),
    bound=st.floats(0.05, 3.0),
    step=st.sampled_from([None, 0.2]),
    inclusive=st.booleans(),
)
def test_any_cut_box_gives_a_valid_design_or_says_how_few_wells_it_has(n, seed, method, bound, step, inclusive):
    parameters = (Continuous("x", 0.0, 1.0, step=step), Continuous("y", 0.0, 1.0, step=step), Categorical("c", ("u", "v")))
    space = SearchSpace(parameters, (LinearConstraint({"x": 1.0, "y": 2.0}, bound, inclusive),))
    available = len(space.points(1000)) if space.finite else np.inf
    if available < n:
        with pytest.raises(NotEnoughPoints, match=f"only {available} "):
            initial_design(space, method, n, seed)
    else:
        assert_valid(space, initial_design(space, method, n, seed), n)
