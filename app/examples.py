"""Examples of the API's documentation; pressed in order on a fresh service, each of them works."""

from __future__ import annotations

from typing import Any

import numpy as np

_AXIS = list(range(380, 801, 20))


def _band(centre: float, width: float, height: float) -> list[float]:
    return [round(float(height * np.exp(-(((x - centre) / width) ** 2))), 4) for x in _AXIS]


CAMPAIGN: dict[str, Any] = {
    "name": "Silver prisms",
    "space": {
        "parameters": [
            {"kind": "continuous", "name": "AgNO3", "low": 0.5, "high": 80, "unit": "%", "step": 0.1},
            {"kind": "continuous", "name": "PVA", "low": 10, "high": 40, "unit": "%", "step": 0.1},
            {"kind": "continuous", "name": "TSC", "low": 0.5, "high": 80, "unit": "%", "step": 0.1},
            {"kind": "continuous", "name": "seed", "low": 0.5, "high": 80, "unit": "%", "step": 0.1},
            {"kind": "continuous", "name": "total", "low": 200, "high": 1000, "unit": "uL/min", "step": 1},
        ],
        "mixture": {"balance": "water", "components": ["AgNO3", "PVA", "TSC", "seed"], "total": 100, "low": 10},
    },
    "objective": {"kind": "spectrum_match", "axis": _AXIS, "unit": "nm", "target": {"axis": _AXIS, "values": _band(650, 60, 1)}},
    "replicates": 2,
    "stop": {"loss": {"threshold": 0.2}},
}

SCALAR_CAMPAIGN: dict[str, Any] = {
    "name": "Yield",
    "space": {
        "parameters": [
            {"kind": "continuous", "name": "temperature", "low": 20, "high": 90, "unit": "C", "step": 1},
            {"kind": "discrete", "name": "equivalents", "values": [1, 1.5, 2, 3]},
            {"kind": "categorical", "name": "solvent", "categories": ["water", "ethanol", "toluene"]},
        ],
        "constraints": [{"coefficients": {"temperature": 1, "equivalents": 20}, "bound": 130, "inclusive": False}],
    },
    "objective": {"kind": "maximize", "outcome": "yield", "unit": "%"},
}

PLATE_CAMPAIGN: dict[str, Any] = {
    **CAMPAIGN,
    "name": "Silver prisms, one flow rate a plate",
    "space": {
        **CAMPAIGN["space"],
        "per_batch": {"shared": ["total"], "budgets": [{"coefficients": {"seed": 1}, "bound": 200}]},
    },
}

TWO_STEP_CAMPAIGN: dict[str, Any] = {
    **CAMPAIGN,
    "name": "Silver prisms in two steps",
    "strategy": {
        "rules": ["lp_ei"],
        "switch": {"to_both": {"after_rounds": 4}, "to_network": {"lead": {"threshold": 0, "rounds": 2}}},
    },
    "stop": {"accuracy": {"threshold": 0.02, "mse": 0.01}, "stability": {"threshold": 0.01}, "combine": "all"},
}

CURVE = {"values": _band(610, 80, 0.9), "measured_at": "2026-01-15T09:30:00Z"}
MEASUREMENTS = {
    "measurements": [
        {"design": "r01-w02", "replicate": 1, "values": _band(520, 70, 0.8)},
        {"design": "r01-w02", "replicate": 2, "values": _band(522, 70, 0.8)},
    ]
}
MAPPING = {
    "parameters": {
        "AgNO3": {"column": "QAgNO3(%)", "unit": "%"},
        "PVA": {"column": "Qpva(%)", "unit": "%"},
        "TSC": {"column": "Qtsc(%)", "unit": "%"},
        "seed": {"column": "Qseed(%)", "unit": "%"},
        "total": {"column": "Qtot(uL/min)", "unit": "uL/min"},
    },
    "wells_per_round": 15,
}
EXTENSION = {"parameter": "PVA", "high": 50, "reason": "most wells of round 3 lie at 40 %"}
RESCORING: dict[str, Any] = {
    "objective": {"kind": "spectrum_match", "axis": _AXIS, "unit": "nm", "target": {"axis": _AXIS, "values": _band(560, 50, 1)}},
    "reason": "smaller prisms are wanted now",
}
KNOWLEDGE = {
    "recipes": [{"AgNO3": 30, "PVA": 16, "TSC": 6.5, "seed": 4.5, "total": 850}],
    "regions": [{"name": "spheres", "low": 380, "high": 460}, {"name": "prisms", "low": 600, "high": 700}],
}
DESIGN = {"recipe": {"AgNO3": 30, "PVA": 16, "TSC": 6.5, "seed": 4.5, "total": 850}, "reason": "best recipe of last year"}

SIMULATION = {
    "recipes": [
        {"QAgNO3": 32.5, "Qpva": 16, "Qtsc": 6.5, "Qseed": 4.5, "Qtot": 850},
        {"QAgNO3": 10, "Qpva": 20, "Qtsc": 10, "Qseed": 10, "Qtot": 600},
    ],
    "replicates": 3,
    "seed": 7,
}


DATASET: dict[str, Any] = {
    "name": "Growth of silver",
    "fields": [
        {"kind": "number", "name": "flow", "column": "Qtot (uL/min)", "unit": "uL/min"},
        {"kind": "category", "name": "shape", "classes": ["sphere", "prism"]},
        {"kind": "curve", "name": "absorbance", "prefix": "A", "unit": "1", "axis_unit": "nm"},
    ],
}
BUILD: dict[str, Any] = {"name": "Silver spectra", "simulator": "nanoparticle", "rows": 200, "seed": 7, "replicates": 5}

SURROGATE: dict[str, Any] = {
    "name": "Silver spectra, linear",
    "dataset": {"id": "silver-spectra"},
    "inputs": ["QAgNO3", "Qpva", "Qtsc", "Qseed", "Qtot"],
    "targets": ["absorbance"],
    "group": "recipe",
    "learner": {"kind": "ridge"},
}
CURVE_SURROGATE: dict[str, Any] = {
    **SURROGATE,
    "name": "Silver spectra, Gaussian processes",
    "learner": {"kind": "components_gp"},
    "sizes": [0.5],
    "seeds": 1,
}
PREDICTION: dict[str, Any] = {"rows": [SIMULATION["recipes"][0]], "units": {"Qtot": "uL/min"}}


def shown(**examples: Any) -> dict[str, Any]:
    """Named examples in OpenAPI's form."""
    return {name.replace("_", " "): {"value": value} for name, value in examples.items()}
