"""Figures of sweeps: winners are marked, failures left out, and all of it is plain JSON."""

import json

import pytest

from optimizer.sweep import Plan, one_at_a_time
from optimizer.sweep_figures import factor, tuning
from optimizer.tuning import Trial, Tuned

METRICS = {"rmse": "low", "r2": "high"}


def plain(figure):
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
    return figure


def train(settings, seed):
    if settings["depth"] == 50:
        return dict.fromkeys(METRICS, float("nan"))
    return {"rmse": {18: 2.0, 34: 1.0}[settings["depth"]] + seed, "r2": {18: 0.9, 34: 0.8}[settings["depth"]]}


@pytest.mark.parametrize(("seeds", "spread"), [((0, 1, 2), 1.0), ((0,), 0.0)])
def test_a_panel_for_every_metric_marks_its_winner(seeds, spread):
    (found,) = one_at_a_time(Plan({"depth": 18}, {"depth": [18, 34, 50]}, METRICS, seeds), train)
    rmse, r2 = plain(factor(found, METRICS))["data"]
    assert rmse["x"] == ["18", "34"]
    assert rmse["y"] == [2 + sum(seeds) / len(seeds), 1 + sum(seeds) / len(seeds)]
    assert rmse["error_y"]["array"] == [spread, spread]
    assert [rmse["marker"]["color"].index("#ffffff"), r2["marker"]["color"].index("#ffffff")] == [0, 1]
    assert (rmse["xaxis"], r2["xaxis"]) == ("x1", "x2")
    assert factor(found, METRICS)["layout"]["title"]["text"].startswith("depth: 18, 34 by most metrics")


@pytest.mark.parametrize(("better", "steps"), [("low", [3.0, 1.0, 1.0]), ("high", [3.0, 3.0, 4.0])])
def test_a_search_is_drawn_trial_by_trial_with_the_best_so_far(better, steps):
    scores = [3.0, float("nan"), 1.0, 4.0]
    trials = tuple(Trial({"rate": k}, 1, "lhs" if k < 2 else "lp_ei", (score,), score) for k, score in enumerate(scores))
    best, lhs, rule = plain(tuning(Tuned(trials, trials[2]), "rmse", better))["data"]
    assert (best["x"], best["y"]) == ([1, 3, 4], steps)
    assert (lhs["x"], rule["x"], rule["y"], rule["text"]) == ([1], [3, 4], [1.0, 4.0], ["rate 2", "rate 3"])
