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
POLYMER_SIMULATION = {
    "recipes": [
        {"cBA_0": 1, "cAIBN_0": 0.02, "temp": 70, "time": 3600},
        {"cBA_0": 2.2, "cAIBN_0": 0.008, "temp": 66.5, "time": 1500},
    ],
    "replicates": 3,
    "seed": 7,
    "error": 1,
}
POLYMER_RECIPES: dict[str, Any] = {
    "target": {"kind": "schulz_zimm", "Mn": 20000, "dispersity": 2.2},
    "fixed": {"cBA_0": 1},
    "bounds": {"time": {"low": 300, "high": 2400}},
    "rank": "initiator",
    "count": 3,
    "screened": 1000,
}
POLYMER_BLEND: dict[str, Any] = {
    "target": {
        "kind": "blend",
        "parts": [
            {"share": 1, "target": {"kind": "schulz_zimm", "Mn": 8000, "dispersity": 1.8}},
            {"share": 2, "target": {"kind": "schulz_zimm", "Mn": 90000, "dispersity": 1.8}},
        ],
    },
    "screened": 1000,
}
POLYMER_FILE: dict[str, Any] = {
    "target": {
        "kind": "sec",
        "name": "run-12.csv",
        "text": "log10 M;w\n3,05;0,001\n3,25;0,002\n3,45;0,006\n3,65;0,014\n3,85;0,034\n4,05;0,079\n4,25;0,174\n4,45;0,353\n4,65;0,638\n"
        "4,85;0,967\n5,05;1,142\n5,25;0,951\n5,45;0,489\n5,65;0,13\n5,85;0,014\n6,05;0,0\n",
    },
    "noise": 0.02,
    "broadening": 0.045,
    "cBA_time": 0.85,
    "screened": 1000,
}
SCATTERING_SIMULATION: dict[str, Any] = {
    "samples": [
        {"shape": "icosahedron", "size": 4, "composition": "Au", "noise": 0.05},
        {"shape": "cuboctahedron", "size": 5, "composition": "Au0.7Ag0.3", "biso": 0.5, "strain": 0.01, "size_spread": 0.1},
    ],
    "axis": {"low": 0.02, "high": 10, "step": 0.02},
    "seed": 7,
}
STRUCTURE: dict[str, Any] = {"sample": {"shape": "icosahedron", "size": 4, "composition": "Au"}, "format": "xyz"}
SCATTERING_CURVE: dict[str, Any] = {
    "q": [
        0.1,
        0.106,
        0.112,
        0.119,
        0.126,
        0.133,
        0.141,
        0.15,
        0.159,
        0.168,
        0.178,
        0.189,
        0.2,
        0.212,
        0.224,
        0.237,
        0.252,
        0.266,
        0.282,
        0.299,
        0.317,
        0.336,
        0.355,
        0.377,
        0.399,
        0.423,
        0.448,
        0.474,
        0.502,
        0.532,
        0.564,
        0.597,
        0.633,
        0.67,
        0.71,
        0.752,
        0.797,
        0.844,
        0.894,
        0.947,
        1.003,
        1.063,
        1.126,
        1.193,
        1.264,
        1.338,
        1.418,
        1.502,
        1.591,
        1.686,
        1.786,
        1.892,
        2.004,
        2.123,
        2.249,
        2.382,
        2.524,
        2.673,
        2.832,
        3.0,
    ],
    "intensity": [
        119.4,
        116.7,
        112.7,
        106.8,
        104.9,
        100.1,
        94.18,
        89.52,
        83.59,
        77.8,
        71.3,
        64.84,
        57.46,
        50.89,
        44.2,
        38.01,
        30.8,
        24.87,
        18.96,
        13.86,
        9.455,
        5.856,
        3.349,
        1.414,
        0.3809,
        0.01519,
        0.113,
        0.4488,
        0.8335,
        1.088,
        1.136,
        0.9145,
        0.6025,
        0.3102,
        0.121,
        0.09667,
        0.1703,
        0.2301,
        0.2081,
        0.108,
        0.02354,
        0.0234,
        0.07577,
        0.08997,
        0.04489,
        0.01312,
        0.03747,
        0.05208,
        0.02094,
        0.01695,
        0.04381,
        0.02303,
        0.02164,
        0.06129,
        0.05716,
        0.1426,
        0.3919,
        0.9519,
        1.297,
        0.5259,
    ],
    "unit": "1/Angstrom",
    "composition": "Au",
}
SCATTERING_BUILD: dict[str, Any] = {
    "name": "Particles",
    "simulator": "scattering",
    "rows": 400,
    "seed": 7,
    "largest": 6,
    "low": 0.1,
    "high": 3,
    "step": 2,
}
SCATTERING_SURROGATE: dict[str, Any] = {
    "name": "Particles, library",
    "dataset": {"id": "particles"},
    "inputs": [{"name": "intensity", "scale": "log"}],
    "targets": ["shape", "log_n_Atoms", "Size_parameter_1", "sqrt_log_eq_radius"],
    "group": "structure",
    "learner": {"kind": "library", "settings": {"scale": False}},
    "seeds": 1,
}
BUILD: dict[str, Any] = {"name": "Silver spectra", "simulator": "nanoparticle", "rows": 200, "seed": 7, "replicates": 5}
POLYMER_BUILD: dict[str, Any] = {"name": "Butyl acrylate", "simulator": "polymer", "rows": 200, "seed": 7}
PSD_SIMULATION: dict[str, Any] = {
    "suspensions": [
        {"modes": [{"median": 90, "sigma": 0.2}], "phi": 0.1},
        {
            "modes": [{"median": 60, "sigma": 0.15, "share": 0.7}, {"median": 180, "sigma": 0.2, "share": 0.3}],
            "phi": 0.25,
            "aspect": [1, 3],
        },
    ],
    "images": 2,
    "seed": 7,
}
CRYSTALLIZATION: dict[str, Any] = {
    "recipes": [
        {"seed_mass": 6, "seed_size": 60, "cooling_time": 120, "profile": 2.5, "supersaturation": 1},
        {"seed_mass": 1, "seed_size": 100, "cooling_time": 15, "profile": 1, "supersaturation": 6},
    ],
    "replicates": 1,
    "images": 2,
    "seed": 7,
    "error": 1,
}
PSD_BUILD: dict[str, Any] = {"name": "Spheres", "simulator": "psd", "rows": 100, "seed": 7, "images": 3}

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
INVERSE: dict[str, Any] = {
    "target": {"name": "absorbance", "value": [round(0.05 + 0.6 * float(np.exp(-(((x - 520) / 90) ** 2))), 4) for x in range(380, 801)]},
    "fixed": {"Qtot": 600},
    "bounds": {"QAgNO3": {"low": 1, "high": 40}},
    "second": {"input": "QAgNO3", "better": "low"},
    "count": 3,
    "screened": 1024,
    "starts": 16,
}
EXPLANATION: dict[str, Any] = {"rows": 10, "background": 10, "cuts": {"absorbance": [460, 600]}}
ROBUSTNESS: dict[str, Any] = {
    "corruptions": [{"kind": "noise", "levels": [0.05, 0.15]}, {"kind": "missing points", "levels": [0.2]}],
    "modes": ["predict only", "train and predict"],
}
SWEEP: dict[str, Any] = {"factors": {"alpha": [0.01, 1, 100]}, "seeds": 2}
LOOP: dict[str, Any] = {
    "method": "loop",
    "search": [{"name": "alpha", "low": 0.001, "high": 1000, "log": True}],
    "metrics": ["rmse"],
    "batches": 1,
    "size": 3,
    "seeds": 1,
}


def shown(**examples: Any) -> dict[str, Any]:
    """Named examples in OpenAPI's form."""
    return {name.replace("_", " "): {"value": value} for name, value in examples.items()}
