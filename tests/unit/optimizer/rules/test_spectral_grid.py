from dataclasses import replace

import numpy as np
import pytest

from models.nets import NetworkSettings, SpectrumNetwork
from optimizer.grid import Grid
from optimizer.harness import Task, run
from optimizer.initial import initial_design
from optimizer.objective import Minimize
from optimizer.problems import get_problem
from optimizer.rules import spectral_grid
from optimizer.space import Continuous, LinearConstraint, SearchSpace
from optimizer.types import InvalidInput
from tests.contracts.rules import rows_of
from tests.unit.optimizer.rules.test_composite import SPACE, best_after, matching, state_of


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectral_grid, "SETTINGS", NetworkSettings((24,) * 3, members=4, folds=2, epochs=200))
    monkeypatch.setattr(spectral_grid, "POINTS", 4000)


@pytest.mark.slow
def test_two_batches_beat_the_first_design_by_far() -> None:
    assert best_after("spectral_grid", 2, 60, 0) < 0.3 * best_after("spectral_grid", 0, 60, 0)


def test_a_scalar_objective_is_refused_with_a_remedy() -> None:
    state = state_of(SPACE.sample(5, np.random.default_rng(0)), matching(60))
    with pytest.raises(InvalidInput, match="curve") as caught:
        spectral_grid.propose(replace(state, objective=Minimize("loss")), state.data, 3, np.random.default_rng(0))
    assert "hybrid_ei" in caught.value.remedy


def test_equal_curves_are_announced() -> None:
    state = state_of(SPACE.sample(1, np.random.default_rng(0)), matching(60))
    batch = spectral_grid.propose(state, state.data, 4, np.random.default_rng(0))
    assert "greedy_ei" in batch.warnings[0]
    assert {p.rule for p in batch.proposals} == {"spectral_grid"}


@pytest.mark.usefixtures("quick")
def test_wells_lie_off_the_grid_where_steps_are_finer() -> None:
    X = initial_design(SPACE, "lhs_random", 20, 0)
    state = state_of(X, matching(60))
    rows = rows_of(spectral_grid.propose(state, state.data, 8, np.random.default_rng(0)))
    grid = Grid.within(SPACE, spectral_grid.POINTS)
    assert grid is not None
    on_grid = [np.isclose(rows[:, [j]], levels).any(axis=1) for j, levels in enumerate(grid.levels)]
    assert not np.all(on_grid)


@pytest.mark.usefixtures("quick")
def test_figures_for_people() -> None:
    X = initial_design(SPACE, "lhs_random", 20, 0)
    state = state_of(X, matching(60))
    batch = spectral_grid.propose(state, state.data, 3, np.random.default_rng(0))
    assert batch.model["data"] == 20
    assert 0 < batch.model["grid"] <= spectral_grid.POINTS
    assert 0 <= batch.model["coverage"] <= 1
    assert "members" in batch.proposals[0].why


@pytest.mark.usefixtures("quick")
def test_wells_outside_of_the_data_come_last_and_all_are_judged_with_the_spread_of_the_members() -> None:
    corner = replace(SPACE, parameters=tuple(replace(p, high=p.low + 0.3 * (p.high - p.low)) for p in SPACE.parameters))
    X = initial_design(corner, "lhs_random", 20, 0)
    state = state_of(X, matching(60))
    batch = spectral_grid.propose(state, state.data, 5, np.random.default_rng(0))
    verdicts = [p.validity for p in batch.proposals]
    assert all(verdict is not None and verdict.status != "outside" for verdict in verdicts)
    network = SpectrumNetwork(spectral_grid.SETTINGS, 0).fit(SPACE.encode(state.data.X), state.data.Y)
    model = spectral_grid.NetworkModel(state, state.data, network)
    far = np.array([[p.high for p in SPACE.parameters]])
    assert model.setback(np.vstack([X[:1], far])).tolist() == [0, spectral_grid._UNBACKED]
    held = network.held_out_std
    assert held is not None
    known = replace(model, network=network)
    network.held_out_std = held * 1e-6
    assert {verdict.check for verdict in known.verdicts(X + 1e-9)} == {"sigma"}


@pytest.mark.usefixtures("quick")
def test_a_space_too_large_for_a_grid_and_one_too_thin() -> None:
    large = SearchSpace(tuple(Continuous(f"x{j}", 0, 1) for j in range(14)))
    thin = replace(SPACE, constraints=(LinearConstraint({"x0": -1, "x1": -1, "x2": -1}, -2.97),))
    for space in (large, thin):
        X = space.sample(20, np.random.default_rng(0))
        state = state_of(X[:, :3], matching(60))
        state = replace(state, space=space, data=replace(state.data, X=X), pending=np.empty((0, space.dimension)))
        rows = rows_of(spectral_grid.propose(state, state.data, 4, np.random.default_rng(0)))
        assert space.contains(rows).all()


@pytest.mark.slow
def test_silver_spectra_are_matched() -> None:
    outcome = run(Task(get_problem("spectra_narrow"), "spectral_grid", 0, batches=3))
    assert outcome.regret[-1] < 0.05
