"""Figures of models and of studies on them as plain Plotly dicts: how good, by what, and how robust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from models.surrogate import FloatArray, IntArray

if TYPE_CHECKING:
    # For their types alone: they load scipy, which a web process that draws does without.
    from models.inverse import Inversion
    from models.robustness import Row

Figure = dict[str, Any]
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""
GREY = "#7f7f7f"
_ASIDE, _ABOVE, _BELOW = 0.16, 0.09, 0.14
"""Room beside, above and below a panel, as a share of its cell."""
_BARS = 6
"""Outputs up to which importance is drawn as bars, and as a map beyond."""
_LOOKS = {"predict only": ("dot", "circle-open"), "train and predict": ("solid", "circle")}
"""Mode of a robustness study to its line and its marker."""
_MANY = 2000
"""Points from which on they are drawn by WebGL."""


def faint(colour: str) -> str:
    """A colour of the palette, nearly transparent."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def parity(parts: Mapping[str, tuple[FloatArray, FloatArray]], name: str, half_width: float | None = None) -> Figure:
    """Predicted against true values on equal axes.

    Args:
        parts: Name of a split or learner to truth and prediction, shape (n,) each.
        name: Of the target, with its unit.
        half_width: Of the interval that is drawn around equality.
    """
    both = np.concatenate([values for pair in parts.values() for values in pair])
    low, high = float(both.min()), float(both.max())
    ends = [low - 0.03 * (high - low), high + 0.03 * (high - low)]
    line = {"x": ends, "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    traces: list[dict[str, Any]] = []
    if half_width is not None:
        edges = [[end + shift for end in ends] for shift in (half_width, -half_width)]
        traces.append(line | {"y": edges[0], "line": {"width": 0}})
        traces.append(line | {"y": edges[1], "line": {"width": 0}, "fill": "tonexty", "fillcolor": faint(GREY)})
    traces.append(line | {"y": ends, "line": {"color": GREY, "dash": "dash"}})
    for (part, (truth, told)), colour in zip(parts.items(), _cycle(len(parts)), strict=True):
        kind = "scattergl" if len(truth) > _MANY else "scatter"
        marker = {"color": colour, "size": 5, "opacity": 0.6}
        traces.append({"type": kind, "mode": "markers", "name": part, "x": truth.tolist(), "y": told.tolist(), "marker": marker})
    square = {"range": ends, "constrain": "domain"}
    yaxis = {"title": {"text": f"{name}, predicted"}, "scaleanchor": "x"} | square
    return drawn(traces, {"title": {"text": f"{name}, true"}} | square, yaxis)


def confusion(counts: IntArray, classes: Sequence[str]) -> Figure:
    """Rows by true and told class, shape (k, k), coloured by the share of the true class; the diagonal is right."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    trace = {"type": "heatmap", "x": list(classes), "y": list(classes), "z": shares.tolist(), "text": counts.tolist(), "xgap": 1, "ygap": 1}
    trace |= {"texttemplate": "%{text}", "zmin": 0, "zmax": 1, "colorscale": _SCALE, "colorbar": {"title": {"text": "share of the class"}}}
    trace |= {"hovertemplate": "true %{y}, told %{x}: %{text}, %{z:.1%}<extra></extra>"}
    axis = {"type": "category", "automargin": True}
    yaxis = axis | {"title": {"text": "true", "standoff": 8}, "autorange": "reversed"}
    return drawn([trace], axis | {"title": {"text": "told"}}, yaxis)


_SCALE = [[0.0, "#ffffff"], [1.0, COLOURS[0]]]


def learning_curve(rows: Sequence[int], splits: Mapping[str, FloatArray], metric: str) -> Figure:
    """A metric against the rows learnt from: mean over the seeds, and the band of all of them.

    Args:
        rows: Sizes of the training set, increasing.
        splits: Name of a split to values of shape (sizes, seeds); NaN where there is none.
        metric: Name of it.
    """
    traces: list[dict[str, Any]] = []
    for (name, values), colour in zip(splits.items(), _cycle(len(splits)), strict=True):
        known = [k for k, row in enumerate(values) if np.isfinite(row).any()]
        x, kept = [rows[k] for k in known], values[known]
        edge = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "legendgroup": name}
        traces.append(edge | {"y": np.nanmax(kept, axis=1).tolist()})
        traces.append(edge | {"y": np.nanmin(kept, axis=1).tolist(), "fill": "tonexty", "fillcolor": faint(colour)})
        line = {"mode": "lines+markers", "line": {"color": colour, "width": 2}, "name": f"{name} split", "legendgroup": name}
        traces.append({"x": x, "y": np.nanmean(kept, axis=1).tolist()} | line)
    xaxis = {"title": {"text": "rows learnt from"}, "type": "log", "tickvals": list(rows), "ticktext": [str(row) for row in rows]}
    return drawn(traces, xaxis, {"title": {"text": f"{metric}: mean and range over seeds"}})


def training_curve(epochs: Sequence[int], train: Sequence[float], held_out: Sequence[float], best: int | None = None) -> Figure:
    """The loss of what is learnt from and of what is held out, and the epoch that was kept; no held-out data: an empty list."""
    lines = [("learnt from", train, COLOURS[0]), ("held out", held_out, COLOURS[1])]
    traces = [
        {"x": list(epochs), "y": list(values), "name": name, "mode": "lines", "line": {"color": colour, "width": 2}}
        for name, values, colour in lines
        if len(values)
    ]
    figure = drawn(traces, {"title": {"text": "epoch"}}, {"title": {"text": "loss"}, "type": "log", "exponentformat": "power"})
    if best is not None:
        line = {"color": GREY, "dash": "dot"}
        figure["layout"]["shapes"] = [{"type": "line", "x0": best, "x1": best, "yref": "paper", "y0": 0, "y1": 1, "line": line}]
        note = {"x": best, "yref": "paper", "y": 1, "yanchor": "bottom", "text": f"kept: {best}", "showarrow": False}
        figure["layout"] |= {"annotations": [note], "margin": {"t": 40}}
    return figure


def importance(
    groups: Sequence[str], outputs: Sequence[str], values: FloatArray, unit: str = "mean |Shapley value|", spread: FloatArray | None = None
) -> Figure:
    """Importance of groups of inputs: bars by output, the largest on top; or a map of many outputs, in the order of the groups.

    Args:
        groups: Names.
        outputs: Names of targets, or of regions of a curve.
        values: Shape (g, q).
        unit: What is drawn.
        spread: To either side, as a standard deviation over repeats, shape (g, q).
    """
    side = {"type": "category", "automargin": True}
    if len(outputs) > _BARS:
        trace = {"type": "heatmap", "x": list(outputs), "y": list(groups), "z": values.tolist(), "colorscale": _SCALE, "zmin": 0}
        return drawn([trace | {"colorbar": {"title": {"text": unit}}}], side, side | {"autorange": "reversed"})
    order = np.argsort(values.sum(axis=1), kind="stable")
    names = [groups[k] for k in order]
    traces = []
    for k, colour in enumerate(_cycle(len(outputs))):
        bar = {"type": "bar", "orientation": "h", "name": outputs[k], "marker": {"color": colour}, "y": names}
        error = {} if spread is None else {"error_x": {"type": "data", "array": spread[order, k].tolist(), "thickness": 1}}
        traces.append(bar | {"x": values[order, k].tolist(), "showlegend": len(outputs) > 1} | error)
    figure = drawn(traces, {"title": {"text": unit}}, side)
    figure["layout"] |= {"barmode": "group", "height": 120 + len(groups) * (16 * len(outputs) + 14)}
    return figure


def robustness(learners: Mapping[str, Sequence[Row]], target: str, metric: str) -> Figure:
    """A metric against the level of every corruption, a panel each: solid once retrained, dotted when only predicting.

    Args:
        learners: Name of a learner to its rows, those of clean data among them.
        target: Name of the target.
        metric: Name of the metric.
    """
    told = {name: [row for row in rows if (row.target, row.metric) == (target, metric)] for name, rows in learners.items()}
    panels = list(dict.fromkeys(row.corruption for rows in told.values() for row in rows if row.corruption))
    traces: list[dict[str, Any]] = []
    for (name, rows), colour in zip(told.items(), _cycle(len(told)), strict=True):
        clean = [row.value for row in rows if row.mode == "clean"]
        for panel, corruption in enumerate(panels, 1):
            for mode, (dash, symbol) in _LOOKS.items():
                met = [row for row in rows if row.corruption == corruption and row.mode == mode]
                group = f"{name}, {mode}"
                trace = {"name": group, "legendgroup": group, "showlegend": panel == 1, "mode": "lines+markers"}
                trace |= {"line": {"color": colour, "dash": dash}, "marker": {"symbol": symbol, "size": 7}}
                points = {"x": ["clean"] * len(clean) + [row.level for row in met], "y": clean + [row.value for row in met]}
                traces.append(trace | points | {"xaxis": f"x{panel}", "yaxis": f"y{panel}"})
    headed = [(corruption, metric if panel % 3 == 0 else "") for panel, corruption in enumerate(panels)]
    layout = panelled(headed, columns=3) | {"legend": {"orientation": "h", "y": -0.12}}
    for panel in range(2, len(panels) + 1):
        layout[f"yaxis{panel}"] |= {"matches": "y", "showticklabels": panel % 3 == 1}
    return {"data": traces, "layout": layout}


def inverse_outcomes(found: Inversion, target: FloatArray, axis: FloatArray, name: str, axis_name: str) -> Figure:
    """The wanted curve, and what the candidates give: simulated, with the model's dotted; or the model's alone."""
    traces: list[dict[str, Any]] = []
    for k, (candidate, colour) in enumerate(zip(found.candidates, _cycle(len(found.candidates)), strict=True), 1):
        label, group = f"{k}: {candidate.status}, {candidate.distance:.2g}", f"candidate {k}"
        drawn_twice = candidate.simulated is not None
        best = candidate.predicted if candidate.simulated is None else candidate.simulated
        common = {"x": axis.tolist(), "mode": "lines", "legendgroup": group}
        traces.append(common | {"y": best.tolist(), "name": label, "line": {"color": colour, "width": 2}})
        if drawn_twice:
            dotted = {"name": f"{k}: model", "line": {"color": colour, "width": 1, "dash": "dot"}, "showlegend": k == 1}
            traces.append(common | {"y": candidate.predicted.tolist()} | dotted)
    line = {"color": "#000000", "dash": "dash", "width": 2}
    traces.append({"x": axis.tolist(), "y": target.tolist(), "name": "wanted", "mode": "lines", "line": line})
    return drawn(traces, {"title": {"text": axis_name}}, {"title": {"text": name}})


def inverse_inputs(
    found: Inversion, names: Sequence[str], low: FloatArray, high: FloatArray, classes: Mapping[int, Sequence[str]] | None = None
) -> Figure:
    """The inputs of the candidates, each as a share of the range (d,) that was searched, whose ends are told above and below.

    Args:
        found: The candidates.
        names: Of the columns.
        low: Of the box.
        high: Of the box.
        classes: Columns that hold numbers of classes, from 0, and the names of these.
    """
    drawn_on = [j for j in range(len(names)) if low[j] < high[j]]
    x, width = [names[j] for j in drawn_on], (high - low)[drawn_on]
    traces: list[dict[str, Any]] = []
    for k, (candidate, colour) in enumerate(zip(found.candidates, _cycle(len(found.candidates)), strict=True), 1):
        text = [_setting(float(candidate.x[j]), (classes or {}).get(j)) for j in drawn_on]
        points = {"x": x, "y": ((candidate.x - low)[drawn_on] / width).tolist(), "text": text, "hovertemplate": "%{x}: %{text}"}
        look = {"mode": "lines+markers", "line": {"color": colour, "width": 2}, "marker": {"size": 8}}
        traces.append({"name": f"{k}: {candidate.status}, {candidate.distance:.2g}"} | points | look)
    figure = drawn(traces, {"type": "category", "tickangle": 0}, {"range": [-0.05, 1.05], "visible": False})
    for y, anchor, values in ((1.05, "bottom", high), (-0.05, "top", low)):
        for place, j in enumerate(drawn_on):
            note = {"x": place, "y": y, "yanchor": anchor, "text": _setting(float(values[j]), (classes or {}).get(j)), "showarrow": False}
            figure["layout"].setdefault("annotations", []).append(note | {"font": {"color": GREY}})
    figure["layout"]["xaxis"] |= {"side": "top", "ticklabelstandoff": 22}
    figure["layout"]["margin"] = {"t": 60}
    return figure


def _setting(value: float, classes: Sequence[str] | None) -> str:
    return f"{value:.4g}" if classes is None else classes[round(value)]


def panelled(headed: Sequence[tuple[str, str]], columns: int) -> dict[str, Any]:
    """The layout of panels in rows, each with a heading and the name of its y axis; axes are numbered from 1."""
    rows, wide = -(-len(headed) // columns), min(columns, len(headed))
    layout: dict[str, Any] = {"margin": {"t": 40, "r": 20}, "height": 260 * rows + 100, "annotations": []}
    for k, (heading, title) in enumerate(headed):
        left, top = k % columns / wide, 1 - k // columns / rows
        right, bottom = left + (1 - _ASIDE * (wide > 1)) / wide, top - (1 - _BELOW * (rows > 1)) / rows
        head = top - _ABOVE / rows
        layout[f"xaxis{k + 1}"] = {"domain": [left, right], "anchor": f"y{k + 1}", "type": "category"}
        layout[f"yaxis{k + 1}"] = {"domain": [bottom, head], "anchor": f"x{k + 1}", "title": {"text": title}}
        place = {"xref": "paper", "yref": "paper", "x": (left + right) / 2, "xanchor": "center", "y": head, "yanchor": "bottom"}
        layout["annotations"].append(place | {"text": heading, "showarrow": False, "font": {"size": 14}})
    return layout


def drawn(traces: list[dict[str, Any]], xaxis: dict[str, Any], yaxis: dict[str, Any]) -> Figure:
    """A figure with one pair of axes, and its legend below."""
    layout = {"margin": {"t": 20}, "xaxis": xaxis, "yaxis": yaxis, "legend": {"orientation": "h", "y": -0.2, "traceorder": "normal"}}
    return {"data": traces, "layout": layout}


def _cycle(count: int) -> list[str]:
    return [COLOURS[k % len(COLOURS)] for k in range(count)]
