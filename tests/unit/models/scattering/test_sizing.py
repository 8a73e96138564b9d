"""From the answers of a model to numbers of particles, held against particles that were built."""

import numpy as np
import pytest

from models.scattering.shapes import SHAPES, cluster
from models.scattering.sizing import VOLUMES, sizes_of
from models.task import Block
from models.trained import Answer

d = 2.8838


def answer(name, value, width=0.1):
    block = Block(name, "number", 1)
    return name, Answer(block, np.array([[value]]), None, np.array([[value - width]]), np.array([[value + width]]))


@pytest.mark.parametrize("shape", SHAPES)
def test_atoms_tell_the_size_and_all_radii_of_a_particle(shape):
    for n in (3, 5):
        atoms = SHAPES[shape].count(n)
        told = sizes_of(dict([answer("log_n_Atoms", np.log(atoms))]), shape, d)
        assert told.atoms.value == pytest.approx(atoms)
        assert (told.atoms.low, told.atoms.high) == (pytest.approx(atoms * np.exp(-0.1)), pytest.approx(atoms * np.exp(0.1)))
        assert (told.size.value, told.size.source) == (n, "shape and atoms")
        assert told.radii["circumscribed"].value == pytest.approx(d * cluster(shape, n).radius)
        assert told.radii["gyration"].value == pytest.approx(d * cluster(shape, n).gyration)
        for radius in told.radii.values():
            assert radius.low < radius.value < radius.high


@pytest.mark.parametrize("shape", SHAPES)
def test_the_volume_of_an_atom_is_that_of_the_polyhedron_over_its_atoms(shape):
    from scipy.spatial import ConvexHull

    n = np.arange(3, 8)
    volumes = [ConvexHull(cluster(shape, k).points).volume for k in n]
    counts = [SHAPES[shape].count(k) for k in n]
    leading = [np.polyfit(n, values, 3)[0] for values in (volumes, counts)]
    assert VOLUMES[shape] == pytest.approx(leading[0] / leading[1], rel=1e-6)


def test_large_particles_are_scaled_not_built():
    N = SHAPES["icosahedron"].count(30)
    told = sizes_of(dict([answer("log_n_Atoms", np.log(N))]), "icosahedron", d)
    assert told.radii["circumscribed"].value == pytest.approx(d * SHAPES["icosahedron"].radius(30), rel=0.03)
    assert told.size.value == 30


def test_a_size_tells_the_atoms():
    told = sizes_of(dict([answer("Size_parameter_1", 4.2, 1.0)]), "cubefcc", None)
    assert (told.atoms.value, told.atoms.low, told.atoms.high) == tuple(SHAPES["cubefcc"].count(n) for n in (4, 3, 5))
    assert told.radii == {}


def test_what_a_model_tells_itself_is_kept():
    answers = dict([answer("log_n_Atoms", 5.0), answer("Size_parameter_1", 3.3), answer("sqrt_log_eq_radius", 1.5)])
    told = sizes_of(answers, "octahedron", d)
    assert (told.size.value, told.size.source) == (3.3, "model")
    assert told.radii["circumscribed"].value == pytest.approx(np.expm1(1.5**2))
    assert set(told.radii) == {"circumscribed", "volume_equivalent", "gyration"}
    assert set(sizes_of(answers, None, None).radii) == {"circumscribed"}


def test_nothing_follows_from_nothing():
    told = sizes_of({}, "octahedron", d)
    assert (told.atoms, told.size, told.radii) == (None, None, {})
