"""Figures of benchmarks, races and replays as plain Plotly dicts; those of a benchmark out of ``optimizer.scores.summary``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.figures import COLOURS, Figure, drawn, faint
from optimizer.scores import FLOOR
from optimizer.types import FloatArray

_SYMBOLS = {"initial": "circle", "bo": "circle", "both": "diamond", "network": "square"}
"""Symbols of phases."""


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
        traces += [edge | {"y": high}, edge | {"y": low, "fill": "tonexty", "fillcolor": faint(colour)}]
        traces.append(
            {"x": wells, "y": middle, "name": rule, "legendgroup": rule, "mode": "lines+markers", "line": {"color": colour, "width": 2}}
        )
    unit = {"title": {"text": "simple regret: median and quartiles"}, "type": "log", "exponentformat": "power"}
    return drawn(traces, {"title": {"text": "wells measured"}, "tickvals": wells}, unit)


def cost(summary: Mapping[str, Any]) -> Figure:
    """CPU seconds of every proposal of a batch."""
    traces = [
        {"y": scores["cpu_s"], "name": rule, "type": "box", "boxpoints": "all", "jitter": 0.4, "marker": {"color": colour, "size": 4}}
        for rule, scores, colour in _rules(summary)
    ]
    return drawn(traces, {}, {"title": {"text": f"CPU s per batch of {summary['wells']}"}, "type": "log"})


def distinct(summary: Mapping[str, Any]) -> Figure:
    """Distinct wells of each batch, the fewest over the seeds."""
    traces = []
    for rule, scores, colour in _rules(summary):
        fewest: FloatArray = np.min(scores["distinct"], axis=0)
        traces.append(
            {"x": list(range(1, len(fewest) + 1)), "y": fewest.tolist(), "name": rule, "type": "bar", "marker": {"color": colour}}
        )
    return drawn(traces, {"title": {"text": "batch"}, "dtick": 1}, {"title": {"text": "distinct wells, fewest of the seeds"}})


def race(summary: Mapping[str, Any]) -> Figure:
    """Rules side by side, out of what ``closedloop simulate`` measured: noise-free so far, and the median of each round.

    The symbol of a round tells its phase, and so does the text under the pointer.
    """
    traces: list[dict[str, Any]] = []
    for k, (rule, result) in enumerate(summary["campaigns"].items()):
        colour, rounds = COLOURS[k % len(COLOURS)], list(range(1, len(result["best_true"]) + 1))
        best = np.minimum.accumulate(result["best_true"]).tolist()
        common = {"x": rounds, "legendgroup": rule, "text": result["phases"]}
        traces.append(common | {"y": best, "name": f"{rule}, noise-free", "mode": "lines+markers", "line": {"color": colour, "width": 2}})
        symbols = [_SYMBOLS[phase] for phase in result["phases"]]
        traces[-1]["marker"] = {"symbol": symbols, "size": 7}
        marker = {"color": colour, "symbol": [f"{symbol}-open" for symbol in symbols], "size": 9}
        traces.append(common | {"y": result["best_median"], "name": f"{rule}, measured", "mode": "markers", "marker": marker})
    figure = drawn(traces, {"title": {"text": "round"}, "dtick": 1}, {"title": {"text": "best loss"}, "rangemode": "tozero"})
    figure["layout"]["shapes"] = [_region(summary["threshold"])]
    return figure


def losses_per_run(runs: Sequence[Mapping[str, Any]], threshold: float) -> Figure:
    """Box plot of the measured median losses of every run, by method, all seeds together.

    Args:
        runs: ``optimizer.two_step.RunResult`` of all seeds, as mappings.
        threshold: Top of the target region.
    """
    traces = []
    for k, method in enumerate(dict.fromkeys(run["method"] for run in runs)):
        own = [(run["run"], loss) for run in runs if run["method"] == method for loss in run["medians"]]
        marker = {"color": COLOURS[k % len(COLOURS)], "size": 3}
        box = {"type": "box", "name": method, "marker": marker, "boxpoints": "outliers"}
        traces.append(box | {"x": [number for number, _ in own], "y": [loss for _, loss in own]})
    figure = drawn(traces, {"title": {"text": "run"}, "dtick": 1}, {"title": {"text": "median loss of a well"}, "rangemode": "tozero"})
    figure["layout"] |= {"boxmode": "group", "shapes": [_region(threshold)]}
    return figure


def _region(threshold: float) -> dict[str, Any]:
    """The target region as a shape behind the traces."""
    across = {"xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": threshold}
    return {"type": "rect", **across, "fillcolor": "rgba(0,0,0,0.08)", "line": {"width": 0}, "layer": "below"}


def _rules(summary: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str]]:
    return [(rule, scores, COLOURS[k % len(COLOURS)]) for k, (rule, scores) in enumerate(summary["rules"].items())]
