"""The service killed in the middle: nothing that was answered is lost, and the loop goes on to the same batch."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from app.examples import BUILD, CURVE_SURROGATE
from app.settings import Settings
from tests.service.conftest import ADMIN, SCALAR, bowl


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def service(database_url, log):
    """The service as a process; the client, and the process to kill."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", str(port), "--log-level", "warning"]
    environment = {**os.environ, "CLOSEDLOOP_DATABASE": database_url, "CLOSEDLOOP_ADMIN_KEY": ADMIN, "CLOSEDLOOP_WORKERS": "1"}
    environment["CLOSEDLOOP_FOLDER"] = os.path.dirname(log.name)
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers={"Authorization": f"Bearer {ADMIN}"}, timeout=30)
    try:
        until(lambda: answers(client))
        yield client, process
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=60)


def answers(client):
    try:
        return client.get("ready").status_code == 200
    except httpx.TransportError:
        return False


def until(condition, patience_s=120):
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
    return found


def first_round(client):
    id = client.post("campaigns", json=SCALAR).json()["id"]
    assert client.post(f"campaigns/{id}/batches", json={}).status_code == 202
    batch = until(lambda: (answer := client.get(f"campaigns/{id}/batches/1")).status_code == 200 and answer.json())
    return id, [{"design": w["id"], "replicate": 1, "value": bowl(w["executed"])} for w in batch["designs"]]


def plans(client, id, round):
    batch = until(lambda: (answer := client.get(f"campaigns/{id}/batches/{round}")).status_code == 200 and answer.json())
    return [well["planned"] for well in batch["designs"]]


def test_a_service_killed_between_replicates_and_in_its_job_resumes_to_the_same_batch(database_url, tmp_path):
    with (tmp_path / "log").open("w") as log:
        with service(database_url, log) as (client, _process):
            undisturbed, rows = first_round(client)
            client.post(f"campaigns/{undisturbed}/measurements", json={"measurements": rows})
            expected = plans(client, undisturbed, 2)

        with service(database_url, log) as (client, process):
            disturbed, rows = first_round(client)
            stored = 0
            for row in rows[:7]:
                path = f"campaigns/{disturbed}/designs/{row['design']}/replicates/1"
                stored += client.put(path, json={"value": row["value"]}).status_code == 201
            process.send_signal(signal.SIGKILL)
            process.wait()

        with service(database_url, log) as (client, process):
            assert client.get(f"campaigns/{disturbed}").json()["replicates"] == stored == 7
            client.post(f"campaigns/{disturbed}/measurements", json={"measurements": rows})
            job = client.get(f"campaigns/{disturbed}/jobs").json()[-1]["id"]
            until(lambda: client.get(f"jobs/{job}").json()["state"] == "running")
            process.send_signal(signal.SIGKILL)
            process.wait()

        with service(database_url, log) as (client, _process):
            found = plans(client, disturbed, 2)
            finished = client.get(f"jobs/{job}").json()
            assert finished["state"] == "done"
            assert finished["attempt"] == 2
            assert len(client.get(f"campaigns/{disturbed}/batches").json()) == 2
    assert [tuple(plan.values()) for plan in found] == [pytest.approx(tuple(plan.values())) for plan in expected]
    assert np.isfinite([list(plan.values()) for plan in found]).all()


def test_a_service_killed_while_it_trains_goes_on_with_the_training_and_keeps_one_card(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOSEDLOOP_FOLDER", str(tmp_path))
    unfinished = Settings(database=database_url).unfinished
    body = {**CURVE_SURROGATE, "learner": {"kind": "forest", "settings": {"trees": 80}}, "seeds": 2}
    with (tmp_path / "log").open("w") as log:
        with service(database_url, log) as (client, process):
            assert client.post("datasets/build", json=BUILD).status_code == 201
            made = client.post("surrogates", json=body).json()
            path, job = f"surrogates/{made['id']}", f"jobs/{made['job']['id']}"
            until(lambda: (client.get(job).json()["progress"] or 0) > 0.2)
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = {fit: fit.stat().st_ino for fit in unfinished.glob("*/fit-*")}
        assert done

        with service(database_url, log) as (client, _process):
            assert client.get(path).json()["card"] is None
            until(lambda: (client.get(job).json()["progress"] or 0) > 0.5)
            assert {fit: fit.stat().st_ino for fit in done} == done  # none of them was made again
            finished = until(lambda: (answer := client.get(job).json())["state"] not in ("queued", "running") and answer, 300)
            assert (finished["state"], finished["attempt"]) == ("done", 2), finished
            found = client.get(path).json()
            assert found["card"]["data"]["sha256"] == found["sha256"]
            assert found["version"] == 2
            assert client.get(f"{path}/artifact").status_code == 200
    assert not list(unfinished.iterdir())
