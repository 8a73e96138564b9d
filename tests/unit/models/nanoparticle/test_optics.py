"""Extinction of silver: published values, and the limits that the theories share."""

import numpy as np
import pytest

from models.nanoparticle import optics

WAVELENGTH = np.arange(300.0, 1201.0)


def peak(spectrum: np.ndarray, low: float = 300, high: float = 1200) -> float:
    inside = (low <= WAVELENGTH) & (high >= WAVELENGTH)
    return WAVELENGTH[inside][spectrum[inside].argmax()]


def test_bulk_silver_is_that_of_johnson_and_christy_at_their_energies():
    eps = optics.permittivity(1239.84198 / np.array([1.88, 2.50, 3.50]))
    np.testing.assert_allclose(eps, [(0.05 + 4.483j) ** 2, (0.05 + 3.093j) ** 2, (0.10 + 1.419j) ** 2], rtol=1e-6)


def test_small_particles_are_damped_more():
    bulk, large, small = (optics.permittivity(np.array([500.0]), path).imag for path in (np.inf, 50.0, 5.0))
    assert bulk < large < small


@pytest.mark.parametrize(
    ("diameter", "low", "high"), [(10.0, 380, 390), (20.0, 380, 395), (40.0, 390, 405), (60.0, 410, 425), (80.0, 435, 455)]
)
def test_spheres_in_water_resonate_where_they_are_known_to(diameter: float, low: float, high: float):
    assert low <= peak(optics.spheres(WAVELENGTH, np.array([diameter]))[0], 370) <= high


def test_a_small_sphere_fulfils_froehlichs_condition():
    resonance = peak(optics.spheres(WAVELENGTH, np.array([4.0]))[0], 350)
    assert optics.permittivity(np.array([resonance])).real[0] == pytest.approx(-2 * optics.WATER**2, abs=0.1)


def test_mie_and_gans_agree_on_a_small_sphere():
    mie, gans = optics.spheres(WAVELENGTH, np.array([10.0]))[0], optics.plates(WAVELENGTH, np.array([10.00001]), 10.0)[0]
    np.testing.assert_allclose(gans, mie, rtol=0.05)


def test_extinction_per_volume_of_the_smallest_particles_does_not_depend_on_size():
    # Apart from the damping at the surface, which is taken out by looking far from the resonance, where it is weak.
    small, smaller = optics.spheres(np.array([300.0]), np.array([4.0, 2.0]))
    assert small == pytest.approx(smaller, rel=0.05)


def test_depolarization_of_sphere_disc_and_their_sum():
    across, along = optics.depolarization(np.array([1.001, 2.0, 1000.0]))
    np.testing.assert_allclose(2 * across + along, 1)
    assert along[0] == pytest.approx(1 / 3, abs=1e-3)
    assert along[1] == pytest.approx(0.5272, abs=1e-4)  # Osborn, Phys. Rev. 67, 351 (1945)
    assert along[2] == pytest.approx(1, abs=2e-3)


def test_plates_shift_to_the_red_with_their_aspect_ratio_and_keep_the_band_across():
    spectra = optics.plates(WAVELENGTH, np.array([15.0, 20, 30, 45, 60, 80]), 6.0)
    in_plane = [peak(spectrum, 400) for spectrum in spectra]
    assert (np.diff(in_plane) > 0).all()
    assert 440 < in_plane[0] < 460
    assert 820 < in_plane[-1] < 850
    for spectrum in spectra[2:]:
        assert 330 <= peak(spectrum, 315, 360) <= 342


def test_radiation_damps_large_plates_of_the_same_shape():
    small, large = (optics.plates(WAVELENGTH, np.array([10 * thickness]), thickness)[0] for thickness in (4.0, 16.0))
    assert large.max() < small.max()
