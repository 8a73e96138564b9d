"""Guinier's law on exact curves, on particles and on noise."""

import numpy as np
import pytest

from models.scattering.curves import Q, Sample, intensity
from models.scattering.guinier import LIMIT, guinier
from models.scattering.reader import BadCurve, Curve
from models.scattering.shapes import cluster


def test_the_law_itself_is_found_exactly():
    q = np.linspace(0.005, 0.5, 300)
    told = guinier(Curve(q, 7 * np.exp(-((q * 12) ** 2) / 3)))
    assert told.rg == pytest.approx(12, rel=1e-9)
    assert told.intensity == pytest.approx(7, rel=1e-9)
    assert (told.low, told.high) == (pytest.approx(q[0]), pytest.approx(q[told.points - 1]))
    assert told.high * told.rg <= LIMIT < q[told.points] * told.rg


@pytest.mark.parametrize(("shape", "n"), [("icosahedron", 4), ("octahedron", 8), ("pentagonal_bipyramid", 7), ("tetrahedron", 6)])
def test_particles_have_their_radius_of_gyration(shape, n):
    sample = Sample(shape, n, (("Au", 1.0),))
    told = guinier(Curve(Q, intensity(sample)))
    assert told.rg == pytest.approx(cluster(shape, n).gyration * sample.distance, rel=0.04)
    assert told.intensity == pytest.approx((sample.atoms * 79) ** 2, rel=0.03)


def test_noise_is_told_by_the_deviation():
    rng, q = np.random.default_rng(0), np.linspace(0.01, 0.3, 200)
    clean = np.exp(-((q * 10) ** 2) / 3)
    told = [guinier(Curve(q, clean * (1 + 0.05 * rng.standard_normal(200)), 0.05 * clean)) for _ in range(40)]
    assert np.std([one.rg for one in told]) == pytest.approx(np.mean([one.rg_std for one in told]), rel=0.4)
    assert np.mean([one.rg for one in told]) == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize("values", [np.exp(Q), np.exp(-((Q * 1000) ** 0.2))])
def test_a_curve_that_does_not_begin_so_is_refused(values):
    with pytest.raises(BadCurve, match="Guinier"):
        guinier(Curve(Q + 0.5, np.minimum(values, 1e8)))
