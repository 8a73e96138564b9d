"""Particles in the field: as many as phi asks for, Poisson counts, random orientations, and the same ones for the same seed."""

import numpy as np
import pytest

from models.psd.particles import FIELD, scattered, true_particles
from models.psd.suspension import Mode, Suspension

SPHERES = Suspension((Mode(60, 0.2), Mode(150, 0.1, 0.2)), 0.2)
SPHEROIDS = Suspension(SPHERES.modes, 0.2, (1.0, 3.0))


def inside(particles):
    return particles.chosen((particles.x > 0) & (particles.x < FIELD) & (particles.y > 0) & (particles.y < FIELD))


@pytest.mark.parametrize("suspension", [SPHERES, SPHEROIDS])
def test_the_projected_area_is_phi_in_the_mean(suspension):
    fields = [inside(one) for one in true_particles(suspension, 0, 300)]
    phi = np.array([np.pi * (one.major * one.minor).sum() for one in fields]) / FIELD**2
    assert phi.mean() == pytest.approx(0.2, abs=3.5 * phi.std() / np.sqrt(len(phi)))
    assert phi.std() / np.sqrt(len(phi)) < 0.004


def test_counts_are_poisson_distributed():
    counts = np.array([len(inside(one)) for one in true_particles(SPHERES, 1, 500)])
    expected = 0.2 * FIELD**2 / SPHERES.mean_area()
    assert counts.mean() == pytest.approx(expected, abs=3.5 * np.sqrt(expected / 500))
    assert counts.var() / counts.mean() == pytest.approx(1, abs=3.5 * np.sqrt(2 / 500))


def test_what_is_cut_by_the_border_is_there_and_what_cannot_be_seen_is_not():
    seen = scattered(SPHEROIDS, np.random.default_rng(2))
    wide, high = seen.extent
    assert ((seen.x + wide > 0) & (seen.x - wide < FIELD) & (seen.y + high > 0) & (seen.y - high < FIELD)).all()
    assert len(seen) > len(inside(seen)) > 0


def test_spheroids_keep_their_volume_and_look_any_way():
    seen = np.concatenate([[one.diameter, one.minor, one.major, one.angle] for one in true_particles(SPHEROIDS, 3, 60)], axis=1)
    diameter, minor, major, angle = seen
    aspect = (diameter / 2 / minor) ** 3
    assert aspect.min() == pytest.approx(1, abs=0.05)
    assert aspect.max() == pytest.approx(3, abs=0.05)
    assert ((minor <= major * (1 + 1e-12)) & (major <= aspect * minor * (1 + 1e-12))).all()
    assert np.histogram(angle, 4, (0, np.pi))[0] / len(angle) == pytest.approx(np.full(4, 0.25), abs=0.03)


def test_spheres_are_round():
    seen = scattered(SPHERES, np.random.default_rng(4))
    np.testing.assert_allclose(seen.major, seen.diameter / 2)
    np.testing.assert_allclose(seen.extent, np.tile(seen.diameter / 2, (2, 1)))


def test_the_same_seed_gives_the_same_particles_and_a_longer_stack_begins_with_the_shorter():
    short, long, other = true_particles(SPHERES, 5, 2), true_particles(SPHERES, 5, 4), true_particles(SPHERES, 6, 2)
    for one, same in zip(short, long, strict=False):
        np.testing.assert_array_equal(one.x, same.x)
    assert not np.array_equal(short[0].x[:5], short[1].x[:5])
    assert not np.array_equal(short[0].x[:5], other[0].x[:5])


def test_an_empty_suspension_has_no_particles():
    assert [len(one) for one in true_particles(Suspension(SPHERES.modes, 0.0), 0, 3)] == [0, 0, 0]
