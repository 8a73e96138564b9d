"""Where jobs compute: one that dies or hangs fails only itself, here and on Dask."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pebble import ProcessExpired

from app.executor import DaskExecutor, ProcessExecutor
from app.progress import Progress
from app.settings import Settings
from app.worker import describe
from optimizer.types import InvalidInput


def double(x):
    return 2 * x


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(_):
    time.sleep(600)


def fail(_):
    raise ValueError("no such matrix")


def threads(_):
    return os.environ["OMP_NUM_THREADS"]


@pytest.fixture
def pool():
    executor = ProcessExecutor(workers=2, deadline_s=120)
    yield executor
    executor.close()


def test_a_killed_child_fails_only_its_own_job(pool):
    futures = [pool.submit(double, 1), pool.submit(die, 0), pool.submit(double, 2), pool.submit(fail, 0), pool.submit(double, 3)]
    with pytest.raises(ProcessExpired):
        futures[1].result(timeout=120)
    with pytest.raises(ValueError, match="no such matrix"):
        futures[3].result(timeout=120)
    assert [futures[i].result(timeout=120) for i in (0, 2, 4)] == [2, 4, 6]


def test_a_child_past_its_deadline_is_killed_and_the_pool_goes_on():
    executor = ProcessExecutor(workers=1, deadline_s=2)
    try:
        late = executor.submit(hang, 0)
        with pytest.raises(TimeoutError) as refused:
            late.result(timeout=120)
        assert "CLOSEDLOOP_DEADLINE_S" in describe(refused.value)
        assert executor.submit(double, 4).result(timeout=120) == 8
    finally:
        executor.close()


def test_children_compute_in_one_thread(pool):
    assert pool.submit(threads, 0).result(timeout=120) == "1"


PARENT = """
import os, sys, time
from app.executor import ProcessExecutor
from tests.service.test_executor import hang
if __name__ == "__main__":
    executor = ProcessExecutor(workers=1, deadline_s=600)
    pid = executor.submit(os.getpid).result(timeout=120)
    executor.submit(hang, 0)
    print(pid, flush=True)
    time.sleep(600)
"""


def test_children_leave_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)})
    child = int(parent.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:8786", "tcp://localhost.example:8786", "10.0.0.7:8786"])
def test_a_cluster_of_another_machine_must_be_encrypted(address):
    with pytest.raises(InvalidInput, match="not encrypted"):
        Settings(dask=address).prepare()


def test_the_same_functions_run_on_a_dask_cluster():
    distributed = pytest.importorskip("distributed", reason="install the extra: pip install 'closedloop[dask]'")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster:
        executor = DaskExecutor(cluster.scheduler_address, deadline_s=60)
        try:
            assert executor.submit(double, 5).result(timeout=60) == 10
            with pytest.raises(ValueError, match="no such matrix"):
                executor.submit(fail, 0).result(timeout=60)
        finally:
            executor.close()


def gluttonous(megabytes):
    return np.ones(megabytes * 2**17).sum()


def test_a_job_that_asks_for_too_much_memory_fails_and_its_process_goes_on():
    executor = ProcessExecutor(workers=1, deadline_s=120, memory_mb=2048)
    try:
        modest, greedy, later = (executor.submit(gluttonous, megabytes) for megabytes in (100, 4096, 200))
        assert modest.result(timeout=120) == 100 * 2**17
        with pytest.raises(MemoryError) as refused:
            greedy.result(timeout=120)
        assert later.result(timeout=120) == 200 * 2**17
        assert "CLOSEDLOOP_MEMORY_MB" in describe(refused.value)
    finally:
        executor.close()


def test_progress_is_read_where_it_was_told_and_lost_where_it_cannot_be(tmp_path):
    progress = Progress.open()
    assert progress.read() is None
    progress.tell(0.25, "a fit")
    progress.tell(0.5, "another")
    assert progress.read() == (0.5, "another")
    progress.close()
    progress.tell(0.75, "late")
    assert progress.read() is None
    assert not progress.path.parent.exists()
