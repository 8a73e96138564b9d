"""Figures of what a campaign has taught, as plain Plotly dicts, out of what ``GET campaigns/{c}/knowledge`` answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from optimizer.types import FloatArray

Figure = dict[str, Any]
_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#7f7f7f"
_FAINT = "rgba(0,114,178,0.2)"
_ROW, _JITTER = 0.8, 24
"""Height of a row of points, and the bins in which points pile up."""
_GAP = 0.06
"""Between maps, as a share of the figure."""


def figures(knowledge: Mapping[str, Any]) -> dict[str, tuple[str, Figure]]:
    """All figures by name, each with its heading."""
    drawn = {
        "importance": ("What matters for the loss", importance(knowledge)),
        "shapley": ("What each parameter adds to the predicted loss of a well", beeswarm(knowledge)),
    }
    if len(knowledge["explanation"]["outputs"]) > 1:
        drawn["regions"] = ("What matters in each region of the curve", regions(knowledge))
    if knowledge["maps"]:
        drawn["maps"] = ("Predicted loss, minimised over the other parameters; dots are measured wells", maps(knowledge))
    for k, slider in enumerate(knowledge["sliders"]):
        drawn[f"slider-{k}"] = (f"{slider['parameter']}, the other parameters as in the best well", along(knowledge, slider))
    return drawn


def importance(knowledge: Mapping[str, Any]) -> Figure:
    """Mean absolute Shapley value of each parameter on the loss, the largest on top."""
    ranked = knowledge["explanation"]["importance"][::-1]
    bar = {"type": "bar", "orientation": "h", "marker": {"color": _BLUE}}
    trace = bar | {"x": [entry["loss"] for entry in ranked], "y": [entry["parameter"] for entry in ranked]}
    return _figure([trace], {"title": {"text": "mean |Shapley value|, in units of the loss"}}, {"type": "category", "automargin": True})


def beeswarm(knowledge: Mapping[str, Any]) -> Figure:
    """A row of points per parameter: the Shapley value of every well, coloured by the value of the parameter there."""
    told = knowledge["explanation"]
    names = [entry["parameter"] for entry in told["importance"]][::-1]
    traces = []
    for row, name in enumerate(names):
        values = np.array([well["values"]["loss"][name] for well in told["wells"]])
        settings = [well["recipe"][name] for well in told["wells"]]
        marker = {"color": _ranked(settings), "colorscale": "Viridis", "cmin": 0, "cmax": 1, "size": 7, "showscale": not row}
        marker["colorbar"] = {"title": {"text": "setting"}, "tickvals": [0, 1], "ticktext": ["lowest", "highest"], "len": 0.7}
        text = [f"{well['design']}: {name} {setting}" for well, setting in zip(told["wells"], settings, strict=True)]
        points = {"type": "scatter", "mode": "markers", "marker": marker, "text": text, "hoverinfo": "text+x", "showlegend": False}
        traces.append(points | {"x": values.tolist(), "y": (row + _spread(values)).tolist()})
    rows = {"tickvals": list(range(len(names))), "ticktext": names, "zeroline": False, "automargin": True}
    return _figure(traces, {"title": {"text": "Shapley value: added to the predicted loss"}, "zerolinecolor": _GREY}, rows)


def _ranked(settings: Sequence[float | str]) -> list[float]:
    """Settings as shares of their range, categories in alphabetical order."""
    _, order = np.unique(np.array(settings), return_inverse=True)
    values = np.array(order if isinstance(settings[0], str) else settings, float)
    return [float(share) for share in (values - values.min()) / (np.ptp(values) or 1.0)]


def _spread(values: FloatArray) -> FloatArray:
    """Offsets that set points of nearly equal value side by side, shape (n,)."""
    span = float(np.ptp(values)) or 1.0
    bins = ((values - values.min()) / span * _JITTER).astype(int)
    counts = np.bincount(bins)
    places = np.zeros(len(values))
    for kind in np.unique(bins):
        places[bins == kind] = np.arange(counts[kind]) - (counts[kind] - 1) / 2
    return np.asarray(places * _ROW / max(int(counts.max()), 8))


def regions(knowledge: Mapping[str, Any]) -> Figure:
    """Mean absolute Shapley value of each parameter on the mean of the predicted curve, region by region."""
    told = knowledge["explanation"]
    ranked, names = told["importance"][::-1], told["outputs"][1:]
    z = [[entry["regions"][name] for name in names] for entry in ranked]
    scale = {"colorscale": "Blues", "reversescale": True, "zmin": 0, "colorbar": {"title": {"text": "mean |Shapley value|"}}}
    trace = {"type": "heatmap", "x": names, "y": [entry["parameter"] for entry in ranked], "z": z, "texttemplate": "%{z:.2g}"} | scale
    return _figure([trace], {"type": "category", "title": {"text": "region"}}, {"type": "category", "automargin": True})


def maps(knowledge: Mapping[str, Any]) -> Figure:
    """All maps in a triangle, with the measured wells, on one scale of colours."""
    drawn = {(entry["x"], entry["y"]): entry for entry in knowledge["maps"]}
    names = list(dict.fromkeys(name for pair in drawn for name in pair))
    low, high = _range(knowledge)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"height": 170 * len(names) + 60, "showlegend": False}
    side = 1 / (len(names) - 1)
    for k, (column, row) in enumerate(combinations(range(len(names)), 2), 1):
        entry, axes = drawn[names[column], names[row]], {"xaxis": f"x{k}", "yaxis": f"y{k}"}
        scale = {"zmin": low, "zmax": high, "colorscale": "Viridis", "showscale": k == 1, "colorbar": {"title": {"text": "loss"}}}
        traces.append({"type": "heatmap", "x": entry["xs"], "y": entry["ys"], "z": entry["loss"], "hoverongaps": False} | scale | axes)
        wells = knowledge["measured"]
        point = {"x": [well["recipe"][entry["x"]] for well in wells], "y": [well["recipe"][entry["y"]] for well in wells]}
        marker = {"size": 5, "color": [well["loss"] for well in wells], "cmin": low, "cmax": high, "colorscale": "Viridis"}
        marker["line"] = {"color": "white", "width": 1}
        text = [f"{well['design']}: loss {well['loss']:.3g}" for well in wells]
        traces.append({"type": "scatter", "mode": "markers", "marker": marker, "text": text} | point | axes)
        edge, last = row == len(names) - 1, column == 0
        domain = [column * side, (column + 1) * side - _GAP * side * 2]
        layout[f"xaxis{k}"] = {
            "domain": domain,
            "anchor": f"y{k}",
            "showticklabels": edge,
            "title": {"text": names[column] if edge else ""},
        }
        domain = [1 - row * side, 1 - (row - 1) * side - _GAP * side * 2]
        layout[f"yaxis{k}"] = {"domain": domain, "anchor": f"x{k}", "showticklabels": last, "title": {"text": names[row] if last else ""}}
    return {"data": traces, "layout": {"margin": {"t": 20}} | layout}


def _range(knowledge: Mapping[str, Any]) -> tuple[float, float]:
    """The range of colours: of all maps."""
    values = [value for entry in knowledge["maps"] for row in entry["loss"] for value in row if value is not None]
    return min(values), max(values)


def along(knowledge: Mapping[str, Any], slider: Mapping[str, Any]) -> Figure:
    """Along one parameter: the predicted curve with a slider, or the predicted loss where outcomes are numbers."""
    return _loss_along(knowledge, slider) if knowledge["axis"] is None else _curve_slider(knowledge, slider)


def _loss_along(knowledge: Mapping[str, Any], slider: Mapping[str, Any]) -> Figure:
    name, made = slider["parameter"], slider["predictions"]
    x, loss, std = [p["recipe"][name] for p in made], np.array([p["loss"] for p in made]), np.array([p["std"] for p in made])
    traces = [*_band(x, loss, std), {"x": x, "y": loss.tolist(), "name": "predicted", "mode": "lines+markers", "line": {"color": _BLUE}}]
    barred = [(p["recipe"][name], p["loss"]) for p in made if not p["feasible"]]
    marker = {"color": _ORANGE, "symbol": "x", "size": 9}
    traces.append({"x": [a for a, _ in barred], "y": [b for _, b in barred], "name": "infeasible", "mode": "markers", "marker": marker})
    return _figure(traces, {"title": {"text": name}}, {"title": {"text": "predicted loss, and two standard deviations"}})


def _curve_slider(knowledge: Mapping[str, Any], slider: Mapping[str, Any]) -> Figure:
    name, made, axis = slider["parameter"], slider["predictions"], knowledge["axis"]
    start = int(np.argmin([p["loss"] if p["feasible"] else np.inf for p in made]))
    traces = _curve_traces(axis, made[start])
    if knowledge["target"] is not None:
        scaled = np.array(knowledge["target"]) / (np.max(knowledge["target"]) or 1.0)
        line = {"color": _GREY, "dash": "dash"}
        traces.append({"x": axis, "y": scaled.tolist(), "name": "target, scaled to 1", "mode": "lines", "line": line})
    steps = []
    for p in made:
        curves = [trace["y"] for trace in _curve_traces(axis, p)]
        change = [{"y": curves}, {"title.text": _told(name, p)}, [0, 1, 2]]
        steps.append({"method": "update", "label": _label(p["recipe"][name]), "args": change})
    top = max(1.0, *(max(np.array(p["curve"]) + 2 * np.array(p["band"])) for p in made))
    figure = _figure(
        traces, {"title": {"text": knowledge["unit"]}}, {"title": {"text": knowledge["outcome"]}, "range": [-0.05 * top, 1.05 * top]}
    )
    figure["layout"] |= {
        "title": {"text": _told(name, made[start]), "font": {"size": 14}},
        "margin": {"t": 50, "b": 110},
        "legend": {"x": 1, "xanchor": "right", "y": 1},
        "sliders": [{"active": start, "currentvalue": {"prefix": f"{name} "}, "pad": {"t": 45}, "steps": steps}],
    }
    return figure


def _curve_traces(axis: Sequence[float], p: Mapping[str, Any]) -> list[dict[str, Any]]:
    curve = np.array(p["curve"])
    line = {"x": axis, "y": p["curve"], "name": "predicted", "mode": "lines", "line": {"color": _BLUE, "width": 2}}
    return [*_band(axis, curve, np.array(p["band"])), line]


def _band(x: Sequence[float], middle: FloatArray, std: FloatArray) -> list[dict[str, Any]]:
    """Two standard deviations to either side."""
    edge = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    filled = {"fill": "tonexty", "fillcolor": _FAINT, "y": (middle - 2 * std).tolist()}
    return [edge | {"y": (middle + 2 * std).tolist()}, edge | filled]


def _told(name: str, p: Mapping[str, Any]) -> str:
    """What is to be known of a prediction, in one line."""
    feasible = "" if p["feasible"] else ", infeasible"
    known = "" if p["validity"] is None else f", {p['validity']['status']} what was measured"
    return f"{name} {_label(p['recipe'][name])}: loss {p['loss']:.3g} ± {p['std']:.2g}{feasible}{known}"


def _label(setting: float | str) -> str:
    return setting if isinstance(setting, str) else f"{setting:.4g}"


def _figure(traces: list[dict[str, Any]], xaxis: dict[str, Any], yaxis: dict[str, Any]) -> Figure:
    return {"data": traces, "layout": {"margin": {"t": 20}, "xaxis": xaxis, "yaxis": yaxis}}
