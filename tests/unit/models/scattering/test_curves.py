"""Curves of samples: published intensities, limits, scaling, and what disorder does."""

from dataclasses import replace

import numpy as np
import pytest
from periodictable import elements as atoms

from models.nets import Cancelled
from models.scattering import elements
from models.scattering.curves import Q, Sample, intensity, reduced, simulate
from models.scattering.shapes import BadParticle

SILVER, GOLD = (("Ag", 1.0),), (("Au", 1.0),)
CUBE = Sample("cubefcc", 2, SILVER, biso=0.1)


def test_the_published_cube():
    ours = intensity(CUBE, np.array([0.01, 0.02, 0.03]))
    np.testing.assert_allclose(ours, [8760072, 8737556, 8700139], rtol=1e-6)


def test_limits_of_small_and_large_angles():
    small = intensity(CUBE, np.array([1e-4]))[0]
    assert small == pytest.approx((63 * atoms.Ag.xray.f0(0.0)) ** 2, rel=1e-6)
    far = replace(CUBE, biso=50.0)
    np.testing.assert_allclose(reduced(far, np.array([15.0, 19.0])), 63, rtol=1e-6)


def test_a_larger_distance_is_a_smaller_angle():
    strained = replace(CUBE, strain=0.1, biso=0.0)
    np.testing.assert_allclose(reduced(strained, Q), reduced(replace(CUBE, biso=0.0), 1.1 * Q), rtol=1e-9)
    gold = Sample("cubefcc", 2, GOLD, biso=0.0)
    ratio = elements.DISTANCES["Au"] / elements.DISTANCES["Ag"]
    np.testing.assert_allclose(reduced(gold, Q), reduced(replace(CUBE, biso=0.0), ratio * Q), rtol=1e-9)


def test_displacements_damp_peaks_but_not_the_background():
    still, moving = reduced(replace(CUBE, biso=0.0)), reduced(replace(CUBE, biso=0.9))
    np.testing.assert_allclose(moving - 63, (still - 63) * np.exp(-0.9 * Q**2 / (8 * np.pi**2)), atol=1e-9)


def test_an_alloy_lies_between_its_elements_and_scatters_more_than_its_mean_atom():
    alloy = Sample("cuboctahedron", 3, (("Ag", 0.5), ("Au", 0.5)), biso=0.1)
    assert alloy.distance == pytest.approx((2.8889 + 2.8838) / 2)
    low, high = (intensity(replace(alloy, composition=one)) for one in (SILVER, GOLD))
    small = Q < 0.3
    assert (low < intensity(alloy))[small].all()
    assert (intensity(alloy) < high)[small].all()
    squared, coherent = elements.form_factors(alloy.composition, Q)
    assert (squared > coherent).all()
    np.testing.assert_allclose(intensity(replace(alloy, biso=1e4), Q[500:]), alloy.atoms * squared[500:], rtol=1e-9)


def test_spreads_of_strain_and_size_wash_out_detail():
    sharp = Sample("icosahedron", 6, GOLD)
    wide = Q > 5
    assert np.abs(np.diff(reduced(replace(sharp, strain_spread=0.02))[wide])).sum() < 0.5 * np.abs(np.diff(reduced(sharp)[wide])).sum()
    mixed, dip = replace(sharp, size_spread=0.15), Q < 0.6
    assert reduced(mixed)[dip].min() > 2 * reduced(sharp)[dip].min()
    one = replace(sharp, size_spread=1e-3)
    np.testing.assert_allclose(reduced(one), reduced(sharp), rtol=1e-12)


def test_background_is_a_share_of_the_forward_intensity():
    raised = intensity(replace(CUBE, background=1e-3)) - intensity(CUBE)
    np.testing.assert_allclose(raised, 1e-3 * (63 * atoms.Ag.xray.f0(0.0)) ** 2, rtol=1e-9)


def test_noise_is_seeded_has_its_size_and_no_bias():
    noisy = replace(CUBE, noise=0.15)
    first, again, other = (simulate([noisy], seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    factors = first / intensity(CUBE)
    assert factors.mean() == pytest.approx(1, abs=0.02)
    assert factors.std() == pytest.approx(0.15, rel=0.1)


def test_a_batch_tells_how_far_it_is_and_can_be_stopped():
    told = []
    curves = simulate([CUBE, replace(CUBE, biso=0.5)], watch=lambda share, what: told.append(share))
    assert curves.shape == (2, len(Q))
    assert told == [0, 0.5, 1]
    with pytest.raises(Cancelled):
        simulate([CUBE], watch=lambda share, what: False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"biso": -1.0}, "biso"),
        ({"noise": float("nan")}, "noise"),
        ({"strain": 0.6}, "strain"),
        ({"composition": (("Xx", 1.0),)}, "composition"),
        ({"composition": (("Ag", 0.5), ("Au", 0.4))}, "composition"),
        ({"composition": (("Ag", 0.5), ("Ag", 0.5))}, "composition"),
        ({"size": 99}, "size"),
    ],
)
def test_samples_that_cannot_be(change, field):
    with pytest.raises(BadParticle) as caught:
        replace(CUBE, **change)
    assert caught.value.field == field


def test_an_axis_that_goes_too_far():
    with pytest.raises(BadParticle, match="keep it in"):
        intensity(CUBE, np.array([60.0]))
