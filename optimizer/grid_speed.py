"""Speed of the grid search, next to what the machine can do: matrix products in single precision on one thread.

Speed does not depend on what the networks have learnt, so theirs are random weights. Points per second and the peak are
those of CPU time, best of several, measured in turn: other programs on the machine then weigh on both alike.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_limits

from models.dense import Ensemble, Forward
from models.nets import AGBONN, NetworkSettings
from models.surrogate import FloatArray, Posterior
from models.testbeds import AXIS, band
from optimizer.grid import CHUNK, Grid, Search, Submit
from optimizer.objective import SpectrumMatch
from optimizer.space import Continuous, LinearConstraint, SearchSpace
from optimizer.types import Spectrum

LEVELS, SCORES = 20, 16
"""Levels of each parameter; scores of the default network."""
_SIZE, _REPEATS = 1024, 5
_ASKED = 4
"""Questions for each process, so that every one is likely to answer."""
TARGET_S, SHARE_TARGET, MEMORY_TARGET_MB = 20.0, 50.0, 500.0


@dataclass(frozen=True, eq=False)
class RandomNetwork:
    """A network that has learnt nothing, as a surrogate."""

    ensemble: Ensemble

    def fit(self, X: FloatArray, Y: FloatArray) -> Self:
        """Learn nothing."""
        return self

    def posterior(self, X: FloatArray) -> Posterior:
        """Mean of the curves, shape (n, m)."""
        return Posterior(self.ensemble.moments(X)[0])

    def predict(self, X: FloatArray) -> FloatArray:
        """Mean of the curves, shape (n, m)."""
        return self.posterior(X).mean

    def screen(self) -> Forward:
        """The mean in single precision."""
        return self.ensemble.screen()


def grid_speed(submit: Submit, processes: int, levels: int = LEVELS) -> list[dict[str, Any]]:
    """Search a grid over the published space with the published network, and measure the parts of it.

    Args:
        submit: Starts a function in one of the other processes.
        processes: How many there are.
        levels: Of each parameter; the default makes the published grid of 3 200 000 points, which alone has targets.

    Returns:
        One row per figure: ``name``, ``value``, ``unit``, ``target``, ``met``; target and met are None where there is none.
    """
    published = _search(AGBONN, len(AXIS), levels)
    peak, speeds = _measured([published, _search(NetworkSettings(), SCORES, levels)])
    rows = [_row("peak of matrix products, float32, one thread", peak / 1e9, "GFLOP/s")]
    for name, (speed, operations) in zip(("50-100-200-500 network", "default ensemble"), speeds, strict=True):
        rows.append(_row(f"{name}: points per CPU s", speed, "1/s"))
        share, target = 100 * speed * operations / peak, SHARE_TARGET if name.startswith("50") else None
        rows.append(_row(f"{name}: {operations} operations a point, of the peak", share, "%", target, share >= (target or 0)))
    start = time.perf_counter()
    found = published.run(submit)
    wall = time.perf_counter() - start
    name = f"search of {published.grid.size} points, {found.feasible} feasible, {processes} processes"
    cpu_s, target = found.feasible / speeds[0][0] / processes, TARGET_S if levels == LEVELS else None
    rows.append(_row(f"{name}: CPU s of each, by the points per CPU s", cpu_s, "CPU s", target, cpu_s <= TARGET_S))
    rows.append(_row("the same by the clock, with whatever else runs", wall, "s"))
    # Any of the processes may take any of these, the same one several times.
    asked = [submit(peak_memory) for _ in range(_ASKED * processes)]
    megabytes = max([peak_memory(), *(future.result() for future in asked)])
    return [*rows, _row("largest memory of a process", megabytes, "MB", MEMORY_TARGET_MB, megabytes <= MEMORY_TARGET_MB)]


def peak_memory() -> float:
    """Most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def published_space() -> SearchSpace:
    """The box and the limit that the published search covered, without steps (Mekki-Berrada et al. 2021)."""
    flows = {"QAgNO3": (4.0, 45.0), "Qpva": (10.0, 40.0), "Qtsc": (0.5, 30.0), "Qseed": (0.5, 20.0)}
    parameters = tuple(Continuous(name, low, high, "%") for name, (low, high) in flows.items())
    return SearchSpace((*parameters, Continuous("Qtot", 200, 1000, "uL/min")), (LinearConstraint(dict.fromkeys(flows, 1.0), 90),))


def _search(settings: NetworkSettings, outputs: int, levels: int) -> Search:
    """A search with random weights of the shape of the settings."""
    space, rng = published_space(), np.random.default_rng(0)
    widths = (space.dimension, *settings.hidden, outputs)
    shapes = [(settings.members, a, b) for a, b in pairwise(widths)]
    W = tuple((rng.standard_normal(shape) / np.sqrt(shape[1])).astype(np.float32) for shape in shapes)
    b = tuple(np.zeros((k, 1, width), np.float32) for k, _, width in shapes)
    basis = np.eye(outputs) if outputs == len(AXIS) else rng.standard_normal((outputs, len(AXIS))) / outputs
    half = np.full(space.dimension, 0.5)
    ensemble = Ensemble(half, half, W, b, np.full(len(AXIS), 0.5), basis, settings.activation)
    objective = SpectrumMatch("absorbance", AXIS, Spectrum(AXIS, band(650.0, 60.0)), "nm")
    return Search(Grid.of(space, levels), RandomNetwork(ensemble), objective)


def _measured(searches: list[Search]) -> tuple[float, list[tuple[float, int]]]:
    """Operations per second of a matrix product, and of each search the points per second and the operations per point."""
    A = np.random.default_rng(0).random((_SIZE, _SIZE), np.float32)
    out, products, scans = np.empty_like(A), list[float](), [list[float]() for _ in searches]
    with threadpool_limits(1):
        for _ in range(_REPEATS):
            products += [_cpu_s(lambda: np.matmul(A, A, out=out)) for _ in range(_REPEATS)]
            for search, seconds in zip(searches, scans, strict=True):
                seconds.append(_cpu_s(lambda search=search: search.scan(0, CHUNK)))  # type: ignore[misc]
    counts = [search.scan(0, CHUNK).feasible for search in searches]
    operations = [search.surrogate.screen().operations for search in searches]  # type: ignore[attr-defined]
    speeds = [count / min(seconds) for count, seconds in zip(counts, scans, strict=True)]
    return 2 * _SIZE**3 / min(products), list(zip(speeds, operations, strict=True))


def _cpu_s(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _row(name: str, value: float, unit: str, target: float | None = None, met: bool = True) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "target": target, "met": met if target is not None else None}
