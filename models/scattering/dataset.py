"""Tables of scattering curves: the grid of the published programme, and a larger library of random samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.scattering.curves import Q, Sample, simulate
from models.scattering.elements import DISTANCES
from models.scattering.shapes import SHAPES, BadParticle
from models.study import Watch
from models.surrogate import FloatArray
from models.table import Field, Table

BISO = (0.1, 0.3, 0.5, 0.9)
"""Displacement factors of the published programme, in square Angstrom."""
TARGETS = ("shape", "log_n_Atoms", "Size_parameter_1", "sqrt_log_eq_radius")
"""What is told of a curve: see ``table``."""
MISSING = ("cuboctahedron", "dihedral_rhombic_dodecahedron", "rhombic_dodecahedron")
"""Shapes whose radius the published table may have lacked. Its figures of this target (variance .70, Q2 .554, with small angles
alone .117, with wide ones .550) are not those of true radii (variance .03, Q2 .98), but those of a table in which a third of them
reads 0. Which shapes is not told: of all 84 triples these come closest to the three Q2."""
_SIZES = 9
_LARGEST = 15


def published_samples() -> tuple[Sample, ...]:
    """9 shapes of 9 sizes, 17 elements and 4 displacement factors: 5508 samples, displacement innermost."""
    return tuple(
        Sample(shape.name, n, ((element, 1.0),), biso)
        for shape in SHAPES.values()
        for n in range(shape.first, shape.first + _SIZES)
        for element in DISTANCES
        for biso in BISO
    )


def published_table(divided: bool = False, zeros: Sequence[str] = (), watch: Watch | None = None) -> Table:
    """The data set of the published programme.

    Args:
        divided: Whether curves are divided by the mean squared form factor.
        zeros: Shapes whose ``sqrt_log_eq_radius`` is 0 instead of true; ``MISSING`` to come close to the published figures.
        watch: Told of the progress.

    Raises:
        Cancelled: ``watch`` said so.
    """
    samples = published_samples()
    return table(samples, simulate(samples, divided=divided, watch=watch), divided=divided, zeros=zeros)


def scattering_table(
    rows: int,
    seed: int,
    largest: int = _LARGEST,
    strain: float = 0.02,
    strain_spread: float = 0.0,
    size_spread: float = 0.0,
    noise: float = 0.0,
    divided: bool = False,
    watch: Watch | None = None,
) -> Table:
    """Curves of random samples: the larger library, in which no two curves are of the same distance between atoms.

    The same seed gives the same samples, and a longer table begins with the shorter one.

    Args:
        rows: Curves, two at least.
        seed: Of samples and noise.
        largest: Size up to which there are particles, from 2 (a tetrahedron has one atom more along its edge).
        strain: Largest change of distances, either way.
        strain_spread: Largest standard deviation of the strain within a sample.
        size_spread: Largest standard deviation of sizes within a sample, relative to the mean.
        noise: Of the intensities, relative.
        divided: Whether curves are divided by the mean squared form factor.
        watch: Told of the progress.

    Raises:
        BadParticle: There are not two rows, or a number is out of its range.
        Cancelled: ``watch`` said so.
    """
    if rows < 2:
        raise BadParticle(f"{rows} are no set", "rows", "ask for 2 at least")
    if largest < 2:
        raise BadParticle(f"{largest} is below the smallest, 2", "largest", "ask for 2 or more")
    rng = np.random.default_rng(seed)
    spreads = {"strain_spread": strain_spread, "size_spread": size_spread}
    samples = tuple(_drawn(rng.random(7), largest, strain, spreads, noise) for _ in range(rows))
    return table(samples, simulate(samples, seed=seed, divided=divided, watch=watch), divided=divided)


def _drawn(u: FloatArray, largest: int, strain: float, spreads: dict[str, float], noise: float) -> Sample:
    """The sample of 7 numbers in [0, 1)."""
    shape = list(SHAPES.values())[int(u[0] * len(SHAPES))]
    n = shape.first + int(u[1] * (largest - 1))
    element = list(DISTANCES)[int(u[2] * len(DISTANCES))]
    biso = BISO[0] + u[3] * (BISO[-1] - BISO[0])
    widths = {name: float(v * most) for (name, most), v in zip(spreads.items(), u[5:], strict=True)}
    return Sample(shape.name, n, ((element, 1.0),), float(biso), float((2 * u[4] - 1) * strain), noise=noise, **widths)


def table(samples: Sequence[Sample], curves: FloatArray, q: FloatArray = Q, divided: bool = False, zeros: Sequence[str] = ()) -> Table:
    """Samples and their curves (n, m) as a table.

    Args:
        samples: Two at least.
        curves: Their intensities at q.
        q: In 1/Angstrom, shape (m,).
        divided: Whether curves are divided by the mean squared form factor.
        zeros: Shapes whose radius reads 0.

    Returns:
        The categories ``shape``, ``element`` and ``structure`` (shape and size), the latter two to group by; the numbers
        ``log_n_Atoms``, natural logarithm of the atoms, ``Size_parameter_1``, the size n, ``sqrt_log_eq_radius``, root of the
        natural logarithm of 1 + R / Angstrom with R of the circumscribed sphere, and ``biso``; and ``intensity`` over q.
    """
    elements = ["-".join(element for element, _ in sample.composition) for sample in samples]
    structures = [f"{sample.shape} {sample.size}" for sample in samples]
    R = np.array([0.0 if sample.shape in zeros else sample.radius for sample in samples])
    numbers = {
        "log_n_Atoms": (np.log([sample.atoms for sample in samples]), ""),
        "Size_parameter_1": (np.array([float(sample.size) for sample in samples]), ""),
        "sqrt_log_eq_radius": (np.sqrt(np.log1p(R)), ""),
        "biso": (np.array([sample.biso for sample in samples]), "Angstrom^2"),
    }
    return Table(
        (
            Field("shape", np.array([list(SHAPES).index(sample.shape) for sample in samples]), classes=tuple(SHAPES)),
            _category("element", elements, tuple(DISTANCES)),
            _category("structure", structures, [f"{shape.name} {shape.first}" for shape in SHAPES.values()]),
            *(Field(name, values, unit) for name, (values, unit) in numbers.items()),
            Field("intensity", curves, "1" if divided else "electrons^2", q, "1/Angstrom"),
        )
    )


def _category(name: str, values: Sequence[str], known: Sequence[str]) -> Field:
    """A category of the known classes, used or not, and of those that are used."""
    classes = sorted({*values, *known})
    return Field(name, np.array([classes.index(value) for value in values]), classes=tuple(classes))
