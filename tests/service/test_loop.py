"""The loop over HTTP: initial design, batches, stop, reopen, retry."""

import numpy as np
from fastapi.testclient import TestClient

from tests.service.conftest import SCALAR, bowl, expect, expect_refusal, measure, started


def wells_of(api: TestClient, campaign: str, round: int) -> list[dict]:
    return expect(api.get(f"campaigns/{campaign}/batches/{round}"))["designs"]


def test_the_first_round_is_a_centred_latin_hypercube(api, work, campaign):
    wells = wells_of(api, campaign, 1)
    assert [well["id"] for well in wells] == [f"r01-w{i:02d}" for i in range(1, 16)]
    assert {well["state"] for well in wells} == {"approved"}
    b = sorted(well["planned"]["b"] for well in wells)
    assert np.allclose(b, (np.arange(15) + 0.5) / 15 * 10)
    assert all(well["planned"]["a"] + well["planned"]["b"] <= 15 for well in wells)
    assert all(well["planned"]["a"] * 2 == int(well["planned"]["a"] * 2) for well in wells)


def test_a_complete_round_is_followed_by_the_next_without_asking(api, work, campaign):
    measure(api, campaign, 1, bowl)
    assert [job["state"] for job in expect(api.get(f"campaigns/{campaign}/jobs"))] == ["done", "queued"]
    work()
    wells = wells_of(api, campaign, 2)
    recipes = {(well["planned"]["a"], well["planned"]["b"]) for well in wells}
    assert len(recipes) == 15
    for rank, well in enumerate(wells, 1):
        proposal = well["proposal"]
        assert well["planned"]["a"] + well["planned"]["b"] <= 15 + 1e-9
        assert proposal["rule"] == "hybrid_ei"
        assert proposal["rank"] == rank
        assert proposal["std"] > 0
        assert proposal["acquisition"] >= 0
        assert proposal["penalty"] is None if rank <= 8 else 0 < proposal["penalty"] <= 1
        assert proposal["why"]


def test_three_rounds_get_nearer_to_the_optimum(api, work, campaign):
    for round in (1, 2, 3):
        measure(api, campaign, round, bowl)
        work()
    best = expect(api.get(f"campaigns/{campaign}"))
    assert best["best_per_round"]["3"] < best["best_per_round"]["1"]
    assert best["best"]["loss"] < 0.01
    assert abs(best["best"]["recipe"]["a"] - 3) < 1


def test_the_same_history_gives_the_same_batch(api, work):
    first, second = (started(api, work, {**SCALAR, "seed": 7}) for _ in range(2))
    assert first != second
    for id in (first, second):
        measure(api, id, 1, bowl)
        work()
    plans = [[(w["planned"], w["proposal"]["score"]) for w in wells_of(api, id, 2)] for id in (first, second)]
    assert plans[0] == plans[1]


def test_asking_while_a_round_is_open_answers_with_that_round(api, campaign):
    assert expect(api.post(f"campaigns/{campaign}/batches", json={}))["round"] == 1
    assert len(expect(api.get(f"campaigns/{campaign}/jobs"))) == 1


def test_a_second_batch_ahead_of_open_wells_stays_clear_of_them(api, work, campaign):
    rows = [
        {"design": f"r01-w{i:02d}", "replicate": 1, "value": bowl(w["executed"])} for i, w in enumerate(wells_of(api, campaign, 1)[:9], 1)
    ]
    expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 201)
    expect(api.post(f"campaigns/{campaign}/batches", json={"overlap": True}), 202)
    work()
    ahead = {(w["planned"]["a"], round(w["planned"]["b"], 6)) for w in wells_of(api, campaign, 2)}
    open_wells = {(w["planned"]["a"], round(w["planned"]["b"], 6)) for w in wells_of(api, campaign, 1)[9:]}
    assert len(ahead) == 15
    assert not ahead & open_wells


def test_a_met_stop_condition_stops_with_evidence_and_a_person_reopens_with_a_reason(api, work):
    campaign = started(api, work, {**SCALAR, "stop": {"loss": {"threshold": 5}}})
    measure(api, campaign, 1, bowl)
    work()
    stop = expect(api.get(f"campaigns/{campaign}/stop"))
    assert stop["state"] == "stopped"
    check = stop["checks"][-1]
    assert check["legs"] == {"loss": True}
    assert check["evidence"][0]["value"] <= check["evidence"][0]["threshold"] == 5
    assert len(expect(api.get(f"campaigns/{campaign}/batches"))) == 1
    expect_refusal(api.post(f"campaigns/{campaign}/batches", json={}), 409)

    any_version = {"If-Match": "*"}
    expect_refusal(api.patch(f"campaigns/{campaign}", json={"state": "active"}, headers=any_version), 422, "reason")
    expect(api.patch(f"campaigns/{campaign}", json={"state": "active", "reason": "we want better"}, headers=any_version))
    expect(api.post(f"campaigns/{campaign}/batches", json={}), 202)
    work()
    assert len(wells_of(api, campaign, 2)) == 15
    actions = [line for line in api.get(f"campaigns/{campaign}/events").text.splitlines() if line.startswith("event:")]
    assert "event: campaign stopped" in actions
    assert "event: campaign reopened" in actions


def test_stability_and_accuracy_leave_evidence_from_the_second_round(api, work):
    legs = {"stability": {"threshold": 1e-9}, "accuracy": {"threshold": 1e-9}, "combine": "all"}
    campaign = started(api, work, {**SCALAR, "stop": legs})
    for round in (1, 2):
        measure(api, campaign, round, bowl)
        work()
    first, second = expect(api.get(f"campaigns/{campaign}/stop"))["checks"]
    assert first["evidence"] == []
    assert {row["leg"] for row in second["evidence"]} == {"stability", "accuracy"}
    assert not second["stop"]


def test_a_round_that_gave_no_data_is_followed_by_a_new_initial_design(api, work, campaign):
    for well in wells_of(api, campaign, 1):
        body = {"state": "failed", "reason": "pump broke"}
        expect(api.patch(f"campaigns/{campaign}/designs/{well['id']}", json=body, headers={"If-Match": "*"}))
    work()
    again = wells_of(api, campaign, 2)
    assert {well["origin"] for well in again} == {"lhs_centered"}
    assert [w["planned"] for w in again] != [w["planned"] for w in wells_of(api, campaign, 1)]


def test_a_constant_outcome_still_gives_a_batch_and_says_so(api, work, campaign):
    measure(api, campaign, 1, lambda recipe: 1.0)
    work()
    batch = expect(api.get(f"campaigns/{campaign}/batches/2"))
    assert len({(w["planned"]["a"], w["planned"]["b"]) for w in batch["designs"]}) == 15
    assert batch["warnings"]


def test_a_failed_job_keeps_its_error_and_runs_again_when_asked(api, work, campaign, monkeypatch):
    def broken(state):
        raise ArithmeticError("the matrix is singular")

    measure(api, campaign, 1, bowl)
    with monkeypatch.context() as patched:
        patched.setattr("app.worker.next_step", broken)
        work()
    job = expect(api.get(f"campaigns/{campaign}/jobs"))[-1]
    assert (job["state"], job["error"]) == ("failed", "ArithmeticError: the matrix is singular")
    assert expect(api.get(f"campaigns/{campaign}"))["replicates"] == 15
    again = expect(api.post(f"campaigns/{campaign}/batches", json={}), 202)
    assert again["id"] == job["id"]
    work()
    assert len(wells_of(api, campaign, 2)) == 15


def test_a_person_who_stops_the_campaign_meanwhile_wins_over_the_job(api, work, campaign):
    measure(api, campaign, 1, bowl)
    expect(api.patch(f"campaigns/{campaign}", json={"state": "stopped", "reason": "out of silver"}, headers={"If-Match": "*"}))
    work()
    assert len(expect(api.get(f"campaigns/{campaign}/batches"))) == 1
    assert "person" in expect(api.get(f"campaigns/{campaign}/jobs"))[-1]["result"]
