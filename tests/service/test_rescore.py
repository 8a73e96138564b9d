"""A new objective: history is scored anew, wells not yet run are ranked anew, and what was decided stays as it was."""

import json

import numpy as np
import pytest

from tests.service.conftest import AXIS, CURVE, SCALAR, bowl, expect, expect_refusal, measure, started

ANY = {"If-Match": "*"}
AWAY = {"kind": "target_value", "target": 0.5, "outcome": "loss"}
SECOND = {"kind": "spectrum_match", "axis": AXIS, "target": {"axis": AXIS, "values": [0, 0.2, 1, 0]}}


def rescore(api, campaign, objective, headers=ANY, **parameters):
    body = {"objective": objective, "reason": "another product"}
    return api.post(f"campaigns/{campaign}/rescore", json=body, headers=headers, params=parameters)


def two_rounds(api, work, document=SCALAR, **settings):
    """A campaign with a measured first round and an open second one."""
    campaign = started(api, work, {**document, **settings})
    if document is CURVE:
        measure_curves(api, campaign, 1)
    else:
        measure(api, campaign, 1, bowl)
    work()
    return campaign


def measure_curves(api, campaign, round):
    wells = expect(api.get(f"campaigns/{campaign}/batches/{round}"))["designs"]
    rows = [{"design": well["id"], "replicate": 1, "values": curve(well["executed"])} for well in wells]
    expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 201)


def curve(recipe):
    """A band that moves from the second to the third point of the axis with a."""
    share = recipe["a"] / 10
    return [0.0, 1 - share, share, 0.1 * recipe["b"] / 10]


def wells_of(api, campaign, round):
    return {well["id"]: well for well in expect(api.get(f"campaigns/{campaign}/batches/{round}"))["designs"]}


def replayed(api, work, campaign, round):
    job = expect(api.post(f"campaigns/{campaign}/batches/{round}/replay"), 202)
    work()
    return expect(api.get(f"jobs/{job['id']}"))["result"]


def test_losses_and_the_best_well_follow_the_new_objective_and_the_old_ones_stay_readable(api, work):
    campaign = two_rounds(api, work)
    before, first = expect(api.get(f"campaigns/{campaign}")), wells_of(api, campaign, 1)
    answer = expect(rescore(api, campaign, AWAY))
    after = expect(api.get(f"campaigns/{campaign}"))
    distance = {id: abs(bowl(well["executed"]) - 0.5) for id, well in first.items()}
    assert after["best"]["design"] == min(distance, key=distance.get) != before["best"]["design"]
    assert after["best"]["loss"] == pytest.approx(min(distance.values()))
    assert (answer["best_before"], answer["best"]) == (before["best"], after["best"])
    assert (after["version"], after["objective"], after["document"]["objective"]["kind"]) == (before["version"] + 1, 2, "target_value")
    assert [change["design"] for change in answer["losses"]] == sorted(distance, key=distance.get)

    old, new = expect(api.get(f"campaigns/{campaign}/objectives"))
    assert old["objective"] == before["document"]["objective"]
    assert old["losses"] == pytest.approx({id: bowl(well["executed"]) for id, well in first.items()})
    assert new["losses"] == pytest.approx(distance)
    assert (old["last_round"], new["after_round"], new["reason"], new["actor"]) == (2, 2, "another product", "admin")
    assert (old["number"], old["reason"], new["last_round"]) == (1, None, None)


@pytest.mark.parametrize(("document", "objective"), [(SCALAR, AWAY), (CURVE, SECOND)], ids=["number", "curve"])
def test_wells_not_yet_run_are_ranked_anew_and_those_that_run_are_left(api, work, document, objective):
    campaign = two_rounds(api, work, document)
    expect(api.patch(f"campaigns/{campaign}/designs/r02-w01", json={"state": "running"}, headers=ANY))
    recipe = {"a": 1, "b": 1}
    added = expect(api.post(f"campaigns/{campaign}/designs", json={"recipe": recipe, "reason": "a guess"}), 201)["id"]
    before = wells_of(api, campaign, 2)
    answer = expect(rescore(api, campaign, objective))
    assert answer["waiting"] == [id for id in before if id != "r02-w01"]
    work()
    job, after = expect(api.get(f"jobs/{answer['job']}")), wells_of(api, campaign, 2)
    assert (job["kind"], job["state"]) == ("rescore", "done")
    assert after.keys() == before.keys()
    assert after["r02-w01"] == before["r02-w01"]
    assert [well["proposal"] for well in after.values()] == [well["proposal"] for well in before.values()]
    ranked = [(well["rescored"][0], id) for id, well in after.items() if well["rescored"]]
    order = [id for _, id in sorted(ranked, key=lambda pair: pair[0]["rank"])]
    assert sorted(entry["rank"] for entry, _ in ranked) == list(range(1, 16))
    assert job["result"] == f"under objective 2, 15 wells in this order: {', '.join(order)}"
    gains = {id: entry["acquisition"] for entry, id in ranked}
    assert [gains[id] for id in order] == sorted(gains.values(), reverse=True)
    assert after[added]["proposal"] is None
    assert {entry["objective"] for entry, _ in ranked} == {2}


def test_predictions_after_a_rescoring_are_those_of_the_new_target(api, work):
    campaign = two_rounds(api, work, CURVE)
    expect(rescore(api, campaign, SECOND))
    work()
    wells = wells_of(api, campaign, 2).values()
    target = np.array([0, 0.2, 1, 0])
    for well in wells:
        spectrum = np.array(curve(well["executed"]))
        scaled = (spectrum - spectrum.min()) / np.ptp(spectrum)
        wanted = 1 - min(spectrum.max() / 0.7, 1) * scaled @ target / np.linalg.norm(scaled) / np.linalg.norm(target)
        assert well["rescored"][0]["mean"] == pytest.approx(wanted, abs=0.1)


def test_old_batches_replay_under_the_objective_of_their_time(api, work):
    campaign = two_rounds(api, work, CURVE)
    expect(rescore(api, campaign, SECOND))
    work()
    measure_curves(api, campaign, 2)
    work()
    same = "same batch: 15 wells; the data before it are as they were"
    assert [replayed(api, work, campaign, round) for round in (1, 2, 3)] == [same] * 3
    batches = expect(api.get(f"campaigns/{campaign}/batches"))
    assert [batch["objective"] for batch in batches] == [1, 1, 2]


def test_a_step_that_was_computed_under_the_old_objective_is_decided_again(api, work, campaign, monkeypatch):
    from app import worker

    objectives, next_step = [], worker.next_step

    def meanwhile(state):
        if not objectives:
            expect(rescore(api, campaign, AWAY))
        objectives.append(type(state.objective).__name__)
        return next_step(state)

    monkeypatch.setattr(worker, "next_step", meanwhile)
    measure(api, campaign, 1, bowl)
    work()
    work()
    assert objectives == ["Minimize", "TargetValue"]
    assert [batch["objective"] for batch in expect(api.get(f"campaigns/{campaign}/batches"))] == [1, 2]


def test_a_ranking_that_was_overtaken_is_made_again(api, work, monkeypatch):
    from app import worker

    campaign = two_rounds(api, work)
    forecasts, again = worker.forecasts, []

    def meanwhile(state, X):
        if not again:
            again.append(expect(rescore(api, campaign, {**AWAY, "target": 0.1})))
            expect(api.patch(f"campaigns/{campaign}/designs/r02-w02", json={"state": "running"}, headers=ANY))
        return forecasts(state, X)

    monkeypatch.setattr(worker, "forecasts", meanwhile)
    expect(rescore(api, campaign, AWAY))
    work()
    work()
    wells = wells_of(api, campaign, 2)
    assert wells["r02-w02"]["rescored"] == []
    assert [entry["objective"] for entry in wells["r02-w01"]["rescored"]] == [3]


def test_later_rankings_stand_beside_earlier_ones_until_the_well_is_planned_anew(api, work):
    campaign = two_rounds(api, work)
    for target in (0.5, 0.1):
        expect(rescore(api, campaign, {**AWAY, "target": target}))
        work()
    assert [entry["objective"] for entry in wells_of(api, campaign, 2)["r02-w01"]["rescored"]] == [2, 3]
    expect(api.patch(f"campaigns/{campaign}/designs/r02-w01", json={"planned": {"a": 1, "b": 1}}, headers=ANY))
    well = wells_of(api, campaign, 2)["r02-w01"]
    assert (well["proposal"], well["rescored"]) == (None, [])


def test_stop_checks_follow_the_new_objective_and_old_ones_stay(api, work):
    campaign = two_rounds(api, work, stop={"loss": {"threshold": -5}})
    expect(rescore(api, campaign, {"kind": "maximize", "outcome": "loss"}))
    work()
    measure(api, campaign, 2, lambda recipe: 6.0)
    work()
    stop = expect(api.get(f"campaigns/{campaign}/stop"))
    assert stop["state"] == "stopped"
    assert [(check["objective"], check["stop"]) for check in stop["checks"]] == [(1, False), (2, True)]
    assert stop["checks"][1]["evidence"][-1]["value"] == -6


def test_a_stopped_campaign_stays_stopped_and_is_told_how_to_go_on(api, work):
    campaign = two_rounds(api, work, stop={"loss": {"threshold": 0.1}})
    expect(api.patch(f"campaigns/{campaign}", json={"state": "stopped", "reason": "lunch"}, headers=ANY))
    answer = expect(rescore(api, campaign, AWAY))
    assert answer["state"] == expect(api.get(f"campaigns/{campaign}"))["state"] == "stopped"
    assert "reopen it with PATCH" in answer["notes"][0]
    assert "stop.loss keeps its threshold of 0.1" in answer["notes"][1]


def test_a_dry_run_tells_the_same_and_changes_nothing(api, work):
    campaign = two_rounds(api, work)
    before = api.get(f"campaigns/{campaign}")
    told = expect(rescore(api, campaign, AWAY, headers={}, dry_run=True))
    assert api.get(f"campaigns/{campaign}").content == before.content
    assert len(expect(api.get(f"campaigns/{campaign}/objectives"))) == 1
    assert "objective replaced" not in api.get(f"campaigns/{campaign}/events").text
    done = expect(rescore(api, campaign, AWAY))
    assert told["dry_run"]
    assert told["job"] is None
    different = {"dry_run", "job", "version"}
    assert {k: v for k, v in told.items() if k not in different} == {k: v for k, v in done.items() if k not in different}


def test_without_data_or_waiting_wells_nothing_is_ranked(api, work, campaign):
    assert expect(rescore(api, campaign, AWAY))["job"] is None
    measure(api, campaign, 1, bowl)
    assert expect(rescore(api, campaign, {**AWAY, "target": 2}))["job"] is None


def test_imported_rounds_are_scored_anew(api):
    id = expect(api.post("campaigns", json=CURVE), 201)["id"]
    text = "a,b," + ",".join(map(str, AXIS)) + "\n1,2,0,1,0.5,0\n2,2,0,0.2,1,0\n"
    mapping = {"parameters": {name: {"column": name, "unit": "%"} for name in "ab"}}
    expect(api.post(f"campaigns/{id}/import", files={"file": ("d.csv", text)}, data={"mapping": json.dumps(mapping)}), 201)
    target = api.put(f"campaigns/{id}/target", files={"file": ("t.csv", "nm,A\n380,0\n440,1\n")}, headers=ANY)
    assert "/rescore" in expect_refusal(target, 409)["detail"]
    answer = expect(rescore(api, id, SECOND))
    assert [change["design"] for change in answer["losses"]] == ["r01-w02", "r01-w01"]
    assert answer["best_before"]["design"] == "r01-w01"
    assert [batch["objective"] for batch in expect(api.get(f"campaigns/{id}/batches"))] == [None]


@pytest.mark.parametrize(
    ("document", "objective", "field", "told"),
    [
        (SCALAR, SECOND, "objective.kind", "use minimize, maximize or target_value"),
        (CURVE, AWAY, "objective.kind", "use spectrum_match"),
        (SCALAR, {**AWAY, "outcome": "yield"}, "objective.outcome", "give 'loss'"),
        (SCALAR, {**AWAY, "unit": "%"}, "objective.unit", "give ''"),
        (CURVE, {**SECOND, "axis": [*AXIS[:3], 439]}, "objective.axis", "give the axis of the campaign"),
        (CURVE, {**SECOND, "axis": AXIS[:3]}, "objective.axis", "import data"),
        (CURVE, {**SECOND, "target": None}, "objective.target", "give the target"),
        (CURVE, {**SECOND, "target": {"axis": [400, 500], "values": [0, 1]}}, "objective.target", "covers the whole axis"),
        (CURVE, {**SECOND, "target": {"axis": AXIS, "values": [1, 1, 1, 1]}}, "objective.target", ""),
    ],
)
def test_objectives_that_do_not_suit_the_outcomes_are_refused(api, document, objective, field, told):
    id = expect(api.post("campaigns", json=document), 201)["id"]
    for parameters in ({}, {"dry_run": True}):
        problem = expect_refusal(rescore(api, id, objective, **parameters), 422, field)
        assert told in problem["errors"][0]["remedy"]
    assert expect(api.get(f"campaigns/{id}"))["objective"] == 1


def test_the_present_objective_a_missing_reason_and_an_old_version_are_refused(api, campaign):
    assert "nothing to score anew" in expect_refusal(rescore(api, campaign, SCALAR["objective"]), 409)["detail"]
    for body in ({"objective": AWAY}, {"objective": AWAY, "reason": ""}):
        expect_refusal(api.post(f"campaigns/{campaign}/rescore", json=body, headers=ANY), 422, "reason")
    expect_refusal(rescore(api, campaign, AWAY, headers={}), 428)
    expect_refusal(rescore(api, campaign, AWAY, headers={"If-Match": '"99"'}), 412)
    expect_refusal(rescore(api, "none", AWAY), 404)


def test_a_rescoring_is_for_chemists_comes_once_per_key_and_is_on_record(api, campaign, as_role):
    expect_refusal(rescore(api, campaign, AWAY, headers={**ANY, **as_role("lab")}), 403)
    chemist = {**as_role("chemist"), "Idempotency-Key": "k", "If-Match": api.get(f"campaigns/{campaign}").headers["etag"]}
    first, again = (rescore(api, campaign, AWAY, headers=chemist) for _ in range(2))
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"] == api.get(f"campaigns/{campaign}").headers["etag"]
    assert len(expect(api.get(f"campaigns/{campaign}/objectives", headers=as_role("viewer")))) == 2
    text = api.get(f"campaigns/{campaign}/events").text
    event = next(json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ") and "replaced" in line)
    assert event["detail"] == {"objective": 2, "kind": "target_value", "after_round": 1, "reason": "another product", "job": None}


def test_objectives_are_exported(api, work):
    campaign = two_rounds(api, work)
    expect(rescore(api, campaign, AWAY))
    whole = expect(api.get(f"campaigns/{campaign}/export?format=json"))
    assert whole["objectives"] == expect(api.get(f"campaigns/{campaign}/objectives"))
    assert [batch["info"]["objective"] for batch in whole["batches"]] == [1, 1]
