"""Requests that come twice: Idempotency-Key."""

from tests.service.conftest import SCALAR, expect, expect_refusal


def test_a_repeated_post_gets_the_first_answer_and_does_nothing(api):
    key = {"Idempotency-Key": "one"}
    first, again = (api.post("campaigns", json=SCALAR, headers=key) for _ in range(2))
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert again.headers["idempotent-replay"] == "true"
    assert len(expect(api.get("campaigns"))["items"]) == 1


def test_a_key_with_another_body_or_path_is_refused(api, campaign):
    key = {"Idempotency-Key": "one"}
    expect(api.post("campaigns", json=SCALAR, headers=key), 201)
    expect_refusal(api.post("campaigns", json={**SCALAR, "seed": 1}, headers=key), 409)
    expect_refusal(api.post(f"campaigns/{campaign}/batches", json={}, headers=key), 409)


def test_a_refused_post_may_be_corrected_under_its_key(api):
    key = {"Idempotency-Key": "one"}
    expect_refusal(api.post("campaigns", json={**SCALAR, "batch_size": 0}, headers=key), 422)
    expect(api.post("campaigns", json=SCALAR, headers=key), 201)


def test_keys_of_two_users_do_not_meet(api, as_role):
    key = {"Idempotency-Key": "one"}
    expect(api.post("campaigns", json=SCALAR, headers=key), 201)
    assert expect(api.post("campaigns", json=SCALAR, headers={**key, **as_role("chemist")}), 201)["id"] == "scalar-2"
