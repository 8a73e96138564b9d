"""Waiting for what the service makes: batches, and events."""

import json
from collections.abc import Iterable, Iterator

import httpx
import pytest

import closedloop
from closedloop import Client, client, transport


class Campaign:
    """A campaign whose next job goes through the given states, one per look."""

    def __init__(self, *job_states: str, error: str = "", ends: str = "active") -> None:
        self.states, self.error, self.ends = list(job_states), error, ends
        self.state, self.open, self.asked = "none", False, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.asked += 1
            self.state = "queued"
            return httpx.Response(202, json=self.job())
        match request.url.path.removeprefix("/api/v1/campaigns/a"):
            case "/jobs":
                self.advance()
                return httpx.Response(200, json=[] if self.state == "none" else [{"kind": "propose", "state": "done"}, self.job()])
            case "/batches":
                return httpx.Response(
                    200, json=[{"round": 1, "state": "complete"}, *([{"round": 2, "state": "open"}] if self.open else [])]
                )
            case "/batches/2":
                return httpx.Response(200, json={"round": 2})
        return httpx.Response(200, json={"state": self.ends if self.state == "done" else "active"})

    def advance(self) -> None:
        if self.states and (self.asked or self.states[0] != "queued"):
            self.state = self.states.pop(0)
        self.open = self.state == "done" and self.ends == "active"

    def job(self) -> dict:
        return {"kind": "propose", "state": self.state, "error": self.error}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.time, "sleep", lambda _: None)
    monkeypatch.setattr(transport, "sleep", lambda _: None)


def connect(handler: object) -> Client:
    return Client("http://lab.test", "cl_secret", transport=httpx.MockTransport(handler))


def test_a_batch_is_asked_for_when_none_is_in_progress():
    campaign = Campaign("queued", "running", "done")
    with connect(campaign) as connected:
        assert connected.wait_for_batch("a") == {"round": 2}
    assert campaign.asked == 1


def test_a_job_in_progress_is_waited_for_without_asking():
    campaign = Campaign("running", "running", "done")
    with connect(campaign) as connected:
        assert connected.wait_for_batch("a") == {"round": 2}
    assert campaign.asked == 0


def test_a_stopped_campaign_has_no_next_batch():
    campaign = Campaign("running", "done", ends="stopped")
    with connect(campaign) as connected:
        assert connected.wait_for_batch("a") is None
    assert campaign.asked == 0


def test_a_failed_job_is_tried_once_more_and_then_reported():
    campaign = Campaign("failed", "queued", "failed", error="NotEnoughPoints: 3 wells exist")
    with connect(campaign) as connected, pytest.raises(closedloop.JobFailed, match="3 wells exist"):
        connected.wait_for_batch("a")
    assert campaign.asked == 1


def test_waiting_ends_at_the_timeout():
    with connect(Campaign(*["running"] * 1000)) as connected, pytest.raises(closedloop.TimedOut, match=r"0\.02 s"):
        connected.wait_for_batch("a", timeout=0.02)


def sse(*events: dict) -> str:
    return "".join(
        f"id: {event['id']}\nevent: {event.get('action', '')}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n: alive\n\n"
        for event in events
    )


class Broken(httpx.SyncByteStream):
    """A body that breaks off after some chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        raise httpx.ReadError("connection lost")


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_are_read_however_they_are_cut(size: int):
    events = [{"id": 1, "action": "step done"}, {"id": 2, "detail": {"reason": "line\u2028separator \x85 ä"}}]
    content = sse(*events).encode()
    chunks = [content[i : i + size] for i in range(0, len(content), size)]
    with connect(lambda _: httpx.Response(200, content=iter(chunks))) as connected:
        assert list(connected.events("a")) == events


def test_a_followed_stream_is_taken_up_where_it_broke():
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        match len(asked):
            case 1:
                return httpx.Response(200, stream=Broken([sse({"id": 4}, {"id": 5}).encode(), b'data: {"id": 6']))
            case 2:
                return httpx.Response(503)
            case 3:
                return httpx.Response(200, text="")
        return httpx.Response(200, text=sse({"id": 6}))

    with connect(handler) as connected:
        stream = connected.events("a", follow=True, after=3)
        assert [next(stream)["id"] for _ in range(3)] == [4, 5, 6]
        stream.close()
    assert asked[0] == {"follow": "true", "after": "3"}
    assert [question["after"] for question in asked[1:]] == ["5", "5", "5"]


def test_a_log_that_breaks_off_is_read_to_its_end():
    bodies = [{"stream": Broken([sse({"id": 1}).encode()])}, {"text": sse({"id": 2})}]
    with connect(lambda _: httpx.Response(200, **bodies.pop(0))) as connected:
        assert [event["id"] for event in connected.events("a")] == [1, 2]


def test_the_data_of_events_follow_the_standard():
    lines = ["data:a", "data: b", "", ": comment", "event: x", "id: 3", "", "data:  c", "", "data: cut off"]
    assert list(transport.event_data(lines)) == ["a\nb", " c"]


def test_a_stream_that_is_refused_raises():
    connected = connect(lambda _: httpx.Response(404, json={"title": "Not found", "detail": "no campaign"}))
    with connected, pytest.raises(closedloop.NotFound, match="no campaign"):
        next(connected.events("a", follow=True))


def test_a_replay_in_progress_is_not_waited_for():
    def handler(request: httpx.Request) -> httpx.Response:
        match request.url.path.removeprefix("/api/v1/campaigns/a"):
            case "/jobs":
                return httpx.Response(200, json=[{"kind": "propose", "state": "done"}, {"kind": "replay", "state": "running"}])
            case "/batches":
                return httpx.Response(200, json=[{"round": 1, "state": "open"}])
        return httpx.Response(200, json={"round": 1})

    with connect(handler) as connected:
        assert connected.wait_for_batch("a") == {"round": 1}
