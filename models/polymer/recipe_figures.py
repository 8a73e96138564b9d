"""Figures of recipes for a distribution as plain Plotly dicts, out of what ``POST simulate/polymer/recipes`` answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.figures import COLOURS, Figure, drawn
from models.polymer.figures import overlay


def achieved(found: Mapping[str, Any]) -> Figure:
    """The wanted distribution, and what each recipe gives."""
    axis = np.array(found["axis"])
    curves = {_named(k, answer): (axis, np.array(answer["mmd"])) for k, answer in enumerate(found["recipes"], 1)}
    return overlay({"wanted": (axis, np.array(found["target"]))} | curves)


def times(answers: Sequence[Mapping[str, Any]]) -> Figure:
    """What each recipe shares with the wanted distribution against its time: those on the upper left are best in both."""
    traces = [
        {
            "x": [answer["recipe"]["time"]],
            "y": [answer["overlap"]],
            "name": _named(k, answer),
            "mode": "markers",
            "marker": {"color": COLOURS[(k - 1) % len(COLOURS)], "size": 11},
        }
        for k, answer in enumerate(answers, 1)
    ]
    return drawn(traces, {"title": {"text": "time, s"}}, {"title": {"text": "overlap"}})


def _named(k: int, answer: Mapping[str, Any]) -> str:
    recipe = answer["recipe"]
    return f"{k}: {recipe['cBA_0']:.3g} and {recipe['cAIBN_0']:.2g} mol/L, {recipe['temp']:.3g} C, {recipe['time']:.4g} s"
