"""Tables and verdicts, out of made-up runs."""

import json

import pytest
from typer import Typer
from typer.testing import CliRunner

from benchmarks import asks, side_by_side, tables, targets
from benchmarks.results import Results
from optimizer.problems import get_problem

ASKS = {
    "date": "2026-11-21",
    "machine": "a processor",
    "data": 90,
    "wells": 15,
    "asks": [
        {"rule": rule, "constraint": constraint, "cpu_s": seconds, "failure": failure}
        for rule, constraint, seconds, failure in [
            ("hybrid_ei", False, 1.0, ""),
            ("hybrid_ei", True, 2.0, ""),
            ("botorch_qlognei", False, 4.0, ""),
            ("botorch_qlognei", True, 10.0, ""),
            ("ax", False, None, "ended with status 1"),
            ("ax", True, 300.0, "no answer within 300 CPU s"),
        ]
    ],
}


@pytest.fixture(name="found")
def _found(made, facts):
    ours = [(0.5, 0.4, 0.2, 0.2, 0.1), (0.5, 0.4, 0.4, 0.4, 0.3)]
    runs = {
        "hybrid_ei": ours,
        "lp_ei": ours,
        "random": [(0.9, 0.9, 0.8, 0.8, 0.2), (0.9, 0.9, 0.8, 0.8, 0.2), (0.9, 0.9, 0.8, 0.8, 0.2)],
        "hebo": [(0.5, 0.4, 0.4, 0.2, 0.2)],
        "gpyopt_lp": [(0.5, 0.4, 0.1, 0.1, 0.05), (0.5, 0.4, 0.1, 0.1, 0.05)],
    }
    records = [made(rule, seed, *regret) for rule, many in runs.items() for seed, regret in enumerate(many)]
    failed = made("ax", 0, run=None, failure="no answer within 300 CPU s", limit_s=300.0)
    return Results(facts, {}, (*records, failed))


def row(cells, name):
    _, header, rows = cells
    return dict(zip(header, next(row for row in rows if row[0] == name), strict=True))


def test_a_problem_shows_every_rule_and_why_one_is_missing(found):
    cells = tables.problem_cells(found)
    assert [row[0] for row in cells[2]] == ["hybrid_ei", "lp_ei", "random", "ax", "gpyopt_lp", "hebo"]  # ours first
    ours = row(cells, "hybrid_ei")
    assert (ours["seeds"], ours["regret after 3"], ours["worst / median random"]) == ("2", "0.3 (0.25-0.35)", "1.5")
    assert float(ours["normalised after 5"]) == pytest.approx((0.1 * 0.3) ** 0.5, abs=1e-3)
    assert row(cells, "ax")["remarks"] == "seed 0: no answer within 300 CPU s"


def test_shares_are_of_common_seeds(found):
    cells = tables.overall_cells([found], curve=False)
    assert row(cells, "hebo")["hybrid_ei / rule after 3"] == "0.5"  # 0.2 / 0.4 of seed 0 alone
    assert row(cells, "ax")["hybrid_ei / rule after 3"] == tables.NONE


def test_verdicts_tell_what_is_missed_and_by_how_much(found):
    verdicts = {target: (float(worst), met) for target, worst, _, _, met in targets.target_cells([found], ASKS)[2] if worst != tables.NONE}
    assert verdicts["wells asked / fewest distinct and feasible of lp_ei"] == (1.0, "yes")
    worst, met = verdicts["worst run of hybrid_ei (composite on curves) / median of random"]
    assert worst == 1.5
    assert met.startswith("missed by 1.5 times")
    assert verdicts["median of lp_ei / that of gpyopt_lp and emukit_lp"][0] == 4.0  # 0.2 against 0.05
    assert verdicts["CPU of an ask, hybrid_ei / botorch_qlognei"] == (0.25, "yes")
    assert verdicts["CPU of an ask, hybrid_ei / botorch_qlognei, with a constraint"][1].startswith("missed by 2 times")
    assert verdicts["CPU of an ask, hybrid_ei / ax, with a constraint"] == (0.00667, "yes")
    assert "CPU of an ask, hybrid_ei / ax" not in verdicts


def test_curves_are_judged_by_composite_after_3_against_peers_after_5_and_aimed_at_after_2(made, facts):
    runs = (made("composite", 0, 0.1, 0.1, 0.02, 0.02, 0.02), made("hebo", 0, 0.1, 0.1, 0.1, 0.1, 0.04))
    promised = verdict([Results({**facts, "curve": True}, {}, runs)], "median of composite after 3 / that of a peer after 5 on curves")
    assert (promised["worst"], promised["met"]) == ("0.5", "yes")
    aimed = verdict([Results({**facts, "curve": True}, {}, runs)], "aim: median of composite after 2 / that of a peer after 5 on curves")
    assert (aimed["worst"], aimed["met"]) == ("2.5", "missed by 2.5 times (hills (hebo) 2.5)")


def test_the_default_is_aimed_to_be_after_3_batches_where_peers_are_after_5(found):
    aimed = verdict([found], "aim: hybrid_ei after 3 / peer after 5 on scalar problems, normalised regret")
    # hebo: 0.2 / 0.2 of its one seed; gpyopt_lp: 0.2 / 0.05 and 0.4 / 0.05
    assert float(aimed["worst"]) == pytest.approx(32**0.5, abs=0.01)
    assert aimed["where"] == "gpyopt_lp; 2 places"
    assert "hebo" not in aimed["met"]


def verdict(kept, target):
    return row(targets.target_cells(kept, None), target)


def test_now_against_then(found, made, facts):
    then = Results(facts, {}, (made("hebo", 0, 0.5, 0.4, 0.8, 0.4, 0.4), made("hebo", 1, 0.5, 0.4, 0.8, 0.4, 0.4)))
    cells = row(tables.against_cells(found, then), "hebo")
    assert list(cells.values()) == ["hebo", "1", "0.5", "0.5", "1"]


def test_stored_results_are_printed_without_a_run(found, tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "NAMES", ("hills",))
    found.write(tmp_path / "hills.json")
    (tmp_path / "ask.json").write_text(json.dumps(ASKS))
    app = Typer()
    app.command()(side_by_side.main)
    printed = CliRunner().invoke(app, ["--table", "--markdown", "--results", str(tmp_path)])
    assert printed.exit_code == 0, printed.output
    assert "| hebo | 1 | 0.4 | 0.2 |" in printed.output
    assert "no answer within 300 CPU s | under 0.00667 |" in printed.output


def test_an_unknown_peer_is_refused_with_the_known_ones():
    app = Typer()
    app.command()(side_by_side.main)
    refused = CliRunner().invoke(app, ["mixture", "--peers", "gpyopt"])
    assert refused.exit_code == 2
    assert "gpyopt_lp" in refused.output


def test_asks_are_timed_on_the_same_data(tmp_path, peer, monkeypatch):
    measured = asks.measure(get_problem("mixture"), ["random"], [peer()], tmp_path, 60.0)
    asked = [(ask["rule"], ask["constraint"]) for ask in measured["asks"] if ask["rule"] != tables.DEFAULT]
    assert asked == [
        ("random", False),
        ("toy", False),
        ("random", True),
        ("toy", True),
    ]
    assert all(ask["cpu_s"] >= 0 for ask in measured["asks"])
    assert json.loads((tmp_path / "ask.json").read_text()) == measured
    assert len(asks.state_with(get_problem("mixture"), 90).data) == 90
