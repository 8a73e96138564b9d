"""Figures of scattering as plain Plotly dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.figures import COLOURS, Figure, drawn
from models.surrogate import FloatArray


def curves(parts: Mapping[str, tuple[FloatArray, FloatArray]], name: str = "I in squared electrons") -> Figure:
    """Intensities over q in 1/Angstrom, both axes logarithmic.

    Args:
        parts: Name of a curve to q and intensity, shape (m,) each.
        name: Of the intensity, with its unit.
    """
    traces: list[dict[str, Any]] = []
    for k, (part, (q, intensity)) in enumerate(parts.items()):
        line = {"color": COLOURS[k % len(COLOURS)], "width": 1.5, "dash": "dash" if k >= len(COLOURS) else "solid"}
        traces.append({"x": q.tolist(), "y": intensity.tolist(), "name": part, "mode": "lines", "line": line})
    log = {"type": "log", "exponentformat": "power"}
    return drawn(traces, log | {"title": {"text": "q in 1/Angstrom"}}, log | {"title": {"text": name}})
