"""Results survive the file, and files are merged."""

import json

import pytest

from benchmarks import results
from benchmarks.results import OtherProblem, Record, Results
from optimizer.problems import get_problem


def test_results_survive_the_file(tmp_path, made, facts):
    path = tmp_path / "hills.json"
    found = Results(facts).having(made("random", 0, 0.5, 0.25), {"v": "1"})
    found = found.having(Record("toy", 3, "u", "a processor", "2026-11-21", failure="no answer", limit_s=5.0), {"v": "2"})
    found.write(path)
    assert Results.read(path) == found
    assert set(json.loads(path.read_text())["tools"]) == {"t", "u"}


def test_runs_on_another_state_of_the_problem_are_not_mixed(tmp_path, made, facts):
    results.add(tmp_path / "hills.json", facts, made("random", 0, 0.5), {})
    with pytest.raises(OtherProblem, match="another state of hills"):
        results.add(tmp_path / "hills.json", {**facts, "lab": "b"}, made("random", 1, 0.5), {})


def test_facts_tell_problems_apart():
    facts = [results.facts(get_problem(name)) for name in ("mixture", "mixture", "coupling", "spectra_broad", "spectra_narrow")]
    assert facts[0] == facts[1]
    assert len({fact["lab"] for fact in facts}) == 4
    assert [fact["curve"] for fact in facts] == [False, False, False, True, True]


def test_merging_adds_what_is_missing_and_keeps_the_later_version(tmp_path, made, facts):
    path, late = tmp_path / "hills.json", "2026-12-01T00:00+00:00"
    results.add(path, facts, made("random", 0, 0.5, tool="new", date=late), {})
    results.add(path, facts, made("toy", 0, 0.5), {})
    records = [made("random", 1, 0.9, tool="old"), made("toy", 0, 0.4), made("toy", 1, 0.4), made("ax", 0, 0.3, tool="x")]
    other = Results(facts, {"old": {}, "t": {}, "x": {}}, tuple(records))
    assert results.merge(path, other) == 2
    kept = [(record.rule, record.seed, record.run.regret) for record in Results.read(path).records]
    assert kept == [("ax", 0, (0.3,)), ("random", 0, (0.5,)), ("toy", 0, (0.5,)), ("toy", 1, (0.4,))]
    assert results.merge(path, other) == 0


def test_merging_a_later_version_replaces_the_earlier(tmp_path, made, facts):
    path = tmp_path / "hills.json"
    results.add(path, facts, made("lp_ei", 0, 0.5), {})
    results.add(path, facts, made("lp_ei", 1, 0.5), {})
    other = Results(facts, {"new": {}}, (made("lp_ei", 0, 0.4, tool="new", date="2026-12-01T00:00+00:00"),))
    results.merge(path, other)
    assert [(record.seed, record.tool) for record in Results.read(path).records] == [(0, "new")]
