"""Figures of the polymer as plain Plotly dicts: distributions, conversion, recipes, and which of them convert well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from models.figures import COLOURS, GREY, Figure, drawn, faint, panelled
from models.polymer.chains import LOG_M
from models.polymer.coefficients import RECIPE
from models.surrogate import BoolArray, FloatArray

if TYPE_CHECKING:
    # For its type alone: it loads scipy, which a web process that draws does without.
    from models.polymer.inverse import Answer

_LOG_M, _W = "log10 of M in g/mol", "w(log10 M)"
LABELS = ("monomer, mol/L", "initiator, mol/L", "temperature, C", "time, s")
"""Of ``coefficients.RECIPE``."""


def overlay(curves: Mapping[str, tuple[FloatArray, FloatArray]]) -> Figure:
    """Distributions over each other, the first one, that is aimed at, dashed and black.

    Args:
        curves: Name to log10 M and w, shape (n,) each.
    """
    traces = []
    for k, (name, (x, w)) in enumerate(curves.items()):
        line = {"color": COLOURS[(k - 1) % len(COLOURS)], "width": 2} if k else {"color": "#000000", "width": 2, "dash": "dash"}
        traces.append({"x": x.tolist(), "y": w.tolist(), "name": name, "mode": "lines", "line": line})
    return drawn(traces, {"title": {"text": _LOG_M}}, {"title": {"text": _W}})


def candidates(wanted: FloatArray, answers: Sequence[Answer]) -> Figure:
    """The wanted distribution (100,) and those of recipes that give it."""
    found = {f"{k}: {answer.status}, overlap {answer.overlap:.4f}": (LOG_M, answer.mmd) for k, answer in enumerate(answers, 1)}
    return overlay({"wanted": (LOG_M, wanted)} | found)


def candidate_recipes(answers: Sequence[Answer], low: FloatArray, high: FloatArray) -> Figure:
    """The recipes of candidates and their 90 % intervals, a panel for each variable, from its lower to its upper bound (4,)."""
    layout = panelled([(label, "") for label in LABELS], columns=2) | {"showlegend": False}
    numbers = list(range(1, len(answers) + 1))
    traces: list[dict[str, Any]] = []
    for j in range(len(RECIPE)):
        values = np.array([[answer.recipe[j], answer.low[j], answer.high[j]] for answer in answers])
        bars = {"type": "data", "symmetric": False, "array": (values[:, 2] - values[:, 0]).tolist()}
        bars |= {"arrayminus": (values[:, 0] - values[:, 1]).tolist(), "color": GREY}
        marker = {"color": [COLOURS[(k - 1) % len(COLOURS)] for k in numbers], "size": 9}
        trace = {"x": numbers, "y": values[:, 0].tolist(), "mode": "markers", "marker": marker, "error_y": bars}
        traces.append(trace | {"xaxis": f"x{j + 1}", "yaxis": f"y{j + 1}"})
        margin = 0.05 * float(high[j] - low[j])
        layout[f"yaxis{j + 1}"]["range"] = [float(low[j]) - margin, float(high[j]) + margin]
    return {"data": traces, "layout": layout}


def conversion(time: FloatArray, curves: Mapping[str, FloatArray]) -> Figure:
    """Conversion over time.

    Args:
        time: In s, shape (n,).
        curves: Name to conversions, shape (n,).
    """
    traces = [
        {"x": time.tolist(), "y": X.tolist(), "name": name, "mode": "lines", "line": {"color": COLOURS[k % len(COLOURS)], "width": 2}}
        for k, (name, X) in enumerate(curves.items())
    ]
    return drawn(traces, {"title": {"text": "time, s"}}, {"title": {"text": "conversion"}, "range": [0, 1]})


def coverage(recipes: FloatArray, reached: Mapping[str, BoolArray]) -> Figure:
    """How many recipes convert well at each level of each variable, a panel for each variable, beside how many there are.

    Args:
        recipes: Shape (n, 3): monomer, initiator, temperature.
        reached: Name of a source to which of them convert well, shape (n,).
    """
    layout = panelled([(label, "recipes" if j == 0 else "") for j, label in enumerate(LABELS[:3])], columns=3)
    layout |= {"barmode": "group", "legend": {"orientation": "h", "y": -0.15}}
    traces: list[dict[str, Any]] = []
    for j in range(recipes.shape[1]):
        levels, of = np.unique(recipes[:, j].round(6), return_inverse=True)
        counted = {"all": np.bincount(of)} | {name: np.bincount(of[which], minlength=len(levels)) for name, which in reached.items()}
        for k, (name, counts) in enumerate(counted.items()):
            marker = {"color": COLOURS[k - 1] if k else faint(GREY)}
            bar = {"type": "bar", "name": name, "legendgroup": name, "showlegend": j == 0, "marker": marker}
            bar |= {"x": [f"{level:g}" for level in levels], "y": counts.tolist()}
            traces.append(bar | {"xaxis": f"x{j + 1}", "yaxis": f"y{j + 1}"})
    return {"data": traces, "layout": layout}
