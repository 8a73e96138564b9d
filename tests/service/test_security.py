"""Keys and roles: deny by default, on every route."""

import pytest

from app.security import Role, create_key, digest
from db import keys
from tests.service.conftest import ADMIN, SCALAR, expect, expect_refusal

OPEN = {"/api/v1/health", "/api/v1/ready"}


def api_routes(api):
    paths = api.app.openapi()["paths"]
    return [(path, method) for path, operations in paths.items() for method in operations]


def test_every_route_but_health_and_ready_needs_a_key(api):
    checked = 0
    for path, method in api_routes(api):
        if path in OPEN:
            continue
        url = path.removeprefix("/api/v1/").format(campaign="c", design="d", round=1, number=1, job="j", dataset="x", surrogate="x")
        answer = api.request(method, url, headers={"Authorization": "Bearer cl_unknown_key_0123456789"})
        problem = expect_refusal(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "unknown or revoked" in problem["detail"]
        checked += 1
    assert checked > 15


def test_a_missing_key_is_said_how_to_send(api):
    del api.headers["Authorization"]
    assert "Authorization: Bearer" in expect_refusal(api.get("campaigns"), 401)["detail"]
    assert expect(api.get("health"))["status"] == "ok"
    assert expect(api.get("ready"))["status"] == "ready"


def test_a_viewer_reads_and_changes_nothing(api, campaign, as_role):
    viewer = as_role("viewer")
    for path, method in api_routes(api):
        if path in OPEN or method == "get":
            continue
        url = path.removeprefix("/api/v1/").format(
            campaign=campaign, design="r01-w01", round=1, number=1, job="j", dataset="x", surrogate="x"
        )
        answer = api.request(method, url, headers=viewer, json={})
        assert answer.status_code == 403, (path, method, answer.text)
    assert expect(api.get(f"campaigns/{campaign}", headers=viewer))["id"] == campaign


def test_a_lab_key_measures_but_makes_no_campaigns(api, campaign, as_role):
    lab = as_role("lab")
    expect(api.put(f"campaigns/{campaign}/designs/r01-w01/replicates/1", json={"value": 1.0}, headers=lab), 201)
    expect_refusal(api.post("campaigns", json=SCALAR, headers=lab), 403)
    exclude = {"quality": "excluded", "reason": "x"}
    expect_refusal(api.patch(f"campaigns/{campaign}/designs/r01-w01/replicates/1", json=exclude, headers={**lab, "If-Match": "*"}), 403)


def test_a_revoked_key_is_worthless_and_only_digests_are_stored(api):
    base = api.app.state.database
    key = create_key(base, "robot", Role.lab)
    header = {"Authorization": f"Bearer {key}"}
    expect(api.get("campaigns", headers=header))
    with base.write() as session:
        stored = {row.digest for row in keys.every(session)}
        keys.revoke(session, "robot")
    assert digest(key) in stored
    assert key not in stored
    expect_refusal(api.get("campaigns", headers=header), 401)


def test_keys_are_long_and_different(api):
    made = {create_key(api.app.state.database, f"k{i}", Role.viewer) for i in range(3)}
    assert len(made) == 3
    assert all(key.startswith("cl_") and len(key) >= 46 for key in made)


@pytest.mark.parametrize("actor", ["admin"])
def test_the_log_names_who_did_what(api, campaign, actor):
    log = api.get(f"campaigns/{campaign}/events").text
    assert f'"actor":"{actor}","action":"campaign created"' in log
    assert ADMIN not in log
