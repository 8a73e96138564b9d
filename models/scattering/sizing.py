"""From what a model tells of a curve to the numbers people ask for: atoms, size, and radii in Angstrom.

Where a model does not tell a number itself, it follows from the shape, the number of atoms N and the distance d of nearest
neighbours: a size is the one at which a particle of the shape has nearest to N atoms, and a length l of the particle of that
size is scaled to N by ``l (N / N(n))^(1/3)``. The volume-equivalent radius is that of a sphere of N times the volume that an
atom takes in the shape. Intervals go the same way, since all of these grow with N: they hold what those of N hold, at this
shape and distance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.scattering.shapes import LARGEST, SHAPES, cluster
from models.scattering.two_stage import sizes
from models.trained import Answer

Source = Literal["model", "shape and size", "shape and atoms", "shape, atoms and distance"]
Radius = Literal["circumscribed", "volume_equivalent", "gyration"]
_FCC, _BCC = 1 / np.sqrt(2), 4 / np.sqrt(27)
_ROOT5 = np.sqrt(5)
VOLUMES: Mapping[str, float] = dict.fromkeys(SHAPES, _FCC) | {
    "rhombic_dodecahedron": _BCC,
    "icosahedron": (3 + _ROOT5) / 8,
    "dodecahedron": (15 + 7 * _ROOT5) / 40,
    "pentagonal_bipyramid": 3 / 4 * np.sin(2 * np.pi / 5),
}
"""Volume of an atom inside a shape in d^3: that of the lattice, or of the polyhedron over its number of atoms when large."""
_BUILT = 12
"""Size up to which particles are built to be measured; beyond it lengths go by the cube root of N, to a thousandth."""


@dataclass(frozen=True)
class Estimate:
    """A number.

    Attributes:
        value: Its best value.
        low: Lower end of the interval of the model.
        high: Its upper end.
        source: Whether the model tells it, or what it follows from.
    """

    value: float
    low: float
    high: float
    source: Source

    def through(self, function: Callable[[float], float], source: Source) -> Estimate:
        """What follows from it by a function that grows."""
        return Estimate(function(self.value), function(self.low), function(self.high), source)


@dataclass(frozen=True)
class Sizes:
    """The numbers of a particle; None where neither the model tells one nor it follows.

    Attributes:
        atoms: N.
        size: n.
        radii: In Angstrom, of those that are known; through the centres of the outermost atoms if circumscribed.
    """

    atoms: Estimate | None
    size: Estimate | None
    radii: Mapping[Radius, Estimate]


def sizes_of(answers: Mapping[str, Answer], shape: str | None, distance: float | None) -> Sizes:
    """The numbers of the particle behind the first row of what a model answers.

    Args:
        answers: By name of the target, of ``dataset.TARGETS``; others are left alone.
        shape: A key of ``SHAPES``, None where it is not known.
        distance: Of nearest neighbours in Angstrom, None where it is not known.
    """
    atoms, size = _told(answers, "log_n_Atoms", np.exp), _told(answers, "Size_parameter_1", float)
    radius = _told(answers, "sqrt_log_eq_radius", lambda x: np.expm1(max(x, 0.0) ** 2))
    if shape is not None and atoms is None and size is not None:
        atoms = size.through(lambda n: float(SHAPES[shape].count(int(np.clip(round(n), 2, LARGEST)))), "shape and size")
    elif shape is not None and size is None and atoms is not None:
        atoms_to_size = list(SHAPES).index(shape)
        size = atoms.through(lambda N: float(sizes(np.log([N]))[0, atoms_to_size]), "shape and atoms")
    radii: dict[Radius, Estimate] = {} if radius is None else {"circumscribed": radius}
    if shape is not None and distance is not None and atoms is not None:
        for name, length in _lengths(shape, distance).items():
            radii.setdefault(name, atoms.through(length, "shape, atoms and distance"))
    return Sizes(atoms, size, radii)


def _told(answers: Mapping[str, Answer], name: str, function: Callable[[float], float]) -> Estimate | None:
    answer = answers.get(name)
    if answer is None or answer.low is None or answer.high is None or answer.block.kind != "number":
        return None
    value, low, high = (float(function(part[0, 0])) for part in (answer.mean, answer.low, answer.high))
    return Estimate(value, low, high, "model")


def _lengths(shape: str, distance: float) -> dict[Radius, Callable[[float], float]]:
    """Radii in Angstrom by the number of atoms."""

    def scaled(length: Callable[[int], float]) -> Callable[[float], float]:
        def at(N: float) -> float:
            n = min(int(sizes(np.log([N]))[0, list(SHAPES).index(shape)]), _BUILT)
            return float(distance * length(n) * (N / SHAPES[shape].count(n)) ** (1 / 3))

        return at

    def sphere(N: float) -> float:
        return float(distance * (3 * N * VOLUMES[shape] / (4 * np.pi)) ** (1 / 3))

    gyration = scaled(lambda n: cluster(shape, n).gyration)
    return {"circumscribed": scaled(SHAPES[shape].radius), "volume_equivalent": sphere, "gyration": gyration}
