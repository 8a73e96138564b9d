"""How many threads the libraries that compute may use in a process of the service."""

from __future__ import annotations

import os

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread() -> None:
    """Let this process and its children compute on one thread each, unless the person has set it otherwise.

    A service asks for many small results at once: threads of a library would only get in each other's way.
    """
    if any(name in os.environ for name in _VARIABLES):
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are loaded later, and for processes of jobs
    from threadpoolctl import threadpool_limits  # late: only services need it

    threadpool_limits(1)  # for libraries that are loaded
