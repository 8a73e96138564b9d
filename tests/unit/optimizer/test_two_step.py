"""The replay of the two-step campaign: which runs it holds, how its box grows, and that it is the same again."""

from dataclasses import asdict

import numpy as np
import pytest

from optimizer.tabulated import silver_space
from optimizer.two_step import FIRST_BOX, Plan, Replay, extended, first_box, replay

TINY = Plan(3, alone=2, beside=1, wells=5, replicates=2, rules=("lp_ei", "composite"))


@pytest.fixture(scope="module")
def made() -> Replay:
    return replay(TINY)


def test_both_methods_go_on_from_the_same_runs(made: Replay):
    assert [(run.run, run.method) for run in made.runs] == [(1, "lhs_centered"), (2, "lp_ei"), (3, "lp_ei"), (3, "composite")]
    bo, network = made.runs[2:]
    assert bo.recipes != network.recipes


def test_every_run_tells_all_of_its_wells(made: Replay):
    for run in made.runs:
        assert len(run.medians) == len(run.truths) == len(run.recipes) == TINY.wells
        assert len(run.cosines) == (TINY.wells if run.method == "composite" else 0)
        assert all(-1 <= cosine <= 1 + 1e-9 for cosine in run.cosines)
        assert first_box().contains(np.array(run.recipes)).all() or run.run > 1


def test_every_parameter_has_an_importance(made: Replay):
    assert list(made.importance) == ["spectrum", "loss"]
    for values in made.importance.values():
        assert len(values) == 5
        assert min(values) >= 0 < max(values)


def test_the_same_plan_gives_the_same_campaign(made: Replay):
    assert asdict(replay(TINY)) == asdict(made)


def test_only_flagged_sides_grow_to_those_of_the_published_search():
    box, wide = first_box(), silver_space()
    assert {p.name: (p.low, p.high) for p in box.parameters} == FIRST_BOX
    ranges = {p.name: (p.low, p.high) for p in extended(box, ["Qseed low", "QAgNO3 high", "Qpva high"]).parameters}
    assert ranges == FIRST_BOX | {"Qseed": (0.5, 20), "QAgNO3": (4, 45)}
    assert extended(box, []) == box
    every = [f"{name} {side}" for name in box.names for side in ("low", "high")]
    grown = {p.name: (p.low, p.high) for p in extended(box, every).parameters}
    assert grown == {p.name: (p.low, p.high) for p in wide.parameters}
    assert extended(box, every).constraints == box.constraints
