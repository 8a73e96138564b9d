"""Wells and replicates: natural keys, bit for bit, states, exclusion."""

import struct

import pytest

from tests.service.conftest import AXIS, CURVE, SCALAR, bowl, expect, expect_refusal, measure, started

ANY = {"If-Match": "*"}
WHEN = "2026-03-01T10:00:00+01:00"


@pytest.fixture
def curves(api, work):
    return started(api, work, {**CURVE, "replicates": 3})


def put(api, campaign, design, number, **body):
    return api.put(f"campaigns/{campaign}/designs/{design}/replicates/{number}", json=body)


def test_the_same_replicate_again_is_fine_and_another_content_is_refused(api, campaign):
    first = put(api, campaign, "r01-w01", 1, value=0.5, measured_at=WHEN)
    again = put(api, campaign, "r01-w01", 1, value=0.5, measured_at=WHEN)
    assert expect(first, 201) == expect(again, 200)
    assert first.json()["measured_at"] == "2026-03-01T09:00:00Z"
    assert expect(put(api, campaign, "r01-w01", 1, value=0.5), 200) == first.json()
    expect_refusal(put(api, campaign, "r01-w01", 1, value=0.6), 409)
    expect_refusal(put(api, campaign, "r01-w01", 1, value=0.5, measured_at="2026-03-02T10:00:00Z"), 409)
    assert expect(api.get(f"campaigns/{campaign}"))["replicates"] == 1


def test_curves_come_back_bit_for_bit(api, curves):
    values = [0.1 + 0.2, 5e-324, 1 / 3, -0.0]
    expect(put(api, curves, "r01-w01", 1, values=values), 201)
    read = expect(api.get(f"campaigns/{curves}/designs/r01-w01/replicates/1"))["values"]
    assert [struct.pack("<d", v) for v in read] == [struct.pack("<d", v) for v in values]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"values": [1, 2, 3]}, 422, "values"),
        ({"value": 1.0}, 422, "values"),
        ({}, 422, "body"),
        ({"value": 1.0, "values": [1, 2, 3, 4]}, 422, "body"),
        ({"values": [1, 2, 3, 4], "axis": [380, 400, 420]}, 422, "axis"),
        ({"values": [1, 2, 3, 4], "axis": [380, 400, 400, 440]}, 422, "axis"),
        ({"values": [1, 2, 3, 4], "axis": [380, 400, 420, 441]}, 422, "axis"),
        ({"values": [1, 2, "3", 4]}, 422, "values.2"),
        ({"values": [1, 2, None, 4]}, 422, "values.2"),
        ({"values": [1, 2, 3, 4], "measured_at": "2026-03-01T10:00:00"}, 422, "measured_at"),
    ],
)
def test_outcomes_that_do_not_fit_are_refused(api, curves, body, status, field):
    expect_refusal(put(api, curves, "r01-w01", 1, **body), status, field)
    assert expect(api.get(f"campaigns/{curves}"))["replicates"] == 0


def test_a_number_has_no_axis(api, campaign):
    expect_refusal(put(api, campaign, "r01-w01", 1, value=1.0, axis=[1, 2]), 422, "axis")


def test_a_well_runs_with_its_first_replicate_and_is_measured_with_its_last(api, curves):
    states = []
    for number in (1, 2, 3):
        expect(put(api, curves, "r01-w01", number, values=[0, 1, 0.5, 0], axis=AXIS), 201)
        states.append(expect(api.get(f"campaigns/{curves}/designs/r01-w01"))["state"])
    assert states == ["running", "running", "measured"]


def test_an_unknown_design_is_named(api, campaign):
    assert "r99-w01" in expect_refusal(put(api, campaign, "r99-w01", 1, value=1.0), 404)["detail"]
    rows = [{"design": "r01-w01", "replicate": 1, "value": 1.0}, {"design": "r07-w01", "replicate": 1, "value": 1.0}]
    expect_refusal(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 422, "measurements.1.design")
    assert expect(api.get(f"campaigns/{campaign}"))["replicates"] == 0


def test_a_bulk_upload_is_all_or_nothing_and_may_be_repeated(api, campaign):
    rows = [{"design": f"r01-w{i:02d}", "replicate": 1, "value": float(i)} for i in (1, 2, 3)]
    first = expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 201)
    assert first == {"created": 3, "unchanged": 0, "measured": ["r01-w01", "r01-w02", "r01-w03"]}
    again = expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 201)
    assert again == {"created": 0, "unchanged": 3, "measured": []}
    clash = [{"design": "r01-w04", "replicate": 1, "value": 4.0}, {**rows[0], "value": 9.0}]
    problem = expect_refusal(api.post(f"campaigns/{campaign}/measurements", json={"measurements": clash}), 409)
    assert problem["detail"].startswith("measurements.1: ")
    assert expect(api.get(f"campaigns/{campaign}"))["replicates"] == 3


def test_the_median_resists_an_outlier_which_is_flagged_kept_and_excludable(api, work):
    campaign = started(api, work, {**SCALAR, "replicates": 7})
    values = [0.50, 0.51, 0.49, 0.50, 0.52, 0.48, 9.0]
    for number, value in enumerate(values, 1):
        expect(put(api, campaign, "r01-w01", number, value=value), 201)
    well = expect(api.get(f"campaigns/{campaign}/designs/r01-w01"))
    assert well["summary"]["loss"] == 0.50
    assert well["summary"]["outliers"] == [7]
    assert [r["outlier"] for r in well["replicates"]] == [False] * 6 + [True]

    path = f"campaigns/{campaign}/designs/r01-w01/replicates/7"
    expect_refusal(api.patch(path, json={"quality": "excluded"}, headers=ANY), 422, "reason")
    expect_refusal(api.patch(path, json={"quality": "excluded", "reason": "bubble"}), 428)
    excluded = expect(api.patch(path, json={"quality": "excluded", "reason": "bubble"}, headers=ANY))
    assert (excluded["value"], excluded["quality"], excluded["reason"]) == (9.0, "excluded", "bubble")
    summary = expect(api.get(f"campaigns/{campaign}/designs/r01-w01"))["summary"]
    assert (summary["n"], summary["excluded"], summary["loss"]) == (6, 1, 0.5)
    expect(api.patch(path, json={"quality": "ok", "reason": "no bubble after all"}, headers=ANY))
    assert expect(api.get(f"campaigns/{campaign}/designs/r01-w01"))["summary"]["n"] == 7


def test_executed_values_outside_the_box_are_kept_and_flagged_and_learnt_from(api, work, campaign):
    path = f"campaigns/{campaign}/designs/r01-w01"
    well = expect(api.patch(path, json={"executed": {"a": 11.5, "b": 2}}, headers=ANY))
    assert well["executed"] == {"a": 11.5, "b": 2}
    assert well["planned"] != well["executed"]
    assert well["outside"] == ["a"]
    expect_refusal(api.patch(path, json={"executed": {"a": 1}}, headers=ANY), 422, "executed.b")
    expect_refusal(api.patch(path, json={"executed": {"a": 1, "b": 2, "z": 3}}, headers=ANY), 422, "executed.z")
    measure(api, campaign, 1, bowl)
    assert expect(api.get(path))["summary"]["loss"] == pytest.approx(((11.5 - 3) ** 2 + (2 - 7) ** 2) / 50)
    work()
    assert len(expect(api.get(f"campaigns/{campaign}/batches/2"))["designs"]) == 15


def test_a_plan_may_be_edited_before_it_runs_and_must_be_feasible(api, campaign):
    path = f"campaigns/{campaign}/designs/r01-w01"
    for plan in ({"a": 12, "b": 1}, {"a": 0.3, "b": 1}, {"a": 9, "b": 9}):
        expect_refusal(api.patch(path, json={"planned": plan}, headers=ANY), 422, "planned")
    assert expect(api.patch(path, json={"planned": {"a": 4, "b": 4}}, headers=ANY))["origin"] == "person"
    expect(api.patch(path, json={"state": "running"}, headers=ANY))
    expect_refusal(api.patch(path, json={"planned": {"a": 5, "b": 4}}, headers=ANY), 409)


def test_a_person_may_add_a_well_to_the_open_round(api, work, campaign):
    added = expect(api.post(f"campaigns/{campaign}/designs", json={"recipe": {"a": 3, "b": 7}, "reason": "a guess"}), 201)
    assert (added["id"], added["origin"]) == ("r01-w16", "person")
    expect_refusal(api.post(f"campaigns/{campaign}/designs", json={"recipe": {"a": 3.2, "b": 7}, "reason": "x"}), 422, "recipe")
    measure(api, campaign, 1, bowl)
    expect_refusal(api.post(f"campaigns/{campaign}/designs", json={"recipe": {"a": 3, "b": 7}, "reason": "late"}), 409)


def test_reviewed_wells_wait_for_a_chemist(api, work, as_role):
    campaign = started(api, work, {**SCALAR, "review": True})
    lab, chemist = as_role("lab"), as_role("chemist")
    path = f"campaigns/{campaign}/designs/r01-w01"
    assert expect(api.get(path))["state"] == "proposed"
    expect_refusal(api.patch(path, json={"state": "approved"}, headers={**ANY, **lab}), 403)
    assert expect(api.patch(path, json={"state": "approved"}, headers={**ANY, **chemist}))["state"] == "approved"
    assert expect(api.patch(path, json={"state": "running"}, headers={**ANY, **lab}))["state"] == "running"
    expect_refusal(api.patch(path, json={"state": "rejected", "reason": "x"}, headers={**ANY, **chemist}), 409)


def test_wells_end_without_data_only_for_a_reason(api, campaign):
    path = f"campaigns/{campaign}/designs/r01-w01"
    expect_refusal(api.patch(path, json={"state": "abandoned"}, headers=ANY), 422, "reason")
    expect_refusal(api.patch(path, json={"state": "measured"}, headers=ANY), 409)
    assert expect(api.patch(path, json={"state": "abandoned", "reason": "vial broke"}, headers=ANY))["reason"] == "vial broke"


def test_late_data_of_an_abandoned_well_are_kept_and_used_once_it_is_set_back(api, work, campaign):
    path = f"campaigns/{campaign}/designs/r01-w01"
    expect(api.patch(path, json={"state": "abandoned", "reason": "reader offline"}, headers=ANY))
    expect(put(api, campaign, "r01-w01", 1, value=-5.0), 201)
    assert expect(api.get(path))["state"] == "abandoned"
    assert expect(api.get(f"campaigns/{campaign}"))["best"] is None
    expect(api.patch(path, json={"state": "measured"}, headers=ANY))
    assert expect(api.get(f"campaigns/{campaign}"))["best"]["design"] == "r01-w01"


def test_spectra_are_scored_with_their_reason(api, curves):
    for number, values in enumerate(([0, 1, 0.5, 0], [0, 1.3, 0.6, 0], [0, 0.35, 0.175, 0]), 1):
        expect(put(api, curves, "r01-w01", number, values=values), 201)
    rows = expect(api.get(f"campaigns/{curves}/designs/r01-w01"))["replicates"]
    assert [r["loss_reason"] for r in rows] == ["shape", "saturated", "dim"]
    assert [r["loss"] for r in rows] == pytest.approx([0, 1, 0.5], abs=1e-12)
