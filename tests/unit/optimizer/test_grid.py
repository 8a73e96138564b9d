import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from models.gp import GaussianProcess
from models.nets import NetworkSettings
from optimizer import grid as module
from optimizer.grid import Grid, Search, Seen
from optimizer.grid_speed import RandomNetwork, _search, grid_speed, peak_memory, published_space
from optimizer.objective import Minimize, SpectrumMatch
from optimizer.space import Categorical, Continuous, Discrete, LinearConstraint, Mixture, SearchSpace
from optimizer.types import InvalidInput, Spectrum

SPACE = SearchSpace((Continuous("a", 0, 1), Continuous("b", 0, 2)), (LinearConstraint({"a": 1, "b": 1}, 2),))


def bowl(space: SearchSpace, seed: int = 0) -> GaussianProcess:
    """A process that has learnt two basins."""
    X = space.sample(40, np.random.default_rng(seed))
    U = space.to_unit(X)
    y = -np.exp(-((U - 0.3) ** 2).sum(axis=1) / 0.05) - 0.9 * np.exp(-((U - 0.8) ** 2).sum(axis=1) / 0.05)
    return GaussianProcess().fit(space.encode(X), y)


def search(space: SearchSpace = SPACE, count: int = 30, **changes) -> Search:
    return replace(Search(Grid.of(space, count), bowl(space), Minimize("loss")), **changes)


def test_the_published_grid() -> None:
    """Counted in integers: sums of 15 + (41 i + 30 j + 29.5 k + 19.5 m) / 19 up to 90, times 20 levels of the flow."""
    i, j, k, m = np.ogrid[:20, :20, :20, :20]
    expected = 20 * int((82 * i + 60 * j + 59 * k + 39 * m <= 2850).sum())
    grid = Grid.of(published_space(), 20)
    assert grid.size == 3_200_000
    assert sum(len(grid.feasible(first, first + 2**18)[0]) for first in range(0, grid.size, 2**18)) == expected == 2_490_100


def test_every_combination_once_and_feasible_as_the_space_says() -> None:
    space = SearchSpace(
        (Continuous("a", 0, 1, step=0.25), Discrete("pH", (2, 3, 7)), Categorical("c", ("x", "y")), Continuous("b", 0, 1)),
        (LinearConstraint({"a": 1, "b": 1}, 1.0, inclusive=False),),
    )
    grid = Grid.of(space, 3)
    X = grid.at(np.arange(grid.size))
    assert grid.size == 3 * 3 * 2 * 3
    assert len(np.unique(X, axis=0)) == len(X)
    assert np.array_equal(space.snap(X), X)
    index, rows = grid.feasible(7, 10_000)
    np.testing.assert_array_equal(index, 7 + np.flatnonzero(space.feasible(X)[7:]))
    np.testing.assert_array_equal(rows, X[index])


@pytest.mark.parametrize("most", [4, 100, 5000])
def test_the_finest_grid_within_a_number_of_points(most: int) -> None:
    grid = Grid.within(SPACE, most)
    assert grid is not None
    assert grid.size <= most
    assert Grid.within(SPACE, 3) is None


def test_wells_are_feasible_apart_and_start_with_the_best() -> None:
    task = search(wells=8, apart=0.15)
    wells = task.run()
    X = task.grid.feasible(0, task.grid.size)[1]
    loss = task.surrogate.predict(SPACE.encode(X))[:, 0]
    assert wells.feasible == len(X)
    assert len(wells.X) == 8
    assert SPACE.feasible(wells.X).all()
    assert pdist(SPACE.to_unit(wells.X)).min() >= 0.15
    assert wells.loss[0] == pytest.approx(loss.min(), abs=1e-9)
    assert (np.diff(wells.loss) >= 0).all()
    np.testing.assert_allclose(wells.curves[:, 0], wells.loss)
    assert wells.std is not None
    assert wells.std.shape == (8, 1)


def test_each_well_is_nearly_the_best_beyond_those_before() -> None:
    task = search(wells=6, apart=0.2)
    wells = task.run()
    X = task.grid.feasible(0, task.grid.size)[1]
    loss, U = task.surrogate.predict(SPACE.encode(X))[:, 0], SPACE.to_unit(X)
    for k in range(1, 6):
        free = (np.linalg.norm(U[:, None] - SPACE.to_unit(wells.X[:k]), axis=2) >= 0.2).all(axis=1)
        assert wells.loss[k] - loss[free].min() <= 0.25 * np.ptp(loss)


def test_parts_elsewhere_give_the_same_wells_and_are_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 100)
    whole, told = search(), list[Seen]()
    with ThreadPoolExecutor(2) as pool:
        elsewhere = whole.run(pool.submit, told.append)
    here = whole.run()
    np.testing.assert_array_equal(elsewhere.X, here.X)
    assert [seen.share for seen in told] == pytest.approx(np.arange(1, 10) / 9)
    assert told[-1].best.loss[0] == min(seen.best.loss[0] for seen in told)
    scanned = list[int]()

    def submit(scan, first, last):
        scanned.append(first)
        return pool.submit(scan, first, last)

    with ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(whole.run(submit, seen=told[-3]).X, here.X)
    assert scanned == sorted(set(range(0, 900, 100)) - told[-3].done)


def test_a_failing_part_fails_the_search() -> None:
    broken = search(surrogate=GaussianProcess())
    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="fit"):
        broken.run(pool.submit)


def test_a_search_travels_between_processes() -> None:
    task = search()
    again = pickle.loads(pickle.dumps(task))
    np.testing.assert_array_equal(again.scan(0, 500).index, task.scan(0, 500).index)


def test_cells_that_hold_no_feasible_point_and_spaces_without_any() -> None:
    corner = SearchSpace(SPACE.parameters, (LinearConstraint({"a": -1, "b": -1}, -2.99),))
    assert len(search(corner, 2).run().X) == 1
    with pytest.raises(InvalidInput, match="feasible"):
        search(SearchSpace(SPACE.parameters, (LinearConstraint({"a": 1}, 0.9), LinearConstraint({"a": -1}, -0.8))), 2).run()


@pytest.mark.parametrize("wrong", [{"wells": 0}, {"apart": 0.0}])
def test_impossible_searches_are_refused(wrong: dict) -> None:
    with pytest.raises(InvalidInput):
        search(**wrong)


def test_a_mixture_and_a_category() -> None:
    space = SearchSpace(
        (*(Continuous(n, 0, 60, "%", 0.5) for n in "ab"), Categorical("c", ("x", "y", "z"))),
        mixture=Mixture("water", ("a", "b"), low=10, high=60),
    )
    wells = search(space, 12, wells=5).run()
    assert space.contains(wells.X).all()


def test_the_fast_path_agrees_with_the_objective_up_to_the_cliff() -> None:
    task = _search(NetworkSettings((12, 12), members=2), 421, 5)
    assert isinstance(task.surrogate, RandomNetwork)
    X = task.grid.feasible(0, 3000)[1]
    quick = task._losses(task._inputs(X))
    curves = task.surrogate.predict(task._inputs(X))
    away = np.abs(curves.max(axis=1) - 1.2) > 1e-4
    assert away.mean() > 0.9
    np.testing.assert_allclose(quick[away], task.objective.losses(curves).loss[away], atol=1e-4)


def test_losses_in_single_precision_of_odd_spectra() -> None:
    axis = np.linspace(0, 1, 50)
    objective = SpectrumMatch("a", axis, Spectrum(axis, axis**2))
    curves = np.vstack([np.ones(50), np.zeros(50), -axis, 0.3 * axis, axis, 1.3 * axis, 5 + 0.01 * axis, axis[::-1]])
    np.testing.assert_allclose(objective.screen(curves.astype(np.float32)), objective.losses(curves).loss, atol=1e-5)


def test_the_speed_of_a_small_grid() -> None:
    with ThreadPoolExecutor(1) as pool:
        rows = grid_speed(pool.submit, 1, levels=4)
    assert {"name", "value", "unit", "target", "met"} == set(rows[0])
    assert all(row["value"] > 0 for row in rows)
    (search,) = (row for row in rows if row["name"].startswith("search of 1024 points"))
    assert search["target"] is None  # of the published grid alone
    assert peak_memory() >= rows[-1]["value"] > 10
