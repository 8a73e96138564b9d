"""Figures of a benchmark as plain Plotly dicts, out of what ``optimizer.scores.summary`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optimizer.scores import FLOOR
from optimizer.types import FloatArray

Figure = dict[str, Any]
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""


def figures(summary: Mapping[str, Any]) -> dict[str, Figure]:
    """All figures of a benchmark, by name."""
    return {"regret": regret(summary), "cost": cost(summary), "distinct": distinct(summary)}


def regret(summary: Mapping[str, Any]) -> Figure:
    """Simple regret against wells measured: median over the seeds, and the band between the quartiles."""
    wells = [summary["wells"] * count for count in range(1, summary["batches"] + 2)]
    traces: list[dict[str, Any]] = []
    for rule, scores, colour in _rules(summary):
        R = np.column_stack([scores["initial_regret"], scores["regret"]])
        low, middle, high = np.quantile(np.maximum(R, FLOOR * R[:, :1].max()), [0.25, 0.5, 0.75], axis=0).tolist()
        edge = {"x": wells, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "legendgroup": rule}
        traces += [edge | {"y": high}, edge | {"y": low, "fill": "tonexty", "fillcolor": _faint(colour)}]
        traces.append(
            {"x": wells, "y": middle, "name": rule, "legendgroup": rule, "mode": "lines+markers", "line": {"color": colour, "width": 2}}
        )
    unit = {"title": {"text": "simple regret: median and quartiles"}, "type": "log", "exponentformat": "power"}
    return _figure(traces, {"title": {"text": "wells measured"}, "tickvals": wells}, unit)


def cost(summary: Mapping[str, Any]) -> Figure:
    """CPU seconds of every proposal of a batch."""
    traces = [
        {"y": scores["cpu_s"], "name": rule, "type": "box", "boxpoints": "all", "jitter": 0.4, "marker": {"color": colour, "size": 4}}
        for rule, scores, colour in _rules(summary)
    ]
    return _figure(traces, {}, {"title": {"text": f"CPU s per batch of {summary['wells']}"}, "type": "log"})


def distinct(summary: Mapping[str, Any]) -> Figure:
    """Distinct wells of each batch, the fewest over the seeds."""
    traces = []
    for rule, scores, colour in _rules(summary):
        fewest: FloatArray = np.min(scores["distinct"], axis=0)
        traces.append(
            {"x": list(range(1, len(fewest) + 1)), "y": fewest.tolist(), "name": rule, "type": "bar", "marker": {"color": colour}}
        )
    return _figure(traces, {"title": {"text": "batch"}, "dtick": 1}, {"title": {"text": "distinct wells, fewest of the seeds"}})


def _rules(summary: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str]]:
    return [(rule, scores, _COLOURS[k % len(_COLOURS)]) for k, (rule, scores) in enumerate(summary["rules"].items())]


def _figure(traces: list[dict[str, Any]], xaxis: dict[str, Any], yaxis: dict[str, Any]) -> Figure:
    layout = {"margin": {"t": 20}, "xaxis": xaxis, "yaxis": yaxis, "legend": {"orientation": "h", "y": -0.2}}
    return {"data": traces, "layout": layout}


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"
