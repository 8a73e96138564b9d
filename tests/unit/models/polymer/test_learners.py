"""Learners from a polymer to its recipe."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from models.perceptron import INVERSE, PerceptronSettings
from models.polymer import learners
from models.polymer.coefficients import RECIPE
from models.polymer.dataset import box, latin_hypercube, polymer_table, simulated
from models.polymer.kinetics import Simulator
from models.polymer.mixture_density import MixtureSettings


@pytest.fixture(scope="module")
def grid():
    """Ten recipes at four times."""
    X = np.repeat(latin_hypercube(10, 0, box()), 4, axis=0)
    X[:, 3] = np.tile([900, 1800, 2700, 3600], 10)
    return simulated(X, Simulator())


def test_inputs_and_recipes_are_columns_of_the_table(grid):
    composite = learners.inputs(grid, "composite")
    assert composite.shape == (40, 103)
    np.testing.assert_array_equal(composite[:, 3:], learners.inputs(grid, "mmd"))
    np.testing.assert_array_equal(composite[:, 1], grid["Mn"].values)
    np.testing.assert_array_equal(learners.recipes(grid)[:, 2], grid["temp"].values)


def test_rows_are_held_out_as_scikit_learn_did(grid):
    split = learners.split(grid, "row")
    np.testing.assert_array_equal(split.test, np.sort(train_test_split(np.arange(40), test_size=0.2, random_state=42)[1]))


def test_recipes_are_held_out_whole(grid):
    split, recipe = learners.split(grid, "recipe"), grid["recipe"].values
    assert set(recipe[split.train]).isdisjoint(recipe[split.test])
    assert len(split.test) == 8


def test_scores_are_the_published_figures():
    rng = np.random.default_rng(0)
    truth = rng.uniform([0.5, 0.0025, 60, 300], [3, 0.02, 80, 3600], (500, 4))
    told = truth + np.array([0.25, 0.00175, -2, 360])
    found = learners.score(truth, told)
    assert found["relative_mae"] == pytest.approx([10, 10, 10, 10])
    assert found["r2"] == pytest.approx(1 - ((told - truth) ** 2).mean(axis=0) / truth.var(axis=0))
    assert found["global_r2"] == pytest.approx(np.mean(found["r2"]))
    assert found["mse"] == pytest.approx(360**2 / 4, rel=1e-4)


def test_scaled_columns_come_back():
    X = np.random.default_rng(0).normal([1e-3, 50], [1e-4, 7], (100, 2))
    scaler = learners.Scaler.of(X)
    np.testing.assert_allclose(scaler(X).std(axis=0), 1)
    np.testing.assert_allclose(scaler.back(scaler(X)), X)


def test_the_published_network_does_not_undo_the_scaling_it_is_given():
    X = np.random.default_rng(0).normal(size=(40, 3))
    settings = PerceptronSettings(members=1, epochs=2, hidden=(4,))
    told, other = (learners.perceptron(settings).fit(factor * X, X[:, :1]).predict(X) for factor in (1, 10))
    assert np.abs(told - other).max() > 1e-3


def test_settings_are_the_published_ones():
    assert learners.network() == INVERSE
    assert (INVERSE.hidden, INVERSE.dropout, INVERSE.batch, INVERSE.patience) == ((256, 128, 64), (0.2, 0.1, 0.0), 32, 50)
    assert learners.network(quick=True).hidden == INVERSE.hidden


@pytest.mark.parametrize("grouped", [False, True])
def test_the_search_chooses_from_the_published_grid(grid, grouped, monkeypatch):
    monkeypatch.setattr(learners, "_FEWER", 50)
    X, Y = learners.inputs(grid, "composite")[:, :3], learners.Scaler.of(learners.recipes(grid))(learners.recipes(grid))
    found = learners.searched(X, Y, grid["recipe"].values if grouped else None)
    assert found.trees in learners.GRID["n_estimators"]
    assert found.max_depth in learners.GRID["max_depth"]
    assert found.min_samples_split in learners.GRID["min_samples_split"]
    assert found.min_samples_leaf in learners.GRID["min_samples_leaf"]


def test_noise_is_as_large_as_told():
    X = np.tile(learners.inputs(polymer_table(2, 0), "composite")[:1], (400, 1))
    off = learners.noisy(X, 0.01, np.random.default_rng(0)) - X
    np.testing.assert_allclose(off[:, 3:].std(), 0.01 * X[0, 3:].max(), rtol=0.05)
    np.testing.assert_allclose(off[:, :3].std(axis=0) / X[0, :3], 0.02, rtol=0.15)
    np.testing.assert_array_equal(learners.noisy(X, 0.0, np.random.default_rng(0)), X)


def test_recipes_lie_in_the_intervals_of_their_density():
    table, held, new = polymer_table(300, 1), polymer_table(150, 2), polymer_table(150, 3)
    settings = MixtureSettings(kernels=3, hidden=(32,), epochs=15, batch=64, rate=1e-2)
    model = learners.RecipeDensity.learnt(table, held, box(), settings=settings)
    seen, truth = learners.noisy(learners.inputs(new, "composite"), 0.01, np.random.default_rng(0)), learners.recipes(new)
    low, high = model.interval(seen)
    assert (box().low <= low).all()
    assert (high <= box().high).all()
    assert ((low <= truth) & (truth <= high)).mean(axis=0) == pytest.approx(np.full(4, 0.9), abs=0.09)
    r2 = dict(zip(RECIPE, learners.score(truth, model.predict(seen))["r2"], strict=True))
    assert r2["cBA_0"] > 0.7
    assert r2["time"] > 0.5
