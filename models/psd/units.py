"""What a table says of its pictures and size distributions in the units of its fields, so that every model knows it.

A stack has the unit ``16 um/pixel``, a distribution ``number share`` or ``volume share`` over an axis in um: the geometric means
of its bins.
"""

from __future__ import annotations

import re
from typing import get_args

import numpy as np

from models.psd.bins import Weighting
from models.surrogate import FloatArray
from models.table import BadTable
from models.task import Block

AXIS_UNIT = "um"
_PIXEL = re.compile(r"([0-9.]+(?:e[+-]?[0-9]+)?) um/pixel")


def of_pixels(um_per_pixel: float) -> str:
    """The unit of a stack."""
    return f"{um_per_pixel:.12g} um/pixel"


def of_shares(weighting: Weighting) -> str:
    """The unit of a distribution."""
    return f"{weighting} share"


def um_per_pixel(block: Block) -> float:
    """Size of a pixel of the stacks that a model was trained on.

    Raises:
        BadTable: The data did not say.
    """
    found = _PIXEL.fullmatch(block.unit)
    if found is None:
        message = f"nothing is known of the size of the pixels that the model was trained on: the unit is {block.unit!r}"
        raise BadTable(message, block.name, "store the data with `um_per_pixel` of the stack, and train on them")
    return float(found[1])


def weighting(block: Block) -> Weighting:
    """What a share of the distributions counts that a model tells.

    Raises:
        BadTable: The data did not say.
    """
    for name in get_args(Weighting):
        if block.unit == of_shares(name):
            return name  # type: ignore[no-any-return]
    message = f"nothing is known of what the shares count that the model was trained on: the unit is {block.unit!r}"
    told = " or ".join(repr(of_shares(name)) for name in get_args(Weighting))
    raise BadTable(message, block.name, f"store the data with the unit {told}, and train on them")


def edges(centres: FloatArray) -> FloatArray:
    """Edges, shape (m + 1,), of bins with these geometric means, in um, shape (m,); those of bins even in ln d are exact.

    Raises:
        ValueError: There are fewer than two, or they are not positive and increasing.
    """
    if len(centres) < 2 or centres[0] <= 0 or (np.diff(centres) <= 0).any():
        raise ValueError("bins need two centres at least, positive and increasing")
    inner = np.sqrt(centres[:-1] * centres[1:])
    return np.asarray(np.r_[centres[0] ** 2 / inner[0], inner, centres[-1] ** 2 / inner[-1]])
