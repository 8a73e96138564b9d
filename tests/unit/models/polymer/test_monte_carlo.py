"""Against the kinetic Monte Carlo, which shares no step of the solution."""

import sys

import numpy as np
import pytest

from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import BadPolymer, published
from models.polymer.kinetics import Simulator
from models.polymer.monte_carlo import Sample, simulate


@pytest.fixture
def numba():
    return pytest.importorskip("numba", reason='no numba; run `pip install "closedloop[monte-carlo]"`')


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [(1, 0.02, 70, 3600), (0.5, 0.02, 80, 3600), (3, 0.02, 80, 3600)])
@pytest.mark.usefixtures("numba")
def test_the_semi_analytic_solution_agrees(recipe):
    x = np.array(recipe, float)
    truth, made = simulate(x, published(), 3e8), Simulator()(x[None])
    assert made.conversion[0] == pytest.approx(truth.conversion, abs=1e-3)
    assert made.Mn[0] == pytest.approx(truth.Mn, rel=0.04)
    assert made.Mw[0] == pytest.approx(truth.Mw, rel=0.04)
    assert np.minimum(truth.mmd(), made.mmd[0]).sum() * STEP > 0.985


@pytest.mark.slow
@pytest.mark.usefixtures("numba")
def test_dispersity_of_combination_alone():
    quiet = published().changed(kbb=0, kb=0, ktrM=0, Cs=0, ktrP=0, macro=0, order_short=0, order_long=0, dss=0)
    # Short enough that monomer, and with it the length of new chains, hardly falls.
    sample = simulate(np.array([1.0, 0.02, 70, 60.0]), quiet, 3e8)
    assert sample.conversion < 0.1
    assert sample.Mw / sample.Mn == pytest.approx(1.5, rel=0.04)


@pytest.mark.slow
@pytest.mark.usefixtures("numba")
def test_molecules_are_neither_made_nor_lost_and_seeds_repeat():
    x = np.array([1.0, 0.02, 70, 600.0])
    first, same, other = (simulate(x, published(), 1e6, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.lengths, same.lengths)
    assert len(first.lengths) != len(other.lengths) or (first.lengths != other.lengths).any()
    # What is missing is in the live radicals.
    assert first.lengths.sum() == pytest.approx(first.conversion * 1e6, rel=0.01)
    assert first.mmd().sum() * STEP == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.usefixtures("numba")
def test_too_small_a_room_is_told():
    short = published().changed(Cs=0.5)
    with pytest.raises(BadPolymer, match="more chains"):
        simulate(np.array([0.5, 0.02, 80, 3600.0]), short, 1e6)


def test_without_numba_the_command_that_brings_it_is_told(monkeypatch):
    monkeypatch.delitem(sys.modules, "models.polymer.events", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r'pip install "closedloop\[monte-carlo\]"'):
        simulate(np.array([1.0, 0.02, 70, 600.0]), published(), 1e5)


def test_averages_and_distribution_of_a_sample():
    sample = Sample(0.5, np.array([100, 100, 400]), 128.17)
    assert sample.Mn == pytest.approx(200 * 128.17)
    assert sample.Mw == pytest.approx(300 * 128.17)
    w = sample.mmd()
    assert w.sum() * STEP == pytest.approx(1)
    # Two thirds of the mass is in the long chain.
    assert w[LOG_M > 4.4].sum() * STEP == pytest.approx(2 / 3)
