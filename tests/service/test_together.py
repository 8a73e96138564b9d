"""Questions that come at once, on the short way: everyone gets the own answer, and the own error."""

import asyncio
import json

import numpy as np
import pytest

from app.predicting import Models
from app.together import Together
from closedloop import prediction_speed
from optimizer.types import InvalidInput
from tests.service.conftest import expect, expect_refusal
from tests.service.test_surrogates import BODY, ROW, dataset, surrogate  # noqa: F401


@pytest.fixture
def models(api, settings, surrogate):  # noqa: F811
    held = Models(api.app.state.database, settings)
    yield held
    held.close()


def body(*xs):
    return json.dumps({"rows": [{**ROW, "x": x} for x in xs]}).encode()


def means(content):
    return np.array([row["answers"]["band"]["mean"] for row in json.loads(content)["rows"]])


def test_who_asks_at_once_gets_the_own_rows_and_the_own_error(models, surrogate):  # noqa: F811
    questions = [[k / 40] for k in range(30)] + [[0.1, 0.9]] + [[0.2] * 70]

    async def ask(together):
        asked = [together.predict(surrogate, body(*xs)) for xs in questions]
        return await asyncio.gather(*asked, together.predict(surrogate, b'{"rows": [{}]}'), return_exceptions=True)

    *told, refused = asyncio.run(ask(Together(models)))
    assert isinstance(refused, InvalidInput)
    held = models.held(surrogate)
    for xs, content in zip(questions, told, strict=True):
        alone, _ = models.ask(held, np.array([[x, 5.0, 1.0, 0.0] for x in xs]))
        assert np.allclose(means(content), alone[0].mean, rtol=1e-12)


def test_many_questions_take_few_calls_of_the_model(models, surrogate, monkeypatch):  # noqa: F811
    calls, plain = [], models.ask
    monkeypatch.setattr(models, "ask", lambda held, X: (calls.append(len(X)), plain(held, X))[1])

    async def ask(together):
        await together.predict(surrogate, body(0.5))
        await asyncio.gather(*(together.predict(surrogate, body(0.5)) for _ in range(100)))

    asyncio.run(ask(Together(models)))
    assert sum(calls) == 101
    assert len(calls) <= 5
    assert max(calls) <= 64


def test_a_model_that_fails_fails_those_who_asked_and_answers_the_next(models, surrogate, monkeypatch):  # noqa: F811
    def broken(*_):
        raise MemoryError("none left")

    async def ask(together):
        monkeypatch.setattr(models, "ask", broken)
        failed = await asyncio.gather(*(together.predict(surrogate, body(0.5)) for _ in range(3)), return_exceptions=True)
        monkeypatch.undo()
        return failed, await together.predict(surrogate, body(0.5))

    failed, told = asyncio.run(ask(Together(models)))
    assert [type(error) for error in failed] == [MemoryError] * 3
    assert means(told).shape == (1, 22)


@pytest.mark.parametrize("id", ["nobody", "Not-An-Identifier", "x" * 81])
def test_what_is_not_there_is_said_on_either_way(api, id):
    expect_refusal(api.post(f"surrogates/{id}/predict", json={"rows": [ROW]}), 404 if id == "nobody" else 422)


def test_the_short_way_asks_for_a_key_and_a_role_and_a_bound_body(api, surrogate, as_role):  # noqa: F811
    path = f"surrogates/{surrogate}/predict"
    expect(api.post(path, json={"rows": [ROW]}, headers=as_role("lab")))
    expect_refusal(api.post(path, json={"rows": [ROW]}, headers=as_role("viewer")), 403)
    for header in ("", "Basic abc", "Bearer ", "cl_key"):
        refused = api.post(path, json={"rows": [ROW]}, headers={"Authorization": header})
        expect_refusal(refused, 401)
        assert refused.headers["www-authenticate"] == "Bearer"
    expect_refusal(api.post(path, content=b"{"), 422, "body")
    expect_refusal(api.post(path, content=b" " * (3 * 2**20)), 413)
    assert api.get(path).status_code == 405


def test_the_bench_tells_both_loads_with_and_without_a_training():
    rows = prediction_speed.prediction_rows("ridge", clients=4, rounds=2)
    judged = [row["name"] for row in rows if row["target"] is not None]
    assert judged == ["4 at once, while a model trains: p99", "4 each second, while a model trains: p99"]
    assert all(row["value"] >= 0 for row in rows)
    assert {row["unit"] for row in rows} <= {"ms", "1/s"}


@pytest.mark.parametrize("type", ["application/json", "application/json; charset=utf-8", "application/vnd.lab+json", "APPLICATION/JSON"])
def test_a_body_declared_as_json_is_answered_on_either_way(api, surrogate, type):  # noqa: F811
    told = api.post(f"surrogates/{surrogate}/predict", content=body(0.3), headers={"Content-Type": type})
    assert means(expect(told) and told.content).shape == (1, 22)


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {}, {"Content-Type": "application/jsonl"}])
def test_a_body_not_declared_as_json_is_refused_as_everywhere(api, surrogate, headers):  # noqa: F811
    expect_refusal(api.post(f"surrogates/{surrogate}/predict", content=body(0.3), headers=headers), 422, "body")
    expect_refusal(api.post("surrogates", content=json.dumps(BODY), headers=headers), 422, "body")


def test_the_rule_for_idempotency_keys_holds_on_the_short_way(api, surrogate):  # noqa: F811
    path = f"surrogates/{surrogate}/predict"
    expect(api.post(path, json={"rows": [ROW]}, headers={"Idempotency-Key": "k" * 200}))
    expect_refusal(api.post(path, json={"rows": [ROW]}, headers={"Idempotency-Key": "k" * 201}), 422)
