"""The bins of all size distributions: 32 of diameters from 20 to 500 um, even in the logarithm."""

from __future__ import annotations

from typing import Literal

import numpy as np

from models.surrogate import FloatArray

Weighting = Literal["number", "volume"]
"""What a share counts: particles (q0 in ISO 9276-2), or their volume (q3)."""

EDGES: FloatArray = np.geomspace(20.0, 500.0, 33)
"""Of the bins, in um, shape (33,)."""
CENTRES: FloatArray = np.sqrt(EDGES[:-1] * EDGES[1:])
"""Geometric means of the edges, in um, shape (32,)."""
