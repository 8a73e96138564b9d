import numpy as np
import pytest

from optimizer import candidates
from optimizer.types import NotEnoughPoints
from tests.contracts.rules import SILVER, SPACES, RuleContract, box

STATES = RuleContract()


@pytest.mark.parametrize("where", SPACES)
def test_a_pool_is_distinct_and_feasible(where: str) -> None:
    state = STATES.smooth(SPACES[where], 8, pending=2)
    X = candidates.pool(state, state.data, 5, np.random.default_rng(0), state.data.X[:2])
    assert len(np.unique(X, axis=0)) == len(X)
    assert state.space.contains(X).all()


def test_a_pool_gathers_around_promising_rows() -> None:
    state, near = STATES.smooth(SILVER, 8), SILVER.sample(1, np.random.default_rng(3))
    counts = []
    for rows in (None, near):
        X = candidates.pool(state, state.data, 5, np.random.default_rng(0), rows)
        counts.append(int((np.linalg.norm(SILVER.to_unit(X) - SILVER.to_unit(near), axis=1) < 0.1).sum()))
    assert counts[1] > counts[0] + 10


def test_neighbours_are_near_and_feasible() -> None:
    row = SILVER.sample(1, np.random.default_rng(0))[0]
    X = candidates.around(SILVER, row, ((0.01, 50),), np.random.default_rng(0))
    assert SILVER.contains(X).all()
    assert np.abs(SILVER.to_unit(X) - SILVER.to_unit(row[None, :])).max() < 0.06


def test_the_largest_value_is_picked_and_refining_never_loses() -> None:
    state = STATES.smooth(box(2), 5)
    X = candidates.pool(state, state.data, 3, np.random.default_rng(0))

    def score(rows: np.ndarray) -> np.ndarray:
        return -np.linalg.norm(rows - 0.4321, axis=1)

    picks = candidates.Picks(state, state.data, X, 3)
    first = picks.take(score(X), score, np.random.default_rng(0))
    assert score(first[None, :])[0] > score(X).max()
    second = picks.take(score(X))
    assert (second == X[score(X).argmax()]).all()
    np.testing.assert_array_equal(picks.rows, [first, second])


def test_values_of_minus_infinity_are_still_a_choice() -> None:
    state = STATES.smooth(box(1, step=0.5), 1)
    X = state.space.points(3)
    picks = candidates.Picks(state, state.data, X, 3)
    rows = [picks.take(np.full(3, -np.inf)) for _ in range(3)]
    assert len(np.unique(rows)) == 3
    with pytest.raises(NotEnoughPoints, match="only 3 distinct"):
        picks.take(np.zeros(3))
