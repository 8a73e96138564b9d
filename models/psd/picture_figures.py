"""Images of a stack as a plain Plotly dict."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.figures import Figure
from models.psd.figures import data_uri

_MOST = 10
_GAP = 0.03
"""Between images, as a share of the place of one."""


def images(stack: npt.NDArray[np.uint8]) -> Figure:
    """The first images of a stack (images, height, width), ten at most, side by side."""
    shown = stack[:_MOST]
    place = {"xref": "x", "yref": "y", "y": 1, "sizex": 1 - _GAP, "sizey": 1, "sizing": "contain", "layer": "below"}
    drawn = [place | {"source": data_uri(image), "x": float(k)} for k, image in enumerate(shown)]
    axis = {"visible": False, "fixedrange": True}
    names = [f"image {k + 1} of {len(stack)}" for k in range(len(shown))]
    # Images alone are no trace: points that nobody sees carry their names.
    points = {"x": (np.arange(len(shown)) + 0.5).tolist(), "y": [0.5] * len(shown), "text": names, "hoverinfo": "text"}
    trace = points | {"mode": "markers", "marker": {"opacity": 0}, "showlegend": False}
    layout = {"images": drawn, "margin": {"t": 10, "b": 10, "l": 10, "r": 10}, "height": 240}
    return {"data": [trace], "layout": layout | {"xaxis": axis | {"range": [0, max(len(shown), 5)]}, "yaxis": axis | {"range": [0, 1]}}}
