"""Figures of particle size distributions as plain Plotly dicts: a distribution, parity, errors by what they depend on, worst cases."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models import figures
from models.figures import COLOURS, GREY, Figure, drawn, faint
from models.psd.bins import Weighting
from models.psd.distribution import MARKS, BadDistribution, Band, Distribution
from models.psd.writer import png
from models.surrogate import FloatArray

_D = "d, um"
_TOLD, _TRUE = COLOURS[0], "#000000"
_INDEX: dict[Weighting, int] = {"number": 0, "volume": 3}
_TICKS = [5, 10, 20, 50, 100, 200, 500, 1000, 2000]
_GROUPS = 8
"""Of stacks, alike in number, whose mean error is drawn."""
_WIDEST = 160
"""Pixels of an image in a figure."""


def distribution(told: Distribution, band: Band | None = None, truth: Distribution | None = None) -> Figure:
    """Density above and cumulative curve below over one logarithmic axis, with D10, D50 and D90.

    Args:
        told: As predicted or measured.
        band: Of it; shaded, and as bars at the marks.
        truth: Drawn dashed and black.

    Raises:
        BadDistribution: The truth has another weighting.
    """
    if truth is not None and truth.weighting != told.weighting:
        raise BadDistribution(f"{truth.weighting} against {told.weighting}", "weighting", "convert one: converted(weighting).distribution")
    traces = _shaded(told, band) if band else []
    for name, one in {"told": told, "true": truth}.items():
        if one is not None:
            line = {"color": _TOLD, "width": 2} if name == "told" else {"color": _TRUE, "width": 2, "dash": "dash"}
            common = {"x": one.edges.tolist(), "mode": "lines", "name": name, "legendgroup": name}
            traces.append(common | {"y": _stepped(one.density()), "line": line | {"shape": "hv"}, "yaxis": "y2"})
            traces.append(common | {"y": (100 * one.cumulative()).tolist(), "line": line, "showlegend": False})
    traces.append(_marked(told, band))
    q, weighting = _INDEX[told.weighting], told.weighting
    figure = drawn(
        traces, _log_axis(told.edges), {"title": {"text": f"Q{q}, % of the {weighting}"}, "domain": [0, 0.47], "range": [0, 103]}
    )
    density = {"title": {"text": f"q{q}* = dQ{q}/d ln d"}, "domain": [0.53, 1], "rangemode": "tozero"}
    figure["layout"] |= {"yaxis2": density | {"anchor": "x"}, "height": 560}
    figure["layout"]["shapes"] = [
        {"type": "line", "x0": d, "x1": d, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": GREY, "width": 1, "dash": "dot"}}
        for d in map(told.percentile, MARKS)
    ]
    return figure


def _shaded(told: Distribution, band: Band) -> list[dict[str, Any]]:
    edge = {"x": told.edges.tolist(), "mode": "lines", "hoverinfo": "skip", "showlegend": False, "legendgroup": "told"}
    widths, fill = np.diff(np.log(told.edges)), {"fill": "tonexty", "fillcolor": faint(_TOLD)}
    low, high = ({"y": _stepped(shares / widths), "line": {"width": 0, "shape": "hv"}, "yaxis": "y2"} for shares in band.shares)
    under, over = ({"y": (100 * values).tolist(), "line": {"width": 0}} for values in band.cumulative)
    return [edge | high, edge | low | fill, edge | over, edge | under | fill]


def _marked(told: Distribution, band: Band | None) -> dict[str, Any]:
    """D10, D50 and D90 on the cumulative curve, with their intervals."""
    values = np.array([told.percentile(percent) for percent in MARKS])
    texts = [f"D{percent:g} {value:.3g} um" for percent, value in zip(MARKS, values, strict=True)]
    trace = {"x": values.tolist(), "y": list(MARKS), "text": texts, "textposition": "bottom right", "mode": "markers+text"}
    trace |= {"marker": {"color": _TOLD, "size": 8}, "showlegend": False, "cliponaxis": False}
    if band is None:
        return trace
    low, high = band.marks[:, :3]
    bars = {"type": "data", "symmetric": False, "array": (high - values).tolist(), "arrayminus": (values - low).tolist()}
    return trace | {"error_x": bars | {"color": _TOLD, "thickness": 1.5}}


def parity(parts: Mapping[str, tuple[FloatArray, FloatArray]], weighting: Weighting, percent: int = 50) -> Figure:
    """Predicted against true D50, or another mark, and lines 10 % off.

    Args:
        parts: Name of a learner or split to true and predicted marks in um, shape (n,) each.
        weighting: Of the marks.
        percent: Which mark.
    """
    figure = figures.parity(parts, f"D{percent} by {weighting}, um")
    low, high = figure["layout"]["xaxis"]["range"]
    line = {"x": [max(low, 0), high], "mode": "lines", "hoverinfo": "skip", "line": {"color": GREY, "width": 1, "dash": "dot"}}
    aside = [line | {"y": [f * max(low, 0), f * high], "name": "10 % off", "showlegend": f > 1} for f in (1.1, 0.9)]
    return figure | {"data": aside + figure["data"]}


def error_by_concentration(phi: FloatArray, errors: Mapping[str, FloatArray], metric: str) -> Figure:
    """Mean error, with its standard error, of groups of stacks of like concentration.

    Args:
        phi: Projected area fractions, shape (n,).
        errors: Name of a learner to errors of the stacks, shape (n,).
        metric: Name of the error, with its unit.
    """
    groups = np.array_split(np.argsort(phi, kind="stable"), min(_GROUPS, len(phi)))
    at = [float(phi[group].mean()) for group in groups]
    traces = _means(at, {name: [values[group] for group in groups] for name, values in errors.items()})
    ticks = [0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5]
    xaxis = {"title": {"text": "projected area fraction"}, "type": "log", "tickvals": ticks, "ticktext": [str(tick) for tick in ticks]}
    return drawn(traces, xaxis, {"title": {"text": metric}, "rangemode": "tozero"})


def error_by_stack(lengths: Sequence[int], errors: Mapping[str, FloatArray], metric: str) -> Figure:
    """Mean error, with its standard error, against the number of images of a stack.

    Args:
        lengths: Numbers of images.
        errors: Name of a learner to errors, shape (lengths, n).
        metric: Name of the error, with its unit.
    """
    traces = _means(list(lengths), {name: list(values) for name, values in errors.items()})
    xaxis = {"title": {"text": "images of a stack"}, "type": "log", "tickvals": list(lengths), "ticktext": [str(n) for n in lengths]}
    return drawn(traces, xaxis, {"title": {"text": metric}, "rangemode": "tozero"})


def worst_cases(
    images: npt.NDArray[np.uint8],
    truth: Sequence[Distribution],
    told: Sequence[Distribution],
    errors: FloatArray,
    metric: str,
    count: int = 4,
) -> Figure:
    """The stacks with the largest errors, worst on the left: an image, and below it what is true and what was told.

    Args:
        images: One of each stack, shape (n, height, width).
        truth: Of n stacks.
        told: Of n stacks.
        errors: By which they are ordered, shape (n,).
        metric: Name of the error.
        count: How many are shown.
    """
    worst = np.argsort(-errors, kind="stable")[:count].tolist()
    weighting = told[worst[0]].weighting
    layout = figures.panelled([(f"stack {k}: {metric} {errors[k]:.3g}", "") for k in worst], columns=len(worst))
    layout |= {"images": [], "height": 480, "legend": {"orientation": "h", "y": -0.15}}
    traces: list[dict[str, Any]] = []
    for panel, k in enumerate(worst, 1):
        low, high = layout[f"xaxis{panel}"]["domain"]
        place = {
            "xref": "paper",
            "yref": "paper",
            "x": (low + high) / 2,
            "y": 0.97,
            "sizex": high - low,
            "sizey": 0.52,
            "xanchor": "center",
        }
        layout["images"].append(place | {"source": data_uri(images[k]), "sizing": "contain", "yanchor": "top"})
        layout["annotations"][panel - 1] |= {"y": 0.98}
        layout[f"xaxis{panel}"] |= _log_axis(told[k].edges)
        layout[f"yaxis{panel}"] |= {"domain": [0, 0.4], "rangemode": "tozero"}
        for name, one, line in (("true", truth[k], {"color": _TRUE, "dash": "dash"}), ("told", told[k], {"color": _TOLD})):
            trace = {"x": one.edges.tolist(), "y": _stepped(one.density()), "mode": "lines", "line": line | {"shape": "hv", "width": 2}}
            trace |= {"name": name, "legendgroup": name, "showlegend": panel == 1}
            traces.append(trace | {"xaxis": f"x{panel}", "yaxis": f"y{panel}"})
    layout["yaxis1"]["title"] = {"text": f"q{_INDEX[weighting]}*, by {weighting}"}
    return {"data": traces, "layout": layout}


def data_uri(image: npt.NDArray[np.uint8]) -> str:
    """A grey image (height, width) as a PNG within a URI; every k-th pixel of a large one."""
    step = -(-max(image.shape) // _WIDEST)
    return "data:image/png;base64," + b64encode(png(image[::step, ::step])).decode()


def _means(at: Sequence[float], groups: Mapping[str, Sequence[FloatArray]]) -> list[dict[str, Any]]:
    """Lines through the means of groups of values, with bars of their standard errors."""
    traces = []
    for k, (name, values) in enumerate(groups.items()):
        colour = COLOURS[k % len(COLOURS)]
        bars = [float(group.std(ddof=1) / np.sqrt(len(group))) if len(group) > 1 else 0.0 for group in values]
        look = {"mode": "lines+markers", "line": {"color": colour, "width": 2}, "error_y": {"type": "data", "array": bars, "thickness": 1}}
        traces.append({"x": list(at), "y": [float(group.mean()) for group in values], "name": name} | look)
    return traces


def _log_axis(edges: FloatArray) -> dict[str, Any]:
    """An axis of diameters over the bins."""
    ends = [float(np.log10(edge)) for edge in edges[[0, -1]]]
    return {"title": {"text": _D}, "type": "log", "range": ends, "tickvals": _TICKS, "ticktext": [str(tick) for tick in _TICKS]}


def _stepped(values: FloatArray) -> list[float]:
    """Values of bins (m,) at their edges, for lines that go on to the next edge."""
    return [*values.tolist(), float(values[-1])]
