"""Speed of the proposer: CPU seconds of one batch in the space of the silver campaign.

CPU seconds are those of all threads of the process, so numerical libraries are held to one: threads that wait for
each other count as well.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from optimizer.objective import Minimize
from optimizer.rules import get_rule
from optimizer.space import Continuous, LinearConstraint, SearchSpace
from optimizer.state import CampaignState
from optimizer.types import Dataset, Strategy

WELLS = 15
TARGETS = {90: 1.0, 1000: 15.0}
"""Number of data -> CPU seconds that a batch may take."""


def speed(rule: str = Strategy().rule, repeats: int = 3) -> list[dict[str, Any]]:
    """Time one batch at each number of data; imports and a first call are left out.

    Args:
        rule: Name of the batch rule.
        repeats: Runs per figure; the median counts.

    Returns:
        One row per figure: ``name``, ``value``, ``unit``, ``target``, ``met``.
    """
    propose = get_rule(rule)
    rows = []
    for count, target in TARGETS.items():
        state = _state(count)
        propose(_state(WELLS), _state(WELLS).data, WELLS, np.random.default_rng(0))
        seconds = []
        for repeat in range(repeats):
            with threadpool_limits(1):
                start = time.process_time()
                propose(state, state.data, WELLS, np.random.default_rng(repeat))
                seconds.append(time.process_time() - start)
        value = float(np.median(seconds))
        name = f"{rule}: {WELLS} wells, {count} data, {state.space.dimension} parameters, one constraint"
        rows.append({"name": name, "value": value, "unit": "CPU s", "target": target, "met": value <= target})
    return rows


def _state(count: int) -> CampaignState:
    """A campaign with ``count`` wells spread over the silver space and a smooth, noisy loss of two basins."""
    flows = {"QAgNO3": (0.5, 80.0), "Qpva": (10.0, 40.0), "Qtsc": (0.5, 80.0), "Qseed": (0.5, 80.0)}
    parameters = tuple(Continuous(name, low, high, "%", 0.1) for name, (low, high) in flows.items())
    space = SearchSpace(
        (*parameters, Continuous("Qtot", 200.0, 1000.0, "uL/min", 1.0)), (LinearConstraint(dict.fromkeys(flows, 1.0), 90.0),)
    )
    rng = np.random.default_rng(count)
    X = space.sample(count, rng)
    U = space.to_unit(X)
    basins = [np.exp(-((U - centre) ** 2).sum(axis=1) / 0.1) for centre in (0.2, 0.45)]
    loss = 1 - 0.6 * basins[0] - 0.8 * basins[1] + 0.02 * rng.standard_normal(count)
    names = tuple(f"w{i}" for i in range(count))
    data = Dataset(names, X, loss[:, None], loss, np.full(count, 0.02), loss, np.ones(count, np.int64), np.ones(count, np.int64))
    return CampaignState(space, Minimize("loss"), data, np.empty((0, space.dimension)), last_round=1)
