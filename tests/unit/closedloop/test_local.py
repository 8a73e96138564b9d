"""A local service that cannot start says why."""

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from closedloop import NotStarted, local


def test_the_log_is_shown_when_the_service_does_not_start(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NotStarted, match=r"(?i)address already in use"), local.local_service(tmp_path, port):
            pass
    assert stat.S_IMODE((tmp_path / "admin.key").stat().st_mode) == 0o600


def test_settings_of_another_service_are_not_passed_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLOSEDLOOP_DASK", "tcp://elsewhere:8786")
    monkeypatch.setenv("PATH", "kept")
    environment = local._environment("cl_key")
    assert {name for name in environment if name.startswith("CLOSEDLOOP_")} == {"CLOSEDLOOP_ADMIN_KEY"}
    assert environment["CLOSEDLOOP_ADMIN_KEY"] == "cl_key"
    assert environment["PATH"] == "kept"


def test_a_process_that_ignores_its_end_is_killed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local, "_STOP_S", 0.2)
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"deaf\n"
        local._end(process)
    assert process.returncode < 0
