"""Runs are made once, kept one by one, and added to."""

import pytest

from benchmarks import running
from benchmarks.results import Results, SourceChanged
from closedloop import runs
from optimizer.problems import get_problem


@pytest.fixture(name="complete")
def _complete(tmp_path):
    """Run on the mixture; returns what is kept as (rule, seed, batches)."""

    def complete(rules, asked, seeds, **more):
        found = running.complete(get_problem("mixture"), rules, asked, seeds, more.pop("batches", 1), tmp_path, **more)
        assert found == Results.read(tmp_path / "mixture.json")
        return [(record.rule, record.seed, record.batches) for record in found.records]

    return complete


def test_runs_are_made_once_and_added_to(complete, peer, monkeypatch):
    assert complete(["random"], [], 1) == [("random", 0, 1)]
    assert complete([], [peer()], 2) == [("random", 0, 1), ("toy", 0, 1), ("toy", 1, 1)]
    monkeypatch.setattr(running, "_make", lambda *_: pytest.fail("made again"))
    assert len(complete(["random"], ["toy"], 1)) == 3


def test_more_batches_take_the_place_of_fewer(complete, peer):
    complete([], [peer()], 1)
    assert complete([], ["toy"], 1, batches=2) == complete([], ["toy"], 1, batches=1) == [("toy", 0, 2)]


def test_another_version_takes_the_place_of_all_runs_of_the_rule(complete, peer):
    complete(["random"], [peer()], 2)
    assert complete([], [peer(version="2")], 1) == [("random", 0, 1), ("random", 1, 1), ("toy", 0, 1)]


def test_a_slow_peer_runs_three_seeds(complete, peer, monkeypatch):
    monkeypatch.setattr(running, "SLOW_S", 0.0)
    assert complete(["random"], [peer()], 5).count(("toy", 3, 1)) == 0
    assert len(complete([], ["toy"], 5)) == 5 + 3


def test_a_peer_out_of_time_is_asked_no_more_unless_it_gets_longer(complete, peer):
    kept = complete([], [peer(more="while True: pass")], 3, limit_s=0.2)
    assert kept == [("toy", 0, 0)]
    assert complete([], [peer()], 3, limit_s=0.1) == kept
    assert complete([], ["toy"], 3, limit_s=60.0) == [("toy", seed, 1) for seed in range(3)]


def test_a_peer_that_dies_on_one_seed_goes_on_with_the_next(complete, peer):
    assert complete([], [peer(more="assert request['seed'] > 1000")], 2) == [("toy", 0, 0), ("toy", 1, 1)]
    assert complete([], [peer()], 2) == [("toy", 0, 0), ("toy", 1, 1)]


def test_a_run_of_source_that_was_edited_meanwhile_is_not_kept(complete, monkeypatch):
    complete(["random"], [], 1)
    monkeypatch.setattr(runs, "code", lambda: "edited")
    with pytest.raises(SourceChanged, match="edited during the run"):
        complete(["lhs"], [], 1)
    assert complete(["random"], [], 1) == [("random", 0, 1)]


def test_our_rules_are_those_that_fit():
    assert "composite" not in running.fitting(get_problem("mixture"))
    assert "composite" in running.fitting(get_problem("spectra_broad"))
