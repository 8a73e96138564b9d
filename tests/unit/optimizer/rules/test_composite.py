import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from models.components import CurveProcess
from optimizer import acquisition
from optimizer.initial import initial_design
from optimizer.objective import Minimize, SpectrumMatch
from optimizer.rules import composite, get_rule
from optimizer.space import SearchSpace
from optimizer.state import CampaignState
from optimizer.types import Dataset, InvalidInput, Spectrum
from tests.contracts.rules import box, rows_of

AXIS = np.linspace(380, 800, 85)
SPACE = box(3)


def matching(width: float) -> SpectrumMatch:
    return SpectrumMatch("absorbance", AXIS, Spectrum(AXIS, np.exp(-(((AXIS - 640) / width) ** 2))), "nm")


def lab(X: np.ndarray) -> np.ndarray:
    """Absorbance of plates that grow with the first input, where the second suits it; the third makes more of them."""
    fit = np.exp(-(((X[:, 1] - 0.2 - 0.5 * X[:, 0]) / 0.25) ** 2))
    centre, width = 430 + 330 * X[:, 0] * (0.3 + 0.7 * fit), 20 + 70 * (1 - fit) + 30 * X[:, 2]
    plates = (0.3 + 1.2 * X[:, 2]) * (0.3 + 0.7 * fit)
    return plates[:, None] * np.exp(-(((AXIS - centre[:, None]) / width[:, None]) ** 2)) + (0.5 * (1 - fit))[:, None] * np.exp(
        -(((AXIS - 405) / 30) ** 2)
    )


def state_of(X: np.ndarray, objective: SpectrumMatch, seed: int = 0, space: SearchSpace = SPACE) -> CampaignState:
    Y = lab(X) + 0.004 * np.random.default_rng(seed).standard_normal((len(X), len(AXIS)))
    n = len(X)
    names, ones = tuple(f"w{k}" for k in range(n)), np.ones(n, np.int64)
    loss = objective.losses(Y).loss
    data = Dataset(names, X, Y, loss, np.full(n, 0.01), loss, ones, ones)
    return CampaignState(space, objective, data, np.empty((0, space.dimension)), 1)


def best_after(rule: str, batches: int, width: float, seed: int, wells: int = 8) -> float:
    objective, X = matching(width), initial_design(SPACE, "lhs_random", 10, seed)
    for batch in range(batches):
        state = state_of(X, objective, seed)
        X = np.vstack([X, rows_of(get_rule(rule)(state, state.data, wells, np.random.default_rng([seed, batch])))])
    return float(objective.losses(lab(X)).loss.min())


def test_one_batch_beats_the_first_design_by_far() -> None:
    assert best_after("composite", 2, 60, 0) < 0.3 * best_after("composite", 0, 60, 0)


@pytest.mark.slow
def test_three_batches_reach_more_than_five_on_the_scalar_loss_of_a_broad_band() -> None:
    ours, scalar = ([best_after(rule, batches, 70, seed) for seed in range(5)] for rule, batches in (("composite", 3), ("lp_ei", 5)))
    assert np.median(ours) < np.median(scalar)


def test_a_scalar_objective_is_refused_with_a_remedy() -> None:
    state = state_of(SPACE.sample(5, np.random.default_rng(0)), matching(60))
    with pytest.raises(InvalidInput, match="curve") as caught:
        composite.propose(replace(state, objective=Minimize("loss")), state.data, 3, np.random.default_rng(0))
    assert "hybrid_ei" in caught.value.remedy


def test_equal_curves_are_announced() -> None:
    state = state_of(SPACE.sample(1, np.random.default_rng(0)), matching(60))
    batch = composite.propose(state, state.data, 4, np.random.default_rng(0))
    assert "greedy_ei" in batch.warnings[0]
    assert {p.rule for p in batch.proposals} == {"composite"}


def test_the_smoothed_loss_is_the_loss_below_the_cliff() -> None:
    objective, curves = matching(60), lab(SPACE.sample(50, np.random.default_rng(0)))
    below = curves[curves.max(axis=1) <= 1.2]
    np.testing.assert_array_equal(composite.smoothed(objective, below), objective.losses(below).loss)


def test_the_cliff_becomes_a_slope() -> None:
    objective = matching(60)
    heights = 1.2 + np.array([0.0, 1e-6, 0.02, 0.05, 0.2, 2.0])
    curves = heights[:, None] * np.exp(-(((AXIS - 620) / 70) ** 2))
    losses = composite.smoothed(objective, curves / curves.max(axis=1, keepdims=True) * heights[:, None])
    shape = losses[0]
    assert losses[1] == pytest.approx(shape, abs=1e-4)
    assert losses[3] == pytest.approx(1 - np.exp(-1) * (1 - shape))
    assert (np.diff(losses) > 0).all()
    assert losses[-1] == pytest.approx(1)


def test_the_gain_is_the_expected_improvement() -> None:
    rng = np.random.default_rng(0)
    losses = 0.5 + 0.1 * rng.standard_normal((2, 40_000))
    gain = composite.log_gain(losses, np.full(40_000, 0.45), 1e-4)
    exact = acquisition.log_ei(np.full(2, 0.5), np.full(2, 0.1), 0.45)
    np.testing.assert_allclose(gain, exact, atol=0.03)


def test_hopeless_candidates_are_still_told_apart() -> None:
    gain = composite.log_gain(np.array([[0.9] * 4, [0.8] * 4, [1e6] * 4]), np.zeros(4), 1e-4)
    assert np.isfinite(gain).all()
    assert gain[1] > gain[0] > gain[2]


def test_a_copy_of_a_pick_gains_nothing_more() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.random((2, 500))
    best = np.minimum(0.9, one)
    copy, fresh = composite.log_gain(np.array([one, other]), best, 1e-4)
    assert fresh > copy + 3


def test_the_short_list_holds_the_best_and_a_few_of_every_part() -> None:
    rng = np.random.default_rng(0)
    cloud, spread = 0.55 + 0.04 * rng.random((800, SPACE.dimension)), rng.random((700, SPACE.dimension))
    X = SPACE.from_unit(np.vstack([cloud, spread]))
    values = np.r_[rng.random(800), -rng.random(700)]
    listed = composite.short_list(SPACE, X, values, 15)
    order = np.argsort(-values)
    assert len(listed) == len(set(listed.tolist())) == 512 + 15
    assert listed[: 256 + 15].tolist() == order[: 256 + 15].tolist()
    assert np.all(np.diff(values[listed]) <= 0)
    assert (listed >= 800).sum() > 200
    cells = np.floor(SPACE.to_unit(X[listed[256 + 15 :]]) / 0.1)
    assert np.unique(cells, axis=0, return_counts=True)[1].max() <= 4


def test_a_short_list_of_few_is_all_of_them() -> None:
    X = SPACE.from_unit(np.random.default_rng(0).random((40, SPACE.dimension)))
    assert sorted(composite.short_list(SPACE, X, X[:, 0], 8)) == list(range(40))


def test_many_samples_take_little_memory() -> None:
    objective = SpectrumMatch("a", np.arange(421.0), Spectrum(np.arange(421.0), np.arange(421.0)))
    X = SPACE.sample(12, np.random.default_rng(0))
    Y = np.abs(np.random.default_rng(0).standard_normal((12, 421)))
    n, ones = len(X), np.ones(len(X), np.int64)
    loss = objective.losses(Y).loss
    data = Dataset(tuple(map(str, range(n))), X, Y, loss, np.full(n, 0.1), loss, ones, ones)
    state = CampaignState(SPACE, objective, data, np.empty((0, 3)), 1)
    process = CurveProcess().fit(X, Y)
    model = composite._Model(state, data, process, np.zeros((1, len(process.processes))))
    scores = np.random.default_rng(1).standard_normal((400, 128, len(process.processes)))
    tracemalloc.start()
    losses = model.losses(scores)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert losses.shape == (400, 128)
    assert peak < 100e6  # 400 x 128 x 421 values are 172 MB, and the loss needs several such arrays
    np.testing.assert_allclose(model.losses(scores[:2]), losses[:2])


def test_a_pending_well_is_not_competed_with() -> None:
    state = state_of(SPACE.sample(15, np.random.default_rng(2)), matching(60))
    favourite = composite.propose(state, state.data, 1, np.random.default_rng(0)).proposals[0]
    pending = replace(state, pending=favourite.x[None, :])
    moved = composite.propose(pending, state.data, 1, np.random.default_rng(0)).proposals[0]
    assert SPACE.apart(moved.x[None, :], favourite.x[None, :])[0]
    assert moved.score < favourite.score
