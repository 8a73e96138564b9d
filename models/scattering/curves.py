"""Curves of samples: what a powder or a dispersion of like particles scatters, one curve or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.scattering import elements
from models.scattering.debye import debye_sum
from models.scattering.elements import Composition
from models.scattering.shapes import BadParticle, Shape, cluster, find
from models.study import Watch, tell
from models.surrogate import FloatArray

Q: FloatArray = np.arange(1, 2000) / 100
"""The axis of the published programme in 1/Angstrom; small angles are those below ``WIDE``, wide ones those from it on."""
WIDE = 1.6
_NODES = np.linspace(-3.5, 3.5, 29)
"""Where a normal distribution is summed, in standard deviations."""


@dataclass(frozen=True)
class Sample:
    """Particles of one shape and how they are measured.

    Attributes:
        shape: A key of ``shapes.SHAPES``.
        size: Mean size n of the particles, a whole number.
        composition: Elements and their shares; the atoms of an alloy sit at random.
        biso: Isotropic displacement factor in square Angstrom.
        strain: Relative change of all distances.
        strain_spread: Standard deviation of the strain from particle to particle, below 0.1.
        size_spread: Standard deviation of n from particle to particle, in units of n; whole sizes have normal weights by number.
        background: Constant intensity, as a share of that of the mean particle at q = 0.
        noise: Standard deviation of factors on the intensities, log-normal of mean 1.

    Raises:
        BadParticle: There is no such particle, or a number is out of its range.
    """

    shape: str
    size: int
    composition: Composition
    biso: float = 0.3
    strain: float = 0.0
    strain_spread: float = 0.0
    size_spread: float = 0.0
    background: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        find(self.shape, self.size)
        elements.check(self.composition)
        for name in ("biso", "strain_spread", "size_spread", "background", "noise"):
            if not 0 <= getattr(self, name) < np.inf:
                raise BadParticle(f"{getattr(self, name)!r}", name, "give 0 or more")
        if not abs(self.strain) + 3.5 * self.strain_spread < 0.5:
            raise BadParticle(f"{self.strain:g}, spread {self.strain_spread:g}", "strain", "keep distances within a half of themselves")

    @property
    def kind(self) -> Shape:
        """The family of the particles."""
        return find(self.shape, self.size)

    @property
    def atoms(self) -> int:
        """Of the mean particle."""
        return self.kind.count(self.size)

    @property
    def distance(self) -> float:
        """Between nearest neighbours, in Angstrom."""
        return elements.distance(self.composition) * (1 + self.strain)

    @property
    def radius(self) -> float:
        """Of the sphere around the mean particle, through its outermost atoms, in Angstrom."""
        return float(self.kind.radius(self.size) * self.distance)

    @property
    def points(self) -> FloatArray:
        """Where the atoms of the mean particle are, in Angstrom, shape (N, 3)."""
        return self.distance * cluster(self.shape, self.size).points


def intensity(sample: Sample, q: FloatArray = Q, rng: np.random.Generator | None = None) -> FloatArray:
    """The mean intensity of a particle in squared electrons at q in 1/Angstrom, shape (m,).

    Args:
        sample: What scatters.
        q: Above 0, shape (m,).
        rng: Source of the noise, which is left out without one.

    Raises:
        BadParticle: q is not above 0, or goes too far.
    """
    squared, coherent = elements.form_factors(sample.composition, q)
    damped = coherent * np.exp(-sample.biso * q**2 / (8 * np.pi**2))
    sizes, weights = _sizes(sample)
    number = float(np.dot(weights, [sample.kind.count(n) for n in sizes]))
    ideal = number * squared + damped * _structure(sample, q, sizes, weights)
    if sample.background:
        ideal = ideal + sample.background * sample.atoms**2 * elements.form_factors(sample.composition, np.zeros(1))[1]
    if rng is None or not sample.noise:
        return np.asarray(ideal)
    variance = np.log1p(sample.noise**2)
    return np.asarray(ideal * np.exp(np.sqrt(variance) * rng.standard_normal(len(q)) - variance / 2))


def reduced(sample: Sample, q: FloatArray = Q, rng: np.random.Generator | None = None) -> FloatArray:
    """The intensity over the mean squared form factor, shape (m,): what is left to learn where the elements are known."""
    return np.asarray(intensity(sample, q, rng) / elements.form_factors(sample.composition, q)[0])


def simulate(samples: Sequence[Sample], q: FloatArray = Q, seed: int = 0, divided: bool = False, watch: Watch | None = None) -> FloatArray:
    """Curves of samples, shape (n, m); the noise of a sample does not depend on the others.

    Args:
        samples: What scatters.
        q: In 1/Angstrom, shape (m,).
        seed: Of the noise.
        divided: Whether by the mean squared form factor.
        watch: Told of the progress.

    Raises:
        BadParticle: As for ``intensity``.
        Cancelled: ``watch`` said so.
    """
    curve, curves = reduced if divided else intensity, np.empty((len(samples), len(q)))
    for row, sample in enumerate(samples):
        tell(watch, row / len(samples), f"{sample.shape} {sample.size}")
        curves[row] = curve(sample, q, np.random.default_rng([seed, row]))
    tell(watch, 1.0, "done")
    return curves


def _structure(sample: Sample, q: FloatArray, sizes: list[int], weights: FloatArray) -> FloatArray:
    """Debye's sum at q, averaged over sizes and strains."""
    s, total = q * sample.distance, np.zeros(len(q))
    for n, weight in zip(sizes, weights, strict=True):
        curve = debye_sum(sample.shape, n)
        if not sample.strain_spread:
            total += weight * curve(s)
            continue
        shares = np.exp(-(_NODES**2) / 2)
        for node, share in zip(_NODES, shares / shares.sum(), strict=True):
            total += weight * share * curve(s * (1 + sample.strain_spread / (1 + sample.strain) * node))
    return total


def _sizes(sample: Sample) -> tuple[list[int], FloatArray]:
    """Sizes that are there, and their shares by number."""
    if not sample.size_spread:
        return [sample.size], np.ones(1)
    width = sample.size_spread * sample.size
    low, high = (round(sample.size + sign * 3 * width) for sign in (-1, 1))
    sizes = list(range(max(low, 2), high + 1))
    weights = np.exp(-((np.array(sizes) - sample.size) ** 2) / (2 * width**2))
    return sizes, weights / weights.sum()
