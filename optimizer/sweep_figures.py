"""Figures of sweeps as plain Plotly dicts: a factor by every metric, and a search by the loop, trial by trial."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from models.figures import COLOURS, GREY, Figure, drawn, panelled
from models.study import Better
from optimizer.sweep import Factor
from optimizer.tuning import Tuned


def factor(found: Factor, metrics: Mapping[str, Better]) -> Figure:
    """Every metric against the settings of a factor: mean and standard deviation over the seeds; winners are filled.

    Args:
        found: The factor.
        metrics: Names of the metrics, and which values of them are good.
    """
    traces: list[dict[str, Any]] = []
    for panel, metric in enumerate(metrics, 1):
        levels = [level for level in found.levels if level.runs]
        won = [level.value in found.winners[metric] for level in levels]
        marker = {"color": [COLOURS[1] if best else "#ffffff" for best in won], "size": 11, "line": {"color": COLOURS[0], "width": 2}}
        spread = [level.std[metric] if isfinite(level.std[metric]) else 0.0 for level in levels]
        points = {"x": [str(level.value) for level in levels], "y": [level.mean[metric] for level in levels]}
        error = {"type": "data", "array": spread, "color": COLOURS[0], "thickness": 1}
        axes = {"xaxis": f"x{panel}", "yaxis": f"y{panel}", "name": metric, "showlegend": False}
        traces.append({"mode": "markers", "marker": marker, "error_y": error} | points | axes)
    layout = panelled([(f"{metric} ({better})", "") for metric, better in metrics.items()], columns=3)
    chosen = ", ".join(str(value) for value in found.chosen) or "none"
    layout["title"] = {"text": f"{found.name}: {chosen} by most metrics, default {found.default}", "font": {"size": 15}}
    layout["margin"] |= {"t": 60}
    return {"data": traces, "layout": layout}


def tuning(found: Tuned, metric: str, better: Better) -> Figure:
    """The score of every trial by who proposed it, and the best so far."""
    traces: list[dict[str, Any]] = []
    known = [(k, trial) for k, trial in enumerate(found.trials, 1) if isfinite(trial.score)]
    best, steps = list[float](), list[int]()
    for k, trial in known:
        best.append((min if better == "low" else max)(trial.score, *best[-1:]) if best else trial.score)
        steps.append(k)
    line = {"color": GREY, "shape": "hv"}
    traces.append({"x": steps, "y": best, "mode": "lines", "line": line, "name": "best so far"})
    for rule, colour in zip(dict.fromkeys(trial.rule for trial in found.trials), COLOURS, strict=False):
        own = [(k, trial) for k, trial in known if trial.rule == rule]
        text = [", ".join(f"{name} {value}" for name, value in trial.settings.items()) for _, trial in own]
        points = {"x": [k for k, _ in own], "y": [trial.score for _, trial in own], "text": text, "hoverinfo": "text+y"}
        traces.append(points | {"mode": "markers", "name": rule, "marker": {"color": colour, "size": 8}})
    return drawn(traces, {"title": {"text": "trial"}}, {"title": {"text": f"{metric}: median over seeds"}})
