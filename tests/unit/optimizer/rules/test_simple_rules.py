"""What random, lhs, thompson and constant_liar do beyond the contract."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.rules import RuleContract, box, quadratic, random_rows, rows_of


class Asked(RuleContract):
    """The contract's helpers, for one rule."""

    def __init__(self, name: str, modelled: bool = True) -> None:
        self.name, self.modelled = name, modelled


RANDOM, LHS, THOMPSON, LIAR = Asked("random", False), Asked("lhs", False), Asked("thompson"), Asked("constant_liar")


@pytest.mark.parametrize("rule", [RANDOM, LHS], ids=lambda rule: rule.name)
def test_blind_rules_do_not_look_at_outcomes(rule: Asked) -> None:
    X = random_rows(box(2), 10)
    one, other = rule.state(box(2), X, quadratic(X)), rule.state(box(2), X, -quadratic(X))
    np.testing.assert_array_equal(rows_of(rule.ask(one)), rows_of(rule.ask(other)))


def test_random_wells_cover_the_box_evenly() -> None:
    X = rows_of(RANDOM.ask(RANDOM.smooth(box(1), 3), 300))[:, 0]
    counts = np.histogram(X, 10, (0, 1))[0]
    assert counts.min() > 15
    assert counts.max() < 50


@given(n=st.integers(1, 20), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_hypercube_has_one_well_in_every_stratum(n: int, seed: int) -> None:
    X = rows_of(LHS.ask(LHS.smooth(box(3), 2), n, seed))
    assert all((np.sort((column * n).astype(int)) == np.arange(n)).all() for column in X.T)


def test_hypercubes_differ_from_round_to_round() -> None:
    state = LHS.smooth(box(2), 4)
    assert not np.array_equal(rows_of(LHS.ask(state, seed=1)), rows_of(LHS.ask(state, seed=2)))


@pytest.mark.parametrize("rule", [THOMPSON, LIAR], ids=lambda rule: rule.name)
def test_three_batches_beat_random_by_far(rule: Asked) -> None:
    space = box(3)
    X = random_rows(space, 10)
    blind = quadratic(random_rows(space, 40)).min()
    for _ in range(3):
        X = np.vstack([X, rows_of(rule.ask(rule.state(space, X, quadratic(X)), 8))])
    assert quadratic(X).min() < 0.1 * blind


def test_thompson_wells_lie_where_the_model_is_low_or_unsure() -> None:
    space = box(1)
    X = np.linspace(0, 1, 12)[:, None]
    wells = rows_of(THOMPSON.ask(THOMPSON.state(space, X, np.abs(X[:, 0] - 0.31)), 10))
    assert (np.abs(wells - 0.31) < 0.15).all()


def test_a_lie_about_a_pending_well_drives_the_first_pick_away() -> None:
    space = box(2)
    state = LIAR.smooth(space, 25)
    favourite = LIAR.ask(state, 1).proposals[0]
    moved = LIAR.ask(replace(state, pending=favourite.x[None, :]), 1).proposals[0]
    assert np.linalg.norm(moved.x - favourite.x) > 0.01
    assert moved.score < favourite.score


def test_lies_spread_the_batch() -> None:
    batch = LIAR.ask(LIAR.smooth(box(2), 10), 10)
    X = rows_of(batch)
    gaps = np.linalg.norm(X[:, None] - X, axis=2) + 9 * np.eye(len(X))
    assert gaps.min() > 0.005
    scores = [p.score for p in batch.proposals]
    assert scores[0] == max(scores)
