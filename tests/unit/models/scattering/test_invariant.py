"""Curves without elements and sizes."""

import numpy as np
import pytest

from models.scattering.curves import Q, Sample, intensity, simulate
from models.scattering.dataset import table
from models.scattering.elements import DISTANCES
from models.scattering.invariant import FORM, REDUCED, STRUCTURE, invariants, of_reduced, scale, with_invariants
from models.scattering.reader import BadCurve
from models.scattering.shapes import SHAPES, BadParticle, cluster


def of(sample, **changes):
    return invariants(Q, intensity(sample, **changes), sample.composition)


@pytest.mark.parametrize("element", DISTANCES)
def test_elements_do_not_show(element):
    gold, other = (of(Sample("octahedron", 5, ((name, 1.0),), biso=0.0)) for name in ("Au", element))
    np.testing.assert_allclose(other.reduced, gold.reduced, rtol=0.05)  # what interpolation leaves, in deep minima
    np.testing.assert_allclose(np.median(other.reduced / gold.reduced), 1, rtol=1e-4)


def test_strain_stretches_the_axis_alone():
    free, strained = (of(Sample("icosahedron", 3, (("Cu", 1.0),), 0.0, strain)) for strain in (0.0, 0.02))
    inside = REDUCED[-1] / 1.02 > REDUCED
    stretched = np.interp(REDUCED[inside] * 1.02, REDUCED, free.reduced)
    off = np.abs(strained.reduced[inside] / stretched - 1)
    assert np.quantile(off, 0.9) < 0.02  # interpolated twice: only deep minima differ by more
    assert np.abs(free.reduced[inside] / stretched - 1).mean() > 10 * off.mean()
    assert np.median(np.abs(strained.form / free.form - 1)) < 0.02


@pytest.mark.parametrize(("shape", "n"), [(shape, n) for shape in SHAPES for n in (3, 9)])
def test_atoms_and_radius_of_gyration_come_from_the_curve(shape, n):
    found = of(Sample(shape, n, (("Pt", 1.0),)))
    assert found.atoms == pytest.approx(SHAPES[shape].count(n), rel=2e-3)
    assert found.rg == pytest.approx(cluster(shape, n).gyration, rel=1e-2)


def test_the_largest_particles_of_the_library_have_a_form():
    large = Sample("dihedral_rhombic_dodecahedron", 15, (("Pb", 1.0),), strain=0.02)
    assert of(large).rg == pytest.approx(1.02 * cluster(large.shape, large.size).gyration, rel=0.05)


def test_forms_of_a_shape_are_alike_and_those_of_others_are_not():
    small, large, other = (np.log(of(Sample(*kind, (("Ag", 1.0),))).form) for kind in (("cubefcc", 7), ("cubefcc", 9), ("tetrahedron", 10)))
    begin = FORM < 4
    assert np.abs(small - large)[begin].max() < 0.2 * np.abs(small - other)[begin].max()
    np.testing.assert_allclose(small[0], -1 / 3, atol=0.05)  # Guinier's law at q Rg = 1


def test_structure_factors_go_to_one():
    found = of(Sample("rhombic_dodecahedron", 4, (("Fe", 1.0),), biso=0.9))
    assert found.structure_factor[STRUCTURE > 40].mean() == pytest.approx(1, abs=0.05)
    assert found.structure_factor.max() > 4


def test_noise_of_a_measurement_is_stood():
    sample = Sample("dodecahedron", 5, (("Au", 1.0),), noise=0.05)
    noisy = of(sample, rng=np.random.default_rng(0))
    assert noisy.atoms == pytest.approx(sample.atoms, rel=0.1)


@pytest.mark.parametrize(("shape", "element", "n"), [("tetrahedron", "Ag", 4), ("icosahedron", "Pb", 6), ("cubefcc", "Si", 9)])
def test_wide_angles_tell_the_scale(shape, element, n):
    found = of(Sample(shape, n, ((element, 1.0),)))
    large = of_reduced(np.log(5e-4 * found.reduced))
    np.testing.assert_allclose(large.form, found.form, rtol=1e-9)
    assert scale(large, REDUCED > 0) == pytest.approx(5e-4, rel=0.03)
    assert scale(large, REDUCED < 35) == pytest.approx(5e-4, rel=0.1)
    with pytest.raises(BadCurve, match="scale of the curve"):
        scale(large, REDUCED < 29)


def test_tables_gain_fields():
    samples = [Sample("cubefcc", 2, (("Ag", 1.0),)), Sample("octahedron", 3, (("Pb", 1.0),))]
    told = with_invariants(table(samples, simulate(samples)))
    assert [field.name for field in told.fields][-3:] == ["reduced", "structure_factor", "form"]
    np.testing.assert_array_equal(told["form"].values[1], of(samples[1]).form)
    with pytest.raises(BadCurve, match="divided"):
        with_invariants(table(samples, simulate(samples, divided=True), divided=True))
    alloys = [Sample("cubefcc", 2, (("Ag", 0.5), ("Au", 0.5)))] * 2
    with pytest.raises(BadParticle, match="composition"):
        with_invariants(table(alloys, simulate(alloys)))


def test_curves_that_are_too_short_or_do_not_fall_are_refused():
    curve = intensity(Sample("cubefcc", 4, (("Ag", 1.0),)))
    for kept in (Q > 0.3, Q < 8):
        with pytest.raises(BadCurve, match="q d runs"):
            invariants(Q[kept], curve[kept], (("Ag", 1.0),))
    with pytest.raises(BadCurve, match="does not fall"):
        invariants(Q, 1 / curve, (("Ag", 1.0),))
    with pytest.raises(BadParticle, match="Xx"):
        invariants(Q, curve, (("Xx", 1.0),))
