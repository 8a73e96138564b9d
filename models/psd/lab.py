"""The virtual crystallization lab: recipes in, suspensions of known size distribution and their pictures out.

An inline probe looks at the slurry at the end of the cooling. It sees crystals of 20 to 500 um: seeds that have grown, and those
that were born in the batch; each of the two is a log-normal mode with the mean and the deviation of its ln d. Like other virtual
labs it may differ from the published kinetics by a hidden error, which whoever plans recipes does not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.psd.bins import CENTRES, EDGES, Weighting
from models.psd.crystallizer import Crystals, Kinetics, crystallize
from models.psd.particles import FIELD
from models.psd.render import Optics, stack
from models.psd.suspension import Mode, Suspension
from models.surrogate import FloatArray

AXIS: FloatArray = np.log(CENTRES)
"""Logarithms of the centres of the bins, in um, shape (32,): what distributions are matched on."""
SPREAD = {"kg": 0.3, "kb": 0.7}
"""Constants that a hidden error changes, and the standard deviation of their logarithm."""
WANTED = np.array([6.0, 60.0, 120.0, 2.5, 1.0])
"""Recipe whose distribution is the target, columns ``crystallizer.RECIPE``; inside the box."""

IMAGES = 5
"""Pictures of a stack."""
_DEPTH = 1000.0
"""Thickness of the slurry that the probe sees, in um."""
_SOLVENT = 1e-12
"""Water in a volume of slurry, g/um^3; what crystals and solute displace is left out."""
_PHI = (0.02, 0.6)
"""Area fractions at which pictures are taken: the slurry is thickened or diluted to the nearer one where it is outside."""
_FEW = 1e-4
"""Share of the crystals below which a mode is left out: none of them would be in the pictures."""
_NARROW = 0.02
"""Least deviation of a mode, a quarter of the width of a bin: what is narrower looks the same."""


@dataclass(frozen=True, eq=False)
class VirtualLab:
    """Crystallizes, and takes pictures; rows of recipes have the columns ``crystallizer.RECIPE``.

    Attributes:
        error: Seed of the hidden error of its kinetics; the published one when None.
        optics: Of its probe.
    """

    error: int | None = None
    optics: Optics = field(default_factory=Optics)

    @cached_property
    def kinetics(self) -> Kinetics:
        """The constants of this lab."""
        return Kinetics() if self.error is None else _changed(self.error)

    def suspensions(self, X: FloatArray) -> tuple[Suspension, ...]:
        """What recipes (n, 5) give.

        Raises:
            BadRecipe: See ``crystallize``.
        """
        made = crystallize(X, self.kinetics)
        return tuple(_seen(Crystals(*(part[row] for part in made))) for row in range(len(X)))

    def shares(self, X: FloatArray, weighting: Weighting = "number") -> FloatArray:
        """Shares of the bins that recipes (n, 5) give, without error, shape (n, 32)."""
        return np.array([suspension.shares(weighting) for suspension in self.suspensions(X)])

    def measure(self, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Shares by number of the crystals in k stacks of the recipe x (5,), each crystal counted without error, shape (k, 32).

        A stack shows one crystal at least.

        Raises:
            BadRecipe: See ``crystallize``.
        """
        suspension = self.suspensions(x[None])[0]
        expected = IMAGES * suspension.phi * FIELD**2 / suspension.mean_area()
        counts = rng.multinomial(np.maximum(rng.poisson(expected, k), 1), suspension.shares())
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))

    def pictures(self, suspension: Suspension, seed: Sequence[int], images: int = IMAGES, pixels: int = 64) -> npt.NDArray[np.uint8]:
        """What the probe shows of a suspension, shape (images, pixels, pixels); its field of view is 1024 um wide."""
        return stack(suspension, seed, images, pixels, optics=self.optics)


def target(weighting: Weighting = "number") -> FloatArray:
    """Shares of the recipe ``WANTED`` by the published kinetics, shape (32,)."""
    return np.asarray(VirtualLab().shares(WANTED[None], weighting)[0])


def _seen(made: Crystals) -> Suspension:
    """The suspension of one batch, from arrays of its row."""
    seeds = np.full(len(made.seeds), made.seed_number / len(made.seeds))
    parts = [mode for d, number in ((made.seeds, seeds), (made.born, made.born_number)) if (mode := _mode(d, number)) is not None]
    total = sum(mode.share for mode in parts)
    modes = tuple(mode for mode in parts if mode.share > _FEW * total)
    area = Suspension(modes, 0.0).mean_area()
    phi = float(total * _SOLVENT * _DEPTH * area)
    return Suspension(modes, min(max(phi, _PHI[0]), _PHI[1]))


def _mode(d: FloatArray, number: FloatArray) -> Mode | None:
    """Crystals of diameters d (m,) as a mode, its share their number; None where none is within the bins."""
    inside = (d > EDGES[0]) & (d < EDGES[-1])
    weights, total = number[inside], float(number[inside].sum())
    if total <= 0:
        return None
    logs = np.log(d[inside])
    mean = float(weights @ logs / total)
    deviation = np.sqrt(weights @ (logs - mean) ** 2 / total)
    return Mode(float(np.exp(mean)), max(float(deviation), _NARROW), total)


def _changed(seed: int) -> Kinetics:
    published, deviates = Kinetics(), np.random.default_rng(seed).standard_normal(len(SPREAD))
    factors = {name: float(np.exp(sd * z)) for (name, sd), z in zip(SPREAD.items(), deviates, strict=True)}
    return Kinetics(kg=published.kg * factors["kg"], kb=published.kb * factors["kb"])
