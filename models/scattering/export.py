"""Atoms of particles as files that structure viewers read: XYZ and CIF."""

from __future__ import annotations

import numpy as np

from models.scattering.curves import Sample
from models.surrogate import FloatArray

_MARGIN = 10.0
"""Of the box around the atoms in a CIF, in Angstrom."""


def xyz(sample: Sample, seed: int = 0) -> str:
    """The mean particle in the XYZ format; which atom of an alloy is which is drawn by the seed.

    Lengths are in Angstrom; the second line tells the shape, the size and the factor on atomic displacements.
    """
    points, names = sample.points, _names(sample, seed)
    title = f"{sample.shape} {sample.size}, Biso {sample.biso:g} Angstrom^2"
    lines = [f"{name} {x:.6f} {y:.6f} {z:.6f}" for name, (x, y, z) in zip(names, points, strict=True)]
    return "\n".join([str(len(points)), title, *lines]) + "\n"


def cif(sample: Sample, seed: int = 0) -> str:
    """The mean particle as a crystallographic information file: in a cubic box without symmetry, wide enough for none to touch."""
    points, names = sample.points, _names(sample, seed)
    edge = float(np.ptp(points, axis=0).max()) + _MARGIN
    cell = [f"_cell_length_{axis} {edge:.6f}" for axis in "abc"] + [f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma")]
    symmetry = ["_symmetry_space_group_name_H-M 'P 1'", "_symmetry_Int_Tables_number 1"]
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "B_iso_or_equiv", "occupancy")
    loop = ["loop_", *(f"_atom_site_{column}" for column in columns)]
    head = [f"data_{sample.shape}_{sample.size}", *cell, *symmetry, *loop]
    return "\n".join([*head, *_sites(names, points / edge + 0.5, sample.biso)]) + "\n"


def _sites(names: list[str], fractions: FloatArray, biso: float) -> list[str]:
    return [
        f"{name}{number} {name} {x:.8f} {y:.8f} {z:.8f} {biso:g} 1"
        for number, (name, (x, y, z)) in enumerate(zip(names, fractions, strict=True), 1)
    ]


def _names(sample: Sample, seed: int) -> list[str]:
    """Elements of the atoms, in shares that are as near to the composition as whole numbers can be."""
    elements, shares = zip(*sample.composition, strict=True)
    ends = np.rint(np.cumsum(shares) * sample.atoms).astype(int)
    names = np.repeat(elements, np.diff(ends, prepend=0))
    return [str(name) for name in np.random.default_rng(seed).permutation(names)]
