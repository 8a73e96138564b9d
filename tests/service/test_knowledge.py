"""Knowledge over HTTP: asked for, computed by a job, read with what it was made from."""

import pytest

from tests.service.conftest import AXIS, CURVE, SCALAR, bowl, expect, expect_refusal, measure, started
from tests.service.test_rescore import ANY, AWAY, measure_curves, rescore


def ask(api, campaign, **body):
    return api.post(f"campaigns/{campaign}/knowledge", json=body)


def learnt(api, work, campaign, **body):
    answer = ask(api, campaign, **body)
    job = expect(answer, 202)
    assert (job["kind"], answer.headers["location"]) == ("knowledge", f"/api/v1/jobs/{job['id']}")
    work()
    done = expect(api.get(f"jobs/{job['id']}"))
    assert done["error"] is None
    return expect(api.get(f"campaigns/{campaign}/knowledge"))


@pytest.fixture
def numbers(api, work, campaign):
    measure(api, campaign, 1, bowl)
    return campaign


@pytest.fixture
def curves(api, work):
    campaign = started(api, work, CURVE)
    measure_curves(api, campaign, 1)
    return campaign


def test_numbers_are_explained_mapped_and_predicted(api, work, numbers):
    found = learnt(api, work, numbers, recipes=[{"a": 3, "b": 7}, {"a": 10, "b": 10}])
    told = found["explanation"]
    assert (told["outputs"], told["exact"], told["error"]) == (["loss"], True, None)
    assert {entry["parameter"] for entry in told["importance"]} == {"a", "b"}
    assert told["importance"][0]["loss"] >= told["importance"][1]["loss"] > 0
    for well in told["wells"]:
        assert sum(well["values"]["loss"].values()) == pytest.approx(well["predicted"]["loss"] - told["base"]["loss"], abs=1e-4)
    (drawn,) = found["maps"]
    assert (drawn["x"], drawn["y"]) == ("a", "b")
    assert drawn["loss"][-1][-1] is None
    assert min(v for row in drawn["loss"] for v in row if v is not None) < 0.2
    good, infeasible = found["recipes"]
    assert good["recipe"] == {"a": 3, "b": 7}
    assert good["loss"] == pytest.approx(0, abs=0.2)
    assert (good["feasible"], infeasible["feasible"]) == (True, False)
    assert good["validity"]["status"] == "inside"
    assert (found["axis"], good["curve"], found["target"]) == (None, None, None)
    assert len(found["measured"]) == 15
    assert (found["round"], found["objective"], found["current"]) == (2, 1, True)


def test_curves_are_explained_by_region_and_predicted_whole(api, work, curves):
    regions = [{"name": "blue", "low": 380, "high": 400}, {"name": "red", "low": 420, "high": 440}]
    found = learnt(api, work, curves, recipes=[{"a": 5, "b": 5}], regions=regions)
    assert found["explanation"]["outputs"] == ["loss", "blue", "red"]
    assert found["explanation"]["importance"][0]["parameter"] == "a"
    assert found["explanation"]["importance"][0]["regions"].keys() == {"blue", "red"}
    assert found["axis"] == AXIS
    assert found["target"] == [0, 1, 0.5, 0]
    (recipe,) = found["recipes"]
    assert recipe["curve"] == pytest.approx([0, 0.5, 0.5, 0.05], abs=0.05)
    assert len(recipe["band"]) == 4
    slider = found["sliders"][0]
    assert slider["parameter"] == "a"
    assert len({prediction["recipe"]["b"] for prediction in slider["predictions"]}) == 1
    assert len(learnt(api, work, curves)["explanation"]["outputs"]) == 1 + len({(380, 400), (400, 420), (420, 440)}) * 2


def test_knowledge_is_replaced_and_says_when_it_is_old(api, work, numbers):
    assert learnt(api, work, numbers)["recipes"] == []
    assert len(learnt(api, work, numbers, recipes=[{"a": 1, "b": 1}])["recipes"]) == 1
    read = api.get(f"campaigns/{numbers}/knowledge")
    expect(api.put(f"campaigns/{numbers}/designs/r01-w01/replicates/2", json={"value": 1.0}), 201)
    old = expect(api.get(f"campaigns/{numbers}/knowledge"))
    assert {**old, "current": True} == read.json()
    assert not old["current"]
    assert learnt(api, work, numbers)["current"]
    expect(rescore(api, numbers, AWAY))
    assert not expect(api.get(f"campaigns/{numbers}/knowledge"))["current"]
    assert learnt(api, work, numbers)["objective"] == 2
    expect(api.post(f"campaigns/{numbers}/bounds", json={"parameter": "b", "high": 14, "reason": "more room"}))
    assert not expect(api.get(f"campaigns/{numbers}/knowledge"))["current"]


def test_knowledge_is_exported(api, work, numbers):
    assert expect(api.get(f"campaigns/{numbers}/export?format=json"))["knowledge"] is None
    found = learnt(api, work, numbers)
    assert expect(api.get(f"campaigns/{numbers}/export?format=json"))["knowledge"]["explanation"] == found["explanation"]


def test_a_campaign_is_left_as_it_was(api, work, numbers):
    work()
    before = api.get(f"campaigns/{numbers}").content, api.get(f"campaigns/{numbers}/batches/2").content
    learnt(api, work, numbers)
    assert (api.get(f"campaigns/{numbers}").content, api.get(f"campaigns/{numbers}/batches/2").content) == before
    log = api.get(f"campaigns/{numbers}/events").text
    assert log.index("event: knowledge asked for") < log.index("event: knowledge found")
    expect(api.patch(f"campaigns/{numbers}", json={"state": "stopped", "reason": "lunch"}, headers=ANY))
    assert learnt(api, work, numbers)["current"]


@pytest.mark.parametrize(
    ("document", "body", "field"),
    [
        (SCALAR, {"recipes": [{"a": 1, "b": 1}, {"a": 1}]}, "recipes.1.b"),
        (SCALAR, {"recipes": [{"a": 1, "b": 1, "c": 1}]}, "recipes.0.c"),
        (SCALAR, {"recipes": [{"a": 1, "b": 1}] * 101}, "recipes"),
        (SCALAR, {"regions": [{"name": "blue", "low": 380, "high": 400}]}, "regions"),
        (CURVE, {"regions": [{"name": "red", "low": 441, "high": 500}]}, "regions.0"),
        (CURVE, {"regions": [{"name": "red", "low": 420, "high": 400}]}, "regions.0"),
        (CURVE, {"regions": [{"name": "loss", "low": 380, "high": 400}]}, "regions.0"),
        (CURVE, {"regions": [{"name": "red", "low": 380, "high": 400}] * 2}, "regions.1"),
        (CURVE, {"seed": 1}, "seed"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(api, work, document, body, field):
    campaign = started(api, work, document)
    measure(api, campaign, 1, bowl) if document is SCALAR else measure_curves(api, campaign, 1)
    expect_refusal(ask(api, campaign, **body), 422, field)


def test_there_is_nothing_to_learn_or_to_read_before_a_measurement(api, campaign):
    assert "measure a round first" in expect_refusal(ask(api, campaign), 409)["detail"]
    assert "asks for it" in expect_refusal(api.get(f"campaigns/{campaign}/knowledge"), 404)["detail"]
    expect_refusal(ask(api, "none"), 404)
    expect_refusal(api.get("campaigns/none/knowledge"), 404)


def test_another_request_waits_for_the_one_under_way(api, work, numbers):
    first = expect(ask(api, numbers), 202)
    assert expect(ask(api, numbers), 202)["id"] == first["id"]
    assert "under way" in expect_refusal(ask(api, numbers, recipes=[{"a": 1, "b": 1}]), 409)["detail"]
    work()
    assert len(learnt(api, work, numbers, recipes=[{"a": 1, "b": 1}])["recipes"]) == 1


def test_chemists_ask_once_per_key_and_viewers_read(api, work, numbers, as_role):
    path = f"campaigns/{numbers}/knowledge"
    expect_refusal(api.post(path, json={}, headers=as_role("lab")), 403)
    chemist = {**as_role("chemist"), "Idempotency-Key": "k"}
    first = expect(api.post(path, json={}, headers=chemist), 202)
    work()
    assert expect(api.post(path, json={}, headers=chemist), 202) == first
    assert expect(api.get(path, headers=as_role("viewer")))["current"]


def test_a_job_that_fails_says_so_and_leaves_what_was_known(api, work, numbers, monkeypatch):
    def broken(*_):
        raise ArithmeticError("the matrix is singular")

    known = learnt(api, work, numbers)
    monkeypatch.setattr("app.worker.findings", broken)
    job = expect(ask(api, numbers), 202)
    work()
    assert expect(api.get(f"jobs/{job['id']}"))["state"] == "failed"
    assert "event: learning failed" in api.get(f"campaigns/{numbers}/events").text
    assert expect(api.get(f"campaigns/{numbers}/knowledge")) == known
