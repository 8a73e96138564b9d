"""Figures of a measured curve as plain Plotly dicts: beside the nearest known one with what is left, and Guinier's plot."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.figures import COLOURS, GREY, Figure, drawn
from models.scattering.guinier import LIMIT, Guinier
from models.scattering.neighbours import Library
from models.scattering.reader import Curve
from models.scattering.reading import Ready
from models.surrogate import FloatArray, IntArray

_POINTS = 1000
"""Points of a curve that are drawn at most: spread evenly over its logarithmic axis."""
_BEYOND = 1.6
"""How far beyond its last q squared Guinier's plot goes on."""


def fit(found: Ready, axis: FloatArray, library: Library, label: str) -> Figure:
    """I(q) on logarithmic axes with the nearest known curve on the scale of the measured one, and below the logarithm of their ratio.

    Args:
        found: The measured curve, made ready.
        axis: Of the model, in 1/Angstrom, shape (m,).
        library: What the nearest curve is from.
        label: What people know it by.
    """
    curve, best = found.curve, found.nearest[0]
    kept = _thinned(curve.q, curve.intensity > 0)
    q, measured = curve.q[kept], curve.intensity[kept]
    known = np.exp(library.logarithms[best.row].astype(float)) * found.scale
    few = _thinned(axis, np.ones(len(axis), bool))
    inside = (q >= axis[0]) & (q <= axis[-1])
    left = np.log(measured[inside]) - np.interp(q[inside], axis, np.log(known))
    dots = {"x": q.tolist(), "y": measured.tolist(), "name": "measured", "mode": "markers", "marker": {"color": COLOURS[0], "size": 4}}
    if curve.sigma is not None:
        dots |= {"error_y": {"type": "data", "array": curve.sigma[kept].tolist(), "thickness": 0.6, "width": 0, "color": COLOURS[0]}}
    line = {"x": axis[few].tolist(), "y": known[few].tolist(), "name": f"nearest known: {label}", "mode": "lines"}
    rest = {"x": q[inside].tolist(), "y": left.tolist(), "yaxis": "y2", "showlegend": False, "mode": "markers", "name": "residual"}
    traces = [dots, line | {"line": {"color": COLOURS[1], "width": 1.5}}, rest | {"marker": {"color": COLOURS[0], "size": 3}}]
    xaxis = {"title": {"text": "q, 1/Angstrom"}, "type": "log", "anchor": "y2", "dtick": 1}
    figure = drawn(traces, xaxis, {"title": {"text": "intensity"}, "type": "log", "exponentformat": "power", "domain": [0.32, 1]})
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y2", "y0": 0, "y1": 0, "line": {"color": GREY, "width": 1}}
    figure["layout"] |= {"yaxis2": {"title": {"text": "ln ratio"}, "domain": [0, 0.26]}, "shapes": [zero], "height": 520}
    return figure


def guinier_plot(curve: Curve, found: Guinier) -> Figure:
    """Logarithm of I over q^2 with the line of Guinier's law: solid where it was fitted, dashed beyond."""
    x, positive = curve.q**2, curve.intensity > 0
    end = found.high**2
    shown = _thinned(curve.q, positive & (x <= _BEYOND * end))
    dots: dict[str, Any] = {"x": x[shown].tolist(), "y": np.log(curve.intensity[shown]).tolist(), "name": "measured", "mode": "markers"}
    traces = [dots | {"marker": {"color": COLOURS[0], "size": 5}}]
    said = f"Rg = {found.rg:.2f} ± {found.rg_std:.2g} Angstrom, up to q Rg = {found.rg * found.high:.2g}"
    parts = (("solid", [0.0, end], said, True), ("dash", [end, _BEYOND * end], "beyond the fit", False))
    for dash, ends, name, told in parts:
        y = [float(np.log(found.intensity) - found.rg**2 * value / 3) for value in ends]
        look = {"line": {"color": COLOURS[1], "dash": dash, "width": 2}, "mode": "lines", "showlegend": told}
        traces.append({"x": ends, "y": y, "name": name} | look)
    note = {"x": (LIMIT / found.rg) ** 2, "yref": "paper", "y": 1, "yanchor": "bottom", "text": f"q Rg = {LIMIT:g}", "showarrow": False}
    mark = {"type": "line", "x0": note["x"], "x1": note["x"], "yref": "paper", "y0": 0, "y1": 1, "line": {"color": GREY, "dash": "dot"}}
    figure = drawn(traces, {"title": {"text": "q<sup>2</sup>, 1/Angstrom<sup>2</sup>"}}, {"title": {"text": "ln intensity"}})
    figure["layout"] |= {"shapes": [mark], "annotations": [note], "margin": {"t": 40}}
    return figure


def linearity(curve: Curve, found: Guinier) -> float:
    """Share of the variance of ln I in the range of the fit that a straight line over q^2 explains."""
    used = (curve.intensity > 0) & (curve.q >= found.low * (1 - 1e-9)) & (curve.q <= found.high * (1 + 1e-9))
    return float(np.corrcoef(curve.q[used] ** 2, np.log(curve.intensity[used]))[0, 1] ** 2)


def _thinned(q: FloatArray, kept: np.ndarray[Any, np.dtype[np.bool_]]) -> IntArray:
    """Rows of what is kept, thinned to be even over the logarithm of q where there are many."""
    rows = np.flatnonzero(kept)
    if len(rows) <= _POINTS:
        return rows
    wanted = np.geomspace(q[rows[0]], q[rows[-1]], _POINTS)
    return np.asarray(rows[np.unique(np.searchsorted(q[rows], wanted).clip(0, len(rows) - 1))])
