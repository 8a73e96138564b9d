"""``closedloop bench speed``: figures of speed next to their targets."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

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
        shown.add_row(
            row["name"], _text(row["value"]), row["unit"], _text(row["target"]), Text("yes") if row["met"] else Text("no", "bold red")
        )
    return shown


def _start() -> float:
    with tempfile.TemporaryDirectory(prefix="closedloop-") as folder:
        begin = time.perf_counter()
        with local_service(folder):
            return time.perf_counter() - begin


def _torch_in_web_process() -> bool:
    program = "import sys, app.main; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip() == "True"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float | int) else str(value)
