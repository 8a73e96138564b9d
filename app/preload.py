"""Loaded once by the fork server of the job processes, never by the web process: one thread each, and what a job needs."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import optimizer.initial
import optimizer.knowledge
import optimizer.loop
import optimizer.rules.composite
import optimizer.rules.lp_ei  # noqa: F401
