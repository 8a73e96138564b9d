"""A bar that shows how far a job is."""

from __future__ import annotations

from collections.abc import Iterable

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from closedloop import tools, types


def watch(jobs: Iterable[types.Job]) -> None:
    """Follow a job, told again and again, to its end."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn()
    with Progress(*columns, console=tools.console, transient=True) as bar:
        task = bar.add_task("waiting", total=1.0)
        for job in jobs:
            bar.update(task, completed=job["progress"] or 0.0, description=job["doing"] or job["state"])
