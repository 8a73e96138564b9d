"""Elements: how far neighbouring atoms are apart, and how strongly an atom scatters.

Distances are those of the published programme; factors are of Waasmaier and Kirfel, Acta Cryst. A 51, 416 (1995), as the
package periodictable tabulates them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.scattering.shapes import BadParticle
from models.surrogate import FloatArray

DISTANCES: Mapping[str, float] = {
    "Ag": 2.8889,
    "Al": 2.8634,
    "Au": 2.8838,
    "Co": 2.5088,
    "Cr": 2.4980,
    "Cu": 2.5562,
    "Fe": 2.4823,
    "Mn": 2.7310,
    "Mo": 2.7251,
    "Ni": 2.4919,
    "Pb": 3.5006,
    "Pd": 2.7511,
    "Pt": 2.7746,
    "Ru": 2.6778,
    "Sb": 2.9080,
    "Si": 2.3517,
    "Ti": 2.8956,
}
"""Nearest-neighbour distances in Angstrom."""

Composition = tuple[tuple[str, float], ...]
"""Elements and their shares, which add up to 1."""


def check(composition: Composition) -> None:
    """Raise BadParticle where an element is unknown or named twice, or shares are not positive or do not add up to 1."""
    names = [element for element, _ in composition]
    for element in names:
        if element not in DISTANCES:
            raise BadParticle(f"the distance of {element!r} is not known", "composition", f"use some of: {', '.join(DISTANCES)}")
        if names.count(element) > 1:
            raise BadParticle(f"{element} is named twice", "composition", "name an element once")
    shares = np.array([share for _, share in composition])
    if not (shares > 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise BadParticle(f"the shares are {shares.tolist()}", "composition", "give positive shares that add up to 1")


def distance(composition: Composition) -> float:
    """Nearest-neighbour distance in Angstrom, of alloys by Vegard's law."""
    return sum(share * DISTANCES[element] for element, share in composition)


def form_factors(composition: Composition, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean squared and squared mean form factor of the atoms at q in 1/Angstrom, in electrons squared, shape (m,) each.

    They differ for alloys, whose atoms sit at random: the difference is Laue's monotonic scattering.
    """
    from periodictable import elements

    factors = np.array([elements.symbol(element).xray.f0(q) for element, _ in composition])
    shares = np.array([share for _, share in composition])
    return shares @ factors**2, (shares @ factors) ** 2
