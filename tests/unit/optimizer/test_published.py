"""Published figures beside ours: those of the file come out as published, those of replays say what the replays hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.published import Measured, Row, batch_rows, file_rows, grid_rows, lab_rows, reached, replay_rows
from optimizer.two_step import Plan

PLAN = Plan(0, alone=2, beside=1, wells=2)


@pytest.fixture(scope="module")
def measured(agnp_csv: Path) -> Measured:
    return Measured.parse(agnp_csv.read_text())


def test_every_figure_of_the_file_is_as_published(measured: Measured):
    rows = [*file_rows(measured), *lab_rows(measured), *grid_rows()]
    assert len(rows) > 25
    assert [row.name for row in rows if not row.met] == []


def test_a_changed_file_is_seen(measured: Measured):
    changed = Measured(measured.X, (measured.losses[0] - 0.5, *measured.losses[1:]))
    assert next(row.name for row in file_rows(changed) if not row.met) == "best median loss, block 1"


@pytest.mark.slow
def test_our_batches_are_distinct_where_those_of_the_published_rule_are_not(measured: Measured):
    textbook, ours = batch_rows(measured, lambda told: None)
    assert textbook.ours[0] < 15
    assert ours.met


@pytest.mark.parametrize(("ours", "met"), [(0.5004, True), (0.502, False)])
def test_a_fact_is_met_within_its_tolerance(ours: float, met: bool):
    assert Row.fact("x", 0.5, ours, 0.001).met is met


def runs(**truths: float) -> list[dict[str, Any]]:
    """A replay whose wells have these noise-free losses, by run and arm."""
    methods = {"first": (1, "lhs_centered"), "second": (2, "lp_ei"), "bo": (3, "lp_ei"), "network": (3, "spectral_grid")}
    return [
        {
            "run": number,
            "method": method,
            "medians": [truths[name] + 0.01, 0.9],
            "truths": [truths[name], 0.9],
            "flagged": ["Qseed low"] if number == 2 else [],
            "cosines": [0.99, 0.97] if name == "network" else [],
        }
        for name, (number, method) in methods.items()
    ]


@pytest.mark.parametrize(
    ("truths", "bo", "network"),
    [
        ({"first": 0.5, "second": 0.2, "bo": 0.1, "network": 0.3}, 2, 2),
        ({"first": 0.5, "second": 0.4, "bo": 0.1, "network": 0.3}, 3, np.inf),
        ({"first": 0.5, "second": 0.4, "bo": 0.3, "network": 0.1}, np.inf, 3),
    ],
)
def test_an_arm_holds_the_common_runs_and_its_own(truths: dict[str, float], bo: float, network: float):
    assert [reached(PLAN, runs(**truths), rule) for rule in PLAN.rules] == [bo, network]


def test_the_rows_of_replays_add_up():
    common = runs(first=0.5, second=0.2, bo=0.1, network=0.1)
    late, never = runs(first=0.5, second=0.4, bo=0.1, network=0.1), runs(first=0.5, second=0.4, bo=0.3, network=0.3)
    replays = [
        {"runs": runs, "importance": {"spectrum": [0.3, 0.1, 0.1, 0.4, 0.1], "loss": [0.3, 0.1, 0.4, 0.1, 0.1]}}
        for runs in (common, late, never)
    ]
    rows = {row.name: row for row in replay_rows(PLAN, replays)}
    shapley = {what: rows[f"first two parameters by Shapley value, {what}"] for what in ("spectrum", "loss")}
    assert (shapley["spectrum"].ours, shapley["spectrum"].met) == (["Qseed", "QAgNO3"], True)
    assert (shapley["loss"].ours, shapley["loss"].met) == (["Qtsc", "QAgNO3"], False)
    share = rows["share of seeds in which the network reaches the target region in no more runs"]
    assert (share.ours, share.met) == (pytest.approx(2 / 3), False)
    assert rows["of them, of those not in it before the network"].ours == "1 of 2"
    assert rows["wells before the network"].ours == 4
    assert rows["best median loss, run 3 of spectral_grid, median of the seeds"].ours == pytest.approx(0.11)
    assert rows["best median loss, run 3 of spectral_grid, median of the seeds"].seed == 0.234
    cosine = rows["cosine of foretold and measured spectra on the network's proposals, its first run, mean"]
    assert (cosine.ours, cosine.met) == (pytest.approx(0.98), True)
