"""Shared values and budgets of a batch: plates, reserves, first rounds, refusals, and that the model learns from plate to plate."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import harness
from optimizer.budgets import Reserve, kept, uses
from optimizer.initial import initial_design
from optimizer.loop import next_step
from optimizer.objective import Minimize
from optimizer.per_batch import PerBatch
from optimizer.plates import Plate, figures, middle, misfit, settle
from optimizer.problems import get_problem
from optimizer.replicates import reduce
from optimizer.rules import get_rule
from optimizer.space import Categorical, Continuous, Discrete, LinearConstraint, SearchSpace
from optimizer.state import CampaignState
from optimizer.types import InvalidInput, NotEnoughPoints, Strategy
from tests.contracts.rules import PER_BATCH, SILVER, RuleContract, box, rows_of

METHODS = ("lhs_centered", "lhs_random", "lhs_maximin", "sobol")


def budget(bound, inclusive=True, **coefficients):
    return LinearConstraint(coefficients, bound, inclusive)


def limited(space, *budgets, shared=()):
    return replace(space, per_batch=PerBatch(shared, budgets))


def fresh(space, **changes):
    """A campaign before its first round."""
    data = replace(reduce([], [], Minimize("loss")), X=np.empty((0, space.dimension)))
    return CampaignState(space, Minimize("loss"), data, data.X, 0, **changes)


def assert_batch(space, X, n):
    assert X.shape == (n, space.dimension)
    assert len(np.unique(X, axis=0)) == n
    assert space.contains(X).all()
    assert misfit(space, X[1:], X[0]) == ""


# First rounds


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("where", PER_BATCH)
def test_first_rounds_share_values_and_keep_to_budgets(where, method):
    assert_batch(PER_BATCH[where], initial_design(PER_BATCH[where], method, 6, 1), 6)


def test_a_first_plate_is_a_latin_hypercube_of_the_other_columns_at_the_middle():
    X = initial_design(limited(box(3), shared=("x1",)), "lhs_centered", 8, 0)
    assert (X[:, 1] == 0.5).all()
    for j in (0, 2):
        np.testing.assert_allclose(np.sort(X[:, j]), (np.arange(8) + 0.5) / 8)


@pytest.mark.parametrize("method", METHODS)
def test_a_budget_that_does_not_bind_changes_nothing(method):
    loose = limited(SILVER, budget(1e4, Qseed=1))
    assert initial_design(loose, method, 15, 3).tobytes() == initial_design(SILVER, method, 15, 3).tobytes()


def test_a_first_round_gives_up_no_more_of_the_range_than_the_budget_asks_for():
    high = [initial_design(limited(box(2), budget(bound, x0=1)), "lhs_centered", 15, 0)[:, 0].max() for bound in (7.5, 6, 4, 2)]
    assert high[0] > 0.95
    assert high == sorted(high, reverse=True)
    assert high[-1] > 2 / 15


def test_the_middle_is_the_nearest_plate_with_enough_wells():
    cut = LinearConstraint({"T": 1, "x": 10}, 45)
    space = limited(SearchSpace((Continuous("T", 0, 100, step=10), Continuous("x", 0, 1, step=0.25)), (cut,)), shared=("T",))
    assert middle(space, 3).fixed == {"T": 40.0}
    assert middle(space, 5).fixed == {"T": 30.0}


@pytest.mark.parametrize("T", [Continuous("T", 0, 100), Continuous("T", 0, 100, step=1)])
def test_plates_that_a_budget_or_a_constraint_leaves_are_found_far_from_the_middle(T):
    space = SearchSpace((T, Discrete("x", (1, 2, 3, 4))), (LinearConstraint({"T": 1, "x": 8}, 40),))
    assert middle(limited(space, shared=("T",)), 4).fixed["T"] <= 8
    assert middle(limited(SearchSpace(space.parameters), budget(20, T=1), shared=("T",)), 4).fixed["T"] <= 5


# Plates


def test_a_plate_holds_the_rows_of_the_space_that_have_its_values():
    space = limited(
        SearchSpace((Discrete("pH", (2, 3, 5, 7)), Categorical("c", tuple("abc"))), (LinearConstraint({"pH": 1}, 6),)), shared=("c",)
    )
    plate = Plate.of(space, np.array([2.0, 1.0]))
    np.testing.assert_array_equal(plate.points(10), [[2, 1], [3, 1], [5, 1]])
    np.testing.assert_array_equal(np.sort(plate.sample(9, np.random.default_rng(0)), axis=0), plate.points(10))
    np.testing.assert_array_equal(plate.contains(np.array([[3.0, 1.0], [3.0, 2.0], [7.0, 1.0]])), [True, False, False])
    assert plate.least(LinearConstraint({"pH": 2.0}, 0)) == pytest.approx(4)


def test_a_space_where_nothing_is_shared_is_left_alone():
    state, rng = fresh(SILVER), np.random.default_rng(3)
    assert settle(state, 5, rng) is state
    assert rng.random() == np.random.default_rng(3).random()


def test_the_plate_of_largest_promise_wins_and_full_ones_are_passed_over():
    space = limited(SearchSpace((Discrete("T", (1, 2, 3, 4)), Continuous("x", 0, 1, step=0.25))), shared=("T",))
    rng = np.random.default_rng(0)
    assert settle(fresh(space), 4, rng, lambda X: X[:, 0]).space.fixed == {"T": 4.0}
    taken = np.array([[4.0, 0.0], [4.0, 0.5]])
    assert settle(replace(fresh(space), pending=taken), 4, rng, lambda X: X[:, 0]).space.fixed == {"T": 3.0}


def test_a_plate_is_refined_beyond_the_rows_that_were_drawn():
    space = limited(box(3), shared=("x1",))
    plate = settle(fresh(space), 6, np.random.default_rng(0), lambda X: -1e4 * (X[:, 1] - 0.4321) ** 2).space
    assert plate.fixed["x1"] == pytest.approx(0.4321, abs=1e-3)


# Budgets

GRIDS = st.lists(st.integers(0, 6), min_size=3, max_size=7, unique=True).map(sorted)


@given(GRIDS, st.integers(1, 4), st.integers(0, 30), st.integers(0, 2**16))
@settings(deadline=None, max_examples=80)
def test_on_a_grid_a_batch_is_found_exactly_if_one_exists(levels, n, bound, seed):
    space = SearchSpace((Discrete("x", tuple(map(float, levels))), Categorical("c", ("u", "v"))))
    least = sum(sorted(2 * levels)[:n])
    state = fresh(limited(space, budget(bound, x=1)), batch_size=n)
    if least > bound:
        with pytest.raises(InvalidInput):
            get_rule("random")(state, state.data, n, np.random.default_rng(seed))
        return
    for rule in ("random", "lhs"):
        assert_batch(state.space, rows_of(get_rule(rule)(state, state.data, n, np.random.default_rng(seed))), n)
    assert_batch(state.space, initial_design(state.space, "lhs_random", n, seed), n)


@given(st.integers(0, 2**16), st.integers(2, 5), st.booleans())
@settings(deadline=None, max_examples=60)
def test_whatever_is_afforded_can_be_completed(seed, n, inclusive):
    rng = np.random.default_rng(seed)
    space = limited(box(3), budget(1.0, inclusive, x0=1, x1=0.3), budget(0.5, x2=1, x0=-0.5))
    X = np.vstack([rng.random((40, 3)), 0.1 * rng.random((n, 3))])
    reserve, batch = Reserve(space, X, n), []
    for _ in range(n):
        free = [row for row in X if not any((row == other).all() for other in batch)]
        row = rng.permutation(np.array(free)[reserve.affords(np.array(free))])[0]
        reserve.spend(row)
        batch.append(row)
    assert kept(space, uses(space, np.array(batch)).sum(axis=0))
    assert len(reserve.rows) == 0


def test_a_row_is_afforded_exactly_if_the_cheapest_others_fit_beside_it():
    space, n = limited(box(1, step=0.125), budget(1.25, x0=1)), 3
    X = space.points(9)
    affordable = {X[i, 0] for group in combinations(range(len(X)), n) if X[list(group)].sum() <= 1.25 for i in group}
    assert set(X[Reserve(space, X, n).affords(X), 0]) == affordable


def test_new_wells_are_kept_ready_before_measured_ones():
    space = limited(box(2, step=0.25), budget(2, x0=1))
    X = space.points(25)
    state = RuleContract().state(space, X[:3], np.zeros(3))
    batch = get_rule("random")(state, state.data, 6, np.random.default_rng(0))
    assert not batch.warnings


# What is told, and what is refused


def test_a_batch_tells_what_its_wells_share_and_use():
    space = limited(
        SearchSpace((Categorical("solvent", ("a", "b", "c")), Continuous("T", 20, 90))), budget(900, T=2.0), shared=("solvent",)
    )
    batch = next_step(fresh(space, strategy=Strategy(initial_size=4)))
    told = batch.model
    assert told["shared"] == {"solvent": "b"}
    assert told["budgets"] == [{"coefficients": {"T": 2.0}, "bound": 900, "used": pytest.approx(2 * rows_of(batch)[:, 1].sum())}]
    assert figures(box(2), np.zeros((1, 2))) == {}


@pytest.mark.parametrize(
    ("row", "word"), [([0.5, 0.25], ""), ([0.25, 0.25], "share x0"), ([0.5, 0.5], "use 1.25 of x1"), ([0.25, 1.0], "share x0")]
)
def test_a_well_fits_its_batch_or_is_told_why_not(row, word):
    space = limited(box(2, step=0.25), budget(1, x1=1), shared=("x0",))
    fault = misfit(space, np.array([[0.5, 0.25], [0.5, 0.5]]), np.array(row))
    assert word in fault
    assert bool(fault) == bool(word)


@pytest.mark.parametrize(
    ("per_batch", "where", "word"),
    [
        (PerBatch(("z",)), ("per_batch", "shared", 0), "no parameter"),
        (PerBatch(("x0", "x0")), ("per_batch", "shared", 1), "before"),
        (PerBatch(("x0", "x1")), ("per_batch", "shared"), "differ"),
        (PerBatch(budgets=(budget(1, z=1),)), ("per_batch", "budgets", 0, "coefficients"), "no numeric parameter"),
        (PerBatch(budgets=(budget(np.inf, x0=1),)), ("per_batch", "budgets", 0), "finite"),
    ],
)
def test_constraints_that_make_no_sense_are_refused(per_batch, where, word):
    with pytest.raises(InvalidInput, match=word) as caught:
        replace(box(2), per_batch=per_batch)
    assert caught.value.where == where


def test_a_budget_below_the_cheapest_wells_says_for_how_many_it_is_enough():
    space = limited(SILVER, budget(200, Qpva=1))
    assert_batch(space, initial_design(space, "lhs_centered", 20, 0), 20)
    with pytest.raises(InvalidInput, match="210 of Qpva at least, the budget of 200 is enough for 20") as caught:
        initial_design(space, "lhs_centered", 21, 0)
    assert caught.value.where == ("space", "per_batch", "budgets", 0, "bound")
    assert "at most 20" in caught.value.remedy


def test_budgets_that_exclude_each_other_are_refused():
    space = limited(box(2), budget(1, x0=1), budget(-2, x0=-1))
    with pytest.raises(InvalidInput, match="no 6 distinct wells") as caught:
        middle(space, 6)
    assert caught.value.where == ("space", "per_batch", "budgets")


def test_too_few_wells_on_every_plate_are_counted():
    space = limited(SearchSpace((Continuous("T", 0, 1), Discrete("d", (1, 2, 3)))), shared=("T",))
    with pytest.raises(NotEnoughPoints, match="only 3 distinct feasible wells with one value of T exist, 4") as caught:
        initial_design(space, "sobol", 4, 0)
    assert (caught.value.available, caught.value.wanted) == (3, 4)


# Learning


def test_the_model_learns_of_a_shared_parameter_from_plate_to_plate():
    problem = get_problem("hartmann6")
    limits = replace(problem, space=limited(problem.space, budget(6, x3=1), shared=("x1",)))
    ours, blind = ([harness.run(harness.Task(limits, rule, seed, 5)).visited[-1] for seed in (0, 1)] for rule in ("lp_ei", "random"))
    assert np.mean(ours) < 0.5 * np.mean(blind)
