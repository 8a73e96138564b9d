"""Past campaigns as priors: frozen when a campaign is created, used by its rules, refused where they do not fit."""

import json

import pytest

from tests.service.conftest import AXIS, CURVE, SCALAR, bowl, expect, expect_refusal, measure, started
from tests.service.test_import import SIMPLE, as_csv, send
from tests.service.test_replay import SAME, replay

PAST = {**SCALAR, "name": "Past", "batch_size": 5}
PRESENT = {**SCALAR, "name": "Present", "priors": ["past"], "batch_size": 5}
LINE = {"kind": "continuous", "low": 0, "high": 10}


def shifted(recipe):
    return 3 * bowl({"a": recipe["a"] + 1, "b": recipe["b"]}) + 7


@pytest.fixture
def past(api, work):
    """A past campaign of two measured rounds, 20 wells."""
    campaign = started(api, work, PAST)
    for round in (1, 2):
        measure(api, campaign, round, shifted)
        work()
    return campaign


def imported(api, document, rows, mapping=SIMPLE):
    """A campaign whose data came from a file."""
    campaign = expect(api.post("campaigns", json=document), 201)["id"]
    expect(send(api, campaign, as_csv(rows), mapping), 201)
    return campaign


def curves(api, name="Curves", axis=AXIS, values=(0.1, 0.9, 0.6, 0.2)):
    objective = {"kind": "spectrum_match", "axis": list(axis), "target": {"axis": list(axis), "values": list(values)}}
    rows = [["A (%)", "B (%)", *axis], *([a, b, *(v * (a + b) / 9 for v in values)] for a, b in ((1, 2), (3, 4), (5, 1), (6, 3)))]
    return imported(api, {**SCALAR, "name": name, "objective": objective}, rows, {"parameters": SIMPLE["parameters"]})


def test_a_campaign_learns_from_a_past_one_and_says_what(api, work, past):
    campaign = started(api, work, PRESENT)
    [prior] = expect(api.get(f"campaigns/{campaign}"))["priors"]
    assert (prior["campaign"], prior["round"], prior["wells"], prior["replicates"]) == ("past", 2, 20, 20)
    assert len(prior["sha256"]) == 64
    assert expect(api.get(f"campaigns/{campaign}/batches/1"))["rule"] == "lhs_centered"
    measure(api, campaign, 1, bowl)
    work()
    [learned] = expect(api.get(f"campaigns/{campaign}/batches/2"))["model"]["priors"]
    assert (learned["campaign"], learned["wells"]) == ("past", 20)
    assert learned["correlation"] > 0.8
    assert learned["effect"] > 0.5
    log = api.get(f"campaigns/{campaign}/events").text
    assert "event: prior frozen" in log
    assert prior["sha256"] in log


def test_what_happens_to_the_past_campaign_later_changes_nothing(api, work, past):
    campaign = started(api, work, PRESENT)
    measure(api, campaign, 1, bowl)
    work()
    before = expect(api.get(f"campaigns/{campaign}"))["priors"]
    measure(api, past, 3, lambda _: -1000.0)
    work()
    changes = {"quality": "excluded", "reason": "bubble"}
    expect(api.patch(f"campaigns/{past}/designs/r01-w01/replicates/1", json=changes, headers={"If-Match": "*"}))
    expect(api.post(f"campaigns/{campaign}/bounds", json={"parameter": "b", "low": -1, "high": 14, "reason": "more room"}))
    assert expect(api.get(f"campaigns/{campaign}"))["priors"] == before
    assert replay(api, work, campaign, 2) == "same batch: 5 wells; the data before it are as they were"
    assert replay(api, work, campaign, 1) == SAME


def test_only_data_that_count_are_frozen(api, work, past):
    changes = {"quality": "excluded", "reason": "bubble"}
    expect(api.patch(f"campaigns/{past}/designs/r01-w01/replicates/1", json=changes, headers={"If-Match": "*"}))
    expect(api.patch(f"campaigns/{past}/designs/r01-w02", json={"state": "failed", "reason": "spilt"}, headers={"If-Match": "*"}))
    assert expect(api.post("campaigns", json=PRESENT), 201)["priors"][0]["wells"] == 18


def test_a_file_becomes_a_prior_by_way_of_a_campaign_and_is_exported_with_it(api):
    imported(api, PAST, [["A (%)", "B (%)", "y"], [1, 2, 0.5], [1, 2, 0.7], [12, 4, 0.2]])
    campaign = expect(api.post("campaigns", json=PRESENT), 201)["id"]
    whole = json.loads(api.get(f"campaigns/{campaign}/export", params={"format": "json"}).content)
    [prior] = whole["priors"]
    assert (prior["executed"], prior["counts"], prior["outcomes"]) == ([[1, 2], [12, 4]], [2, 1], [[0.5], [0.7], [0.2]])
    assert whole["campaign"]["document"]["priors"] == ["past"]


@pytest.mark.parametrize("rule", ["lp_ei", "composite"])
def test_curves_of_another_target_are_scored_anew(api, work, rule):
    past = curves(api)
    document = {**CURVE, "name": "Present", "priors": [past], "batch_size": 3, "strategy": {"rules": [rule], "initial": {"size": 4}}}
    campaign = started(api, work, document)
    wells = expect(api.get(f"campaigns/{campaign}/batches/1"))["designs"]
    for k, well in enumerate(wells):
        expect(api.put(f"campaigns/{campaign}/designs/{well['id']}/replicates/1", json={"values": [0, 0.2 * k + 0.1, 0.7, 0.1]}), 201)
    work()
    batch = expect(api.get(f"campaigns/{campaign}/batches/2"))
    assert (len(batch["designs"]), batch["model"]["priors"][0]["campaign"]) == (3, past)


def test_curves_on_another_axis_are_resampled_where_it_covers_the_present_one(api):
    past = curves(api, axis=(370.0, 390.0, 430.0, 450.0))
    campaign = expect(api.post("campaigns", json={**CURVE, "priors": [past]}), 201)["id"]
    exported = json.loads(api.get(f"campaigns/{campaign}/export", params={"format": "json"}).content)
    assert exported["priors"][0]["outcomes"][0] == pytest.approx([0.5 / 3, 0.825 / 3, 0.675 / 3, 0.4 / 3])
    short = curves(api, "Short", (390.0, 400.0, 420.0, 440.0))
    problem = expect_refusal(api.post("campaigns", json={**CURVE, "priors": [short]}), 422, "priors.0.axis")
    assert "covers the whole axis" in problem["errors"][0]["remedy"]


def space(*parameters):
    return {"parameters": [{**LINE, **parameter} for parameter in parameters]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"priors": ["none"]}, "priors.0"),
        ({"priors": ["past", "past"]}, "priors.1"),
        ({"priors": ["empty"]}, "priors.0"),
        ({"priors": ["Past"]}, "priors.0"),
        ({"priors": [f"past-{k}" for k in range(6)]}, "priors"),
        ({"space": space({"name": "a", "unit": "%"}, {"name": "b", "unit": "%"}, {"name": "c"})}, "priors.0.c"),
        ({"space": space({"name": "a", "unit": "%"})}, "priors.0.b"),
        ({"space": space({"name": "a", "unit": "mL"}, {"name": "b", "unit": "%"})}, "priors.0.a"),
        ({"objective": CURVE["objective"]}, "priors.0"),
        ({"objective": {"kind": "minimize", "outcome": "loss", "unit": "g"}}, "priors.0"),
    ],
)
def test_a_prior_that_does_not_fit_is_refused_with_field_and_remedy(api, past, changes, field):
    expect(api.post("campaigns", json={**SCALAR, "name": "Empty"}), 201)
    problem = expect_refusal(api.post("campaigns", json={**PRESENT, **changes}), 422, field)
    assert problem["errors"][0]["remedy"]
    assert [line["id"] for line in expect(api.get("campaigns"))["items"]] == ["empty", "past"]


def test_a_category_that_is_unknown_here_is_refused_and_other_bounds_are_not(api):
    solvents = {"kind": "categorical", "name": "solvent", "categories": ["water", "ethanol"]}
    document = {**SCALAR, "name": "Past", "space": {"parameters": [solvents, {**LINE, "name": "x"}]}}
    mapping = {"parameters": {"solvent": {"column": "s", "unit": ""}, "x": {"column": "x", "unit": ""}}, "outcome": "y"}
    imported(api, document, [["s", "x", "y"], ["ethanol", 3, 0.2], ["ethanol", 8, 0.4]], mapping)
    other = {**solvents, "categories": ["toluene", "ethanol"]}
    wider = {**document, "name": "Present", "space": {"parameters": [other, {**LINE, "name": "x", "high": 5}]}, "priors": ["past"]}
    campaign = expect(api.post("campaigns", json={**wider, "strategy": {"initial": {"size": 3}}}), 201)["id"]
    exported = json.loads(api.get(f"campaigns/{campaign}/export", params={"format": "json"}).content)
    assert exported["priors"][0]["executed"] == [[1, 3], [1, 8]]
    other["categories"] = ["toluene", "water"]
    assert "toluene" in expect_refusal(api.post("campaigns", json=wider), 422, "priors.0.solvent")["errors"][0]["remedy"]


def test_an_extra_parameter_that_never_varied_does_no_harm(api):
    document = {**SCALAR, "name": "Past", "space": space({"name": "a"}, {"name": "b"}, {"name": "c"})}
    mapping = {"parameters": {name: {"column": name, "unit": ""} for name in "abc"}, "outcome": "y"}
    imported(api, document, [["a", "b", "c", "y"], [1, 2, 5, 0.2], [3, 2, 5, 0.4]], mapping)
    present = {**PRESENT, "space": space({"name": "a"}, {"name": "b"})}
    assert expect(api.post("campaigns", json=present), 201)["priors"][0]["wells"] == 2


def test_who_may_create_campaigns_may_name_priors(api, past, as_role):
    expect_refusal(api.post("campaigns", json=PRESENT, headers=as_role("lab")), 403)
    expect(api.post("campaigns", json=PRESENT, headers=as_role("chemist")), 201)
    assert expect(api.get("campaigns/present", headers=as_role("viewer")))["priors"][0]["campaign"] == "past"
