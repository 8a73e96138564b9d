"""The verdict on proposals: in the names of the space, and only where something was predicted."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain import judge, judged
from optimizer.objective import Minimize
from optimizer.replicates import reduce
from optimizer.space import Categorical, Continuous, LinearConstraint, SearchSpace
from optimizer.types import Batch, Proposal
from tests.unit.optimizer.test_replicates import design, replicates

SPACE = SearchSpace(
    (Continuous("T", 0, 200), Continuous("flow", 10, 1000), Categorical("solvent", ("water", "ethanol"))),
    (LinearConstraint({"T": 1, "flow": 1}, 1100),),
)


def measured(X):
    designs = [design(f"w{k}", well=k, executed=tuple(x)) for k, x in enumerate(X, 1)]
    return reduce(designs, [m for d in designs for m in replicates(d.id, 1.0)], Minimize("loss"))


@pytest.fixture(scope="module", name="data")
def _data():
    cool = replace(SPACE, parameters=(Continuous("T", 0, 80), *SPACE.parameters[1:]))
    return measured(cool.sample(60, np.random.default_rng(0)))


def test_wells_among_the_data_are_inside(data):
    assert {verdict.status for verdict in judge(SPACE, data, data.X)} == {"inside"}


def test_an_extrapolation_names_its_parameter(data):
    (verdict,) = judge(SPACE, data, np.array([[180.0, 500, 0]]))
    assert (verdict.status, verdict.variable) == ("outside", "T")
    assert verdict.value > verdict.limit


def test_a_violated_constraint_is_told(data):
    (verdict,) = judge(SPACE, data, np.array([[200.0, 990, 0]]))
    assert verdict.status == "outside"


def test_units_do_not_matter(data):
    kelvin = replace(
        SPACE, parameters=(Continuous("T", 273, 473), *SPACE.parameters[1:]), constraints=(LinearConstraint({"T": 1, "flow": 1}, 1373),)
    )
    shift = np.array([273.0, 0, 0])
    rows = SPACE.sample(20, np.random.default_rng(1))
    shifted = judge(kelvin, measured(data.X + shift), rows + shift)
    assert [(v.status, v.variable, v.check) for v in shifted] == [(v.status, v.variable, v.check) for v in judge(SPACE, data, rows)]


def test_only_predictions_are_judged(data):
    wells = Batch((Proposal(data.X[0], 1, "lp_ei", (0, 2), mean=0.5), Proposal(data.X[1], 2, "random", (0, 2))))
    told = judged(SPACE, data, wells).proposals
    assert told[0].validity is not None
    assert told[0].validity.status == "inside"
    assert told[1].validity is None


def test_a_category_that_was_never_measured_is_no_interpolation(data):
    water = data.where(data.X[:, 2] == 0)
    (verdict,) = judge(SPACE, water, np.array([[40.0, 500, 1]]))
    assert verdict.status != "inside"
    assert verdict.variable == "solvent"


@pytest.mark.parametrize("rows", [[], [[1.0, 20, 0]], [[1.0, 20, 0]] * 3])
def test_without_two_different_wells_nothing_is_judged(rows):
    batch = Batch((Proposal(np.array([1.0, 20, 0]), 1, "lp_ei", (0, 2), mean=0.5),))
    assert judged(SPACE, measured(rows), batch) == batch


def test_a_spread_far_above_that_at_the_data_is_outside_and_a_usual_one_inside(data):
    held = np.linspace(0.5, 1, len(data))
    rows = data.X[:2]
    usual, wide = judge(SPACE, data, rows, (held, np.array([0.9, 3.0])))
    assert (usual.status, wide.status, wide.check, wide.value) == ("inside", "outside", "sigma", 3.0)
    assert wide.limit == pytest.approx(1.0)


def test_what_a_rule_has_judged_stays(data):
    verdict = judge(SPACE, data, np.array([[180.0, 500, 0]]))[0]
    batch = Batch((Proposal(data.X[0], 1, "spectral_grid", (0, 2), mean=0.5, validity=verdict),))
    assert judged(SPACE, data, batch) == batch
