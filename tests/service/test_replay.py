"""Replays: a proposal made once more from the history before it equals the stored one."""

import numpy as np
import pytest

from tests.service.conftest import SCALAR, bowl, expect, expect_refusal, measure, started
from tests.service.test_import import ROWS, SIMPLE, as_csv, send

ANY = {"If-Match": "*"}


def replay(api, work, campaign, round):
    """The result of a replay."""
    answer = api.post(f"campaigns/{campaign}/batches/{round}/replay")
    job = expect(answer, 202)
    assert (job["kind"], job["round"], job["state"]) == ("replay", round, "queued")
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    work()
    done = expect(api.get(f"jobs/{job['id']}"))
    assert done["error"] is None
    return done["result"]


def two_rounds(api, work, replicates=1, **settings):
    """A campaign with a measured first round and an open second one."""
    campaign = started(api, work, {**SCALAR, "replicates": replicates, **settings})
    measure(api, campaign, 1, bowl, replicates)
    work()
    return campaign


SAME = "same batch: 15 wells; the data before it are as they were"


@pytest.mark.parametrize("noise", ["inferred", "replicates"])
def test_every_round_is_proposed_again_as_it_was(api, work, noise):
    campaign = started(api, work, {**SCALAR, "seed": 5, "strategy": {"gp": {"noise": noise}}, "replicates": 2})
    rng = np.random.default_rng(0)
    for round in (1, 2):
        measure(api, campaign, round, lambda recipe, scale=round: bowl(recipe) + scale * rng.normal(), 2)
        work()
    assert [replay(api, work, campaign, round) for round in (1, 2, 3)] == [SAME] * 3


def test_a_replay_changes_nothing_but_the_log(api, work):
    campaign = two_rounds(api, work)
    before = expect(api.get(f"campaigns/{campaign}")), expect(api.get(f"campaigns/{campaign}/batches/2"))
    replay(api, work, campaign, 2)
    assert (expect(api.get(f"campaigns/{campaign}")), expect(api.get(f"campaigns/{campaign}/batches/2"))) == before
    log = api.get(f"campaigns/{campaign}/events").text
    assert log.index("event: replay queued") < log.index("event: replay done")
    kinds = [(job["round"], job["kind"]) for job in expect(api.get(f"campaigns/{campaign}/jobs"))]
    assert kinds == [(1, "propose"), (2, "propose"), (2, "replay")]


def test_settings_that_were_edited_since_do_not_matter(api, work):
    campaign = two_rounds(api, work)
    expect(api.post(f"campaigns/{campaign}/bounds", json={"parameter": "b", "low": -1, "high": 14, "reason": "more room"}))
    expect(api.patch(f"campaigns/{campaign}", json={"batch_size": 4, "stop": {"loss": {"threshold": 100}}}, headers=ANY))
    assert replay(api, work, campaign, 2) == SAME
    expect(api.patch(f"campaigns/{campaign}", json={"state": "stopped", "reason": "lunch"}, headers=ANY))
    assert replay(api, work, campaign, 2) == SAME


def test_wells_that_were_open_then_are_open_in_the_replay(api, work):
    campaign = started(api, work, {**SCALAR, "replicates": 2})
    wells = expect(api.get(f"campaigns/{campaign}/batches/1"))["designs"]
    measured = [(well, k) for well in wells[:9] for k in (1, 2)] + [(well, 1) for well in wells[9:12]]
    rows = [{"design": well["id"], "replicate": k, "value": bowl(well["executed"])} for well, k in measured]
    expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 201)
    expect(api.post(f"campaigns/{campaign}/batches", json={"overlap": True}), 202)
    work()

    for well in wells[9:]:
        executed = {**well["executed"], "b": well["executed"]["b"] + 0.01}
        expect(api.patch(f"campaigns/{campaign}/designs/{well['id']}", json={"executed": executed}, headers=ANY))
    late = [{"design": well["id"], "replicate": k, "value": -9.0} for well in wells[9:] for k in (2, 3)]
    expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": late}), 201)
    assert replay(api, work, campaign, 2) == SAME


@pytest.mark.parametrize("what", ["replicate", "exclusion", "executed", "failed"])
def test_data_that_changed_since_are_said_to_have_changed(api, work, what):
    campaign = two_rounds(api, work, replicates=2)
    path = f"campaigns/{campaign}/designs/r01-w01"
    if what == "replicate":
        expect(api.put(f"{path}/replicates/3", json={"value": -50.0}), 201)
    elif what == "exclusion":
        expect(api.patch(f"{path}/replicates/1", json={"quality": "excluded", "reason": "bubble"}, headers=ANY))
    elif what == "executed":
        expect(api.patch(path, json={"executed": {"a": 9, "b": 0.5}}, headers=ANY))
    else:
        expect(api.patch(path, json={"state": "failed", "reason": "mixed up"}, headers=ANY))
    assert replay(api, work, campaign, 2).endswith("the data before it have changed since")
    assert replay(api, work, campaign, 1) == SAME


def test_wells_that_differ_are_named(api, work):
    campaign = two_rounds(api, work, replicates=2)
    for k in (3, 4, 5, 6):
        expect(api.put(f"campaigns/{campaign}/designs/r01-w01/replicates/{k}", json={"value": -50.0}), 201)
    result = replay(api, work, campaign, 2)
    assert result.startswith("another batch: r02-w01, ")
    assert "differ; the data before it have changed since" in result


def test_a_replay_may_be_asked_for_again(api, work):
    campaign = two_rounds(api, work)
    first = expect(api.post(f"campaigns/{campaign}/batches/2/replay"), 202)
    assert expect(api.post(f"campaigns/{campaign}/batches/2/replay"), 202)["id"] == first["id"]
    work()
    expect(api.put(f"campaigns/{campaign}/designs/r01-w01/replicates/2", json={"value": 1.0}), 201)
    assert "changed since" in replay(api, work, campaign, 2)


def test_wells_that_a_person_planned_are_not_compared(api, work):
    campaign = two_rounds(api, work)
    expect(api.patch(f"campaigns/{campaign}/designs/r02-w03", json={"planned": {"a": 1, "b": 1}}, headers=ANY))
    expect(api.post(f"campaigns/{campaign}/designs", json={"recipe": {"a": 2, "b": 1}, "reason": "a guess"}), 201)
    result = replay(api, work, campaign, 2)
    assert result.startswith("same batch: 14 wells; ")
    assert result.endswith("not compared, since planned by a person: r02-w03, r02-w16")


def test_what_the_service_did_not_propose_cannot_be_replayed(api, work, campaign):
    expect_refusal(api.post(f"campaigns/{campaign}/batches/2/replay"), 404)
    expect_refusal(api.post("campaigns/none/batches/1/replay"), 404)
    for i in range(1, 16):
        expect(api.patch(f"campaigns/{campaign}/designs/r01-w{i:02d}", json={"planned": {"a": i / 2, "b": 1}}, headers=ANY))
    assert "every well" in expect_refusal(api.post(f"campaigns/{campaign}/batches/1/replay"), 409)["detail"]
    imported = expect(api.post("campaigns", json=SCALAR), 201)["id"]
    expect(send(api, imported, as_csv(ROWS), SIMPLE), 201)
    assert "imported" in expect_refusal(api.post(f"campaigns/{imported}/batches/1/replay"), 409)["detail"]


def test_replays_are_for_chemists_and_come_once_per_key(api, work, campaign, as_role):
    path = f"campaigns/{campaign}/batches/1/replay"
    expect_refusal(api.post(path, headers=as_role("lab")), 403)
    chemist = {**as_role("chemist"), "Idempotency-Key": "again"}
    first = api.post(path, headers=chemist)
    work()
    assert expect(api.post(path, headers=chemist), 202) == expect(first, 202)


def test_a_replay_that_fails_says_so_and_leaves_the_campaign_as_it_was(api, work, campaign, monkeypatch):
    def broken(state):
        raise ArithmeticError("the matrix is singular")

    job = expect(api.post(f"campaigns/{campaign}/batches/1/replay"), 202)
    with monkeypatch.context() as patched:
        patched.setattr("app.worker.next_step", broken)
        work()
    failed = expect(api.get(f"jobs/{job['id']}"))
    assert (failed["state"], failed["error"]) == ("failed", "ArithmeticError: the matrix is singular")
    assert "event: replay failed" in api.get(f"campaigns/{campaign}/events").text
    assert replay(api, work, campaign, 1) == SAME


def test_what_a_batch_was_made_from_is_exported(api, work):
    campaign = two_rounds(api, work)
    info = [batch["info"] for batch in expect(api.get(f"campaigns/{campaign}/export?format=json"))["batches"]]
    assert [entry["batch_size"] for entry in info] == [15, 15]
    assert info[0]["history"] != info[1]["history"]
    assert info[1]["space"]["parameters"][0]["name"] == "a"
