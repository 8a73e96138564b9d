"""Loaded once by the fork server of the job processes, never by the web process: one torch thread each."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import optimizer.loop
import optimizer.rules.lp_ei  # noqa: F401

torch.set_num_threads(1)
