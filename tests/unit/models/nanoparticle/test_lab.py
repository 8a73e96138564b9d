"""The virtual lab: growth that keeps its balance, spectra that look like silver, noise that repeats by seed."""

import json
import time
from importlib.resources import files

import numpy as np
import pytest

from models.nanoparticle.growth import FLOWS, REFERENCE, grow, published
from models.nanoparticle.lab import AXIS, VirtualLab, target

BEST = np.array([32.5, 16.0, 6.5, 4.5, 850.0])
"""The best recipe of the published file."""
LAB = VirtualLab()


def recipes(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform([0.5, 10, 0.5, 0.5, 200], [80, 40, 80, 80, 1000], (n, 5))


def peak(spectrum: np.ndarray, low: float) -> float:
    return AXIS[low <= AXIS][spectrum[low <= AXIS].argmax()]


def with_constants(**changes: float) -> VirtualLab:
    return VirtualLab({**published(), **changes})


def test_every_constant_has_a_unit_a_meaning_and_a_source():
    document = json.loads(files("models.nanoparticle").joinpath("constants.json").read_text())
    assert document["version"] == 1
    for line in document["constants"]:
        assert set(line) == {"name", "value", "unit", "meaning", "source"}
        assert all(line.values()), line
        law, _, flow = line["name"].partition(".")
        assert not flow or (flow in FLOWS and law in published())


def test_silver_is_neither_made_nor_lost():
    X = recipes(200)
    made = grow(X, published())
    assert (made.silver > 0).all()
    assert (made.silver <= X[:, 0] / REFERENCE[0]).all()
    assert ((made.plates > 0) & (made.plates < 1)).all()


def test_more_seeds_make_smaller_plates():
    X = np.tile(BEST, (6, 1))
    X[:, 3] = [1, 2, 4, 8, 16, 30]
    assert (np.diff(grow(X, {**published(), "reduction.Qseed": 0.0}).diameter) < 0).all()
    assert (np.diff(grow(X, published()).diameter) < 0).all()


def test_absorbance_is_proportional_to_the_silver_in_the_light():
    X = recipes(20)
    single, double = (with_constants(strength=strength).spectra(X) for strength in (1.0, 2.0))
    np.testing.assert_allclose(double, 2 * single)


def test_the_wanted_prisms_absorb_between_600_and_700_nm():
    assert 600 < peak(target(), 380) < 700


def test_spectra_look_like_silver():
    spectra = LAB.spectra(recipes(300))
    assert spectra.shape == (300, len(AXIS))
    assert np.isfinite(spectra).all()
    assert (spectra > 0).all()
    assert 600 < peak(LAB.spectra(BEST[None])[0], 450) < 750
    only_spheres = with_constants(selectivity=1e-9).spectra(BEST[None])[0]
    assert 385 <= peak(only_spheres, 380) <= 425


def test_rows_do_not_depend_on_their_company():
    X, order = recipes(40), np.random.default_rng(1).permutation(40)
    spectra = LAB.spectra(X)
    np.testing.assert_allclose(LAB.spectra(X[order]), spectra[order], rtol=1e-12)
    np.testing.assert_allclose(LAB.spectra(X[3:4]), spectra[3:4], rtol=1e-12)
    assert LAB.spectra(X[:0]).shape == (0, len(AXIS))


def test_inputs_are_left_alone():
    X = recipes(5)
    before = X.copy()
    LAB.spectra(X)
    LAB.measure(X[0], 3, np.random.default_rng(0))
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("X", [np.ones(5), np.ones((2, 4)), np.zeros((1, 5)), -np.ones((1, 5)), np.full((1, 5), np.nan)])
def test_what_is_no_recipe_is_refused(X: np.ndarray):
    with pytest.raises(ValueError, match="finite flows above 0"):
        LAB.spectra(X)


def test_replicates_repeat_by_seed_and_scatter_about_the_truth():
    first, same, other = (LAB.measure(BEST, 15, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert first.shape == (15, len(AXIS))
    assert (first != other).all()
    many = LAB.measure(BEST, 4000, np.random.default_rng(2))
    np.testing.assert_allclose(np.median(many, axis=0), LAB.spectra(BEST[None])[0], atol=0.05)


def test_without_noise_replicates_are_the_truth():
    quiet = with_constants(unsteadiness=0, flicker=0, bubbles=0, detector=0)
    np.testing.assert_allclose(quiet.measure(BEST, 3, np.random.default_rng(0)), np.tile(LAB.spectra(BEST[None]), (3, 1)))


def test_a_bubble_only_takes_light_path():
    bubbly = with_constants(unsteadiness=0, flicker=0, bubbles=1, detector=0).measure(BEST, 50, np.random.default_rng(0))
    share = bubbly / LAB.spectra(BEST[None])
    np.testing.assert_allclose(share, share[:, :1].repeat(len(AXIS), axis=1))
    assert (1 - published()["bubble_size"] <= share).all()
    assert (share <= 1).all()


def test_successive_droplets_are_alike():
    top = with_constants(bubbles=0, flicker=0, detector=0).measure(BEST, 2000, np.random.default_rng(0)).max(axis=1)
    assert np.corrcoef(top[1:], top[:-1])[0, 1] == pytest.approx(published()["memory"], abs=0.03)


def test_a_thousand_spectra_take_less_than_two_seconds():
    begin = time.process_time()
    LAB.spectra(recipes(1000))
    assert time.process_time() - begin < 2
