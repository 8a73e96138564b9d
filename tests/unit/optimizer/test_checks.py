"""Guards: the published file, and properties that every guard has to keep."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.checks import check_rounds, collapse, duplicates, pile_up, usual_distance
from optimizer.per_batch import PerBatch
from optimizer.space import Categorical, Continuous, Discrete, LinearConstraint, Mixture, SearchSpace
from optimizer.types import Design, DesignState
from tests.agnp import read_agnp

FLOWS = ("QAgNO3", "Qpva", "Qtsc", "Qseed")


def agnp_space(lows, highs):
    ranges = zip((*FLOWS, "Qtot"), lows, highs, (0.1, 0.1, 0.1, 0.1, 1.0), strict=True)
    return SearchSpace(
        tuple(Continuous(name, low, high, step=step) for name, low, high, step in ranges), (), Mixture("water", FLOWS, low=10)
    )


FIRST = agnp_space((4, 10, 4, 4, 200), (20, 40, 20, 20, 1000))
EXTENDED = agnp_space((0.5, 10, 0.5, 0.5, 200), (80, 40, 80, 80, 1000))
BLOCKS = range(1, 12)
SQUARE = SearchSpace((Continuous("a", 0, 10, step=0.5), Continuous("b", 0, 1)))


@pytest.fixture(scope="module")
def wells(agnp_csv):
    return read_agnp(agnp_csv)[0]


def round_of(X, number=1, state=DesignState.MEASURED):
    return [Design(f"r{number}-w{i}", number, i, x, x, "lp_ei", state) for i, x in enumerate(np.array(X, float), 1)]


def flags(evidence):
    return [(e.round, e.guard, e.parameter, e.side, e.what.split(": ")[-1] if e.side else None) for e in evidence if e.flagged]


def test_the_published_file_is_flagged_at_the_bounds_of_its_first_box_and_at_its_collapse(wells):
    evidence = check_rounds(wells, dict.fromkeys(BLOCKS, FIRST), FIRST)
    assert flags(evidence) == [
        (4, "bounds", "Qseed", "low", "11 of 15"),
        (5, "bounds", "QAgNO3", "high", "13 of 15"),
        (5, "bounds", "Qtsc", "low", "8 of 15"),
        (5, "bounds", "Qseed", "low", "13 of 15"),
        (7, "collapse", None, None, None),
    ]
    qpva = next(e for e in evidence if (e.round, e.parameter, e.side) == (5, "Qpva", "high"))
    assert (qpva.value, qpva.flagged) == (7 / 15, False)


def test_the_published_file_collapses_in_block_7_alone_whichever_box_is_taken(wells):
    moved = {number: FIRST if number < 6 else EXTENDED for number in BLOCKS}
    evidence = check_rounds(wells, moved, EXTENDED)
    figures = {e.round: e for e in evidence if e.guard == "collapse"}
    assert [number for number in BLOCKS if figures[number].flagged] == [7]
    assert figures[7].value == pytest.approx(0.013, abs=5e-4)
    assert figures[1].value == pytest.approx(0.51, abs=5e-3)
    nearest = min(figures[number].value / figures[number].threshold for number in BLOCKS if number != 7)
    assert nearest > 1.15
    assert figures[7].value / figures[7].threshold < 0.5


def test_the_published_file_piles_up_twice_more_at_the_extended_box(wells):
    moved = {number: FIRST if number < 6 else EXTENDED for number in BLOCKS}
    later = [flag for flag in flags(check_rounds(wells, moved, EXTENDED)) if flag[0] > 5 and flag[1] == "bounds"]
    assert later == [(6, "bounds", "Qseed", "low", "12 of 15"), (11, "bounds", "Qtsc", "low", "8 of 14")]


def test_no_well_of_the_published_file_repeats_another(wells):
    assert [e.pairs for e in check_rounds(wells, dict.fromkeys(BLOCKS, FIRST), FIRST) if e.guard == "duplicates"] == [()] * 11


def test_extensions_start_from_the_present_box_and_end_where_it_is_wider_already(wells):
    spaces = dict.fromkeys(BLOCKS, FIRST)
    proposed = {(e.round, e.parameter): e.extension for e in check_rounds(wells, spaces, FIRST, {4, 5}) if e.extension}
    assert (proposed[5, "QAgNO3"].low, proposed[5, "QAgNO3"].high) == (None, 28)
    assert (proposed[4, "Qseed"].low, proposed[4, "Qseed"].high) == (0, None)
    halfway = agnp_space((4, 10, 4, 0.5, 200), (20, 40, 20, 20, 1000))
    left = {(e.round, e.parameter) for e in check_rounds(wells, spaces, halfway) if e.extension}
    assert left == {(5, "QAgNO3"), (5, "Qtsc")}


@given(st.integers(0, 12), st.integers(4, 12))
def test_a_bound_is_flagged_when_more_than_half_of_the_wells_are_at_it(at_bound, n):
    at_bound = min(at_bound, n)
    X = np.column_stack([np.r_[np.full(at_bound, 10.0), np.full(n - at_bound, 5.0)], np.full(n, 0.5)])
    row = next(e for e in pile_up(SQUARE, 1, X, SQUARE) if (e.parameter, e.side) == ("a", "high"))
    assert row.value == at_bound / n
    assert row.flagged == (2 * at_bound > n)
    assert (row.extension is not None) == row.flagged
    assert f"{at_bound} of {n}" in row.what


def plates(temperatures, n=6):
    """A round of ``n`` wells per temperature, which the wells share."""
    rng = np.random.default_rng(0)
    return [w for r, t in enumerate(temperatures, 1) for w in round_of(np.column_stack([np.full(n, t), rng.random((n, 1))]), r)]


SHARED = SearchSpace((Continuous("t", 20, 120, step=1), Continuous("b", 0, 1)), per_batch=PerBatch(("t",)))


def bounds_of(temperatures, spaces):
    found = check_rounds(plates(temperatures), spaces, SHARED)
    return [(e.round, e.side, e.what.split(": ")[-1], e.flagged) for e in found if e.parameter == "t"]


def test_a_value_that_a_plate_shares_is_one_choice_however_many_wells_the_plate_has():
    spaces = dict.fromkeys(range(1, 6), SHARED)
    assert bounds_of([120, 60, 70], spaces) == []  # where each well counted, the first round would be flagged
    assert bounds_of([70, 120, 119.6, 60], spaces) == [(4, "low", "0 of 4", False), (4, "high", "2 of 4", False)]
    later = bounds_of([70, 120, 119.6, 60, 120], spaces)[2:]
    assert later == [(5, "low", "0 of 4", False), (5, "high", "3 of 4", True)]
    proposed = [e.extension for e in check_rounds(plates([120] * 4), spaces, SHARED) if e.flagged and e.guard == "bounds"]
    assert [wider.high for wider in proposed] == [170]


def test_plates_of_another_range_or_of_free_wells_do_not_count():
    narrow = SearchSpace((Continuous("t", 20, 100, step=1), Continuous("b", 0, 1)), per_batch=PerBatch(("t",)))
    free = SearchSpace(SHARED.parameters)
    mixed = {1: narrow, 2: SHARED, 3: SHARED, 4: SHARED, 5: SHARED}
    assert [row[0] for row in bounds_of([100, 120, 120, 120, 120], mixed)] == [5, 5]
    wells_count = bounds_of([120, 120, 120, 120], {**dict.fromkeys((1, 2, 3), SHARED), 4: free})
    assert wells_count == [(4, "low", "0 of 6", False), (4, "high", "6 of 6", True)]


def share(space, parameter, side, values):
    X = np.tile(space.low.astype(float), (len(values), 1))
    X[:, space.names.index(parameter)] = values
    return next(e.value for e in pile_up(space, 1, X, space) if (e.parameter, e.side) == (parameter, side))


def test_at_a_bound_means_within_half_a_step_or_a_hundredth_of_the_range_on_either_side():
    assert share(SQUARE, "a", "low", [0.25, -0.25, 0.26, -0.26]) == 0.5
    assert share(SQUARE, "b", "high", [0.99, 1.01, 0.98, 1.02]) == 0.5
    ragged = SearchSpace((Continuous("a", 0, 10, step=3.9),))
    assert share(ragged, "a", "high", [7.8, 7.8, 7.8, 3.9]) == 0.75


def test_what_has_no_range_to_extend_and_rounds_of_few_wells_leave_no_evidence_of_bounds():
    space = SearchSpace((Discrete("n", (1, 2, 3)), Categorical("c", ("x", "y")), Continuous("two", 0, 1, step=1), Continuous("a", 0, 1)))
    assert {e.parameter for e in pile_up(space, 1, np.zeros((4, 4)), space)} == {"a"}
    assert pile_up(space, 1, np.zeros((3, 4)), space) == ()
    guards = {e.guard for e in check_rounds(round_of(np.ones((3, 4))), {1: space}, space)}
    assert guards == {"duplicates"}


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 5), st.floats(-50, 50))
def test_collapse_does_not_depend_on_units_or_on_the_order_of_wells(seed, scale, shift):
    rng = np.random.default_rng(seed)
    U = rng.random((9, 3))
    box = SearchSpace(tuple(Continuous(name, shift, shift + scale) for name in "abc"))
    unit = SearchSpace(tuple(Continuous(name, 0, 1) for name in "abc"))
    here, there = collapse(unit, 1, U, 0.4), collapse(box, 1, shift + scale * rng.permutation(U), 0.4)
    assert there.value == pytest.approx(here.value, rel=1e-6)
    assert here.threshold == pytest.approx(0.04)


@pytest.mark.parametrize("d", [1, 2, 5, 12])
def test_a_spread_out_round_is_not_flagged_and_the_same_round_in_a_twentieth_of_the_box_is(d):
    space = SearchSpace(tuple(Continuous(f"x{j}", 0, 1) for j in range(d)))
    usual, X = usual_distance(space, 15), space.sample(15, np.random.default_rng(99))
    assert not collapse(space, 1, X, usual).flagged
    assert collapse(space, 1, 0.5 + X / 20, usual).flagged
    assert usual_distance(space, 15) == usual


def test_usual_distances_respect_the_constraints():
    corner = replace(SQUARE, constraints=(LinearConstraint({"a": 0.1, "b": 1}, 0.1),))
    assert usual_distance(corner, 10) < 0.2 * usual_distance(SQUARE, 10)


def test_a_grid_of_fewer_points_than_wells_has_a_usual_distance():
    tiny = SearchSpace((Continuous("a", 0, 1, step=1),))
    assert np.isfinite(usual_distance(tiny, 15))


def test_wells_that_stand_for_one_setting_are_named_in_pairs():
    earlier = round_of([[3, 0.5], [4, 0.5]])
    later = round_of([[3.2, 0.5004], [3.5, 0.5], [4, 0.502], [7, 0.1], [7, 0.1]], 2)
    found = duplicates(SQUARE, 2, later, earlier)
    assert found.pairs == (("r2-w1", "r1-w1"), ("r2-w5", "r2-w4"))
    assert (found.value, found.threshold, found.flagged) == (2, 0, True)
    clear = duplicates(SQUARE, 2, later[1:4], earlier)
    assert (clear.value, clear.flagged, clear.pairs) == (0, False, ())


def test_a_well_that_repeats_two_counts_once():
    found = duplicates(SQUARE, 3, round_of([[3, 0.5]], 3), [*round_of([[3, 0.5]]), *round_of([[3, 0.5]], 2)])
    assert (found.value, len(found.pairs)) == (1, 2)


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_duplicates_agree_with_looking_at_all_pairs(seed, n):
    space = SearchSpace((Continuous("a", 0, 3, step=0.5), Discrete("n", (1, 2, 5)), Categorical("c", ("x", "y"))))
    wells = round_of(space.snap(space.low + np.random.default_rng(seed).random((n, 3)) * (space.high - space.low)))
    same = {(w.id, e.id) for i, w in enumerate(wells) for e in wells[:i] if np.array_equal(w.executed, e.executed)}
    assert set(duplicates(space, 1, wells, []).pairs) == same


def test_wells_that_ended_without_data_count_nowhere():
    lost = [replace(well, state=DesignState.FAILED) for well in round_of(np.full((6, 2), 0.0))]
    planned = round_of([[0, 0], [5, 0.5], [7, 0.3], [9, 0.9]], 2, DesignState.PROPOSED)
    evidence = check_rounds([*lost, *planned], {1: SQUARE, 2: SQUARE}, SQUARE)
    assert {e.round for e in evidence} == {2}
    assert flags(evidence) == []


def test_nothing_planned_is_nothing_to_check():
    assert check_rounds([], {}, SQUARE) == ()
