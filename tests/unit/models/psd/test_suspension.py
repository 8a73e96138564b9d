"""Suspensions: their exact shares, moments and percentiles against integrals, samples and known limits."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import lognorm

from models.psd.bins import CENTRES, EDGES
from models.psd.suspension import ASPECT, MEDIAN, PHI, SIGMA, BadSuspension, Mode, Suspension, drawn

MIXED = Suspension((Mode(45, 0.2, 3), Mode(240, 0.3, 1)), 0.2)


def sphere(median: float, sigma: float, phi: float = 0.1) -> Suspension:
    return Suspension((Mode(median, sigma),), phi)


def test_the_bins_are_32_and_even_in_the_logarithm():
    assert (len(EDGES), EDGES[0], EDGES[-1]) == (33, 20, 500)
    assert np.ptp(np.diff(np.log(EDGES))) < 1e-12
    np.testing.assert_allclose(CENTRES / EDGES[:-1], EDGES[1:] / CENTRES)


@pytest.mark.parametrize(("weighting", "k"), [("number", 0), ("volume", 3)])
def test_shares_are_integrals_of_the_density_over_the_bins(weighting, k):
    def density(d):
        return d**k * (3 * lognorm.pdf(d, 0.2, scale=45) + lognorm.pdf(d, 0.3, scale=240))

    parts = np.array([quad(density, low, high, epsabs=0, epsrel=1e-9)[0] for low, high in pairwise(EDGES)])
    np.testing.assert_allclose(MIXED.shares(weighting), parts / parts.sum(), rtol=1e-6)


@pytest.mark.parametrize(("weighting", "k"), [("number", 0), ("volume", 3)])
def test_samples_have_the_shares(weighting, k):
    d = MIXED.diameters(200_000, np.random.default_rng(0))
    assert d.min() >= EDGES[0]
    assert d.max() <= EDGES[-1]
    found = np.histogram(d, EDGES, weights=d**k)[0] / (d**k).sum()
    effective = (d**k).sum() ** 2 / (d ** (2 * k)).sum()
    assert np.abs(np.cumsum(found - MIXED.shares(weighting))).max() < 1.9 / np.sqrt(effective)  # Kolmogorov-Smirnov, p = 0.001


def test_the_share_of_a_mode_is_by_number_whatever_the_order():
    other = Suspension(MIXED.modes[::-1], 0.2)
    np.testing.assert_allclose(MIXED.shares("volume"), other.shares("volume"))
    assert MIXED.shares()[CENTRES < 90].sum() == pytest.approx(0.75, abs=0.01)


def test_the_volume_median_of_a_narrow_mode_is_that_of_hatch_and_choate():
    D16, D50, D84 = sphere(90, 0.2).percentiles((15.8655, 50, 84.1345))
    np.testing.assert_allclose((D50, D84 / D50, D50 / D16), (90, np.exp(0.2), np.exp(0.2)), rtol=1e-4)
    assert sphere(90, 0.2).percentiles((50,), "volume")[0] == pytest.approx(90 * np.exp(3 * 0.04), rel=1e-4)


def test_moments_are_those_of_a_log_normal_and_of_samples():
    assert sphere(90, 0.2).mean_power(3) == pytest.approx(90**3 * np.exp(4.5 * 0.04), rel=1e-4)
    d = MIXED.diameters(200_000, np.random.default_rng(1))
    assert MIXED.mean_power(2) == pytest.approx(np.mean(d**2), rel=0.01)


def test_the_mean_area_of_spheroids_goes_over_into_that_of_spheres():
    modes, sphere_area = MIXED.modes, MIXED.mean_area()
    assert Suspension(modes, 0.2, (1.0, 1.0)).mean_area() == pytest.approx(sphere_area, rel=1e-5)
    # Surface of a prolate spheroid of aspect 2 over that of the sphere of its volume, from tables: 1.0767.
    assert Suspension(modes, 0.2, (2.0, 2.0)).mean_area() == pytest.approx(1.0767 * sphere_area, rel=1e-4)


def test_random_suspensions_stay_in_their_ranges_and_use_them():
    many = [drawn(np.random.default_rng(seed)) for seed in range(400)]
    modes = [mode for one in many for mode in one.modes]
    for (low, high), values in (
        (PHI, [one.phi for one in many]),
        (MEDIAN, [mode.median for mode in modes]),
        (SIGMA, [m.sigma for m in modes]),
    ):
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert 0.4 < np.mean([len(one.modes) == 1 for one in many]) < 0.6


def test_spheroids_differ_from_spheres_of_the_same_seed_in_their_aspect_alone():
    sphere, spheroid = (drawn(np.random.default_rng(3), spheroids) for spheroids in (False, True))
    assert (sphere.modes, sphere.phi, sphere.aspect) == (spheroid.modes, spheroid.phi, None)
    assert spheroid.aspect == ASPECT


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("median", lambda: Mode(19, 0.2)),
        ("median", lambda: Mode(float("nan"), 0.2)),
        ("sigma", lambda: Mode(50, 0.0)),
        ("share", lambda: Mode(50, 0.2, -1)),
        ("modes", lambda: Suspension((), 0.1)),
        ("phi", lambda: sphere(50, 0.2, 1.1)),
        ("phi", lambda: sphere(50, 0.2, float("nan"))),
        ("aspect", lambda: Suspension((Mode(50, 0.2),), 0.1, (0.5, 2.0))),
        ("aspect", lambda: Suspension((Mode(50, 0.2),), 0.1, (3.0, 2.0))),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(field, make):
    with pytest.raises(BadSuspension) as raised:
        make()
    assert raised.value.field == field
    assert raised.value.remedy in str(raised.value)
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
