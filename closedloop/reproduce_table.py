"""What every reproduction shares: fits and replays that are kept, and the table of published figures beside ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from rich.console import Console

from closedloop import bench, data, runs
from closedloop.errors import ClosedLoopError
from closedloop.report import Cells


def kept(
    parts: Sequence[Any],
    work: Callable[[Any], Any],
    jobs: int,
    console: Console,
    *,
    fresh: bool,
    depends: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
) -> list[dict[str, Any]]:
    """The result of each part; those that were made before are read from the cache.

    Args:
        parts: Dataclasses of plain values, each the argument of ``work``.
        work: Returns a dataclass of plain values; runs in another process.
        jobs: Parts at once.
        console: Shows how far it is.
        fresh: Make every one anew.
        depends: What results depend on beside the part, the code and the usual libraries.
        executor: Runs the parts in place of own processes.

    Raises:
        ClosedLoopError: A part failed.
    """
    common = {"versions": runs.versions(), "code": runs.code()} | dict(depends or {})
    tasks = {runs.key(asdict(part) | common): part for part in parts}
    with nullcontext(executor) if executor else runs.processes(min(jobs, len(tasks))) as running:
        outcome = runs.compute(tasks, work, runs.Store(data.cache() / "reproduce.jsonl"), running, console, fresh=fresh)
    if outcome.failures:
        failed = "; ".join(f"{tasks[key]}: {reason}" for key, reason in outcome.failures.items())
        raise ClosedLoopError(f"{len(outcome.failures)} of {len(tasks)} runs failed: {failed}")
    return [outcome.results[key] for key in tasks]


def cells(rows: Sequence[dict[str, Any]]) -> Cells:
    """The table seed | ours."""
    body = []
    for row in rows:
        target = "the same" if row["target"] is not None and row["target"] == row["seed"] else text(row["target"])
        body.append([row["name"], text(row["seed"]), text(row["ours"]), target, text(row["met"])])
    return "Published figures beside ours", ["figure", "seed", "ours", "target", "met"], body


def text(value: Any) -> str:
    """A figure, or a list of them, in a table."""
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    return bench.text(value)
