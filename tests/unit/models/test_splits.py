"""Splits: every row on one side, no group on both, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.splits import grouped_folds, grouped_split, groups_of, random_folds, random_split
from models.table import BadTable, Field, Table

FRACTIONS = st.floats(0.05, 0.95)
SEEDS = st.integers(0, 2**32 - 1)
GROUPS = st.lists(st.integers(-5, 20), min_size=2, max_size=80).filter(lambda groups: len(set(groups)) > 1).map(np.array)


def check_sides(split, rows):
    assert sorted([*split.train, *split.test]) == list(range(rows))
    assert len(split.train)
    assert len(split.test)
    for side in (split.train, split.test):
        assert (np.diff(side) > 0).all()


@given(st.integers(2, 300), FRACTIONS, SEEDS)
def test_a_random_split_holds_out_the_fraction(rows, fraction, seed):
    split = random_split(rows, fraction, seed)
    check_sides(split, rows)
    assert abs(len(split.test) - rows * fraction) <= 1
    np.testing.assert_array_equal(split.test, random_split(rows, fraction, seed).test)


@given(GROUPS, FRACTIONS, SEEDS)
def test_no_group_of_a_grouped_split_is_on_both_sides(groups, fraction, seed):
    split = grouped_split(groups, fraction, seed)
    check_sides(split, len(groups))
    assert not set(groups[split.train]) & set(groups[split.test])
    np.testing.assert_array_equal(split.test, grouped_split(groups, fraction, seed).test)
    largest = np.bincount(groups - groups.min()).max()
    assert abs(len(split.test) - len(groups) * fraction) <= largest


@given(GROUPS, SEEDS)
def test_a_grouped_split_knows_groups_not_their_names(groups, seed):
    np.testing.assert_array_equal(grouped_split(groups, 0.3, seed).test, grouped_split(groups * 7 + 100, 0.3, seed).test)


def test_groups_of_one_row_are_held_out_like_single_rows():
    assert len(grouped_split(np.arange(50), 0.2, 1).test) == 10


def test_a_group_too_large_for_the_fraction_is_learnt_from():
    groups = np.array([0] * 90 + [1] * 5 + [2] * 5)
    for seed in range(20):
        assert 0 not in groups[grouped_split(groups, 0.1, seed).test]
    np.testing.assert_array_equal(grouped_split(np.array([0] * 60 + [1] * 40), 0.05, 3).test, np.arange(60, 100))


def test_another_seed_holds_out_other_rows():
    assert len({tuple(random_split(30, 0.3, seed).test) for seed in range(10)}) == 10
    assert len({tuple(grouped_split(np.arange(60) // 2, 0.3, seed).test) for seed in range(10)}) == 10


@given(st.integers(2, 100), st.integers(2, 12), SEEDS)
def test_random_folds_hold_out_every_row_once(rows, folds, seed):
    splits = random_folds(rows, folds, seed)
    assert len(splits) == min(rows, folds)
    for split in splits:
        check_sides(split, rows)
    sizes = [len(split.test) for split in splits]
    assert max(sizes) - min(sizes) <= 1
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(rows))


@given(GROUPS, st.integers(2, 12), SEEDS)
def test_grouped_folds_hold_out_every_group_once_in_folds_of_like_size(groups, folds, seed):
    splits = grouped_folds(groups, folds, seed)
    assert len(splits) == min(len(set(groups)), folds)
    for split in splits:
        check_sides(split, len(groups))
        assert not set(groups[split.train]) & set(groups[split.test])
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(len(groups)))
    sizes = [len(split.test) for split in splits]
    assert max(sizes) - min(sizes) <= max(np.unique(groups, return_counts=True)[1])


@pytest.mark.parametrize("split", [lambda: grouped_split(np.zeros(9, int), 0.2, 0), lambda: grouped_folds(np.ones(9, int), 3, 0)])
def test_one_group_cannot_be_split(split):
    with pytest.raises(BadTable, match="one group") as error:
        split()
    assert "group by" in error.value.remedy


@pytest.mark.parametrize("rows", [0, 1])
def test_one_row_cannot_be_split(rows):
    for split in (
        lambda: random_split(rows, 0.2, 0),
        lambda: random_folds(rows, 3, 0),
        lambda: grouped_split(np.zeros(rows, int), 0.2, 0),
        lambda: grouped_folds(np.zeros(rows, int), 3, 0),
    ):
        with pytest.raises(BadTable, match="one row"):
            split()


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_that_leaves_a_side_empty_is_refused(fraction):
    with pytest.raises(ValueError, match="test_fraction"):
        random_split(10, fraction, 0)
    with pytest.raises(ValueError, match="test_fraction"):
        grouped_split(np.arange(10), fraction, 0)


def test_one_fold_is_refused():
    with pytest.raises(ValueError, match="folds"):
        random_folds(10, 1, 0)


def test_rows_that_agree_in_every_field_are_a_group():
    kind = Field("kind", np.array([0, 1, 0, 0, 1]), classes=("a", "b"))
    flow = Field("flow", np.array([1.0, 1.0, 2.0, 1.0, 1.0]), "mL")
    curve = Field("curve", np.array([[0.0, 1.0]] * 4 + [[0.0, 2.0]]), "1", np.array([1.0, 2.0]), "nm")
    np.testing.assert_array_equal(groups_of(Table((kind,))), [0, 1, 0, 0, 1])
    codes = groups_of(Table((kind, flow)))
    assert [codes[0] == code for code in codes] == [True, False, False, True, False]
    assert len(set(groups_of(Table((kind, flow, curve))))) == 4
