"""What ``closedloop bench`` prints: figures of speed next to their targets, and rules next to each other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.table import Table
from rich.text import Text

from closedloop import data
from closedloop.errors import DataUnavailable
from closedloop.local import local_service

_START_TARGET_S, _STARTS = 3.0, 3


def service_rows() -> list[dict[str, Any]]:
    """The service's own figures: its start on an empty folder, and what the web process loads."""
    seconds, loaded = min(_start() for _ in range(_STARTS)), _torch_in_web_process()
    name = f"service ready on an empty folder, best of {_STARTS}"
    return [
        {"name": name, "value": seconds, "unit": "s", "target": _START_TARGET_S, "met": seconds <= _START_TARGET_S},
        {"name": "torch loaded in the web process", "value": loaded, "unit": "", "target": False, "met": not loaded},
    ]


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows for people."""
    shown = Table("figure", "value", "unit", "target", "met", title="Speed")
    for row in rows:
        met = Text("no", "bold red") if row["met"] is False else text(row["met"])
        shown.add_row(row["name"], text(row["value"]), row["unit"], text(row["target"]), met)
    return shown


def read_table(path: str) -> str:
    """The text of a published table, which lies at this path of a data folder.

    Raises:
        DataUnavailable: There is no such file, and it cannot be downloaded.
    """
    known = next((name for name, dataset in data.DATASETS.items() if dataset.path == path), None)
    file = data.fetch(known) if known else Path(os.environ.get("CLOSEDLOOP_DATA", ".")) / path
    if not file.is_file():
        raise DataUnavailable(
            f"{file} not found; take it from https://github.com/PV-Lab/Benchmarking and set CLOSEDLOOP_DATA to its folder"
        )
    return file.read_bytes().decode()


def comparison(summary: Mapping[str, Any]) -> list[Table]:
    """The rules of a problem next to each other: their regrets, and what they cost."""
    return [rich_table(*regret_cells(summary)), rich_table(*cost_cells(summary))]


def regret_cells(summary: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, header and rows of the regrets: median (quartiles) over the seeds."""
    title = f"{summary['problem']}: simple regret after each batch of {summary['wells']}, median (quartiles) over the seeds"
    rows = []
    for rule, scores in summary["rules"].items():
        columns = [scores["initial_regret"], *zip(*scores["regret"], strict=True)]
        rows.append([rule, *map(spread, columns)])
    return title, ["rule", "first wells", *(f"batch {b + 1}" for b in range(summary["batches"]))], rows


def cost_cells(summary: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, header and rows of the factors, the costs and the wells."""
    header = ["rule", "seeds", "best visited", "normalised", "AF", "EF", "CPU s", "wall s", "distinct", "feasible"]
    rows = []
    for rule, scores in summary["rules"].items():
        factors = [scores["acceleration"], scores["enhancement"][-1] if scores["enhancement"] else None]
        costs = [median(scores["cpu_s"]), median(scores["wall_s"])]
        fewest = [min(map(min, scores[kind])) for kind in ("distinct", "feasible")]
        visited = median(regrets[-1] for regrets in scores["visited_regret"])
        numbers = [visited, scores["normalised_geometric_mean"][-1], *factors, *costs]
        texts = ["-" if value is None else f"{value:.3g}" for value in numbers]
        rows.append([rule, str(len(scores["seeds"])), *texts, *(f"{count} of {summary['wells']}" for count in fewest)])
    title = f"{summary['problem']}: after the last batch; median costs per batch, fewest distinct and feasible wells"
    return title, header, rows


def rich_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of text."""
    shown = Table(title=title)
    for name in header:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    return shown


def spread(values: Sequence[float]) -> str:
    """Median (quartiles)."""
    if len(values) < 2:
        return f"{values[0]:.2g}"
    low, middle, high = quantiles(values, method="inclusive")
    return f"{middle:.2g} ({low:.2g}-{high:.2g})"


def text(value: Any) -> str:
    """A figure in a table: three digits of a number that is not whole, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _start() -> float:
    with tempfile.TemporaryDirectory(prefix="closedloop-") as folder:
        begin = time.perf_counter()
        with local_service(folder):
            return time.perf_counter() - begin


def _torch_in_web_process() -> bool:
    program = "import sys, app.main; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip() == "True"
