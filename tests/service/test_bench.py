"""The command `closedloop bench PROBLEM`, its store of runs and its report."""

import csv
import io
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any

import pytest
from rich.console import Console

from closedloop import bench, report, runs
from closedloop.errors import DataUnavailable
from tests.chromium import browse

COMMAND = ("hartmann6", "--rules", "lhs,random", "--seeds", "2", "--batches", "2")


def call(*words: str, cache: Path) -> CompletedProcess:
    environment = {"PATH": "", "XDG_CACHE_HOME": str(cache), "COLUMNS": "120", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "closedloop.cli", "bench", *words]
    return run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command leaves: figures.json, report/ and, in cache/, the runs."""
    folder = tmp_path_factory.mktemp("bench")
    done = call(*COMMAND, "--json", str(folder / "figures.json"), "--report", str(folder / "report"), cache=folder / "cache")
    assert done.returncode == 0, done.stderr
    (folder / "output").write_text(done.stdout)
    return folder


@pytest.fixture
def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "figures.json").read_text())


def test_the_json_is_as_documented(summary: dict[str, Any]):
    assert summary["problem"] == "hartmann6"
    assert list(summary["rules"]) == ["lhs", "random"]
    for scores in summary["rules"].values():
        assert [len(row) for row in scores["regret"]] == [2, 2]
        assert len(scores["cpu_s"]) == len(scores["wall_s"]) == 4
        assert scores["distinct"] == [[15, 15], [15, 15]]
    assert {"versions", "code", "date", "batches", "wells", "optimum"} <= set(summary)
    assert summary["reused_runs"] == 0


def test_the_table_names_rules_and_costs(folder: Path):
    printed = (folder / "output").read_text()
    for word in ("lhs", "random", "AF", "EF", "CPU s", "15 of 15"):
        assert word in printed


def test_every_row_fills_its_columns(summary: dict[str, Any]):
    for _, header, rows in (bench.regret_cells(summary), bench.cost_cells(summary)):
        assert [len(row) for row in rows] == [len(header)] * 2
    _, header, (row, _) = bench.cost_cells(summary)
    cells = dict(zip(header, row, strict=True))
    assert cells["normalised"] == f"{summary['rules']['lhs']['normalised_geometric_mean'][-1]:.3g}"
    assert (cells["seeds"], cells["distinct"]) == ("2", "15 of 15")


def test_a_second_run_computes_nothing_and_says_the_same(folder: Path, summary: dict[str, Any], tmp_path: Path):
    done = call(*COMMAND, "--json", str(tmp_path / "again.json"), cache=folder / "cache")
    assert done.returncode == 0, done.stderr
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["reused_runs"] == 4
    assert again["rules"] == summary["rules"]


@pytest.mark.parametrize(
    ("words", "said"),
    [(("hartmann7",), "hartmann6"), (("hartmann6", "--rules", "lp_ei,magic"), "magic"), (("hartmann6", "--seeds", "0"), "seeds")],
)
def test_a_wrong_name_is_refused_with_the_right_ones(words: tuple[str, ...], said: str, tmp_path: Path):
    done = call(*words, cache=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_missing_table_is_named(tmp_path: Path):
    done = call("crossed_barrel", cache=tmp_path)
    assert done.returncode == 1
    assert "Crossed barrel_dataset.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_lies_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLOSEDLOOP_DATA", str(tmp_path))
    with pytest.raises(DataUnavailable, match=re.escape(str(tmp_path / "p3ht" / "P3HT_dataset.csv"))):
        bench.read_table("p3ht/P3HT_dataset.csv")
    (tmp_path / "p3ht").mkdir()
    (tmp_path / "p3ht" / "P3HT_dataset.csv").write_bytes(b"a,b\r\n1,2\r\n")
    assert bench.read_table("p3ht/P3HT_dataset.csv") == "a,b\r\n1,2\r\n"


# The report


def test_the_report_asks_nobody_for_anything(folder: Path):
    page = (folder / "report" / "report.html").read_text()
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "default-src 'none'" in own
    assert re.findall(r"""(?:src|href)\s*=|url\(|@import|https?://""", own) == []
    assert "<script src" not in page


def test_the_report_draws_its_figures(folder: Path, chromium: str):
    with browse() as page:
        page.open((folder / "report" / "report.html").as_uri())
        page.wait("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 3")
        assert page.problems == []


def test_the_table_has_one_row_per_rule_seed_and_batch(folder: Path, summary: dict[str, Any]):
    with (folder / "report" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["rule"], row["seed"], row["batch"]) for row in rows][:3] == [("lhs", "0", "1"), ("lhs", "0", "2"), ("lhs", "1", "1")]
    assert len(rows) == 8
    assert float(rows[3]["regret"]) == summary["rules"]["lhs"]["regret"][1][1]
    assert float(rows[3]["cpu_s"]) == summary["rules"]["lhs"]["cpu_s"][3]


def test_the_figures_are_files_too(folder: Path):
    for name in ("regret", "cost", "distinct"):
        assert set(json.loads((folder / "report" / f"{name}.json").read_text())) == {"data", "layout"}


def test_names_are_escaped(tmp_path: Path, summary: dict[str, Any]):
    strange = summary | {"problem": "<b>", "rules": {"</script>": summary["rules"]["lhs"]}}
    report.write_bench(tmp_path, strange, {"regret": {"data": [{"name": "</script>"}], "layout": {}}})
    page = (tmp_path / "report.html").read_text()
    assert "<b>" not in page
    assert page.count("</script>") == 2


# The store


@dataclass(frozen=True)
class Doubled:
    value: float


class Work:
    """Doubles numbers and counts how often it is asked."""

    def __init__(self) -> None:
        self.calls: list[float] = []

    def __call__(self, number: float) -> Doubled:
        self.calls.append(number)
        if number < 0:
            raise ValueError("negative")
        return Doubled(2 * number)


def compute(tasks: dict[str, float], work: Work, path: Path, **options: bool) -> runs.Outcome:
    with ThreadPoolExecutor(1) as executor:
        return runs.compute(tasks, work, runs.Store(path), executor, Console(file=io.StringIO()), **options)


def test_kept_results_are_not_computed_again(tmp_path: Path):
    work, path = Work(), tmp_path / "new" / "runs.jsonl"
    first = compute({"a": 1, "b": 2}, work, path)
    assert first.results == {"a": {"value": 2}, "b": {"value": 4}}
    second = compute({"a": 1, "b": 2, "c": 3}, work, path)
    assert work.calls == [1, 2, 3]
    assert (second.reused, second.results["a"]) == (2, {"value": 2})
    assert compute({"a": 1}, work, path, fresh=True).reused == 0
    assert work.calls == [1, 2, 3, 1]


def test_a_failed_run_is_told_and_tried_again(tmp_path: Path):
    work, path = Work(), tmp_path / "runs.jsonl"
    outcome = compute({"bad": -1, "good": 1}, work, path)
    assert outcome.failures == {"bad": "ValueError: negative"}
    assert list(outcome.results) == ["good"]
    compute({"bad": -1, "good": 1}, work, path)
    assert work.calls == [-1, 1, -1]


def test_a_half_written_line_costs_one_run_and_spoils_no_other(tmp_path: Path):
    work, path = Work(), tmp_path / "runs.jsonl"
    compute({"a": 1, "b": 2}, work, path)
    path.write_bytes(path.read_bytes()[:-8])
    assert compute({"a": 1, "b": 2}, work, path).reused == 1
    assert compute({"a": 1, "b": 2}, work, path).reused == 2


def test_keys_depend_on_every_part():
    assert runs.key({"a": 1, "b": 2}) == runs.key({"b": 2, "a": 1}) != runs.key({"a": 1, "b": 3})
    assert re.fullmatch(r"[0-9a-f]{16}", runs.code())
    assert {"python", "numpy", "torch"} <= set(runs.versions())
