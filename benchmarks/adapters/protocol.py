"""How a peer is asked: one JSON object a line, recipes in and recipes out.

A request holds ``parameters`` (continuous: name, low, high, step or null; categorical: name, categories), ``constraints``
(``sum(coefficients) <= bound``), ``data`` (recipe and loss, to be minimised), ``n``, ``seed`` and ``limit_s``, the CPU seconds
after which the process is ended by SIGPROF. The answer holds the recipes and the CPU and wall seconds of the ask, imports and
start-up left out. Every ask starts from the history alone.

Runs in the peer's own environment: standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

Request = dict[str, Any]
Recipes = list[dict[str, Any]]


def serve(propose: Callable[[Request], Recipes]) -> None:
    """Answer requests until the input ends; what a library prints goes to the error stream."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        request = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        signal.setitimer(signal.ITIMER_PROF, request["limit_s"])
        recipes = propose(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answer = {"recipes": recipes, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        print(json.dumps(answer), file=answers, flush=True)


def excess(request: Request, recipe: dict[str, Any]) -> list[float]:
    """By how much a recipe goes beyond each constraint; negative where it stays below."""
    constraints = request["constraints"]
    return [sum(weight * recipe[name] for name, weight in c["coefficients"].items()) - c["bound"] for c in constraints]


def feasible(request: Request, recipe: dict[str, Any]) -> bool:
    """Whether a recipe satisfies the constraints."""
    return all(value <= 1e-9 for value in excess(request, recipe))
