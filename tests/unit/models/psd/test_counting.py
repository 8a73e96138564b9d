"""Size distributions from single particles: unbiased at the border, and as close as the page's bound says."""

import numpy as np
import pytest

from models.psd.bins import CENTRES, EDGES
from models.psd.counting import BIN_WIDTH, counted, perfect
from models.psd.particles import FIELD, true_particles
from models.psd.suspension import Mode, Suspension, drawn

WIDE = Suspension((Mode(60, 0.3), Mode(240, 0.2, 0.3)), 0.3)


def w1(a, b):
    return np.abs(np.cumsum(a - b, axis=-1)).sum(axis=-1) * BIN_WIDTH


def cosine(a, b):
    return (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("weighting", ["number", "volume"])
def test_many_images_tell_the_label(cut, weighting):
    told = perfect(WIDE, 0, 400, weighting=weighting, cut=cut, width=0)
    assert w1(told, WIDE.shares(weighting)) < 0.02


@pytest.mark.parametrize(("cut", "sign"), [(False, -1), (True, 1)])
def test_without_the_correction_the_border_hides_or_adds_large_particles(cut, sign):
    """By number, whole particles alone are too small in the mean, seen ones too large."""
    seen = true_particles(WIDE, 0, 400)
    d = np.concatenate([one.diameter for one in seen])
    if not cut:
        edge = [np.min([one.x, one.y, FIELD - one.x, FIELD - one.y], axis=0) for one in seen]
        d = d[np.concatenate(edge) > d / 2]
    plain, fair = counted(d, np.ones(len(d)), 0), perfect(WIDE, 0, 400, cut=cut, width=0)
    assert sign * (plain - fair) @ np.log(CENTRES) > 0.03


def test_the_bound_of_the_page_and_that_more_particles_tell_more():
    """Cosine .960 and W1 .061 over 400 stacks; 100 stacks have standard errors of .006 and .006."""
    many = [drawn(np.random.default_rng([9, row])) for row in range(100)]
    truth = np.array([one.shares() for one in many])
    whole, seen = (np.array([perfect(one, (9, row), cut=cut) for row, one in enumerate(many)]) for cut in (False, True))
    assert cosine(whole, truth).mean() == pytest.approx(0.960, abs=0.015)
    assert w1(whole, truth).mean() == pytest.approx(0.061, abs=0.015)
    assert w1(seen, truth).mean() < w1(whole, truth).mean()
    phi = np.array([one.phi for one in many])
    assert cosine(whole, truth)[phi > 0.2].mean() > cosine(whole, truth)[phi < 0.08].mean()


def test_counts_without_a_kernel_are_a_histogram_and_nothing_is_even():
    d = np.sqrt(EDGES[3] * EDGES[4]) * np.ones(2)
    np.testing.assert_array_equal(counted(d, np.array([1.0, 3.0]), 0), np.eye(32)[3])
    np.testing.assert_array_equal(counted(np.zeros(0), np.zeros(0)), np.full(32, 1 / 32))
    wide = counted(np.array([EDGES[16]]), np.ones(1))
    assert wide.sum() == pytest.approx(1)
    np.testing.assert_allclose(wide, wide[::-1], atol=1e-12)
    assert wide[15] == pytest.approx(0.3413, abs=1e-3)


def test_nothing_in_the_pictures_tells_nothing():
    np.testing.assert_array_equal(perfect(Suspension(WIDE.modes, 0.0), 0), np.full(32, 1 / 32))
