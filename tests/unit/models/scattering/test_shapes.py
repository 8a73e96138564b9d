"""Shapes against their closed forms, and pictures of their symmetry."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from models.scattering.shapes import SHAPES, BadParticle, bipyramid, cluster

FIRST_COUNTS = {
    "cubefcc": [63, 172, 365],
    "cuboctahedron": [55, 147, 309],
    "dihedral_rhombic_dodecahedron": [65, 175, 369],
    "icosahedron": [55, 147, 309],
    "octahedron": [19, 44, 85],
    "dodecahedron": [155, 427, 909],
    "pentagonal_bipyramid": [23, 54, 105],
    "rhombic_dodecahedron": [65, 175, 369],
    "tetrahedron": [10, 20, 35],
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)
def test_clusters_have_their_count_bond_and_radius(shape):
    for n in (*range(shape.first, shape.first + 4), 10):
        atoms = cluster(shape.name, n)
        bonds = cKDTree(atoms.points).query(atoms.points, 2)[0][:, 1]
        assert len(atoms) == shape.count(n)
        assert bonds.min() == pytest.approx(shape.bond, rel=1e-9)
        assert bonds.max() < 1.12
        assert atoms.radius == pytest.approx(shape.radius(n), rel=1e-9)
        np.testing.assert_allclose(atoms.points.mean(axis=0), 0, atol=1e-9)
    assert [shape.count(shape.first + more) for more in range(3)] == FIRST_COUNTS[shape.name]


def test_labels_are_in_the_published_order():
    assert list(SHAPES) == list(FIRST_COUNTS)


@pytest.mark.parametrize("name", ["icosahedron", "dodecahedron", "pentagonal_bipyramid"])
def test_atoms_that_are_alike_see_the_same_distances(name):
    atoms = cluster(name, 3)
    seen = np.sort(np.linalg.norm(atoms.points[:, None] - atoms.points, axis=2), axis=1)
    for label in range(atoms.alike.max() + 1):
        np.testing.assert_allclose(
            seen[atoms.alike == label], seen[atoms.alike == label][:1].repeat((atoms.alike == label).sum(), 0), atol=1e-9
        )
    assert atoms.alike.max() + 1 < len(atoms) / 5


def test_bipyramids_are_elongated_and_truncated():
    assert [len(bipyramid(p)) for p in (1, 2, 3)] == [7, 23, 54]
    assert len(bipyramid(2, 1)) == 23 + 16  # one layer more in each of 1 + 5 + 10 columns
    assert len(bipyramid(2, 0, 1)) == 23 - 5  # the five corners of the outer ring, of one layer
    assert bipyramid(3, 2).points[:, 2].max() == pytest.approx(bipyramid(3).points[:, 2].max() + 1)
    for wrong in ((0,), (2, -1), (2, 0, 2)):
        with pytest.raises(BadParticle, match="size"):
            bipyramid(*wrong)


def test_the_radius_of_gyration_of_a_large_cluster_is_that_of_a_solid():
    cube = cluster("cubefcc", 10)
    edge = 10 * np.sqrt(2) + 1 / np.sqrt(2)  # half an atomic layer on either side
    assert cube.gyration == pytest.approx(edge / 2, rel=0.01)


@pytest.mark.parametrize(
    ("name", "n", "field"), [("sphere", 3, "shape"), ("cubefcc", 0, "size"), ("tetrahedron", 1, "size"), ("cubefcc", 2.5, "size")]
)
def test_there_is_no_other_particle(name, n, field):
    with pytest.raises(BadParticle) as caught:
        cluster(name, n)
    assert caught.value.field == field
    assert caught.value.remedy in str(caught.value)
