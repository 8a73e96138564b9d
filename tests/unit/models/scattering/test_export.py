"""Files of atoms, read back."""

import numpy as np
import pytest

from models.scattering.curves import Sample
from models.scattering.export import cif, xyz

GOLD_SILVER = Sample("icosahedron", 2, (("Ag", 0.25), ("Au", 0.75)), biso=0.4)


def test_xyz_holds_all_atoms_in_angstrom():
    lines = xyz(GOLD_SILVER).splitlines()
    assert lines[0] == "55"
    assert "icosahedron 2" in lines[1]
    names, places = zip(*((line.split()[0], [float(cell) for cell in line.split()[1:]]) for line in lines[2:]), strict=True)
    assert (names.count("Ag"), names.count("Au")) == (14, 41)
    np.testing.assert_allclose(places, GOLD_SILVER.points, atol=1e-6)
    assert xyz(GOLD_SILVER, seed=1) != xyz(GOLD_SILVER) == xyz(GOLD_SILVER, seed=0)


def test_cif_gives_the_same_distances():
    lines = cif(GOLD_SILVER).splitlines()
    edge = float(next(line.split()[1] for line in lines if line.startswith("_cell_length_a")))
    sites = [line.split() for line in lines if line[:2] in ("Ag", "Au")]
    places = edge * np.array([[float(cell) for cell in site[2:5]] for site in sites])
    assert len(sites) == len({site[0] for site in sites}) == 55
    assert {site[5] for site in sites} == {"0.4"}
    assert (places > 0).all()
    assert (places < edge).all()
    np.testing.assert_allclose(places - places.mean(axis=0), GOLD_SILVER.points, atol=1e-5)
    assert edge - np.ptp(places) == pytest.approx(10, abs=3)
