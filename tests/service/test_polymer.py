"""The polymer simulator over HTTP: products, data sets, and recipes for a distribution."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.examples import POLYMER_BUILD, POLYMER_FILE, POLYMER_RECIPES, POLYMER_SIMULATION
from closedloop.local import LocalService
from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import RECIPE
from models.polymer.dataset import polymer_table
from models.polymer.kinetics import Simulator
from models.polymer.lab import VirtualLab
from models.polymer.sec import to_csv, to_gpc
from tests.service.conftest import expect, expect_refusal

RECIPES = POLYMER_SIMULATION["recipes"]
ROWS = np.array([list(recipe.values()) for recipe in RECIPES], float)
MADE = Simulator()(ROWS)
URL, INVERSE = "simulate/polymer", "simulate/polymer/recipes"
WANTED = {"target": {"kind": "arrays", "axis": LOG_M.tolist(), "values": MADE.mmd[1].tolist()}, "screened": 200, "count": 2}


def shape(target, **more):
    return {**WANTED, "target": target, **more}


def test_products_are_those_of_the_kinetics(api):
    answer = expect(api.post(URL, json={"recipes": RECIPES}))
    assert answer["axis"] == LOG_M.tolist()
    for name in ("conversion", "cBA_time", "Mn", "Mw"):
        np.testing.assert_allclose([product[name] for product in answer["products"]], getattr(MADE, name), rtol=1e-12)
    np.testing.assert_allclose([product["mmd"][0] for product in answer["products"]], MADE.mmd, rtol=1e-12)


def test_replicates_repeat_by_seed_whatever_stands_beside_them_and_the_error_is_hidden(api):
    first, same = (expect(api.post(URL, json=POLYMER_SIMULATION))["products"] for _ in range(2))
    assert first == same
    assert np.shape([product["mmd"] for product in first]) == (2, 3, len(LOG_M))
    assert expect(api.post(URL, json={**POLYMER_SIMULATION, "recipes": RECIPES[::-1]}))["products"] == first[::-1]
    assert expect(api.post(URL, json={**POLYMER_SIMULATION, "seed": 8}))["products"][0]["mmd"] != first[0]["mmd"]
    assert first[0]["Mn"] == pytest.approx(VirtualLab(1).product(ROWS).Mn[0], rel=1e-12)
    assert first[0]["Mn"] != pytest.approx(MADE.Mn[0], rel=1e-3)


@pytest.mark.parametrize(
    ("body", "field", "remedy"),
    [
        ({"recipes": [{**RECIPES[0], "temp": 343.15}]}, "recipes.0.temp", "give degrees Celsius, 70"),
        ({"recipes": [RECIPES[0], {**RECIPES[0], "cBA_0": 7.5}]}, "recipes.1.cBA_0", "stay below 6.98 mol/L"),
        ({"recipes": [{**RECIPES[0], "time": 9000}]}, "recipes.0.time", "stay inside"),
        ({"recipes": [{"cBA_0": 0.1, "cAIBN_0": 0.1, "temp": 90, "time": 7200}]}, "recipes.0.time", "shorten it"),
        ({"recipes": [{**RECIPES[0], "temp": "70"}]}, "recipes.0.temp", ""),
        ({"recipes": []}, "recipes", ""),
        ({"recipes": [RECIPES[0]] * 51, "replicates": 100}, "recipes", "fewer"),
        ({"recipes": RECIPES, "error": -1}, "error", ""),
    ],
)
def test_what_cannot_be_made_is_refused_with_field_and_remedy(api, body, field, remedy):
    problem = expect_refusal(api.post(URL, json=body), 422, field)
    assert remedy in problem["errors"][0]["remedy"]
    assert problem["errors"][0]["remedy"]


def test_recipes_for_a_distribution_are_simulated_back(api):
    answer = expect(api.post(INVERSE, json=WANTED))
    assert answer["area"] == pytest.approx(1, abs=0.01)
    assert answer["warnings"] == []
    assert [found["status"] for found in answer["recipes"]] == ["ok", "ok"]
    assert answer["recipes"][0]["recipe"]["time"] <= answer["recipes"][1]["recipe"]["time"]
    for found in answer["recipes"]:
        back = Simulator()(np.array([[found["recipe"][name] for name in RECIPE]]))
        np.testing.assert_allclose(found["mmd"], back.mmd[0], atol=1e-9)
        assert found["overlap"] == pytest.approx(np.minimum(back.mmd[0], answer["target"]).sum() * STEP, abs=1e-6)
        assert found["overlap"] > 0.995
        assert all(found["low"][name] <= found["recipe"][name] <= found["high"][name] for name in RECIPE)


def test_what_is_fixed_stays_and_what_is_bounded_stays_inside(api):
    body = {**WANTED, "fixed": {"temp": 70}, "bounds": {"time": {"low": 600, "high": 900}}, "rank": "initiator"}
    found = expect(api.post(INVERSE, json=body))["recipes"]
    assert {answer["recipe"]["temp"] for answer in found} == {70}
    assert all(600 <= answer["recipe"]["time"] <= 900 for answer in found)
    assert all("temp" not in bound for answer in found for bound in answer["active"])


def test_files_of_instruments_are_targets_and_their_broadening_is_counted(api):
    seen = VirtualLab().curves(ROWS[1:])[0]
    for name, text in (("run.csv", to_csv(3 * seen)), ("run.gpc", to_gpc(3 * seen))):
        answer = expect(api.post(INVERSE, json=shape({"kind": "sec", "name": name, "text": text}, broadening=0.045, count=1)))
        assert answer["area"] == pytest.approx(3, rel=0.01)
        assert "divided" in answer["warnings"][0]
        assert answer["recipes"][0]["overlap"] > 0.999
    decimal_comma = expect(api.post(INVERSE, json={**POLYMER_FILE, "screened": 200}))
    assert {answer["status"] for answer in decimal_comma["recipes"]} == {"ok"}


def test_two_peaks_are_told_as_not_reachable(api):
    parts = [{"share": 1, "target": {"kind": "schulz_zimm", "Mn": Mn, "dispersity": 1.2}} for Mn in (5e3, 3e5)]
    answer = expect(api.post(INVERSE, json=shape({"kind": "blend", "parts": parts})))
    assert {found["status"] for found in answer["recipes"]} == {"not reachable"}
    assert answer["area"] == 1


AVERAGES = POLYMER_RECIPES["target"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "target"),
        (shape({"kind": "photo"}), "target.kind"),
        (shape({"kind": "arrays", "axis": [3, 4, 5], "values": [0, 1, 0]}), "target"),
        (shape({**WANTED["target"], "values": [-1.0, *WANTED["target"]["values"][1:]]}), "target"),
        (shape({**WANTED["target"], "axis": [4.0, *WANTED["target"]["axis"][1:]]}), "target"),
        (shape({**AVERAGES, "Mn": 2e7}), "target.Mn"),
        (shape({**AVERAGES, "dispersity": 1.0}), "target.dispersity"),
        (shape({"kind": "sec", "text": "no numbers\nat all"}), "target"),
        ({**WANTED, "noise": 0}, "noise"),
        ({**WANTED, "cBA_time": -1}, "cBA_time"),
        ({**WANTED, "fixed": {"temp": 343.15}}, "fixed.temp"),
        ({**WANTED, "fixed": {"colour": 1}}, "fixed.colour.[key]"),
        ({**WANTED, "bounds": {"cBA_0": {"low": 1, "high": 8}}}, "bounds.cBA_0"),
        ({**WANTED, "bounds": {"time": {"low": 900, "high": 600}}}, "bounds.time"),
        ({**WANTED, "fixed": {"temp": 70}, "bounds": {"temp": {"low": 60, "high": 80}}}, "body"),
        ({**WANTED, "rank": "beauty"}, "rank"),
        ({**WANTED, "count": 21}, "count"),
    ],
)
def test_wishes_that_make_no_sense_are_refused_with_the_field(api, body, field):
    problem = expect_refusal(api.post(INVERSE, json=body), 422, field)
    assert all(error["remedy"] for error in problem["errors"])


def test_who_may(api, as_role):
    viewer = as_role("viewer")
    for url, body in ((URL, {"recipes": RECIPES}), (INVERSE, WANTED)):
        expect_refusal(api.post(url, json=body, headers=viewer), 403)
    expect(api.post(URL, json={"recipes": RECIPES}, headers=as_role("lab")))


def test_a_data_set_is_built_aside_and_the_same_again(api):
    made = expect(api.post("datasets/build", json=POLYMER_BUILD), 201)
    assert made["source"] == {"simulator": "polymer", "design": "latin_hypercube", "rows": 200, "seed": 7}
    assert made["sha256"] == polymer_table(200, 7).digest
    assert expect(api.post("datasets/build", json=POLYMER_BUILD)) == made


@pytest.mark.slow
def test_the_published_design_has_432_recipes_at_12_times(api):
    made = expect(api.post("datasets/build", json={"name": "Grid", "simulator": "polymer", "design": "published"}), 201)
    assert made["rows"] == 5184
    classes = next(field["classes"] for field in made["fields"] if field["name"] == "recipe")
    assert (len(classes), set(classes.values())) == (432, {12})


@pytest.mark.parametrize("changes", [{"design": "published"}, {"rows": None}, {"rows": 6001}, {"design": "random"}, {"replicates": 2}])
def test_a_wrong_build_is_refused(api, changes):
    expect_refusal(api.post("datasets/build", json={**POLYMER_BUILD, **changes}), 422)


# Commands


def call(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "closedloop.cli", *map(str, words)]
    return subprocess.run(command, env={"PATH": "", "COLUMNS": "120"}, capture_output=True, text=True, timeout=120)


def test_the_command_finds_recipes_for_a_file(service: LocalService, tmp_path: Path):
    file = tmp_path / "wanted.csv"
    file.write_text(to_csv(MADE.mmd[1]))
    at = ["--url", service.url, "--key", service.key]
    words = ["--fix", "temp=70", "--bound", "time=600:3600", "--rank", "initiator", "--count", 2, "--screened", 200]
    done = call("polymer", "recipes", file, *words, *at, "--json", tmp_path / "found.json", "--report", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert [answer["recipe"]["temp"] for answer in found["recipes"]] == [70, 70]
    assert "ok" in done.stdout
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "overlay.json", "times.json"}
    target = tmp_path / "target.json"
    target.write_text(json.dumps(AVERAGES))
    same = [call("polymer", "recipes", *given, *words, *at) for given in ([target], ["--schulz-zimm", "20000,2.2"])]
    assert same[0].stdout == same[1].stdout
    assert same[0].returncode == 0
    built = call("dataset", "build", "polymer", "--name", "Some", "--rows", "20", *at)
    assert built.returncode == 0, built.stderr
    assert "20 rows" in built.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "give one target"),
        (["--schulz-zimm", "20000,2", "--log-normal", "20000,2"], 2, "give one target"),
        (["--schulz-zimm", "20000"], 2, "is no number"),
        (["--schulz-zimm", "20000,2", "--fix", "temp"], 2, "NAME=VALUE"),
        (["--schulz-zimm", "20000,2", "--bound", "temp=3"], 2, "LOW:HIGH"),
        (["--schulz-zimm", "20000,2", "--fix", "temp=343", "--url", "URL", "--key", "KEY"], 1, "kelvin"),
    ],
    ids=["none", "two", "formula", "fix", "bound", "kelvin"],
)
def test_mistakes_are_explained_without_a_traceback(words: list[str], code: int, said: str, service: LocalService):
    done = call("polymer", "recipes", *({"URL": service.url, "KEY": service.key}.get(word, word) for word in words))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
