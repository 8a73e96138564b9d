"""Coefficients: what comes with the package, and a lab's own."""

import json
from importlib.resources import files

import numpy as np
import pytest

from models.polymer.coefficients import RECIPE, ZERO, BadPolymer, Rate, load, published

DOCUMENT = json.loads(files("models.polymer").joinpath("coefficients.json").read_text())


def test_every_line_has_a_unit_a_meaning_a_source_and_a_confidence():
    assert DOCUMENT["version"] == 1
    for line in DOCUMENT["coefficients"]:
        assert set(line) == {"name", "value", "energy", "reference", "unit", "meaning", "source", "confidence"}
        assert line["unit"]
        assert line["meaning"]
        assert line["source"]
        assert line["confidence"] in {"high", "medium", "low"}
    assert [line["name"] for line in DOCUMENT["ranges"]] == list(RECIPE)


def test_published_values_at_published_temperatures():
    rates = published().rates
    assert rates["kp"].at(np.array(60 + ZERO)) == pytest.approx(3.45e4, rel=0.01)  # IUPAC benchmark
    assert rates["kd"].at(np.array(64 + ZERO)) == pytest.approx(np.log(2) / 36000, rel=0.05)  # half-life of 10 h
    assert rates["Cs"].at(np.array(70 + ZERO)) == pytest.approx(2.95e-4)


def test_a_lab_replaces_some_lines_and_keeps_the_others(tmp_path):
    own = {"version": 1, "system": "ours", "coefficients": [{"name": "f", "value": 0.6, "energy": 0, "reference": None, "source": "us"}]}
    (tmp_path / "own.json").write_text(json.dumps(own))
    read = load(tmp_path / "own.json")
    assert read.number("f") == 0.6
    assert read.rates["kp"] == published().rates["kp"]
    assert read.ranges == published().ranges


LINE = {"name": "f", "value": 0.6, "energy": 0, "reference": None, "source": "us"}


@pytest.mark.parametrize(
    ("change", "match"),
    [({"value": 1.2}, "share from 0 to 1"), ({"value": -1}, "finite number above 0"), ({"value": "high"}, "not readable"),
     ({"source": ""}, "give its source"), ({"name": "fish"}, "no such coefficient"), ({"value": float("nan")}, "finite number")],
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_refused(change, match, tmp_path):
    (tmp_path / "own.json").write_text(json.dumps({"version": 1, "system": "", "coefficients": [{**LINE, **change}]}))
    with pytest.raises(BadPolymer, match=match):
        load(tmp_path / "own.json")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "coefficients": []}', '{"version": 1, "system": "", "coefficients": [{}]}']
)
def test_another_file_is_refused(text, tmp_path):
    (tmp_path / "own.json").write_text(text)
    with pytest.raises(BadPolymer):
        load(tmp_path / "own.json")


def test_a_change_keeps_the_energy_and_refuses_unknown_names():
    changed = published().changed(kp=1e7, Cs=Rate(1e-4))
    assert changed.rates["kp"] == Rate(1e7, 17.9)
    assert changed.rates["Cs"] == Rate(1e-4)
    with pytest.raises(BadPolymer, match="no such coefficient"):
        published().changed(fish=1)
