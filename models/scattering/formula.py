"""Compositions as people write them: Au, Au3Ag, Au0.7Ag0.3."""

from __future__ import annotations

import re

from models.scattering import elements
from models.scattering.elements import Composition
from models.scattering.shapes import BadParticle

_PART = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?|\.\d+)?")


def composition(formula: str) -> Composition:
    """Elements and their shares, which are made to add up to 1.

    Raises:
        BadParticle: It is no formula, or holds what is not known, twice or not at all.
    """
    parts = _PART.findall(formula)
    if not parts or "".join(element + amount for element, amount in parts) != formula:
        raise BadParticle(f"{formula!r} is no formula", "composition", "write Au, Au3Ag or Au0.7Ag0.3")
    amounts = [float(amount or 1) for _, amount in parts]
    if not sum(amounts):
        raise BadParticle(f"{formula!r} holds nothing", "composition", "give shares above 0")
    found = tuple((element, amount / sum(amounts)) for (element, _), amount in zip(parts, amounts, strict=True))
    elements.check(found)
    return found
