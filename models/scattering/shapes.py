"""Nine shapes of metal nanoparticles, in units of the nearest-neighbour distance, so that one cluster serves every element.

Notation: n the size of a cluster: bonds along an edge, shells about the central atom, unit cells along an edge of the cube,
atoms along an edge of the tetrahedron.

Sources: Mackay, Acta Cryst. 15, 916 (1962), icosahedra; Ino, J. Phys. Soc. Jpn. 27, 941 (1969) and Marks, Philos. Mag. A 49,
81 (1984), five-fold bipyramids; Martin, Phys. Rep. 273, 199 (1996), counts of shells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from models.faults import Fault
from models.surrogate import FloatArray, IntArray

LARGEST = 40
"""Largest size: beyond it a cluster has a million atoms."""
_FCC, _BCC = 1 / np.sqrt(2), 1 / np.sqrt(3)
"""Half a cell in nearest-neighbour distances."""
_SAME = 1e-6
"""Distance below which two points are one."""
_BOND = 1 + _SAME


class BadParticle(Fault):
    """A particle that cannot be built or simulated."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """Atoms about their centre.

    Attributes:
        points: Where they are, in nearest-neighbour distances, shape (N, 3).
        grid: Where they are on a grid of half cells, shape (N, 3); None of those that are no piece of one crystal.
        step: Of that grid, in nearest-neighbour distances.
        alike: Atoms that symmetry maps onto each other have the same number, shape (N,); None where that is not known.
    """

    points: FloatArray
    grid: IntArray | None = None
    step: float = 1.0
    alike: IntArray | None = None

    def __len__(self) -> int:
        return len(self.points)

    @property
    def radius(self) -> float:
        """Of the circumscribed sphere: distance of the outermost atom from the centre."""
        return float(np.linalg.norm(self.points, axis=1).max())

    @property
    def gyration(self) -> float:
        """Radius of gyration: root mean square distance of the atoms from their centre."""
        return float(np.sqrt((self.points**2).sum(axis=1).mean()))


@dataclass(frozen=True)
class Shape:
    """A family of clusters.

    Attributes:
        name: Its key in ``SHAPES``.
        build: The cluster of a size.
        count: Number of its atoms, in closed form.
        radius: Its circumscribed radius in nearest-neighbour distances, in closed form.
        first: Smallest size of the published programme.
        bond: Shortest distance between atoms in nearest-neighbour distances.
    """

    name: str
    build: Callable[[int], Cluster]
    count: Callable[[int], int]
    radius: Callable[[int], float]
    first: int = 2
    bond: float = 1.0


def cluster(shape: str, n: int) -> Cluster:
    """The cluster of a shape and size.

    Raises:
        BadParticle: There is no such shape, or the size is not between 1 and ``LARGEST``.
    """
    return find(shape, n).build(n)


def find(shape: str, n: int) -> Shape:
    """The shape of a name, of which there is a cluster of size n.

    Raises:
        BadParticle: There is none.
    """
    if shape not in SHAPES:
        raise BadParticle(f"there is no shape {shape!r}", "shape", f"use one of: {', '.join(SHAPES)}")
    least = 2 if shape == "tetrahedron" else 1
    if not (isinstance(n, int | np.integer) and least <= n <= LARGEST):
        raise BadParticle(f"{n} is no size of a {shape}", "size", f"use a whole number from {least} to {LARGEST}")
    return SHAPES[shape]


def bipyramid(p: int, elongation: int = 0, reentrance: int = 0) -> Cluster:
    """Five tetrahedra about one axis: pentagonal bipyramid, elongated as Ino's decahedron, or truncated as Marks'.

    Ring k, of 5 k atoms, has p + 1 - k + elongation layers; the axis is ring 0.

    Args:
        p: Rings about the axis.
        elongation: Layers put in between the two pyramids.
        reentrance: Columns taken away from either side of the five edges between neighbouring side faces.

    Raises:
        BadParticle: There is a negative number, or nothing but the axis is left.
    """
    if min(elongation, reentrance) < 0 or 2 * reentrance > p or not 0 < p <= LARGEST or elongation > LARGEST:
        raise BadParticle(f"[{p}, {elongation}, {reentrance}] is none", "size", f"take p from 1 to {LARGEST} and 2 reentrance <= p")
    angle = 2 * np.pi / 5 * np.arange(6)
    corner = np.sqrt(3) / 2 * np.column_stack([np.cos(angle), np.sin(angle), np.zeros(6)])
    columns = [(0, np.zeros(3))]
    for k in range(1, p + 1):
        along = [i for i in range(k) if max(k - i, i) <= p - reentrance]
        columns += [(k, (k - i) * corner[side] + i * corner[side + 1]) for side in range(5) for i in along]
    points = np.vstack([at + _column(p + 1 - k + elongation) for k, at in columns])
    return Cluster(points, alike=_alike(np.abs(points[:, 2:]), points @ corner[:5].T))


def _column(layers: int) -> FloatArray:
    z = np.arange(layers) - (layers - 1) / 2
    return np.column_stack([np.zeros((layers, 2)), z])


def _cube(n: int) -> Cluster:
    return _lattice(_fcc(0, 2 * n), _FCC)


def _cuboctahedron(n: int) -> Cluster:
    points = _fcc(-n, n)
    return _lattice(points[np.abs(points).sum(axis=1) <= 2 * n], _FCC)


def _octahedron(n: int) -> Cluster:
    points = _fcc(-n, n, parity=n % 2)
    return _lattice(points[np.abs(points).sum(axis=1) <= n], _FCC)


def _tetrahedron(n: int) -> Cluster:
    steps = _box(0, n - 1)
    return _lattice(steps[steps.sum(axis=1) < n] @ [[1, 1, 0], [1, 0, 1], [0, 1, 1]], _FCC)


def _zonotope(n: int, bonds: list[list[int]], step: float) -> Cluster:
    """All sums of up to n bonds of each of four kinds: a rhombic dodecahedron."""
    return _lattice(np.unique(_box(0, n, 4) @ bonds, axis=0), step)


def _dihedral(n: int) -> Cluster:
    return _zonotope(n, [[1, 1, 0], [1, -1, 0], [1, 0, 1], [1, 0, -1]], _FCC)


def _rhombic(n: int) -> Cluster:
    return _zonotope(n, [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], _BCC)


def _icosahedron(n: int) -> Cluster:
    return _shells(_ICOSAHEDRON, n)


def _dodecahedron(n: int) -> Cluster:
    return _shells(_dodecahedron_corners(), n)


def _shells(corners: FloatArray, n: int) -> Cluster:
    """Concentric shells about an atom: the triangles between neighbouring corners, filled with atoms a side apart."""
    near = np.linalg.norm(corners[:, None] - corners, axis=2) <= _BOND
    faces = [corners[list(face)] for face in combinations(range(len(corners)), 3) if near[np.ix_(face, face)].all()]
    points = [np.zeros((1, 3))]
    for k in range(1, n + 1):
        weights = _box(0, k)
        weights = weights[weights.sum(axis=1) == k]
        points.append(np.vstack([weights @ face for face in faces]))
    every = np.vstack(points)
    once = every[np.unique(np.rint(every / _SAME).astype(int), axis=0, return_index=True)[1]]
    return Cluster(once, alike=_alike(once @ _ICOSAHEDRON.T))


def _alike(*projections: FloatArray) -> IntArray:
    """Numbers (N,) of atoms whose projections on axes that symmetry permutes are the same, but for their order.

    The axes that lie closest to an atom span space, so that no two atoms of different surroundings agree.
    """
    key = np.hstack([np.sort(part, axis=1) for part in projections])
    return np.asarray(np.unique(np.rint(key / _SAME).astype(int), axis=0, return_inverse=True)[1].reshape(len(key)))


def _icosahedron_corners() -> FloatArray:
    """Twelve corners a distance of 1 apart."""
    golden = (1 + np.sqrt(5)) / 2
    corners = [np.roll([0, a / 2, b * golden / 2], turn) for turn in range(3) for a in (-1, 1) for b in (-1, 1)]
    return np.array(corners)


def _dodecahedron_corners() -> FloatArray:
    """Twenty corners a distance of 1 apart, and the centres of the twelve faces between them."""
    golden = (1 + np.sqrt(5)) / 2
    axes = [np.roll([0, a * golden, b / golden], turn) for turn in range(3) for a in (-1, 1) for b in (-1, 1)]
    corners = golden / 2 * np.vstack([axes, 2 * _box(0, 1) - 1])
    near = _ICOSAHEDRON @ corners.T
    faces = [corners[row > row.max() - _SAME].mean(axis=0) for row in near]
    return np.vstack([corners, faces])


def _box(low: int, high: int, axes: int = 3) -> IntArray:
    """All points with whole coordinates from low to high, shape (points, axes)."""
    return np.stack(np.meshgrid(*[np.arange(low, high + 1)] * axes, indexing="ij"), axis=-1).reshape(-1, axes)


def _fcc(low: int, high: int, parity: int = 0) -> IntArray:
    """Those whose coordinates add up to an even number, or an odd one: a face-centred lattice."""
    points = _box(low, high)
    return np.asarray(points[points.sum(axis=1) % 2 == parity])


def _lattice(grid: IntArray, step: float) -> Cluster:
    return Cluster(step * (grid - grid.mean(axis=0)), grid, step)


def _magic(n: int) -> int:
    """Atoms of n closed shells of a cuboctahedron or icosahedron."""
    return (10 * n**3 + 15 * n**2 + 11 * n + 3) // 3


def _zonotope_count(n: int) -> int:
    return int((n + 1) ** 4 - n**4)


_ICOSAHEDRON = _icosahedron_corners()
_ROOT5 = np.sqrt(5)
SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape("cubefcc", _cube, lambda n: 4 * n**3 + 6 * n**2 + 3 * n + 1, lambda n: n * np.sqrt(6) / 2),
        Shape("cuboctahedron", _cuboctahedron, _magic, float),
        Shape("dihedral_rhombic_dodecahedron", _dihedral, _zonotope_count, lambda n: n * np.sqrt(2)),
        Shape("icosahedron", _icosahedron, _magic, lambda n: n * np.sqrt(10 + 2 * _ROOT5) / 4, bond=np.sqrt(10 + 2 * _ROOT5) / 4),
        Shape("octahedron", _octahedron, lambda n: (n + 1) * (2 * (n + 1) ** 2 + 1) // 3, lambda n: n / np.sqrt(2)),
        Shape(
            "dodecahedron",
            _dodecahedron,
            lambda n: 10 * n**3 + 15 * n**2 + 7 * n + 1,
            lambda n: n * np.sqrt(3) * (1 + _ROOT5) / 4,
            bond=np.sqrt(50 + 10 * _ROOT5) / 10,
        ),
        Shape("pentagonal_bipyramid", bipyramid, lambda n: 5 * n * (n + 1) * (n + 2) // 6 + n + 1, lambda n: n * np.sqrt(3) / 2),
        Shape("rhombic_dodecahedron", _rhombic, _zonotope_count, lambda n: 2 * n / np.sqrt(3)),
        Shape("tetrahedron", _tetrahedron, lambda n: n * (n + 1) * (n + 2) // 6, lambda n: (n - 1) * np.sqrt(6) / 4, first=3),
    )
}
"""By name, in the order of the published labels 0 to 8."""
