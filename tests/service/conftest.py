"""The application in process, on either database, where jobs run when a test says so; and a service of its own on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.main import create_app
from app.security import Role, create_key
from app.settings import Settings
from app.worker import Worker
from closedloop import Client
from closedloop.local import LocalService, local_service

ADMIN = "cl_admin_key_for_tests_only"

SCALAR = {
    "name": "Scalar",
    "space": {
        "parameters": [
            {"kind": "continuous", "name": "a", "low": 0, "high": 10, "unit": "%", "step": 0.5},
            {"kind": "continuous", "name": "b", "low": 0, "high": 10, "unit": "%"},
        ],
        "constraints": [{"coefficients": {"a": 1, "b": 1}, "bound": 15}],
    },
    "objective": {"kind": "minimize", "outcome": "loss"},
}
AXIS = [380.0, 400.0, 420.0, 440.0]
CURVE = {
    **SCALAR,
    "name": "Curve",
    "objective": {"kind": "spectrum_match", "axis": AXIS, "target": {"axis": AXIS, "values": [0, 1, 0.5, 0]}},
}


class Inline:
    """An executor that computes at once, in this process."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with local_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: LocalService) -> Iterator[Client]:
    with Client(service.url, service.key) as connected:
        yield connected


@pytest.fixture
def settings(database_url: str) -> Settings:
    return _settings(database_url)


def _settings(database: str) -> Settings:
    return Settings(database=database, admin_key=ADMIN, workers=0, max_body=2 * 2**20)


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """Built once, since its routes take a second to build; every test starts it anew, on a database of its own."""
    return create_app(_settings("sqlite:///:memory:"))


@pytest.fixture
def api(app: FastAPI, settings: Settings) -> Iterator[TestClient]:
    """A client that holds the administrator's key."""
    app.state.settings = settings
    with TestClient(app, base_url="http://test/api/v1", headers={"Authorization": f"Bearer {ADMIN}"}) as client:
        yield client


@pytest.fixture
def work(api: TestClient) -> Callable[[], None]:
    """Run the jobs that wait."""
    worker = Worker(api.app.state.database, Inline(), slots=1, lease_s=30)

    def run() -> None:
        while worker.step():
            pass

    return run


@pytest.fixture
def as_role(api: TestClient) -> Callable[[str], dict[str, str]]:
    """Headers of a new key of a role."""

    def make(role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {create_key(api.app.state.database, f'a {role}', Role[role])}"}

    return make


@pytest.fixture
def campaign(api: TestClient, work: Callable[[], None]) -> str:
    """A scalar campaign with an open first round of 15 wells."""
    return started(api, work, SCALAR)


def started(api: TestClient, work: Callable[[], None], document: dict[str, Any]) -> str:
    id = expect(api.post("campaigns", json=document), 201)["id"]
    expect(api.post(f"campaigns/{id}/batches", json={}), 202)
    work()
    return id


def expect(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def expect_refusal(response: Any, status: int, field: str = "") -> dict[str, Any]:
    """Check a refusal: the status, problem+json, and the field at fault."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    if field:
        assert field in [error["field"] for error in problem["errors"]], problem
    return problem


def measure(api: TestClient, campaign: str, round: int, loss: Callable[[dict[str, Any]], float], replicates: int = 1) -> None:
    """Post the losses of a round."""
    wells = expect(api.get(f"campaigns/{campaign}/batches/{round}"))["designs"]
    rows = [
        {"design": well["id"], "replicate": k, "value": loss(well["executed"])}
        for well in wells
        if well["state"] == "approved"
        for k in range(1, replicates + 1)
    ]
    expect(api.post(f"campaigns/{campaign}/measurements", json={"measurements": rows}), 201)


def bowl(recipe: dict[str, Any]) -> float:
    return ((recipe["a"] - 3) ** 2 + (recipe["b"] - 7) ** 2) / 50
