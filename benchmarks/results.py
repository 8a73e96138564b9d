"""Runs of rules and peers on a problem, kept in a JSON file of a line per run, so that later runs add to them.

A run is made once: another of the same rule, seed and tool changes nothing. The first run of a rule by another version
of its tool takes the place of all that the rule did before, so that a table never mixes versions of one rule.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from closedloop import runs
from optimizer.harness import Run, Task, run
from optimizer.objective import SpectrumMatch
from optimizer.problems import Problem

FOLDER = Path(__file__).resolve().parent / "results"
ASKS = "ask.json"
"""The file of the folder that holds the costs of an ask instead of runs."""
_DIGITS = 6


class SourceChanged(Exception):
    """Our source was edited while it ran, so nobody can say what a result was made with."""


class OtherProblem(Exception):
    """Kept runs met other first wells, or other noise, than runs would now."""


@dataclass(frozen=True)
class Record:
    """One run, or why there is none.

    Attributes:
        rule: Name of the rule or the peer.
        seed: Seed of the campaign and of the lab.
        tool: Key of the versions that it was made with.
        machine: Model of the processor.
        date: When it ended, UTC.
        run: What came of it; None where it failed.
        failure: Why there is no run.
        limit_s: CPU seconds that an ask was allowed and did not keep to; the tool is then asked no more on the problem.
    """

    rule: str
    seed: int
    tool: str
    machine: str
    date: str
    run: Run | None = None
    failure: str = ""
    limit_s: float = 0.0

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> Self:
        """The record that ``plain`` gave."""
        return cls(**{**stored, "run": Run.parse(stored["run"]) if "run" in stored else None})

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON knows it, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value or name == "seed"}

    @property
    def batches(self) -> int:
        """Batches of the run."""
        return len(self.run.regret) if self.run else 0


@dataclass(frozen=True)
class Results:
    """The content of a file.

    Attributes:
        facts: About the problem.
        tools: Key -> versions.
        records: By rule and seed.
    """

    facts: Mapping[str, Any]
    tools: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    records: tuple[Record, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self:
        """The results kept in a file."""
        stored = json.loads(path.read_text())
        return cls(stored["facts"], stored["tools"], tuple(map(Record.parse, stored["records"])))

    def write(self, path: Path) -> None:
        """Keep the results, so that the file is there whole or not at all."""
        records = ",\n".join(json.dumps(_rounded(record.plain)) for record in self.records)
        text = f'{{"facts": {json.dumps(self.facts)},\n"tools": {json.dumps(self.tools, indent=1)},\n"records": [\n{records}\n]}}\n'
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        Path(file.name).replace(path)

    def of(self, rule: str) -> list[Record]:
        """The records of a rule, by seed."""
        return [record for record in self.records if record.rule == rule]

    def having(self, record: Record, versions: Mapping[str, str]) -> Self:
        """The results with one more record, in place of what it outdates."""
        kept = [r for r in self.records if r.rule != record.rule or (r.tool == record.tool and r.seed != record.seed)]
        records = tuple(sorted([*kept, record], key=lambda r: (r.rule, r.seed)))
        used = {r.tool for r in records}
        tools = {key: value for key, value in {**self.tools, record.tool: versions}.items() if key in used}
        return type(self)(self.facts, tools, records)


def facts(problem: Problem, wells: int = 15) -> dict[str, Any]:
    """What a table says of a problem, and a checksum of what every rule meets: the first wells and their replicates."""
    seen = list[Any]()

    def spy(state: Any) -> Any:
        seen.append(state)
        raise _Seen

    try:
        run(Task(problem, "none", 0, 1, wells), spy)
    except _Seen:
        data = seen[0].data
    met = np.concatenate([data.X.ravel(), data.loss, [problem.optimum]])
    return {
        "problem": problem.name,
        "curve": isinstance(problem.objective, SpectrumMatch),
        "optimum": float(f"{problem.optimum:.{_DIGITS}g}"),
        "wells": wells,
        "replicates": problem.replicates,
        "card": dict(problem.card),
        "lab": hashlib.sha256(" ".join(f"{value:.{_DIGITS}g}" for value in met).encode()).hexdigest()[:16],
    }


class _Seen(Exception):
    """Ends a run after its first wells."""


@cache
def ours() -> dict[str, str]:
    """Versions behind our rules, as this process found them first."""
    return {**runs.versions(), "source": runs.code()}


def check_source() -> None:
    """Make sure that the source is still what ``ours`` says; rules are loaded when they are first asked.

    Raises:
        SourceChanged: It is not.
    """
    if runs.code() != ours()["source"]:
        raise SourceChanged("the source of optimizer or models was edited during the run; run a copy of the tree instead")


def key(versions: Mapping[str, str]) -> str:
    """A short name of versions."""
    return runs.key(versions)[:8]


def record(rule: str, seed: int, tool: str, **outcome: Any) -> Record:
    """A record made here and now."""
    return Record(rule, seed, tool, machine(), datetime.now(UTC).isoformat(timespec="minutes"), **outcome)


def machine() -> str:
    """Model of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def load(path: Path, problem: Mapping[str, Any]) -> Results:
    """The results kept in a file; none where there is no file.

    Raises:
        OtherProblem: They are not comparable with new ones.
    """
    if not path.is_file():
        return Results(problem)
    found = Results.read(path)
    if found.facts["lab"] != problem["lab"]:
        raise OtherProblem(f"{path} holds runs on another state of {problem['problem']}; delete it, or choose another folder")
    return found


def add(path: Path, problem: Mapping[str, Any], made: Record, versions: Mapping[str, str]) -> None:
    """Add a record to a file, to which other processes may be adding, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        load(path, problem).having(made, versions).write(path)


def merge(path: Path, other: Results) -> int:
    """Add what a file lacks of other results on the same problem; of two versions of a tool, the one that ran last stays.

    Returns:
        How many records were added.
    """
    added = 0
    for rule in sorted({record.rule for record in other.records}):
        ours, theirs = load(path, other.facts).of(rule), other.of(rule)
        if ours and ours[0].tool != theirs[0].tool and _last(ours) >= _last(theirs):
            continue
        known = {(record.seed, record.tool) for record in ours if record.run}
        missing = [record for record in theirs if (record.seed, record.tool) not in known]
        for record in missing:
            add(path, other.facts, record, other.tools[record.tool])
        added += len(missing)
    return added


def _last(records: list[Record]) -> str:
    return max(record.date for record in records)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value
