"""The benchmark of Debye's sum; a peer of our own stands for DebyeCalculator."""

import json
import subprocess

import pytest

from benchmarks import debye
from models.scattering.curves import Q, Sample, intensity


@pytest.fixture
def answers(monkeypatch):
    """Lets the peer answer with half our intensities, in two calls; keeps what it was asked."""
    asked = []

    def run(command, **options):
        asked.append(json.loads(options["input"]))
        curve = (intensity(Sample("icosahedron", 2, (("Ag", 1.0),), asked[-1]["biso"])) / 2).tolist()
        return subprocess.CompletedProcess(command, 0, json.dumps({"curve": curve, "cpu_s": [9.0, 3.0]}), "")

    monkeypatch.setattr(debye, "environment", lambda name: name)
    monkeypatch.setattr(debye.subprocess, "run", run)
    return asked


def test_the_cheapest_calls_are_held_against_each_other(answers):
    row = debye.measured("icosahedron", 2, calls=2)
    assert (row.atoms, row.theirs_cpu_s) == (55, 3.0)
    assert row.ratio == 3.0 / row.ours_cpu_s
    assert row.deviation < 1e-9  # half the intensity is the same curve
    (asked,) = answers
    assert len(asked["points"]) == 55
    steps = (asked["high"] - asked["low"]) / asked["step"]
    assert int(steps) + 1 == len(Q)


def test_the_clusters_have_the_atoms_of_the_figure():
    assert {Sample(shape, debye.SIZE, (("Ag", 1.0),)).atoms for shape in debye.SHAPES} == {5083}


def test_a_peer_that_dies_says_why(monkeypatch):
    monkeypatch.setattr(debye, "environment", lambda name: name)
    monkeypatch.setattr(debye.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", "no module debyecalculator"))
    with pytest.raises(SystemExit, match="status 1: no module"):
        debye.measured("icosahedron", 2, calls=1)
