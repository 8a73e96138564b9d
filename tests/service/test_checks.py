"""Guards over HTTP: evidence, and the extension of bounds that a person approves."""

import json

import pytest

from app.examples import MAPPING
from tests.service.conftest import SCALAR, bowl, expect, expect_refusal, measure
from tests.service.test_import import send

FIRST_BOX = {"AgNO3": (4, 20, 0.1), "PVA": (10, 40, 0.1), "TSC": (4, 20, 0.1), "seed": (4, 20, 0.1), "total": (200, 1000, 1)}
AGNP = {
    "name": "AgNP",
    "space": {
        "parameters": [
            {"kind": "continuous", "name": name, "low": low, "high": high, "step": step, "unit": MAPPING["parameters"][name]["unit"]}
            for name, (low, high, step) in FIRST_BOX.items()
        ],
        "mixture": {"balance": "water", "components": ["AgNO3", "PVA", "TSC", "seed"], "total": 100, "low": 10},
    },
    "objective": {"kind": "minimize", "outcome": "loss"},
}


def checks(api, campaign, **params):
    return expect(api.get(f"campaigns/{campaign}/checks", params=params))


def extend(api, campaign, parameter="b", reason="the best wells lie at the bound", headers=None, **bounds):
    body = {"parameter": parameter, "reason": reason, **bounds}
    return api.post(f"campaigns/{campaign}/bounds", json=body, headers=headers)


def box(api, campaign):
    return {
        p["name"]: (p["low"], p["high"]) for p in expect(api.get(f"campaigns/{campaign}"))["document"]["space"]["parameters"] if "low" in p
    }


def test_the_published_file_is_flagged_just_where_its_authors_acted(api, agnp_csv):
    id = expect(api.post("campaigns", json=AGNP), 201)["id"]
    expect(send(api, id, agnp_csv.read_bytes(), {**MAPPING, "outcome": "loss"}), 201)
    found = checks(api, id)
    flagged = [row for row in found["evidence"] if row["flagged"]]
    assert found["flagged"] == len(flagged) == 5
    assert [(row["round"], row["guard"], row["parameter"], row["side"]) for row in flagged] == [
        (4, "bounds", "seed", "low"),
        (5, "bounds", "AgNO3", "high"),
        (5, "bounds", "TSC", "low"),
        (5, "bounds", "seed", "low"),
        (7, "collapse", None, None),
    ]
    assert [round(row["value"] * 15) for row in flagged[:4]] == [11, 13, 8, 13]
    assert all(row["value"] > row["threshold"] == 0.5 for row in flagged[:4])
    assert flagged[1]["extension"] == {"parameter": "AgNO3", "low": None, "high": 28}

    only = checks(api, id, round=7)
    assert {row["round"] for row in only["evidence"]} == {7}
    assert only["evidence"] == [row for row in found["evidence"] if row["round"] == 7]

    expect(extend(api, id, **{k: v for k, v in flagged[1]["extension"].items() if v is not None}))
    again = checks(api, id)
    assert again["flagged"] == 5
    assert [row["parameter"] for row in again["evidence"] if row["extension"]] == ["seed", "TSC", "seed"]


def test_a_campaign_without_rounds_has_nothing_to_check(api):
    id = expect(api.post("campaigns", json=SCALAR), 201)["id"]
    assert checks(api, id) == {"flagged": 0, "evidence": []}
    expect_refusal(api.get(f"campaigns/{id}/checks", params={"round": 1}), 404)
    expect_refusal(api.get(f"campaigns/{id}/checks", params={"round": 0}), 422, "query.round")
    expect_refusal(api.get("campaigns/none/checks"), 404)


def test_wells_that_repeat_another_are_named(api, campaign):
    first = expect(api.get(f"campaigns/{campaign}/designs/r01-w01"))["planned"]
    body = {"recipe": {"a": first["a"], "b": first["b"]}, "reason": "a control"}
    expect(api.post(f"campaigns/{campaign}/designs", json=body), 201)
    flagged = [row for row in checks(api, campaign)["evidence"] if row["flagged"]]
    assert [(row["guard"], row["value"], row["pairs"]) for row in flagged] == [("duplicates", 1, [["r01-w16", "r01-w01"]])]
    reject = {"state": "rejected", "reason": "no control wanted"}
    expect(api.patch(f"campaigns/{campaign}/designs/r01-w16", json=reject, headers={"If-Match": "*"}))
    assert checks(api, campaign)["flagged"] == 0


def test_later_rounds_use_the_wider_box_and_earlier_ones_keep_their_plans(api, work, campaign):
    before = expect(api.get(f"campaigns/{campaign}"))
    plans = [well["planned"] for well in expect(api.get(f"campaigns/{campaign}/batches/1"))["designs"]]
    answer = extend(api, campaign, high=14)
    after = expect(answer)
    assert (answer.headers["etag"], after["version"]) == (f'"{before["version"] + 1}"', before["version"] + 1)
    assert box(api, campaign) == {"a": (0, 10), "b": (0, 14)}
    assert [well["planned"] for well in expect(api.get(f"campaigns/{campaign}/batches/1"))["designs"]] == plans

    measure(api, campaign, 1, lambda recipe: -recipe["b"])
    work()
    assert max(well["planned"]["b"] for well in expect(api.get(f"campaigns/{campaign}/batches/2"))["designs"]) > 10
    bounds = {row["round"]: row["what"] for row in checks(api, campaign)["evidence"] if (row["parameter"], row["side"]) == ("b", "high")}
    assert bounds[1].startswith("share of wells at the high bound 10 of b")
    assert bounds[2].startswith("share of wells at the high bound 14 of b")


def test_a_batch_that_was_computed_in_the_old_box_is_checked_in_it(api, work, campaign, monkeypatch):
    from app import worker

    def meanwhile(state):
        expect(extend(api, campaign, high=14))
        return next_step(state)

    next_step = worker.next_step
    monkeypatch.setattr(worker, "next_step", meanwhile)
    measure(api, campaign, 1, bowl)
    work()
    whats = [row["what"] for row in checks(api, campaign, round=2)["evidence"] if row["parameter"] == "b"]
    assert any("high bound 10 of b" in what for what in whats)
    assert box(api, campaign)["b"] == (0, 14)


def test_an_extension_is_on_record_with_old_and_new_bounds(api, campaign):
    expect(extend(api, campaign, "a", low=-2, high=12, reason="pumps allow it"))
    text = api.get(f"campaigns/{campaign}/events").text
    event = next(
        json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ") and "bounds extended" in line
    )
    assert event["actor"] == "admin"
    assert event["detail"] == {"parameter": "a", "old": [0, 10], "new": [-2, 12], "after_round": 1, "reason": "pumps allow it"}


def test_the_same_request_twice_extends_once(api, campaign):
    key = {"Idempotency-Key": "wider"}
    first, again = (extend(api, campaign, high=14, headers=key) for _ in range(2))
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    expect_refusal(extend(api, campaign, high=15, headers=key), 409)
    assert "already reaches" in expect_refusal(extend(api, campaign, high=14), 409)["detail"]
    assert box(api, campaign)["b"] == (0, 14)


@pytest.mark.parametrize("bounds", [{"low": 1}, {"high": 9}, {"low": -1, "high": 9}, {"low": 20, "high": 30}])
def test_bounds_never_shrink(api, campaign, bounds):
    detail = expect_refusal(extend(api, campaign, **bounds), 409)["detail"]
    assert "only widen" in detail
    assert "low <= 0 and high >= 10" in detail
    assert box(api, campaign)["b"] == (0, 10)


def test_a_low_off_the_grid_is_refused_with_the_nearest_on_it(api, campaign):
    problem = expect_refusal(extend(api, campaign, "a", low=-1.3), 422, "low")
    assert "use -1.5" in problem["errors"][0]["remedy"]
    assert "use -0.5" in expect_refusal(extend(api, campaign, "a", low=-0.1), 422, "low")["errors"][0]["remedy"]
    expect(extend(api, campaign, "a", low=-1.5))
    expect(api.patch(f"campaigns/{campaign}/designs/r01-w01", json={"planned": {"a": -1.5, "b": 1}}, headers={"If-Match": "*"}))
    expect(api.patch(f"campaigns/{campaign}/designs/r01-w02", json={"planned": {"a": 0.5, "b": 1}}, headers={"If-Match": "*"}))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"high": 12, "reason": "x"}, "parameter"),
        ({"parameter": "c", "high": 12, "reason": "x"}, "parameter"),
        ({"parameter": "a", "reason": "x"}, "body"),
        ({"parameter": "a", "high": 12}, "reason"),
        ({"parameter": "a", "high": 12, "reason": ""}, "reason"),
        ({"parameter": "a", "high": "12", "reason": "x"}, "high"),
        ({"parameter": "a", "high": 1e9, "reason": "x"}, "high"),
        ({"parameter": "a", "high": 12, "reason": "x", "step": 1}, "step"),
    ],
)
def test_what_is_wrong_with_an_extension_is_said(api, campaign, body, field):
    expect_refusal(api.post(f"campaigns/{campaign}/bounds", json=body), 422, field)
    assert box(api, campaign)["a"] == (0, 10)


def test_only_continuous_parameters_have_a_range_to_extend(api):
    listed = {"kind": "discrete", "name": "n", "values": [1, 2, 3]}
    space = {"parameters": [*SCALAR["space"]["parameters"], listed]}
    id = expect(api.post("campaigns", json={**SCALAR, "space": space}), 201)["id"]
    problem = expect_refusal(extend(api, id, "n", high=4), 422, "parameter")
    assert "a, b" in problem["errors"][0]["remedy"]
    expect_refusal(extend(api, "none", high=4), 404)


def test_guards_are_read_by_viewers_and_extensions_approved_by_chemists(api, campaign, as_role):
    assert expect(api.get(f"campaigns/{campaign}/checks", headers=as_role("viewer")))["evidence"]
    expect_refusal(extend(api, campaign, high=12, headers=as_role("lab")), 403)
    expect(extend(api, campaign, high=12, headers=as_role("chemist")))
