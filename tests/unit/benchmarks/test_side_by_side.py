"""Peers are asked over a pipe; a small one of our own stands for them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import side_by_side
from optimizer.harness import Task, run
from optimizer.problems import get_problem

PEER = """
import random, sys
sys.path.insert(0, {adapters!r})
from protocol import feasible, serve

def propose(request):
    print("noise of a library")
    draw = random.Random(request["seed"])
    recipes = []
    while len(recipes) < request["n"]:
        recipe = {{p["name"]: draw.uniform(p["low"], p["high"]) for p in request["parameters"]}}
        if feasible(request, recipe):
            recipes.append(recipe)
    assert len(request["data"]) >= 15
    return recipes

serve(propose)
"""


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Add a peer with this program."""

    def add(program: str) -> str:
        script = tmp_path / "peer.py"
        script.write_text(program)
        monkeypatch.setitem(side_by_side.PEERS, "toy", ("toy", (str(script),)))
        monkeypatch.setattr(side_by_side, "environment", lambda name: Path(sys.executable))
        return "toy"

    return add


def test_a_peer_starts_with_our_wells_and_meets_the_constraints(peer):
    toy, problem = peer(PEER.format(adapters=str(side_by_side.ADAPTERS))), get_problem("mixture")
    with side_by_side.asking(toy) as ask:
        theirs = run(Task(problem, toy, 0, batches=2), ask)
    ours = run(Task(problem, "random", 0, batches=2))
    assert theirs.initial == ours.initial
    assert len(theirs.regret) == 2
    assert theirs.distinct == (15, 15)
    assert all(cost >= 0 for cost in theirs.cpu_s)


@pytest.mark.parametrize("death", ["import sys; sys.exit(3)", "import sys; sys.stdin.readline(); sys.exit(3)"])
def test_a_peer_that_dies_is_left_out_and_the_others_go_on(peer, death):
    toy, problem = peer(death), get_problem("mixture")
    done = side_by_side.compare(problem, ["random"], [toy], seeds=2, batches=1)
    assert [(task.rule, task.seed) for task, _ in done] == [("random", 0), ("random", 1)]


def test_rows_beyond_a_bound_by_rounding_are_taken_back():
    problem = get_problem("ackley5")
    task = Task(problem, "random", 0, batches=1)
    states = []
    run(task, lambda state: (states.append(state), (side_by_side.batch_of(state, "toy", [recipe(state)]), (0.0, 0.0)))[1])
    assert problem.space.contains(side_by_side.batch_of(states[0], "toy", [recipe(states[0])]).proposals[0].x[None])[0]


def recipe(state):
    return dict(zip(state.space.names, np.nextafter(state.space.high, np.inf).tolist(), strict=True))


def test_a_request_says_all_that_a_peer_may_know():
    problem, states = get_problem("mixture"), []

    def spy(state):
        states.append(state)
        return side_by_side.batch_of(state, "spy", [dict(zip(state.space.names, state.data.X[0].tolist(), strict=True))]), (0.0, 0.0)

    run(Task(problem, "spy", 1, batches=1), spy)
    asked = side_by_side.request(states[0])
    assert [p["name"] for p in asked["parameters"]] == list(problem.space.names)
    assert len(asked["data"]) == asked["n"] == 15
    assert len(asked["constraints"]) == len(problem.space.all_constraints) == 1
    assert set(asked["data"][0]["recipe"]) == set(problem.space.names)


def test_peers_for_numbers_are_not_asked_about_categories():
    space = get_problem("coupling").space
    assert not side_by_side.takes("gpyopt_lp", space)
    assert side_by_side.takes("optuna_tpe", space)
