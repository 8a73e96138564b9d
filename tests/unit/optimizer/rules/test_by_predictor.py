"""Wells by a registered model: the best ones that it foretells, apart from each other and from what was measured."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.programme import train
from models.spec import Spec, Use
from models.table import Field, Table
from optimizer.loop import next_step
from optimizer.objective import Minimize
from optimizer.registered import Oracle, Registered, check
from optimizer.replicates import reduce
from optimizer.space import Categorical, Continuous, SearchSpace
from optimizer.state import CampaignState
from optimizer.types import Design, DesignState, InvalidInput, Measurement, Strategy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPACE = SearchSpace((Continuous("x", 0.0, 10.0, "%"), Categorical("solvent", ("toluene", "ethanol"))))


def lossy(x, toluene):
    return (x - 6.0) ** 2 + 5.0 * toluene


@pytest.fixture(scope="module")
def registered():
    rng = np.random.default_rng(0)
    x, code = 10 * rng.random(80), rng.integers(0, 2, 80)
    fields = Field("x", x, "%"), Field("solvent", code, classes=("ethanol", "toluene")), Field("loss", lossy(x, code), "1")
    spec = Spec((Use("x"), Use("solvent")), (Use("loss"),), "gp", {}, None, 0, 0.2, (), 1)
    return Registered("known", train(Table(fields), spec).to_files())


@pytest.fixture
def state(registered):
    rows = SPACE.sample(4, np.random.default_rng(1))
    designs = [Design(f"r01-w0{k}", 1, k, row, row, "lhs", DesignState.MEASURED) for k, row in enumerate(rows, 1)]
    told = [Measurement(design.id, 1, np.array([40.0]), NOW) for design in designs]
    data = reduce(designs, told, Minimize("loss", ""))
    strategy = Strategy(rule="spectral_grid")
    return CampaignState(SPACE, Minimize("loss", ""), data, np.empty((0, 2)), 1, strategy, batch_size=4, predictor=registered)


def test_the_best_foretold_wells_are_proposed_apart(state):
    batch = next_step(state)
    rows = np.array([proposal.x for proposal in batch.proposals])
    assert rows[0] == pytest.approx([6.0, 1.0], abs=0.35)
    assert np.allclose([proposal.mean for proposal in batch.proposals], lossy(rows[:, 0], rows[:, 1] == 0), atol=0.5)
    U = state.space.to_unit(np.vstack([rows, state.data.X]))
    gaps = np.linalg.norm(U[:, None] - U[None], axis=2)[:4] + 9 * np.eye(8)[:4]
    assert gaps[:, :4].min() >= 0.1
    assert gaps[:, 4:].min() >= 0.03
    assert {proposal.rule for proposal in batch.proposals} == {"spectral_grid"}
    assert batch.model["predictor"] == "known"


def test_the_same_state_gives_the_same_batch_in_another_process(state):
    first, again = next_step(state), next_step(pickle.loads(pickle.dumps(state)))
    assert [proposal.x.tolist() for proposal in first.proposals] == [proposal.x.tolist() for proposal in again.proposals]


def test_pending_wells_are_kept_clear_of(state):
    best = next_step(state).proposals[0].x
    others = next_step(replace(state, pending=best[None, :], overlap=True)).proposals
    assert min(np.linalg.norm(state.space.to_unit(p.x[None]) - state.space.to_unit(best[None])) for p in others) >= 0.1


def test_wells_beyond_the_training_of_the_model_come_last(state):
    wide = replace(state, space=SearchSpace((Continuous("x", 0.0, 100.0, "%"), SPACE.parameters[1])))
    assert all(proposal.validity.status != "outside" for proposal in next_step(wide).proposals[:2])


def test_categories_go_by_name(registered):
    oracle = Oracle(SPACE, registered.model)
    toluene, ethanol = oracle.predict(np.array([[6.0, 0.0], [6.0, 1.0]]))[:, 0]
    assert toluene - ethanol == pytest.approx(5.0, abs=0.5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ((Continuous("x", 0, 1, "%"),), "takes 'solvent'"),
        ((Continuous("x", 0, 1, "g"), SPACE.parameters[1]), "in %, here it is in g"),
        ((Categorical("x", ("a", "b")), SPACE.parameters[1]), "as a number"),
        ((SPACE.parameters[0], Categorical("solvent", ("ethanol", "water"))), "never seen solvent as 'water'"),
    ],
)
def test_other_parameters_are_refused(registered, parameters, message):
    with pytest.raises(InvalidInput, match=message) as refused:
        check(registered.model.task, SearchSpace(parameters), "loss", "", None)
    assert refused.value.remedy
