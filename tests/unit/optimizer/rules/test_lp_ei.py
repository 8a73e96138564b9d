import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.initial import initial_design
from optimizer.objective import Minimize
from optimizer.rules import RULES, get_rule
from optimizer.rules.lp_ei import propose
from optimizer.space import Categorical, Continuous, Discrete, SearchSpace
from optimizer.state import CampaignState
from optimizer.types import Batch, Dataset, InvalidInput, NotEnoughPoints
from tests.agnp import read_agnp
from tests.contracts.rules import SILVER, SPACES, box, quadratic, random_rows, rows_of

ROOT = Path(__file__).resolve().parents[4]


def dataset(X: np.ndarray, loss: np.ndarray, counts: int = 3) -> Dataset:
    n = len(X)
    names = tuple(f"w{i}" for i in range(n))
    return Dataset(names, X, loss[:, None], loss, np.full(n, 0.02), loss, np.full(n, counts), np.ones(n, int))


def state_of(space: SearchSpace, X: np.ndarray, loss: np.ndarray, pending: np.ndarray | None = None, **changes) -> CampaignState:
    none = np.empty((0, space.dimension))
    return CampaignState(space, Minimize("loss"), dataset(X, loss), none if pending is None else pending, 1, **changes)


def ask(state: CampaignState, n: int = 15, seed: int = 0) -> Batch:
    return propose(state, state.data, n, np.random.default_rng(seed))


def check(state: CampaignState, n: int = 15) -> Batch:
    """A batch holds n distinct, feasible wells that can be set, none of them pending, with finite figures."""
    batch = ask(state, n)
    X = rows_of(batch)
    assert X.shape == (n, state.space.dimension)
    assert len(np.unique(X, axis=0)) == n
    assert state.space.contains(X).all()
    assert not any((state.pending == row).all(axis=1).any() for row in X)
    assert [p.rank for p in batch.proposals] == list(range(1, n + 1))
    for p in batch.proposals:
        assert p.rule == "lp_ei"
        assert p.why
        assert p.std >= 0
        assert p.acquisition >= 0
        assert 0 <= p.penalty <= 1
        assert np.isfinite([p.mean, p.std, p.score, p.acquisition, p.penalty]).all()
    return batch


@pytest.mark.parametrize("name", SPACES)
def test_constant_losses_and_pending_wells(name: str) -> None:
    space = SPACES[name]
    X = random_rows(space, 6)
    batch = check(state_of(space, X[:3], np.full(3, 0.5), pending=X[3:]), n=10)
    assert any("flat" in warning for warning in batch.warnings)
    assert any("default hyperparameters" in warning for warning in batch.warnings)


def test_pending_wells_may_leave_too_few() -> None:
    space = SearchSpace((Categorical("c", ("a", "b", "c")), Discrete("n", (1, 2))))
    everything = space.points(6)
    state = state_of(space, everything[:1], np.ones(1), pending=everything[1:5])
    assert len(ask(state, 2).proposals) == 2
    with pytest.raises(NotEnoughPoints, match="only 2 distinct"):
        ask(state, 3)


@pytest.mark.parametrize("outlier", [1e6, 1e300, -1e6])
def test_an_outlier_is_announced_and_survived(outlier: float) -> None:
    space = box(3)
    X = random_rows(space, 30)
    loss = quadratic(X)
    loss[4] = outlier
    assert any("far" in warning for warning in check(state_of(space, X, loss)).warnings)


def test_one_wild_bad_loss_hardly_moves_the_search() -> None:
    space = box(2)
    X = random_rows(space, 30)
    wild = quadratic(X)
    wild[quadratic(X).argmax()] = 1e9
    first = ask(state_of(space, X, wild)).proposals[0]
    assert quadratic(first.x[None, :])[0] < 0.01


def test_two_thousand_data() -> None:
    X = random_rows(SILVER, 2000)
    batch = check(state_of(SILVER, X, quadratic(SILVER.to_unit(X))))
    assert SILVER.apart(rows_of(batch), X).all()


def test_a_pending_well_repels_the_first_pick() -> None:
    space = box(2)
    X = random_rows(space, 25)
    state = state_of(space, X, quadratic(X))
    favourite = ask(state, 1).proposals[0]
    moved = ask(replace(state, pending=favourite.x[None, :]), 1).proposals[0]
    assert favourite.penalty == 1
    assert np.linalg.norm(moved.x - favourite.x) > 0.01
    assert moved.score < favourite.score


def test_figures_of_the_model_speak_of_the_parameters() -> None:
    space = SearchSpace((Continuous("T", 20, 90), Categorical("solvent", ("a", "b"))))
    X = random_rows(space, 12)
    model = check(state_of(space, X, X[:, 0] / 90 + X[:, 1])).model
    assert set(model["length_scales"]) == {"T", "solvent"}
    assert set(model["length_scales"]["solvent"]) == {"a", "b"}
    assert model["data"] == 12
    assert model["M"] <= model["incumbent"]
    assert model["L"] > 0


def test_an_important_parameter_gets_the_shorter_length_scale() -> None:
    space = box(2)
    X = random_rows(space, 40)
    scales = ask(state_of(space, X, np.sin(6 * X[:, 0]))).model["length_scales"]
    assert scales["x0"] < 0.5 * scales["x1"]


@pytest.mark.parametrize("block", range(1, 12))
def test_fifteen_wells_after_every_block_of_the_silver_campaign(agnp_csv: Path, block: int) -> None:
    wells, replicates = read_agnp(agnp_csv)
    known = [well for well in wells if well.round <= block]
    losses = {well.id: [m.outcome[0] for m in replicates if m.design == well.id] for well in known}
    state = state_of(SILVER, np.array([well.executed for well in known]), np.array([np.median(losses[well.id]) for well in known]))
    batch = check(state)
    assert not batch.warnings
    assert (rows_of(batch)[:, :4].sum(axis=1) <= 90 + 1e-9).all()
    assert SILVER.apart(rows_of(batch), state.data.X).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), count=st.integers(1, 25), d=st.integers(1, 4), wells=st.integers(1, 20))
def test_any_small_problem(seed: int, count: int, d: int, wells: int) -> None:
    rng = np.random.default_rng(seed)
    space = box(d, -3.0, 4.0, None if rng.random() < 0.5 else 0.25)
    X = space.sample(count, rng)
    check(state_of(space, X, rng.choice([0.0, 1.0, rng.normal()], len(X))), wells)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_four_batches_beat_random_by_far(seed: int) -> None:
    space, rng = box(5), np.random.default_rng(seed)
    X = initial_design(space, "lhs_centered", 15, seed)
    blind = np.vstack([X, random_rows(space, 60, seed)])
    for _ in range(4):
        loss = quadratic(X) + 0.01 * rng.standard_normal(len(X))
        X = np.vstack([X, rows_of(ask(state_of(space, X, loss), seed=seed))])
    assert quadratic(X).min() < 0.15 * quadratic(blind).min()


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(InvalidInput, match="best_ever"):
        get_rule("best_ever")
    assert all(callable(get_rule(name)) for name in RULES)


def test_asking_for_the_names_of_rules_loads_no_science() -> None:
    code = "import sys, optimizer.rules; sys.exit(any(m in sys.modules for m in ('torch', 'models.gp', 'optimizer.surrogate')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
