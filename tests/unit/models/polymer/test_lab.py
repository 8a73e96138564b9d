"""The virtual polymer lab: a hidden error that repeats by seed, and injections as an instrument shows them."""

import numpy as np
import pytest

from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import BadPolymer, published
from models.polymer.kinetics import Simulator
from models.polymer.lab import SPREAD, WANTED, Sec, VirtualLab, simulated, target
from models.polymer.targets import broadened

X = np.array([WANTED, [1.0, 0.02, 70.0, 3600.0]])


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.minimum(a, b).sum(axis=-1) * STEP


def test_without_a_hidden_error_it_is_the_simulator():
    np.testing.assert_array_equal(VirtualLab().product(X).mmd, Simulator()(X).mmd)


def test_a_hidden_error_repeats_by_seed_and_changes_some_coefficients_only():
    first, same, other = (VirtualLab(seed).simulator.coefficients for seed in (1, 1, 2))
    changed = {name for name in published().rates if first.number(name) != published().number(name)}
    assert changed == set(SPREAD)
    assert all(first.number(name) == same.number(name) != other.number(name) for name in SPREAD)


def test_hidden_errors_are_of_the_stated_size():
    factors = [
        [np.log(VirtualLab(seed).simulator.coefficients.number(name) / published().number(name)) for name in SPREAD] for seed in range(200)
    ]
    np.testing.assert_allclose(np.std(factors, axis=0), list(SPREAD.values()), rtol=0.2)
    found = [overlap(VirtualLab(seed).product(X).mmd, Simulator()(X).mmd).min() for seed in range(20)]
    assert 0.6 < min(found) < np.median(found) < 0.98


def test_injections_have_unit_area_scatter_about_what_the_column_shows_and_repeat():
    lab = VirtualLab(3)
    first, same, other = (lab.measure(WANTED, 5, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    np.testing.assert_allclose(first.sum(axis=1) * STEP, 1)
    many, seen = lab.measure(WANTED, 2000, np.random.default_rng(2)), lab.curves(WANTED[None])[0]
    np.testing.assert_allclose(many.mean(axis=0), seen, atol=0.01 * seen.max())
    assert 0.97 < np.median(overlap(many, seen)) < 0.999


def test_a_shift_moves_and_nothing_else_happens():
    lab = VirtualLab(sec=Sec(broadening=0.0, shift=0.02, baseline=0.0, noise=0.0))
    runs = lab.measure(WANTED, 200, np.random.default_rng(0))
    middles = (runs * LOG_M).sum(axis=1) * STEP
    assert middles.std() == pytest.approx(0.02, rel=0.15)


def test_the_column_broadens():
    made = Simulator()(X).mmd
    np.testing.assert_allclose(VirtualLab().curves(X), broadened(made, 0.045))
    np.testing.assert_allclose(target(), broadened(made, 0.045)[0])


def test_noise_belongs_to_the_recipe():
    _, both = simulated(X, 1, 3, seed=5)
    _, turned = simulated(X[::-1], 1, 3, seed=5)
    np.testing.assert_array_equal(both, turned[::-1])
    made, plain = simulated(X, 1, None, seed=5)
    np.testing.assert_array_equal(plain[:, 0], made.mmd)


def test_what_is_no_recipe_is_refused_with_its_row_also_from_another_process():
    with pytest.raises(BadPolymer, match="kelvin") as failure:
        simulated(np.array([X[0], [1.0, 0.02, 343.0, 600.0]]), None, None, 0)
    again = type(failure.value)(*failure.value.__reduce__()[1])
    assert (again.field, again.row, again.remedy, str(again)) == ("temp", 1, failure.value.remedy, str(failure.value))
