"""Surrogates over HTTP: trained by a job, read, promoted, asked; and every way to ask for what cannot be."""

import io
import json
import time
import zipfile
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from pebble import ProcessExpired

from app import surrogates
from app.datasets import store_table
from app.progress import Progress
from app.security import Principal, Role
from app.worker import Worker
from db import jobs, keys, store
from models.table import Field, Table
from models.trained import FILES, Trained
from tests.service.conftest import Inline, expect, expect_refusal

AXIS = np.linspace(380.0, 800.0, 22)
WHO = Principal("tester", Role.chemist)
BODY = {
    "name": "Bands, linear",
    "dataset": {"id": "bands"},
    "inputs": ["x", "y", "solvent"],
    "targets": ["band", "size", "shape"],
    "group": "batch",
    "learner": {"kind": "forest", "settings": {"trees": 20}},
    "sizes": [0.5],
    "seeds": 2,
}
ROW = {"x": 0.4, "y": 5.0, "solvent": "water"}
LINEAR = {**BODY, "targets": ["band"], "learner": {"kind": "ridge"}, "seeds": 1, "sizes": []}


def bands(n=60, seed=0):
    rng = np.random.default_rng(seed)
    x, y, solvent = rng.random(n), 1 + 9 * rng.random(n), rng.integers(0, 2, n)
    curves = np.exp(-(((AXIS - 500 - 200 * x[:, None]) / 60) ** 2)) + 0.01 * rng.standard_normal((n, len(AXIS)))
    return Table(
        (
            Field("x", x, "%"),
            Field("y", y, "nm"),
            Field("solvent", solvent, classes=("water", "ethanol")),
            Field("band", curves, "1", AXIS, "nm"),
            Field("size", y * np.exp(x), "nm"),
            Field("shape", (x > 0.5).astype(int), classes=("sphere", "prism")),
            Field("batch", np.arange(n) // 5, classes=tuple(f"b{k}" for k in range(n // 5))),
            Field("same", np.ones(n), "%"),
            Field("rare", np.arange(n) % 2, classes=("a", "b", "never")),
        )
    )


def stored(api, name, table):
    with api.app.state.database.write() as session:
        return store_table(session, WHO, name, table, {})[0].id


@pytest.fixture
def dataset(api):
    return stored(api, "bands", bands())


@pytest.fixture
def surrogate(api, work, dataset):
    """A trained one."""
    made = expect(api.post("surrogates", json=BODY), 202)
    work()
    return made["id"]


def test_a_training_ends_with_one_card_that_tells_how_good_the_model_is(api, work, dataset):
    answer = api.post("surrogates", json=BODY)
    made = expect(answer, 202)
    assert answer.headers["Location"] == "/api/v1/surrogates/bands-linear"
    assert (made["state"], made["trained"], made["job"]["state"], made["card"]) == ("candidate", False, "queued", None)
    work()
    found = expect(api.get("surrogates/bands-linear"))
    assert found["job"]["state"] == "done", found["job"]
    card = found["card"]
    assert card["data"]["sha256"] == found["sha256"] == expect(api.get("datasets/bands"))["sha256"]
    for split in ("random", "grouped"):
        told = card["splits"][split]
        assert told["train"] + told["test"] == 60
        assert told["metrics"]["band"]["r2"] > 0.5
        assert told["spread"]["band"]["r2"] > 0
        assert set(told["metrics"]["shape"]["recall"]) == {"sphere", "prism"}
    assert [point["rows"] for point in card["learning_curve"]] == [24, 48]
    assert card["box"]["x"]["unit"] == "%"
    assert card["versions"]["numpy"] == np.__version__
    assert [line["id"] for line in expect(api.get("surrogates?state=candidate"))["items"]] == ["bands-linear"]
    assert expect(api.get("surrogates?state=promoted"))["items"] == []


def test_predictions_over_http_are_those_of_the_downloaded_files(api, surrogate, tmp_path):
    answer = expect(api.post(f"surrogates/{surrogate}/predict", json={"rows": [ROW, {**ROW, "x": 3.0}]}))
    assert [target["name"] for target in answer["targets"]] == ["band", "size", "shape"]
    assert answer["targets"][0]["axis"] == AXIS.tolist()
    with zipfile.ZipFile(io.BytesIO(api.get(f"surrogates/{surrogate}/artifact").content)) as archive:
        assert set(archive.namelist()) == set(FILES)
        archive.extractall(tmp_path)
    fields = (Field("x", np.array([0.4, 3.0]), "%"), Field("y", np.array([5.0, 5.0]), "nm"))
    told, verdicts = Trained.load(tmp_path).predict(Table((*fields, Field("solvent", np.zeros(2, int), classes=("water", "ethanol")))))
    band, size, shape = (answer["rows"][0]["answers"][name] for name in ("band", "size", "shape"))
    assert band["mean"] == told[0].mean[0].tolist()
    assert band["low"] == told[0].low[0].tolist()
    assert size["low"] < size["mean"] < size["high"]
    assert shape["best"] == "sphere"
    assert sum(shape["probabilities"].values()) == pytest.approx(1)
    assert [row["validity"]["status"] for row in answer["rows"]] == [verdict.status for verdict in verdicts] == ["inside", "outside"]
    assert answer["rows"][1]["validity"]["variable"] == "x"


def test_a_model_is_promoted_and_retired_with_reasons_and_versions(api, work, dataset, as_role):
    path = f"surrogates/{expect(api.post('surrogates', json=LINEAR), 202)['id']}"
    change = {"state": "promoted", "reason": "good enough"}
    expect_refusal(api.patch(path, json=change, headers={"If-Match": "*"}), 409)
    expect_refusal(api.get(f"{path}/artifact"), 409)
    expect_refusal(api.post(f"{path}/predict", json={"rows": [ROW]}), 409)
    work()
    expect_refusal(api.patch(path, json=change), 428)
    expect_refusal(api.patch(path, json=change, headers={"If-Match": '"1"'}), 412)
    expect_refusal(api.patch(path, json={"state": "promoted", "reason": ""}, headers={"If-Match": "*"}), 422, "reason")
    expect_refusal(api.patch(path, json=change, headers={"If-Match": "*", **as_role("lab")}), 403)
    tag = api.get(path).headers["ETag"]
    assert expect(api.patch(path, json=change, headers={"If-Match": tag}))["state"] == "promoted"
    expect_refusal(api.patch(path, json=change, headers={"If-Match": "*"}), 409)
    assert expect(api.patch(path, json={"state": "retired", "reason": "old"}, headers={"If-Match": "*"}))["state"] == "retired"


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"dataset": {"id": "nothing"}}, 422, "dataset"),
        ({"dataset": {"id": "bands", "version": 7}}, 422, "dataset"),
        ({"inputs": ["x", "temperature"]}, 422, "inputs.1"),
        ({"targets": ["band", "x"]}, 422, "inputs.0"),
        ({"targets": ["same"]}, 422, "targets.0"),
        ({"targets": ["rare"]}, 422, "targets.0"),
        ({"inputs": ["same"]}, 422, "inputs.0"),
        ({"targets": [{"name": "band", "scale": "log"}]}, 422, "targets.0"),
        ({"targets": [{"name": "band", "shares": True}]}, 422, "targets.0"),
        ({"targets": ["shape"], "learner": {"kind": "ridge"}}, 422, "targets.0"),
        ({"targets": ["shape", "solvent"], "inputs": ["x"], "learner": {"kind": "logistic"}}, 422, "targets.0"),
        ({"learner": {"kind": "resnet"}}, 422, "inputs.0"),
        ({"learner": {"kind": "oracle"}}, 422, "learner.kind"),
        ({"learner": {"kind": "forest", "settings": {"tree": 5}}}, 422, "learner.settings.tree"),
        ({"learner": {"kind": "forest", "settings": {"trees": 0}}}, 422, "learner.settings.trees"),
        ({"learner": {"kind": "forest", "settings": {"trees": {"a": 1}}}}, 422, "learner.settings"),
        ({"group": "nobody"}, 422, "group"),
        ({"group": "same"}, 422, "group"),
        ({"test_fraction": 1}, 422, "test_fraction"),
        ({"seeds": 0}, 422, "seeds"),
        ({"inputs": []}, 422, "inputs"),
        ({"surplus": 1}, 422, "surplus"),
    ],
)
def test_a_training_that_cannot_be_is_refused_with_the_field(api, dataset, change, status, field):
    expect_refusal(api.post("surrogates", json={**BODY, **change}), status, field)
    assert expect(api.get("surrogates"))["items"] == []


def test_a_few_rows_are_refused(api):
    stored(api, "few", bands(60).rows(np.arange(4)))
    assert "rows" in expect_refusal(api.post("surrogates", json={**BODY, "dataset": {"id": "few"}}), 422, "dataset")["detail"]


@pytest.fixture
def by_curve(api, work, dataset):
    body = {**BODY, "name": "Size of a band", "inputs": ["band"], "targets": ["size"], "learner": {"kind": "ridge"}}
    id = expect(api.post("surrogates", json=body), 202)["id"]
    work()
    return f"surrogates/{id}/predict"


def test_a_curve_on_another_axis_is_refused_with_the_remedy(api, by_curve):
    row = {"band": bands().fields[3].values[0].tolist()}
    expect(api.post(by_curve, json={"rows": [row], "axes": {"band": AXIS.tolist()}, "units": {"band": "1"}}))
    for body, field in [
        ({"rows": [row], "axes": {"band": (AXIS + 50).tolist()}}, "rows.0.band"),
        ({"rows": [{"band": row["band"][:9]}]}, "rows.0.band"),
        ({"rows": [row], "axes": {"band": AXIS[:9].tolist()}}, "axes.band"),
    ]:
        problem = expect_refusal(api.post(by_curve, json=body), 422, field)
        assert "resample" in problem["errors"][0]["remedy"]
        assert "overlap" in problem["errors"][0]["remedy"]
    assert "convert" in expect_refusal(api.post(by_curve, json={"rows": [row], "units": {"band": "%"}}), 422)["errors"][0]["remedy"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rows": []}, "rows"),
        ({"rows": [{"x": 0.4, "y": 5.0}]}, "rows.0.solvent"),
        ({"rows": [ROW, {**ROW, "z": 1}]}, "rows.1.z"),
        ({"rows": [{**ROW, "x": "much"}]}, "rows.0.x"),
        ({"rows": [{**ROW, "x": [1.0, 2.0]}]}, "rows.0.x"),
        ({"rows": [ROW, {**ROW, "solvent": "toluene"}]}, "rows.1.solvent"),
        ({"rows": [ROW], "units": {"q": "%"}}, "units.q"),
        ({"rows": [ROW], "axes": {"q": [1.0, 2.0]}}, "axes.q"),
        ({"rows": [ROW], "units": {"x": "g"}}, "rows.0.x"),
        ({"rows": [ROW] * 1001}, "rows"),
    ],
)
def test_samples_that_cannot_be_asked_are_refused_with_the_field(api, surrogate, body, field):
    expect_refusal(api.post(f"surrogates/{surrogate}/predict", json=body), 422, field)


@pytest.mark.parametrize("text", ['{"rows": [{"x": NaN}]}', '{"rows": [{"x": 1e999}]}', '{"rows": [{"x": [1, [2]]}]}'])
def test_numbers_that_are_none_and_ragged_arrays_are_refused(api, surrogate, text):
    answer = api.post(f"surrogates/{surrogate}/predict", content=text, headers={"Content-Type": "application/json"})
    expect_refusal(answer, 422)


def test_a_failed_training_says_why_and_can_be_tried_again(api, work, dataset, monkeypatch):
    def broken(*_):
        raise MemoryError("Unable to allocate 9 GiB")

    id = expect(api.post("surrogates", json=LINEAR), 202)["id"]
    monkeypatch.setattr("models.programme.train", broken)
    work()
    job = expect(api.get(f"surrogates/{id}"))["job"]
    assert job["state"] == "failed"
    assert "CLOSEDLOOP_MEMORY_MB" in job["error"]
    monkeypatch.undo()
    assert expect(api.post(f"surrogates/{id}/retry"), 202)["state"] == "queued"
    work()
    assert expect(api.get(f"surrogates/{id}"))["trained"]
    assert expect(api.post(f"surrogates/{id}/retry"), 202)["state"] == "done"


def test_the_same_request_with_a_key_makes_one_model(api, dataset):
    headers = {"Idempotency-Key": "once"}
    first, again = (expect(api.post("surrogates", json=BODY, headers=headers), 202) for _ in range(2))
    assert first == again
    other = expect(api.post("surrogates", json=BODY), 202)
    assert (first["id"], other["id"]) == ("bands-linear", "bands-linear-2")


def test_the_events_of_a_job_end_with_its_end(api, work, dataset):
    job = expect(api.post("surrogates", json=LINEAR), 202)["job"]
    work()
    text = api.get(f"jobs/{job['id']}/events").text
    told = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    assert [told[-1]["state"], told[-1]["surrogate"], told[-1]["campaign"]] == ["done", "bands-linear", None]
    expect_refusal(api.get("jobs/nothing/events"), 404)


def test_a_training_that_was_overtaken_leaves_no_card(api, dataset):
    id = expect(api.post("surrogates", json=LINEAR), 202)["id"]
    database, outcomes = api.app.state.database, []
    for attempt in (1, 2):
        with database.write() as session:
            (job,) = jobs.claim(session, f"worker {attempt}", 30)
            job.lease_until = store.now() - timedelta(seconds=1)
            outcomes.append((job.id, attempt, surrogates.trained(*surrogates.task(session, job), Progress.open())))
    kept = []
    for job, attempt, (files, card) in outcomes:
        with database.write() as session:
            kept.append(surrogates.commit_training(session, job, attempt, (files, {**card, "attempt": attempt})))
    assert kept == [False, True]
    found = expect(api.get(f"surrogates/{id}"))
    assert (found["card"]["attempt"], found["version"], found["job"]["attempt"]) == (2, 2, 2)


def test_a_running_training_tells_how_far_it_is(api, dataset):
    class Held(Inline):
        """Tells progress, and never ends."""

        def submit(self, function, *arguments):
            next(one for one in arguments if isinstance(one, Progress)).tell(0.25, "random split, seed 0")
            return Future()

    job = expect(api.post("surrogates", json=LINEAR), 202)["job"]["id"]
    worker = Worker(api.app.state.database, Held(), slots=1, lease_s=30)
    worker.step()
    worker.step()
    told = expect(api.get(f"jobs/{job}"))
    assert (told["state"], told["progress"], told["doing"]) == ("running", 0.25, "random split, seed 0")
    worker._give_back()
    assert expect(api.get(f"jobs/{job}"))["state"] == "queued"


def test_a_key_is_needed_to_ask_and_a_revoked_one_is_refused_within_a_second(api, surrogate, as_role, monkeypatch):
    path, lab = f"surrogates/{surrogate}/predict", as_role("lab")
    for header in ("", "Bearer cl_of_nobody_in_particular"):
        expect_refusal(api.post(path, json={"rows": [ROW]}, headers={"Authorization": header}), 401)
    expect(api.post(path, json={"rows": [ROW]}, headers=lab))
    with api.app.state.database.write() as session:
        keys.revoke(session, "a lab")
    monkeypatch.setattr("app.security.time.monotonic", lambda now=time.monotonic: now() + 1.0)
    expect_refusal(api.post(path, json={"rows": [ROW]}, headers=lab), 401)


class CutShort(Inline):
    """An executor whose jobs come to an end of their own kind, after the first fits."""

    def __init__(self, error):
        self.error = error

    def submit(self, function, *arguments):
        folder = next(one for one in arguments if isinstance(one, Path))
        future = super().submit(function, *arguments)
        kept = {path.name for path in folder.iterdir()}
        assert kept == {f"fit-{k}" for k in range(len(kept))} != set()
        if self.error is None:
            return future
        failed = Future()
        failed.set_exception(self.error)
        return failed


@pytest.mark.parametrize(
    ("error", "state", "left"),
    [(None, "done", 0), (ValueError("diverged"), "failed", 0), (TimeoutError(), "failed", 1), (ProcessExpired("killed"), "failed", 1)],
)
def test_what_a_training_has_done_is_kept_as_long_as_it_may_be_needed(api, dataset, tmp_path, error, state, left):
    made = expect(api.post("surrogates", json=LINEAR), 202)
    worker = Worker(api.app.state.database, CutShort(error), slots=1, lease_s=30, unfinished=tmp_path / "unfinished")
    while worker.step():
        pass
    assert expect(api.get(f"jobs/{made['job']['id']}"))["state"] == state
    assert len(list((tmp_path / "unfinished").iterdir())) == left


def test_a_retry_goes_on_from_what_was_kept(api, dataset, tmp_path):
    made = expect(api.post("surrogates", json=LINEAR), 202)
    for executor in (CutShort(TimeoutError()), Inline()):
        worker = Worker(api.app.state.database, executor, slots=1, lease_s=30, unfinished=tmp_path / "unfinished")
        while worker.step():
            pass
        fits = {path.stat().st_ino for path in tmp_path.glob("unfinished/*/fit-*")}
        api.post(f"surrogates/{made['id']}/retry")
    assert not fits
    assert expect(api.get(f"surrogates/{made['id']}"))["card"] is not None
