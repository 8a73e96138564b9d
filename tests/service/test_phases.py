"""The campaign as a state machine over HTTP: transitions by evidence, by people, and what is refused."""

import csv
import io
import zipfile

import numpy as np
import pytest

from tests.service.conftest import AXIS, CURVE, SCALAR, expect, expect_refusal, started

ANY = {"If-Match": "*"}
AT_ONCE = {"network": "composite", "to_both": {"after_rounds": 1}, "to_network": {"after_rounds": 1}}


def spectrum(recipe):
    """A band that has the target's place at a = 3 and its width at b = 7."""
    place, width = 400 + 4 * (recipe["a"] - 3), 18 + abs(recipe["b"] - 7)
    return (0.9 * np.exp(-(((np.array(AXIS) - place) / width) ** 2))).tolist()


def two_steps(switch, **settings):
    strategy = {"rules": ["lp_ei"], "initial": {"size": 6}, "switch": switch}
    return {**CURVE, "batch_size": 4, "strategy": strategy, **settings}


def wells_of(api, campaign, round):
    return expect(api.get(f"campaigns/{campaign}/batches/{round}"))["designs"]


def measured(api, work, campaign, round):
    """Approve and measure a round, and let the next step be made."""
    rows = []
    for well in wells_of(api, campaign, round):
        if well["state"] == "proposed":
            expect(api.patch(f"campaigns/{campaign}/designs/{well['id']}", json={"state": "approved"}, headers=ANY))
        rows.append({"design": well["id"], "replicate": 1, "values": spectrum(well["executed"])})
    expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 201)
    work()


def phases(api, campaign):
    return expect(api.get(f"campaigns/{campaign}/phases"))


def moves(api, campaign):
    return [
        (check["round"], check["before"], check["after"]) for check in phases(api, campaign)["checks"] if check["before"] != check["after"]
    ]


def set_phase(api, campaign, phase, reason="the chemist knows better", **more):
    return api.patch(f"campaigns/{campaign}", json={"phase": phase, "reason": reason, **more}, headers=ANY)


@pytest.mark.parametrize("review", [False, True])
def test_a_campaign_goes_by_evidence_from_the_first_round_to_the_end(api, work, review):
    campaign = started(api, work, two_steps(AT_ONCE, review=review, stop={"stability": {"threshold": 2.0, "rounds": 3}, "combine": "all"}))
    assert phases(api, campaign) == {"phase": "initial", "checks": []}
    expect(api.patch(f"campaigns/{campaign}", json={"stop": {"loss": {"threshold": -1}}}, headers=ANY))
    for round in (1, 2, 3):
        measured(api, work, campaign, round)
    expect(api.patch(f"campaigns/{campaign}", json={"stop": {"loss": {"threshold": 1}}}, headers=ANY))
    measured(api, work, campaign, 4)
    assert moves(api, campaign) == [(1, "initial", "bo"), (2, "bo", "both"), (3, "both", "network"), (4, "network", "stopped")]
    assert expect(api.get(f"campaigns/{campaign}"))["phase"] == phases(api, campaign)["phase"] == "stopped"
    for check in phases(api, campaign)["checks"]:
        assert check["evidence"]
        assert check["actor"] == "service"
        assert check["reason"]
        assert all(row["margin"] == row["threshold"] - row["value"] for row in check["evidence"])
    lines = expect(api.get(f"campaigns/{campaign}/batches"))
    assert [(line["phase"], line["rule"], line["wells"]) for line in lines] == [
        ("initial", "lhs_centered", 6),
        ("bo", "lp_ei", 4),
        ("both", "lp_ei+composite", 8),
        ("network", "composite", 4),
    ]
    assert "event: phase changed" in api.get(f"campaigns/{campaign}/events").text


@pytest.mark.parametrize(("together", "sizes"), [("each", (5, 5)), ("split", (3, 2))])
def test_side_by_side_every_well_knows_its_method_and_keeps_off_the_others(api, work, together, sizes):
    switch = {**AT_ONCE, "together": together, "to_both": {}, "to_network": None}
    campaign = started(api, work, two_steps(switch, batch_size=5))
    measured(api, work, campaign, 1)
    wells = wells_of(api, campaign, 2)
    assert [well["origin"] for well in wells] == ["lp_ei"] * sizes[0] + ["composite"] * sizes[1]
    assert [well["proposal"]["rule"] for well in wells] == [well["origin"] for well in wells]
    earlier = [(well["executed"]["a"], well["executed"]["b"]) for well in wells_of(api, campaign, 1)]
    recipes = [(well["planned"]["a"], well["planned"]["b"]) for well in wells]
    assert len({*recipes, *earlier}) == len(recipes) + len(earlier)
    assert set(expect(api.get(f"campaigns/{campaign}/batches/2"))["model"]) == {"lp_ei", "composite"}
    job = expect(api.post(f"campaigns/{campaign}/batches/2/replay"), 202)
    work()
    assert expect(api.get(f"jobs/{job['id']}"))["result"].startswith(f"same batch: {sum(sizes)} wells")


def test_every_phase_replays_as_it_was_though_the_switch_was_edited(api, work):
    campaign = started(api, work, two_steps(AT_ONCE))
    for round in (1, 2, 3):
        measured(api, work, campaign, round)
    expect(api.patch(f"campaigns/{campaign}", json={"switch": {**AT_ONCE, "together": "split", "to_both": None}}, headers=ANY))
    expect(set_phase(api, campaign, "bo"))
    results = []
    for round in (1, 2, 3, 4):
        job = expect(api.post(f"campaigns/{campaign}/batches/{round}/replay"), 202)
        work()
        results.append(expect(api.get(f"jobs/{job['id']}"))["result"].split(";")[0])
    assert results == ["same batch: 6 wells", "same batch: 4 wells", "same batch: 8 wells", "same batch: 4 wells"]


def test_a_person_sets_the_phase_and_earlier_evidence_does_not_push_it_back(api, work):
    campaign = started(api, work, two_steps({**AT_ONCE, "to_both": {"after_rounds": 1}, "to_network": {}}))
    for round in (1, 2):
        measured(api, work, campaign, round)
    assert expect(api.get(f"campaigns/{campaign}"))["phase"] == "network"
    assert expect(set_phase(api, campaign, "bo"))["phase"] == "bo"
    check = phases(api, campaign)["checks"][-1]
    assert (check["before"], check["after"], check["reason"]) == ("network", "bo", "the chemist knows better")
    assert check["actor"] == "admin"
    assert check["evidence"] == []
    measured(api, work, campaign, 3)
    assert expect(api.get(f"campaigns/{campaign}/batches/4"))["phase"] == "bo"
    measured(api, work, campaign, 4)
    assert expect(api.get(f"campaigns/{campaign}/batches/5"))["phase"] == "network"


def test_setting_the_present_phase_changes_nothing(api, work):
    campaign = started(api, work, two_steps(AT_ONCE))
    measured(api, work, campaign, 1)
    before = phases(api, campaign)
    expect(set_phase(api, campaign, "bo"))
    assert phases(api, campaign) == before


def test_a_phase_set_while_the_step_is_made_is_not_overwritten(api, work, monkeypatch):
    from app import worker

    campaign, propose = started(api, work, two_steps({**AT_ONCE, "to_both": {}})), worker.next_step

    def meanwhile(state):
        expect(set_phase(api, campaign, "network"))
        return propose(state)

    monkeypatch.setattr(worker, "next_step", meanwhile)
    measured(api, work, campaign, 1)
    assert moves(api, campaign) == [(1, "initial", "network")]
    assert expect(api.get(f"campaigns/{campaign}/batches/2"))["phase"] == "both"


def test_stopping_and_reopening_keep_the_phase(api, work):
    campaign = started(api, work, two_steps({**AT_ONCE, "to_both": {"after_rounds": 2}}))
    for round in (1, 2):
        measured(api, work, campaign, round)
    expect(api.patch(f"campaigns/{campaign}", json={"state": "stopped", "reason": "lunch"}, headers=ANY))
    assert phases(api, campaign)["phase"] == "stopped"
    assert "reopen" in expect_refusal(set_phase(api, campaign, "both"), 409)["detail"]
    expect(api.patch(f"campaigns/{campaign}", json={"state": "active", "reason": "back"}, headers=ANY))
    measured(api, work, campaign, 3)
    assert moves(api, campaign)[1:] == [(3, "bo", "stopped"), (3, "stopped", "bo"), (3, "bo", "both")]
    expect(api.patch(f"campaigns/{campaign}", json={"state": "stopped", "reason": "night"}, headers=ANY))
    assert expect(set_phase(api, campaign, "network", state="active"))["phase"] == "network"


def test_a_running_campaign_gets_a_second_step(api, work):
    campaign = started(api, work, two_steps(None))
    expect_refusal(set_phase(api, campaign, "both"), 422, "phase")
    expect(set_phase(api, campaign, "both", switch={"network": "composite", "to_network": None}))
    measured(api, work, campaign, 1)
    assert expect(api.get(f"campaigns/{campaign}/batches/2"))["rule"] == "lp_ei+composite"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({**SCALAR, "strategy": {"switch": {}}}, "strategy.switch"),
        (two_steps({"network": "composite"}) | {"strategy": {"switch": {"network": "composite"}}}, "strategy.switch.network"),
        (two_steps({"together": "split"}, batch_size=1), "strategy.switch.together"),
        (two_steps({"network": "lp_ei"}), "strategy.switch.network"),
        (two_steps({"to_both": {"after_rounds": -1}}), "strategy.switch.to_both.after_rounds"),
        ({**SCALAR, "stop": {"accuracy": {"threshold": 0.1, "mse": 0.1}}}, "stop.accuracy.mse"),
    ],
)
def test_settings_that_do_not_fit_are_refused(api, document, field):
    problem = expect_refusal(api.post("campaigns", json=document), 422, field)
    assert all(error["remedy"] for error in problem["errors"])


def test_the_phase_takes_a_reason_a_round_and_a_known_name(api, work):
    campaign = expect(api.post("campaigns", json=two_steps(AT_ONCE)), 201)["id"]
    assert "first" in expect_refusal(set_phase(api, campaign, "both"), 409)["detail"]
    expect_refusal(set_phase(api, campaign, "both", reason=None), 422, "reason")
    expect_refusal(set_phase(api, campaign, "stopped"), 422, "phase")
    expect_refusal(api.patch(f"campaigns/{campaign}", json={"phase": "both", "reason": "x"}), 428)


def test_a_campaign_of_one_rule_has_phases_too(api, work):
    campaign = started(api, work, {**SCALAR, "stop": {"loss": {"threshold": -1}}})
    assert expect(api.get(f"campaigns/{campaign}"))["phase"] == "initial"
    rows = [{"design": well["id"], "replicate": 1, "value": well["executed"]["a"]} for well in wells_of(api, campaign, 1)]
    expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 201)
    work()
    assert moves(api, campaign) == [(1, "initial", "bo")]


def test_stop_legs_speak_of_curves_and_show_margins(api, work):
    stop = {"stability": {"threshold": 1e-9}, "accuracy": {"threshold": 1e-9, "mse": 1e-9}, "combine": "all"}
    campaign = started(api, work, two_steps(AT_ONCE, stop=stop))
    for round in (1, 2):
        measured(api, work, campaign, round)
    rows = expect(api.get(f"campaigns/{campaign}/stop"))["checks"][-1]["evidence"]
    assert [(row["leg"], row["metric"].split("(")[1]) for row in rows] == [
        ("stability", "1 - cosine)"),
        ("accuracy", "1 - cosine)"),
        ("accuracy", "MSE)"),
    ]
    assert all(row["margin"] == row["threshold"] - row["value"] < 0 for row in rows)


def test_rounds_carry_labels_that_mean_nothing(api, work, as_role):
    campaign = started(api, work, two_steps(AT_ONCE))
    path = f"campaigns/{campaign}/batches/1"
    assert api.get(path).headers["etag"] == '"1"'
    expect_refusal(api.patch(path, json={"label": "run 1"}), 428)
    expect_refusal(api.patch(path, json={"label": "run 1"}, headers={**ANY, **as_role("viewer")}), 403)
    expect_refusal(api.patch(path, json={"label": "x" * 81}, headers=ANY), 422, "label")
    expect_refusal(api.patch(f"campaigns/{campaign}/batches/9", json={"label": "run 9"}, headers=ANY), 404)
    assert expect(api.patch(path, json={"label": "run 1, LHS"}, headers={"If-Match": '"1"'}))["label"] == "run 1, LHS"
    expect_refusal(api.patch(path, json={"label": "other"}, headers={"If-Match": '"1"'}), 412)
    assert [line["label"] for line in expect(api.get(f"campaigns/{campaign}/batches"))] == ["run 1, LHS"]
    archive = zipfile.ZipFile(io.BytesIO(api.get(f"campaigns/{campaign}/export?format=zip").content))
    wells = list(csv.DictReader(io.StringIO(archive.read("wells.csv").decode())))
    assert {(well["round"], well["phase"], well["label"]) for well in wells} == {("1", "initial", "run 1, LHS")}
    assert expect(api.patch(path, json={"label": None}, headers=ANY))["label"] is None
