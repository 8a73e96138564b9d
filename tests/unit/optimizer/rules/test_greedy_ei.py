from dataclasses import replace

import numpy as np
import pytest

from optimizer import acquisition
from optimizer.rules.greedy_ei import integrated
from tests.contracts.rules import RuleContract, box, quadratic, random_rows, rows_of


class Greedy(RuleContract):
    name = "greedy_ei"


RULE = Greedy()


def test_with_one_history_it_is_the_expected_improvement() -> None:
    mean, std = np.array([[0.1, -2.0, 5.0]]), np.array([1.0, 0.2, 0.5])
    np.testing.assert_allclose(integrated(mean, std, np.array([0.3])), acquisition.log_ei(mean[0], std, 0.3))


def test_it_averages_improvements_not_logarithms() -> None:
    mean, std, best = np.array([[0.0], [3.0]]), np.array([1.0]), np.array([0.5, 0.0])
    each = np.exp([acquisition.log_ei(mean[k], std, best[k])[0] for k in range(2)])
    assert integrated(mean, std, best)[0] == pytest.approx(np.log(each.mean()))


def test_the_first_pick_is_that_of_plain_expected_improvement() -> None:
    state = RULE.smooth(box(2), 20)
    batch = RULE.ask(state, 5)
    assert "0 earlier wells" in batch.proposals[0].why
    assert batch.proposals[0].acquisition == max(p.acquisition for p in batch.proposals)


def test_later_picks_promise_less() -> None:
    scores = [p.score for p in RULE.ask(RULE.smooth(box(2), 20), 12).proposals]
    assert scores[0] > scores[4] > scores[-1]


def test_a_pending_well_counts_like_a_pick() -> None:
    state = RULE.smooth(box(2), 20)
    favourite = RULE.ask(state, 1).proposals[0]
    moved = RULE.ask(replace(state, pending=favourite.x[None, :]), 1).proposals[0]
    assert "1 earlier wells" in moved.why
    assert state.space.apart(moved.x[None, :], favourite.x[None, :])[0]
    assert moved.score < favourite.score


@pytest.mark.parametrize("seed", [0, 1])
def test_two_batches_close_in_on_the_minimum(seed: int) -> None:
    space, rng = box(3), np.random.default_rng(seed)
    X = random_rows(space, 12, seed)
    for _ in range(2):
        X = np.vstack([X, rows_of(RULE.ask(RULE.state(space, X, quadratic(X) + 0.01 * rng.standard_normal(len(X))), 8, seed))])
    assert quadratic(X).min() < 0.02
