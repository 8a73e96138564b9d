"""Peers are asked over a pipe; a small one of our own stands for them."""

import numpy as np
import pytest

from benchmarks import peers, running
from optimizer.harness import Task, run
from optimizer.problems import get_problem


def test_a_peer_starts_with_our_wells_and_meets_the_constraints(peer):
    toy, problem = peer(), get_problem("mixture")
    with peers.asking(toy) as ask:
        theirs = running.peer_run(Task(problem, toy, 0, batches=2), ask)
    ours = run(Task(problem, "random", 0, batches=2))
    assert theirs.initial == ours.initial
    assert len(theirs.regret) == 2
    assert theirs.distinct == theirs.feasible == (15, 15)  # off the grid, but within the constraints
    assert all(cost >= 0 for cost in theirs.cpu_s)


@pytest.mark.parametrize(
    "death", ["import sys; sys.exit('no such kernel')", "import sys; sys.stdin.readline(); sys.exit('no such kernel')"]
)
def test_a_peer_that_dies_says_why(peer, death):
    with peers.asking(peer(death)) as ask, pytest.raises(peers.PeerFailed, match="ended with status 1: no such kernel"):
        run(Task(get_problem("mixture"), "toy", 0, batches=1), ask)


def test_a_peer_that_computes_for_too_long_is_ended(peer):
    with (
        peers.asking(peer(more="while True: pass"), limit_s=0.2) as ask,
        pytest.raises(peers.PeerTimedOut, match=r"no answer within 0\.2 CPU s"),
    ):
        run(Task(get_problem("mixture"), "toy", 0, batches=1), ask)


def test_rows_beyond_a_bound_by_rounding_are_taken_back():
    problem = get_problem("ackley5")
    task = Task(problem, "random", 0, batches=1)
    states = []
    run(task, lambda state: (states.append(state), (peers.batch_of(state, "toy", [recipe(state)]), (0.0, 0.0)))[1])
    assert problem.space.contains(peers.batch_of(states[0], "toy", [recipe(states[0])]).proposals[0].x[None])[0]


def recipe(state):
    return dict(zip(state.space.names, np.nextafter(state.space.high, np.inf).tolist(), strict=True))


def test_a_request_says_all_that_a_peer_may_know():
    problem, states = get_problem("mixture"), []

    def spy(state):
        states.append(state)
        return peers.batch_of(state, "spy", [dict(zip(state.space.names, state.data.X[0].tolist(), strict=True))]), (0.0, 0.0)

    run(Task(problem, "spy", 1, batches=1), spy)
    asked = peers.request(states[0])
    assert [p["name"] for p in asked["parameters"]] == list(problem.space.names)
    assert len(asked["data"]) == asked["n"] == 15
    assert len(asked["constraints"]) == len(problem.space.all_constraints) == 1
    assert set(asked["data"][0]["recipe"]) == set(problem.space.names)


def test_peers_for_numbers_are_not_asked_about_categories():
    space = get_problem("coupling").space
    assert not peers.takes("gpyopt_lp", space)
    assert peers.takes("optuna_tpe", space)
