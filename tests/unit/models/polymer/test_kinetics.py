"""The forward simulator: published figures, limits with known answers, and what it refuses."""

import numpy as np
import pytest

from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import RECIPE, BadPolymer, published
from models.polymer.dataset import box, latin_hypercube
from models.polymer.figures_of_merit import conversion_class, mmd_error, solution_errors
from models.polymer.kinetics import Simulator
from models.polymer.targets import averages

RECIPES = latin_hypercube(60, 1, box())
QUIET = {"kbb": 0, "kb": 0, "ktrM": 0, "Cs": 0, "ktrP": 0, "macro": 0, "order_short": 0, "order_long": 0}
"""Neither transfer nor branching, and termination that does not know chain lengths."""


def along(column, values):
    X = np.tile([1.5, 0.01, 70.0, 1800.0], (len(values), 1))
    X[:, RECIPE.index(column)] = values
    return Simulator()(X)


def test_the_direct_solution_is_met():
    for name, error, most in solution_errors():
        assert error < most, name


def test_published_conversions_are_told_right(polymer_data):
    assert conversion_class(polymer_data / "conversion90.csv") >= 430


def test_the_published_distribution_is_met(polymer_data):
    assert mmd_error(polymer_data / "mmd_70C_1M_20mM_3600s.csv") < 0.015


@pytest.mark.parametrize(("share", "dispersity"), [(0.0, 1.5), (1.0, 2.0)])
def test_dispersity_of_pairs_alone(share, dispersity):
    made = Simulator(published().changed(**QUIET, dss=share))(np.array([[1.0, 0.005, 60, 60], [3.0, 0.02, 80, 20]]))
    np.testing.assert_allclose(made.Mw / made.Mn, dispersity, rtol=0.01)
    Mn, Mw = averages(made.mmd)
    np.testing.assert_allclose(Mw / Mn, dispersity, rtol=0.01)


def test_mn_of_transfer_alone_is_mayos():
    slow = published().changed(**(QUIET | {"Cs": 0.01}), kd=2.89e9)
    made = Simulator(slow)(np.array([[1.0, 0.01, 70, 600.0], [2.5, 0.01, 70, 600.0]]))
    solvent = (1 - np.array([1.0, 2.5]) * 128.17 / 894) * 867 / 92.14
    np.testing.assert_allclose(made.Mn, 128.17 * (1 + np.array([1.0, 2.5]) / (0.01 * solvent)), rtol=0.01)
    assert (made.conversion < 0.01).all()


def test_first_order_decay_without_branching_or_lengths():
    made = Simulator(published().changed(**QUIET))(np.array([[1.0, 0.005, 60, 300.0]]))
    k = {name: float(value) for name, value in published().at(np.array(333.15)).items()}
    radicals = np.sqrt(k["f"] * k["kd"] * 0.005 * np.exp(-k["kd"] * 150) / k["kss"])
    assert made.conversion[0] == pytest.approx(-np.expm1(-k["kp"] * radicals * 300), rel=0.01)


def test_monomer_is_neither_made_nor_lost():
    made = Simulator()(RECIPES)
    np.testing.assert_allclose(made.cBA_time, RECIPES[:, 0] * (1 - made.conversion))
    assert ((made.conversion > 0) & (made.conversion < 1)).all()


def test_distributions_have_unit_area_and_the_averages_that_are_carried_apart():
    made = Simulator()(RECIPES)
    np.testing.assert_allclose(made.mmd.sum(axis=1) * STEP, 1)
    assert (made.mmd >= 0).all()
    Mn, Mw = averages(made.mmd)
    np.testing.assert_allclose(Mn, made.Mn, rtol=0.04)
    np.testing.assert_allclose(Mw, made.Mw, rtol=0.03)
    assert made.mmd.shape == (60, len(LOG_M))


def test_trends_that_every_chemist_expects():
    assert (np.diff(along("time", np.arange(300.0, 3601, 300)).cBA_time) < 0).all()
    assert (np.diff(along("cAIBN_0", np.arange(0.0025, 0.021, 0.0025)).Mn) < 0).all()
    assert (np.diff(along("temp", np.arange(60.0, 81, 2)).Mn) < 0).all()
    assert (np.diff(along("cBA_0", np.arange(0.5, 3.1, 0.5)).Mn) > 0).all()


def test_rows_do_not_depend_on_their_company_and_inputs_are_left_alone():
    before, order = RECIPES.copy(), np.random.default_rng(0).permutation(len(RECIPES))
    made, mixed, one = Simulator()(RECIPES), Simulator()(RECIPES[order]), Simulator()(RECIPES[7:8])
    np.testing.assert_allclose(mixed.mmd, made.mmd[order], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(one.Mw, made.Mw[7:8], rtol=1e-10)
    np.testing.assert_array_equal(RECIPES, before)


def test_sweeps_and_nodes_are_enough(monkeypatch):
    import models.polymer.quasisteady as quasisteady

    X = np.array([[3.0, 0.02, 80, 3600], [0.5, 0.02, 80, 3600]])
    usual = Simulator()(X)
    monkeypatch.setattr(quasisteady, "SWEEPS", 30)
    more = Simulator()(X)
    np.testing.assert_allclose(usual.conversion, more.conversion, atol=1e-5)
    np.testing.assert_allclose(usual.mmd, more.mmd, atol=1e-4)


@pytest.mark.parametrize(
    ("column", "value", "match"),
    [("temp", 343.15, "kelvin.*degrees Celsius, 70"), ("cBA_0", 7.5, "pure monomer"), ("time", 90000, "where the coefficients hold"),
     ("time", 0, "where the coefficients hold"), ("cAIBN_0", -0.01, "where the coefficients hold"), ("temp", np.nan, "not finite"),
     ("temp", 20, "where the coefficients hold")],
)  # fmt: skip
def test_what_is_no_recipe_is_refused_by_name(column, value, match):
    X = RECIPES.copy()
    X[3, RECIPE.index(column)] = value
    with pytest.raises(BadPolymer, match=match) as refusal:
        Simulator()(X)
    assert refusal.value.field == column
    assert "row 3" in str(refusal.value)
    assert refusal.value.remedy


@pytest.mark.parametrize("X", [np.ones(4), np.ones((2, 3)), np.ones((0, 4))])
def test_other_shapes_are_refused(X):
    with pytest.raises(BadPolymer, match="columns cBA_0"):
        Simulator()(X)


def test_a_recipe_that_uses_up_the_monomer_is_refused_or_nan():
    X = np.array([[0.2, 0.09, 89, 7200], [1.0, 0.01, 70, 1800]])
    with pytest.raises(BadPolymer, match="shorten it"):
        Simulator()(X)
    made = Simulator().attempt(X)
    assert np.isnan(made.mmd[0]).all()
    assert np.isfinite([made.conversion[1], made.Mn[1], made.Mw[1]]).all()
