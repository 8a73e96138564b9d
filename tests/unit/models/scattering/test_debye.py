"""Debye sums against the plain double sum, and what is known of them in closed form."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from models.scattering.debye import REACH, debye_sum, pairs, sine_sums, summed
from models.scattering.shapes import SHAPES, BadParticle, Cluster, cluster


def plain(points, s):
    r = pdist(points)
    return np.array([2 * np.sum(np.sin(x * r) / (x * r)) for x in s])


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_agree_with_the_double_sum(shape):
    atoms, s = cluster(shape, 2), np.linspace(0.01, REACH, 300)
    np.testing.assert_allclose(len(atoms) + summed(atoms)(s), len(atoms) + plain(atoms.points, s), atol=1e-5 * len(atoms))


@pytest.mark.parametrize("shape", SHAPES)
def test_all_pairs_are_counted_and_all_intensity_is_there_at_zero(shape):
    atoms = cluster(shape, 4)
    r, count = pairs(atoms)
    N = len(atoms)
    assert count.sum() == pytest.approx(N * (N - 1) / 2, rel=1e-12)
    assert (count * r**2).sum() == pytest.approx((N * atoms.gyration) ** 2, rel=1e-4)
    assert summed(atoms)(np.zeros(1))[0] == pytest.approx(N * (N - 1), rel=1e-9)


def test_exact_counts_and_bins_agree():
    atoms, s = cluster("rhombic_dodecahedron", 4), np.linspace(0.1, 90, 300)
    np.testing.assert_allclose(summed(atoms)(s), summed(Cluster(atoms.points))(s), atol=1e-4 * len(atoms))


def test_sine_sums_are_exact():
    rng = np.random.default_rng(0)
    r, weights, step = rng.uniform(0.5, 10, 50), rng.random(50), 0.2
    want = np.sin(step * np.arange(600)[:, None] * r) @ weights
    np.testing.assert_allclose(sine_sums(r, weights, step, 600), want, atol=1e-9)


def test_a_sum_is_made_once_and_knows_how_far_it_goes():
    assert debye_sum("octahedron", 3) is debye_sum("octahedron", 3)
    for s in (-1.0, REACH + 1):
        with pytest.raises(BadParticle, match="q times"):
            debye_sum("octahedron", 3)(np.array([s]))
