"""Studies of trained models over HTTP: inverse design, explanation, robustness, sweeps; and every way to ask for what cannot be."""

import json
import math
from concurrent.futures import Future
from datetime import timedelta

import numpy as np
import pytest

from app import studies
from app.worker import Worker
from db import jobs, store
from models.builders import SIMULATORS
from models.nanoparticle.dataset import FULL
from models.table import Field
from models.task import Block, Task
from tests.service.conftest import Inline, expect, expect_refusal
from tests.service.test_surrogates import AXIS, bands, stored

RECIPES = {
    "name": "Recipes",
    "dataset": {"id": "bands"},
    "inputs": ["x", "y", "solvent"],
    "targets": ["band", "size", "shape"],
    "learner": {"kind": "forest", "settings": {"trees": 10}},
    "sizes": [],
    "seeds": 1,
}
CURVES = {**RECIPES, "name": "Curves", "inputs": ["band"], "targets": ["size"], "learner": {"kind": "ridge"}, "sizes": [0.5]}
WANTED = {"name": "band", "value": bands(60).rows(np.array([7]))["band"].values[0].tolist()}
INVERSE = {"target": WANTED, "screened": 256, "starts": 8}


def trained(api, work, body):
    id = expect(api.post("surrogates", json=body), 202)["id"]
    work()
    assert expect(api.get(f"surrogates/{id}"))["trained"]
    return f"surrogates/{id}"


@pytest.fixture
def dataset(api):
    return stored(api, "bands", bands())


@pytest.fixture
def recipes(api, work, dataset):
    """A forest of recipes to a curve, a number and a class."""
    return trained(api, work, RECIPES)


@pytest.fixture
def curves(api, work, dataset):
    """A ridge of curves to a number."""
    return trained(api, work, CURVES)


def study(api, work, model, kind, body):
    """Ask, compute, read."""
    job = expect(api.post(f"{model}/{kind}", json=body), 202)
    assert (job["kind"], job["state"], job["surrogate"]) == (kind, "queued", model.removeprefix("surrogates/"))
    work()
    done = expect(api.get(f"jobs/{job['id']}"))
    assert done["state"] == "done", done
    found = expect(api.get(f"{model}/{kind}"))
    assert len(found["sha256"]) == 64
    for drawn in found["figures"]:
        assert drawn["figure"]["data"]
    return found


def test_an_inverse_design_answers_with_inputs_of_the_wanted_curve(api, work, recipes):
    asked = INVERSE | {"fixed": {"solvent": "ethanol"}, "bounds": {"y": {"low": 2, "high": 8}}, "log": ["y"], "count": 3}
    found = study(api, work, recipes, "inverse", asked)
    told, best = found["result"], found["result"]["candidates"][0]
    assert told["axis"] == AXIS.tolist()
    assert told["simulator"] is None
    assert 1 <= len(told["candidates"]) <= 3
    truth = bands(60)["x"].values[7]
    assert best["inputs"]["x"] == pytest.approx(truth, abs=0.1)
    for candidate in told["candidates"]:
        assert candidate["inputs"]["solvent"] == "ethanol"
        assert 2 <= candidate["inputs"]["y"] <= 8
        again = expect(api.post(f"{recipes}/predict", json={"rows": [candidate["inputs"]]}))["rows"][0]
        assert candidate["predicted"] == pytest.approx(again["answers"]["band"]["mean"])
        assert candidate["low"] == pytest.approx(again["answers"]["band"]["low"])
        assert candidate["validity"]["value"] == pytest.approx(again["validity"]["value"])
        assert candidate["validity"]["variable"] == again["validity"]["variable"]
        error = np.mean((np.array(candidate["predicted"]) - WANTED["value"]) ** 2)
        assert candidate["distance"] == pytest.approx(error)
    assert [drawn["name"] for drawn in found["figures"]] == ["outcomes", "inputs"]
    assert found["request"]["count"] == 3


def test_a_number_is_wanted_within_constraints_and_ranked_by_an_input(api, work, recipes):
    limit = {"coefficients": {"x": 10, "y": 1}, "bound": 9}
    asked = {"target": {"name": "size", "value": 6.0, "unit": "nm"}, "constraints": [limit], "second": {"input": "x", "better": "high"}}
    told = study(api, work, recipes, "inverse", INVERSE | asked | {"levels": {"y": [2, 4, 6, 8]}, "ok": 0.5, "approximate": 2})["result"]
    xs = [candidate["inputs"]["x"] for candidate in told["candidates"]]
    assert xs == sorted(xs, reverse=True)
    for candidate in told["candidates"]:
        assert candidate["second"] == candidate["inputs"]["x"]
        assert candidate["inputs"]["y"] in (2, 4, 6, 8)
        assert 10 * candidate["inputs"]["x"] + candidate["inputs"]["y"] <= 9 + 1e-6
        assert candidate["status"] == (
            "ok" if candidate["distance"] <= 0.5 else "approximate" if candidate["distance"] <= 2 else "not reachable"
        )


def test_the_simulator_that_built_the_data_refines_and_judges(api, work):
    built = {"name": "Silver", "simulator": "nanoparticle", "rows": 60, "seed": 3}
    expect(api.post("datasets/build", json=built), 201)
    flows = ["Qtot", "QAgNO3", "Qpva", "Qtsc", "Qseed"]
    model = trained(api, work, CURVES | {"name": "Silver", "dataset": {"id": "silver"}, "inputs": flows, "targets": ["absorbance"]})
    lab = SIMULATORS["nanoparticle"]
    wanted = lab.simulate(np.array([[12.0, 20.0, 10.0, 15.0, 600.0]]))[0]
    asked = {"target": {"name": "absorbance", "value": wanted.tolist()}, "ok": 1e-5, "screened": 256, "starts": 16}
    told = study(api, work, model, "inverse", asked)["result"]
    assert (told["simulator"], told["status"]) == ("nanoparticle", "ok")
    for candidate in told["candidates"]:
        recipe = np.array([[candidate["inputs"][name] for name in lab.inputs]])
        assert candidate["simulated"] == pytest.approx(lab.simulate(recipe)[0].tolist(), abs=1e-9)
        assert recipe[0, :4].sum() <= FULL + 1e-6
    alone = study(api, work, model, "inverse", asked | {"simulate": False})["result"]
    assert alone["simulator"] is None
    assert alone["candidates"][0]["distance"] > told["candidates"][0]["distance"]


NO_INVERSE = [
    ({"target": {"name": "colour", "value": 1}}, "target.name", "band, size, shape"),
    ({"target": {"name": "shape", "value": "prism"}}, "target.name", "class"),
    ({"target": {**WANTED, "axis": (AXIS + 50).tolist()}}, "target.axis", "resample"),
    ({"target": {"name": "band", "value": [1.0, 2.0]}}, "target.value", "resample"),
    ({"target": {**WANTED, "unit": "%"}}, "target.unit", "convert"),
    ({"target": {"name": "size", "value": [1.0, 2.0]}}, "target.value", "one number"),
    ({"target": {"name": "size", "value": 5}, "distance": "cosine"}, "distance", "mse"),
    ({"bounds": {"z": {"low": 0, "high": 1}}}, "bounds.z", "x, y, solvent"),
    ({"bounds": {"x": {"low": 1, "high": 0}}}, "bounds.x", "swap"),
    ({"bounds": {"solvent": {"low": 0, "high": 1}}}, "bounds.solvent", "levels"),
    ({"fixed": {"x": 7}}, "fixed.x", "wider bounds"),
    ({"fixed": {"x": "much"}}, "fixed.x", "number"),
    ({"fixed": {"solvent": "toluene"}}, "fixed.solvent", "water, ethanol"),
    ({"levels": {"x": [0.1, 0.2]}, "bounds": {"x": {"low": 0, "high": 1}}}, "bounds.x", "levels or its bounds"),
    ({"log": ["x"], "bounds": {"x": {"low": 0, "high": 1}}}, "bounds.x", "above 0"),
    ({"log": ["w"]}, "log.0", "x, y, solvent"),
    ({"constraints": [{"coefficients": {"w": 1}, "bound": 1}]}, "constraints.0.coefficients.w", "x, y, solvent"),
    ({"constraints": [{"coefficients": {"solvent": 1}, "bound": 1}]}, "constraints.0.coefficients.solvent", "leave it out"),
    ({"weights": [1.0] * len(AXIS)}, "weights", "weighted"),
    ({"distance": "weighted", "weights": [0.0] * len(AXIS)}, "weights", "not all 0"),
    ({"distance": "wasserstein"}, "ok", "which distance"),
    ({"ok": 2, "approximate": 1}, "approximate", "2 or more"),
    ({"second": {"input": "solvent"}}, "second.input", "number"),
    ({"second": {"input": "x"}, "fixed": {"x": 0.5}}, "second.input", "not fixed"),
    ({"distance": "own"}, "distance", ""),
    ({"count": 0}, "count", ""),
    ({"screened": 1000}, "screened", ""),
]


def test_an_inverse_design_that_cannot_be_is_refused(api, recipes):
    for change, field, says in NO_INVERSE:
        problem = expect_refusal(api.post(f"{recipes}/inverse", json={**INVERSE, **change}), 422, field)
        assert says in f"{problem['detail']} {problem['errors'][0]['remedy']}"
    assert "POST" in expect_refusal(api.get(f"{recipes}/inverse"), 404)["detail"]


def test_an_explanation_adds_up_and_finds_what_matters(api, work, recipes):
    told = study(api, work, recipes, "explain", {"rows": 6, "background": 5, "cuts": {"band": [500.0]}, "metrics": {"shape": "accuracy"}})
    values, found = told["result"]["shapley"], told["result"]
    assert values["groups"] == ["x", "y", "solvent"]
    assert values["outputs"] == ["band 380 to 480 nm", "band 500 to 800 nm", "size", "shape sphere", "shape prism"]
    assert np.array(values["base"]) + np.array(values["values"]).sum(axis=1) == pytest.approx(np.array(values["predicted"]))
    assert values["error"] is None
    by_target = {one["target"]: one for one in found["permutation"]}
    assert by_target["shape"]["metric"] == "accuracy"
    assert np.argmax(by_target["shape"]["importance"]) == 0
    assert np.argmax(by_target["size"]["importance"]) == 1
    assert len(found["permutation"]) == 3
    assert len(told["figures"]) == 4


def test_regions_of_an_input_curve_are_told_apart(api, work, curves):
    told = study(api, work, curves, "explain", {"regions": 3, "rows": 4, "background": 4, "split": "random"})["result"]
    assert told["shapley"]["groups"] == ["band 380 to 500 nm", "band 520 to 640 nm", "band 660 to 800 nm"]
    assert told["held_out"] == 12


NO_EXPLANATION = [
    ({"cuts": {"size": [1]}}, "cuts.size", "band"),
    ({"cuts": {"band": [900]}}, "cuts.band", "800"),
    ({"metrics": {"band": "accuracy"}}, "metrics.band", "rmse"),
    ({"metrics": {"colour": "r2"}}, "metrics.colour", "band"),
    ({"rows": 0}, "rows", ""),
    ({"split": "half"}, "split", ""),
]


def test_an_explanation_that_cannot_be_is_refused(api, recipes):
    for body, field, says in NO_EXPLANATION:
        assert says in expect_refusal(api.post(f"{recipes}/explain", json=body), 422, field)["errors"][0]["remedy"]


def test_robustness_tells_clean_and_corrupted_in_both_modes(api, work, curves):
    asked = {
        "corruptions": [
            {"kind": "noise", "levels": [0.1, 1]},
            {"kind": "range", "levels": [{"low": 450, "high": 750}]},
            {"kind": "half", "levels": ["lower"]},
        ]
    }
    told = study(api, work, curves, "robustness", asked)
    rows = [row for row in told["result"]["rows"] if row["metric"] == "r2"]
    levels = [("noise", "10 %"), ("noise", "100 %"), ("range", "450 to 750"), ("half", "lower")]
    assert [(row["corruption"], row["level"]) for row in rows] == [("", ""), *(level for level in levels for _ in range(2))]
    by = {(row["corruption"], row["level"], row["mode"]): row for row in rows}
    assert by["noise", "100 %", "predict only"]["value"] < by["", "", "clean"]["value"]
    assert by["half", "lower", "predict only"]["extrapolated"] > 0.4
    assert told["result"]["train"] + told["result"]["test"] == 60
    alone = study(api, work, curves, "robustness", asked | {"modes": ["predict only"]})["result"]["rows"]
    assert {row["mode"] for row in alone} == {"clean", "predict only"}


def test_a_programme_that_suits_the_inputs_is_gone_through(api, work, recipes, curves):
    for model, kinds in ((recipes, {"", "noise", "missing points"}), (curves, {"", "noise", "missing points", "step", "half"})):
        told = study(api, work, model, "robustness", {"modes": ["predict only"]})
        assert {row["corruption"] for row in told["result"]["rows"]} == kinds


NO_CORRUPTION = [
    ({"kind": "rust", "levels": [1]}, "corruptions.0.kind", "noise"),
    ({"kind": "noise", "levels": [-1]}, "corruptions.0.noise.levels.0", "0"),
    ({"kind": "missing points", "levels": [1]}, "corruptions.0.missing points.levels.0", "1"),
    ({"kind": "step", "levels": [0.5]}, "corruptions.0.step.levels.0", "integer"),
    ({"kind": "step", "levels": [500]}, "corruptions.0.levels.0", "finer step"),
    ({"kind": "range", "levels": [{"low": 700, "high": 600}]}, "corruptions.0.levels.0", "below"),
    ({"kind": "range", "levels": [{"low": 900, "high": 990}]}, "corruptions.0.levels.0", "wider range"),
    ({"kind": "half", "levels": ["middle"]}, "corruptions.0.half.levels.0", "upper"),
]


def test_a_corruption_that_cannot_be_is_refused(api, curves):
    for corruption, field, says in NO_CORRUPTION:
        assert says in json.dumps(expect_refusal(api.post(f"{curves}/robustness", json={"corruptions": [corruption]}), 422, field))


def test_a_corruption_that_changes_nothing_is_refused(api, recipes):
    steps = {"corruptions": [{"kind": "noise", "levels": [0.1]}, {"kind": "step", "levels": [2]}]}
    assert "noise" in expect_refusal(api.post(f"{recipes}/robustness", json=steps), 422, "corruptions.1.kind")["errors"][0]["remedy"]


def test_a_sweep_names_winners_and_their_mode(api, work, curves):
    told = study(api, work, curves, "sweep", {"factors": {"alpha": [0.01, 1.0, 1e9]}, "seeds": 2})["result"]
    (factor,) = told["factors"]
    assert [level["value"] for level in factor["levels"]] == [0.01, 1.0, 1e9]
    assert [level["runs"] for level in factor["levels"]] == [2, 2, 2]
    assert factor["levels"][2]["mean"]["r2"] < factor["levels"][0]["mean"]["r2"]
    assert told["metrics"] == {"rmse": "low", "mae": "low", "r2": "high", "relative_mae": "low"}
    votes = [value for won in factor["winners"].values() for value in won]
    assert all(votes.count(value) == max(map(votes.count, votes)) for value in factor["chosen"])
    assert told["best"] is None


def test_the_loop_searches_settings(api, work, curves):
    asked = {"method": "loop", "search": [{"name": "alpha", "low": 0.01, "high": 1e8, "log": True}], "metrics": ["rmse"]}
    told = study(api, work, curves, "sweep", asked | {"batches": 1, "size": 3, "seeds": 1})["result"]
    assert [trial["round"] for trial in told["trials"]] == [1, 1, 1, 2, 2, 2]
    assert all(0.01 <= trial["settings"]["alpha"] <= 1e8 for trial in told["trials"])
    assert math.isfinite(told["best"]["score"])


NO_SWEEP = [
    ({}, "factors", "factors"),
    ({"method": "loop", "factors": {"trees": [5, 10]}}, "search", "search"),
    ({"factors": {"tree": [1, 2]}}, "factors.tree", "trees"),
    ({"factors": {"trees": [5, 0]}}, "factors.trees.1", ""),
    ({"factors": {"trees": [5, 5]}}, "factors.trees", ""),
    ({"factors": {"trees": [5]}}, "factors.trees", ""),
    ({"factors": {"trees": [5, 10]}, "target": "colour"}, "target", "band"),
    ({"factors": {"trees": [5, 10]}, "metrics": ["accuracy"]}, "metrics.0", "rmse"),
    ({"method": "loop", "search": [{"name": "trees", "low": 5}]}, "search.0", ""),
    ({"method": "loop", "search": [{"name": "trees", "low": 50, "high": 5, "whole": True}]}, "search.0.low", "swap"),
    ({"method": "loop", "search": [{"name": "leaf", "low": 0, "high": 5, "log": True}]}, "search.0.name", "trees"),
    ({"method": "loop", "search": [{"name": "trees", "values": [5, "many"]}]}, "search.0", ""),
    ({"factors": {"trees": list(range(1, 21))}, "seeds": 10, "method": "loop", "search": []}, "search", ""),
]


def test_a_sweep_that_cannot_be_is_refused(api, recipes):
    for body, field, says in NO_SWEEP:
        assert says in expect_refusal(api.post(f"{recipes}/sweep", json=body), 422, field)["errors"][0]["remedy"]


def test_the_card_is_drawn_target_by_target(api, recipes, curves):
    names = [drawn["name"] for drawn in expect(api.get(f"{recipes}/figures"))["figures"]]
    assert names == ["parity_1", "parity_2", "confusion_3"]
    parity, learning = expect(api.get(f"{curves}/figures"))["figures"]
    card = expect(api.get(curves))["card"]
    points = parity["figure"]["data"][-1]
    held = card["held_out"]["grouped"]["size"]
    assert (points["x"], points["y"]) == (held["truth"], held["told"])
    assert len(held["truth"]) == card["splits"]["grouped"]["test"]
    assert learning["figure"]["data"][-1]["x"] == [24, 48]


def test_a_model_without_files_is_not_studied(api, dataset, recipes, curves):
    id = expect(api.post("surrogates", json={**CURVES, "name": "Waits"}), 202)["id"]
    for kind, body in (("inverse", INVERSE), ("explain", {}), ("robustness", {}), ("sweep", {"factors": {"alpha": [1, 2]}})):
        assert "not trained" in expect_refusal(api.post(f"surrogates/{id}/{kind}", json=body), 409)["detail"]
        expect_refusal(api.post(f"surrogates/nobody/{kind}", json=body), 404)
        expect_refusal(api.get(f"surrogates/nobody/{kind}"), 404)
    expect_refusal(api.get(f"surrogates/{id}/figures"), 409)
    expect_refusal(api.post(f"{curves}/inverse", json={"target": {"name": "size", "value": 5}}), 409)


def test_images_have_no_groups_and_no_corruptions():
    rng = np.random.default_rng(0)
    images = Field("images", rng.integers(0, 255, (12, 1, 8, 8)).astype(np.uint8))
    task = Task((Block.of(images),), (Block.of(Field("size", rng.random(12), "nm")),))
    subject = studies.Subject(task, {}, {})
    for kind, body in (("inverse", {"target": {"name": "size", "value": 1}}), ("explain", {}), ("robustness", {})):
        shape = studies.KINDS[kind]
        with pytest.raises(studies.Conflict, match="images"):
            shape.check(subject, shape.body.model_validate(body))


class Hanging(Inline):
    """An executor whose worker dies before the job ends."""

    def submit(self, function, *arguments):
        return Future()


def test_a_study_outlives_its_worker_and_is_kept_once(api, work, curves):
    job = expect(api.post(f"{curves}/explain", json={"rows": 2, "background": 2}), 202)
    dead = Worker(api.app.state.database, Hanging(), slots=1, lease_s=30)
    dead.step()
    assert expect(api.get(f"jobs/{job['id']}"))["state"] == "running"
    again = expect_refusal(api.post(f"{curves}/explain", json={"rows": 3}), 409)
    assert job["id"] in again["detail"]
    assert expect(api.post(f"{curves}/explain", json={"rows": 2, "background": 2}), 202)["id"] == job["id"]
    with api.app.state.database.write() as session:
        jobs.job(session, job["id"]).lease_until = store.now() - timedelta(seconds=1)
    work()
    done = expect(api.get(f"jobs/{job['id']}"))
    assert (done["state"], done["attempt"]) == ("done", 2)
    assert expect(api.get(f"{curves}/explain"))["request"]["rows"] == 2


def test_studies_tell_how_far_they_are(api, curves):
    class Heard:
        def __init__(self):
            self.shares = []

        def tell(self, share, doing):
            assert doing
            self.shares.append(share)

    for kind, body in (("explain", {}), ("robustness", {}), ("sweep", {"factors": {"alpha": [1, 2]}, "seeds": 1})):
        job, heard = expect(api.post(f"{curves}/{kind}", json=body), 202), Heard()
        with api.app.state.database.read() as session:
            found = studies.studied(*studies.task(session, jobs.job(session, job["id"])), heard)
        assert found.said
        assert heard.shares == sorted(heard.shares)
        assert heard.shares[0] == 0
        assert 0.4 < heard.shares[-1] <= 1


def test_a_study_that_fails_says_why_and_is_tried_again(api, work, curves, monkeypatch):
    def fails(material, body):
        raise ValueError("constraints: nothing keeps to them")

    good = studies.KINDS["explain"]
    monkeypatch.setitem(studies.KINDS, "explain", good._replace(found=fails))
    job = expect(api.post(f"{curves}/explain", json={"rows": 2}), 202)
    work()
    assert "nothing keeps to them" in expect(api.get(f"jobs/{job['id']}"))["error"]
    assert "nothing keeps to them" in expect_refusal(api.get(f"{curves}/explain"), 404)["detail"]
    monkeypatch.setitem(studies.KINDS, "explain", good)
    assert expect(api.post(f"{curves}/explain", json={"rows": 2}), 202)["state"] == "queued"
    work()
    assert expect(api.get(f"{curves}/explain"))["result"]["held_out"] > 0


def test_viewers_read_studies_and_chemists_ask_for_them(api, work, curves, as_role):
    expect_refusal(api.post(f"{curves}/explain", json={}, headers=as_role("lab")), 403)
    expect(api.post(f"{curves}/explain", json={"rows": 2}, headers=as_role("chemist")), 202)
    work()
    viewer = as_role("viewer")
    expect(api.get(f"{curves}/explain", headers=viewer))
    expect(api.get(f"{curves}/figures", headers=viewer))


@pytest.mark.parametrize(
    "asked",
    [
        {"factors": {"alpha": [0.01, 1.0, 1e9]}, "seeds": 2},
        {"method": "loop", "search": [{"name": "alpha", "low": 0.01, "high": 1e8, "log": True}], "batches": 1, "size": 3, "seeds": 1},
    ],
)
def test_a_sweep_that_was_killed_goes_on_with_the_runs_it_has_not_done(api, curves, tmp_path, asked):
    class Killed(BaseException):
        """The end of a process."""

    class Watched:
        """Kills the sweep after so many runs."""

        def __init__(self, after):
            self.after, self.told = after, []

        def tell(self, share, doing):
            self.told.append(share)
            if len(self.told) > self.after:
                raise Killed

    job = expect(api.post(f"{curves}/sweep", json=asked), 202)["id"]
    with api.app.state.database.read() as session:
        arguments = studies.task(session, jobs.job(session, job))
    alone = studies.studied(*arguments, Watched(99))
    with pytest.raises(Killed):
        studies.studied(*arguments, Watched(4), tmp_path)
    (path,) = tmp_path.glob("*.jsonl")
    kept = [json.loads(line) for line in path.read_text().splitlines() if line]
    assert len(kept) == 4
    path.write_text(path.read_text() + '\n{"half a l')
    again = studies.studied(*arguments, Watched(99), tmp_path)
    assert again.result == alone.result
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith('{"half')]
    assert len(lines) == 6
