"""The client against a service of a few lines: what it sends, tries again, and makes of the answers."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest

import closedloop
from closedloop import Client, transport

Handler = Callable[[httpx.Request], httpx.Response]
PROBLEM = {
    "title": "Invalid input",
    "detail": "2 field(s) are wrong",
    "errors": [{"field": "value", "message": "no number", "remedy": "send one"}],
}


class Service:
    """Answers from a list, the last one for ever, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.requests = list(answers), []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sent(self, header: str) -> list[str | None]:
        return [request.headers.get(header) for request in self.requests]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(transport, "sleep", found.append)
    return found


def client_of(handler: Handler, retries: int = 5) -> Client:
    return Client("http://lab.test", "cl_secret", retries=retries, transport=httpx.MockTransport(handler))


def answer(content: object = None, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=content, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLOSEDLOOP_URL", "http://from.env/")
    monkeypatch.setenv("CLOSEDLOOP_KEY", "cl_env")
    service = Service(answer({"status": "ok", "version": "1"}))
    with Client(transport=httpx.MockTransport(service)) as client:
        assert client.health()["status"] == "ok"
    assert str(service.requests[0].url) == "http://from.env/api/v1/health"
    assert service.sent("Authorization") == ["Bearer cl_env"]


def test_connections_are_closed_with_the_client_or_when_it_is_forgotten():
    forgotten, left = client_of(Service(answer({}))), client_of(Service(answer({})))
    with left:
        connections = [client._transport._http for client in (forgotten, left)]
        assert [http.is_closed for http in connections] == [False, False]
    del forgotten
    assert [http.is_closed for http in connections] == [True, True]


def test_a_post_is_tried_again_under_one_idempotency_key(pauses: list[float]):
    service = Service(httpx.ConnectError("refused"), answer(status=503), httpx.ReadTimeout("slow"), answer({"id": "a"}, 201))
    with client_of(service) as client:
        assert client.create_campaign({"name": "a"}) == {"id": "a"}
        client.create_campaign({"name": "a"})
    first, *rest, other = service.sent("Idempotency-Key")
    assert rest == [first] * 3
    assert other != first
    assert uuid.UUID(first).version == 4
    assert [request.content for request in service.requests] == [b'{"name": "a"}'] * 5
    assert pauses == sorted(pauses)
    assert len(pauses) == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again_when_it_says(status: int, pauses: list[float]):
    with client_of(Service(answer(status=status, Retry_After="7"), answer([]))) as client:
        assert client.batches("a") == []
    assert pauses == [7.0]


def test_a_retry_after_without_reason_is_bounded(pauses: list[float]):
    with client_of(Service(answer(status=429, Retry_After="86400"), answer(status=429, Retry_After="tomorrow"), answer([]))) as client:
        client.batches("a")
    assert pauses[0] == 60
    assert pauses[1] < 5


def test_it_gives_up_in_the_end(pauses: list[float]):
    with client_of(Service(httpx.ConnectError("refused")), retries=2) as client, pytest.raises(closedloop.Unreachable, match="refused"):
        client.health()
    with (
        client_of(Service(answer({"title": "Busy"}, 503)), retries=2) as client,
        pytest.raises(closedloop.ServiceError, match="Busy") as busy,
    ):
        client.health()
    assert busy.value.status == 503
    assert len(pauses) == 4


@pytest.mark.parametrize("url", ["lab:8000", "ftp://lab", "http://lab:port", "/x"])
def test_an_address_that_is_none_is_not_tried_twice(url: str, pauses: list[float]):
    with pytest.raises(closedloop.Unreachable, match="no address"), Client(url, "cl_k") as client:
        client.health()
    assert pauses == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, closedloop.InvalidInput),
        (401, closedloop.NotAllowed),
        (403, closedloop.NotAllowed),
        (404, closedloop.NotFound),
        (409, closedloop.Conflict),
        (412, closedloop.EditedMeanwhile),
        (413, closedloop.InvalidInput),
        (422, closedloop.InvalidInput),
        (500, closedloop.ServiceError),
    ],
)
def test_problems_become_exceptions(status: int, kind: type[Exception]):
    service = Service(answer(PROBLEM, status))
    with client_of(service) as client, pytest.raises(kind) as raised:
        client.campaign("a")
    assert type(raised.value) is kind
    assert raised.value.status == status
    assert raised.value.errors == PROBLEM["errors"]
    assert str(raised.value) == "Invalid input: 2 field(s) are wrong\n  value: no number; send one"
    assert len(service.requests) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b'"text"'])
def test_an_error_that_is_no_problem_report_is_still_an_error(body: bytes):
    with client_of(Service(httpx.Response(404, content=body))) as client, pytest.raises(closedloop.NotFound, match="HTTP 404"):
        client.campaign("a")


def test_arrays_numbers_and_times_are_sent_as_they_are():
    service = Service(answer({}, 201))
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    with client_of(service) as client:
        client.put_replicate("a", "r01-w01", 2, values=np.array([0.1, 1 / 3]), axis=np.arange(2), measured_at=moment)
        client.put_replicate("a", "r01-w01", 3, value=np.float32(0.5))
        client.post_measurements("a", ({"design": "d", "replicate": np.int64(k), "value": 1.0} for k in (1, 2)))
    curve, number, bulk = (json.loads(request.content) for request in service.requests)
    assert curve == {"values": [0.1, 1 / 3], "axis": [0, 1], "measured_at": "2026-01-02T03:04:05.678901+00:00"}
    assert number == {"value": 0.5}
    assert bulk["measurements"] == [{"design": "d", "replicate": 1, "value": 1.0}, {"design": "d", "replicate": 2, "value": 1.0}]
    assert service.requests[0].url.path == "/api/v1/campaigns/a/designs/r01-w01/replicates/2"


def test_identifiers_cannot_leave_their_place_in_the_path():
    service = Service(answer({}))
    with client_of(service) as client:
        client.campaign("../jobs?x=1")
        with pytest.raises(closedloop.InvalidInput, match="empty"):
            client.campaign("")
    assert service.requests[0].url.raw_path == b"/api/v1/campaigns/..%2Fjobs%3Fx%3D1"


def test_what_json_cannot_hold_is_refused_before_sending():
    service = Service(answer({}))
    with client_of(service) as client, pytest.raises(TypeError, match="set"):
        client.create_campaign({"name": {"a"}})
    assert service.requests == []


def test_an_edit_speaks_of_the_version_that_was_read():
    service = Service(answer({"version": 4}, ETag='"4"'), answer({"version": 5}))
    with client_of(service) as client:
        assert client.stop("a", "no silver left")["version"] == 5
        client.edit_design("a", "r01-w01", version=9, state="running")
    assert [request.method for request in service.requests] == ["GET", "PATCH", "PATCH"]
    assert service.sent("If-Match") == [None, '"4"', '"9"']
    assert json.loads(service.requests[1].content) == {"state": "stopped", "reason": "no silver left"}


def test_phases_and_labels_are_edits():
    service = Service(answer({"version": 4, "phase": "both", "label": "run 7", "checks": []}, ETag='"4"'))
    with client_of(service) as client:
        assert client.set_phase("a", "both", "compare them")["phase"] == "both"
        assert client.label_batch("a", 7, "run 7")["label"] == "run 7"
        assert client.phases("a")["checks"] == []
    edits = [(request.url.path, json.loads(request.content)) for request in service.requests if request.method == "PATCH"]
    assert edits == [
        ("/api/v1/campaigns/a", {"phase": "both", "reason": "compare them"}),
        ("/api/v1/campaigns/a/batches/7", {"label": "run 7"}),
    ]


def test_campaigns_are_read_page_by_page():
    pages = {None: (["a", "b"], "b"), "b": (["c"], "c"), "c": ([], None)}

    def handler(request: httpx.Request) -> httpx.Response:
        names, following = pages[request.url.params.get("after")]
        return answer({"items": [{"id": name} for name in names], "next": following})

    with client_of(handler) as client:
        assert [line["id"] for line in client.campaigns()] == ["a", "b", "c"]


def test_files_are_sent_whole_and_again_after_a_failure(tmp_path: Path, pauses: list[float]):
    file = tmp_path / "data.csv"
    file.write_bytes(b"x,loss\n1,2\n")
    service = Service(httpx.RemoteProtocolError("gone"), answer({"conditions": 1}, 201))
    with client_of(service) as client:
        assert client.import_file("a", file, {"outcome": "loss"}, dry_run=True) == {"conditions": 1}
    for request in service.requests:
        assert request.url.params["dry_run"] == "true"
        assert b'filename="data.csv"' in request.content
        assert b"x,loss\n1,2\n" in request.content
        assert b'{"outcome": "loss"}' in request.content
    assert len(pauses) == 1


def test_an_export_is_returned_and_written(tmp_path: Path):
    with client_of(Service(httpx.Response(200, content=b"PK\x03\x04"))) as client:
        assert client.export("a", "zip", tmp_path / "a.zip") == b"PK\x03\x04"
    assert (tmp_path / "a.zip").read_bytes() == b"PK\x03\x04"


def test_guards_are_asked_for_by_round_and_extensions_send_only_the_bounds_that_move():
    service = Service(answer({"flagged": 0, "evidence": []}))
    with client_of(service) as client:
        assert client.checks("a")["flagged"] == 0
        client.checks("a", round=3)
        client.extend_bounds("a", "seed", low=0.0, reason="piled up")
        client.extend_bounds("a", "seed", low=None, high=30, reason="piled up")
    assert [str(request.url.params) for request in service.requests] == ["", "round=3", "", ""]
    assert [request.url.path.rsplit("/", 1)[1] for request in service.requests] == ["checks", "checks", "bounds", "bounds"]
    bodies = [json.loads(request.content) for request in service.requests[2:]]
    assert bodies == [
        {"parameter": "seed", "low": 0.0, "reason": "piled up"},
        {"parameter": "seed", "high": 30, "reason": "piled up"},
    ]


def test_a_replay_is_asked_for_by_its_round():
    service = Service(answer({"kind": "replay", "state": "queued"}, 202))
    with client_of(service) as client:
        assert client.replay("a", 2)["kind"] == "replay"
    assert [(request.method, request.url.path) for request in service.requests] == [("POST", "/api/v1/campaigns/a/batches/2/replay")]


def test_the_virtual_lab_is_sent_recipes_and_the_number_of_replicates_only_where_given():
    service, recipe = Service(answer({"axis": [380.0], "spectra": [[[0.5]]]})), {"QAgNO3": 30, "Qtot": 850}
    with client_of(service) as client:
        assert client.simulate_nanoparticle([recipe])["spectra"] == [[[0.5]]]
        client.simulate_nanoparticle((recipe for _ in range(2)), replicates=4, seed=7)
    assert [request.url.path for request in service.requests] == ["/api/v1/simulate/nanoparticle"] * 2
    bodies = [json.loads(request.content) for request in service.requests]
    assert bodies == [{"recipes": [recipe], "seed": 0}, {"recipes": [recipe] * 2, "replicates": 4, "seed": 7}]


def test_a_rescoring_speaks_of_the_version_that_was_read_and_a_dry_run_of_any():
    service = Service(answer({"version": 4}, ETag='"4"'), answer({"objective": 2}))
    objective = {"kind": "maximize", "outcome": "yield"}
    with client_of(service) as client:
        assert client.rescore("a", objective, "sold out")["objective"] == 2
        client.rescore("a", objective, "sold out", dry_run=True)
        client.objectives("a")
    assert service.sent("If-Match") == [None, '"4"', None, None]
    assert [request.url.path.rsplit("/", 1)[1] for request in service.requests[1:]] == ["rescore", "rescore", "objectives"]
    assert [str(request.url.params) for request in service.requests[1:3]] == ["", "dry_run=true"]
    assert json.loads(service.requests[1].content) == {"objective": objective, "reason": "sold out"}


def test_learning_asks_waits_and_reads():
    job, recipe = {"id": "j", "state": "queued", "error": None}, {"x": np.float64(1.5)}
    service = Service(answer(job, 202), answer({**job, "state": "running"}), answer({**job, "state": "done"}), answer({"current": True}))
    with client_of(service) as client:
        assert client.learn("a", [recipe], {"red": (600, 700)}, poll=0)["current"]
    assert [request.url.path.removeprefix("/api/v1") for request in service.requests] == [
        "/campaigns/a/knowledge",
        "/jobs/j",
        "/jobs/j",
        "/campaigns/a/knowledge",
    ]
    asked = json.loads(service.requests[0].content)
    assert asked == {"recipes": [{"x": 1.5}], "regions": [{"name": "red", "low": 600, "high": 700}]}


def test_learning_says_why_there_is_nothing():
    job = {"id": "j", "state": "failed", "error": "ArithmeticError: singular"}
    with client_of(Service(answer(job, 202))) as client, pytest.raises(closedloop.JobFailed, match="singular"):
        client.learn("a")
    with client_of(Service(answer({**job, "state": "running"}, 202))) as client, pytest.raises(closedloop.TimedOut, match="running"):
        client.learn("a", timeout=0, poll=0)
