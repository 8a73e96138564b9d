"""The known curves nearest to a measured one."""

import numpy as np
import pytest

from models.scattering.neighbours import Library

rng = np.random.default_rng(0)
CURVES = np.exp(rng.normal(size=(600, 40)))
ALL = np.ones(40, bool)


def test_a_known_curve_finds_itself_whatever_its_factor():
    library = Library.of(CURVES)
    first, second = library.nearest(np.log(7e-9 * CURVES[417]), ALL, 2)
    assert first.row == 417
    assert first.factor == pytest.approx(7e-9, rel=1e-6)
    assert first.residual < 1e-6 < second.residual


def test_a_factor_counts_where_intensities_are_absolute():
    library = Library.of(np.vstack([CURVES[0], 3 * CURVES[0], CURVES[1]]))
    (found,) = library.nearest(np.log(3 * CURVES[0]), ALL, 1, scaled=False)
    assert (found.row, found.factor) == (1, 1.0)
    assert library.nearest(np.log(2 * CURVES[2]), ALL, 3, scaled=False)[-1].residual >= np.log(2)


def test_only_measured_points_count():
    known = np.arange(40) < 20
    broken = np.where(known, np.log(CURVES[5]), -50.0)
    found = Library.of(CURVES).nearest(broken, known, 700)
    assert (found[0].row, len(found)) == (5, 600)
    assert [one.residual for one in found] == sorted(one.residual for one in found)


def test_the_residual_is_the_relative_deviation():
    noisy = CURVES[3] * (1 + 0.02 * rng.standard_normal(40))
    assert Library.of(CURVES).nearest(np.log(noisy), ALL, 1)[0].residual == pytest.approx(0.02, rel=0.3)


def test_the_usual_residual_is_that_of_the_next_curve():
    pairs = np.repeat(CURVES[:50], 2, axis=0) * np.exp(0.01 * rng.standard_normal((100, 40)))
    usual = Library.of(pairs).usual
    gaps = [np.std(np.log(a / b)) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
    assert usual == pytest.approx(np.sort(gaps)[-1], rel=0.05)
