"""Processes of a service compute on one thread each, unless somebody wants it otherwise."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from closedloop import cli
from closedloop.threads import one_thread
one_thread()
import scipy.linalg
from threadpoolctl import threadpool_info
print(max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"))
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor, one thread")
@pytest.mark.parametrize(("given", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "2"}, 2), ({"OPENBLAS_NUM_THREADS": "2"}, 2)])
def test_one_thread_unless_told_otherwise(given: dict[str, str], threads: int):
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=kept | given, capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) == threads
