"""One factor at a time: winners, ties and their mode, and taking a sweep up again."""

import numpy as np
import pytest

from models.nets import Cancelled
from optimizer.sweep import Plan, Run, one_at_a_time
from optimizer.types import InvalidInput

DEFAULT = {"depth": 18, "rate": 0.01, "act": "relu"}
METRICS = {"rmse": "low", "r2": "high", "cosine": "high"}


def plan(**changes):
    given = {"factors": {"depth": [18, 34, 50], "rate": [0.1, 0.01]}, "metrics": METRICS, "seeds": (0, 1, 2, 3)}
    return Plan(DEFAULT, **(given | changes))


def train(settings, seed):
    """Depth 34 is best by rmse and cosine, 50 by r2; both rates are equally good; seeds scatter by one."""
    depth = {18: (3.0, 0.5, 0.6), 34: (1.0, 0.8, 0.9), 50: (2.0, 0.9, 0.7)}[settings["depth"]]
    return dict(zip(METRICS, np.array(depth) + (seed - 1.5) * 1e-3, strict=True))


def test_every_metric_names_its_winner_and_the_mode_is_chosen():
    depth, _ = one_at_a_time(plan(), train)
    assert depth.winners == {"rmse": (34,), "r2": (50,), "cosine": (34,)}
    assert depth.chosen == (34,)
    assert (depth.name, depth.default) == ("depth", 18)
    level = depth.levels[1]
    assert (level.value, level.runs) == (34, 4)
    assert level.mean == pytest.approx({"rmse": 1.0, "r2": 0.8, "cosine": 0.9})
    assert level.std["rmse"] == pytest.approx(np.std([-1.5e-3, -0.5e-3, 0.5e-3, 1.5e-3], ddof=1))


def test_ties_are_told():
    _, rate = one_at_a_time(plan(), train)
    assert rate.winners == dict.fromkeys(METRICS, (0.1, 0.01))
    assert rate.chosen == (0.1, 0.01)
    (depth,) = one_at_a_time(plan(metrics={"rmse": "low", "r2": "high"}, factors={"depth": [18, 34, 50]}), train)
    assert depth.chosen == (34, 50)


def test_only_the_factor_changes_and_the_default_is_run_once():
    runs = plan().runs
    assert len(runs) == (3 + 1) * 4
    assert len({run.key for run in runs}) == len(runs)
    for run in runs:
        assert sum(run.settings[name] != value for name, value in DEFAULT.items()) <= 1


def test_runs_that_failed_are_left_out_and_a_factor_of_failures_has_no_winner():
    def fails(settings, seed):
        broken = settings["depth"] != 18 and (seed == 2 or settings["depth"] == 50)
        return dict.fromkeys(METRICS, float("nan")) if broken else train(settings, seed)

    depth, _ = one_at_a_time(plan(), fails)
    assert [level.runs for level in depth.levels] == [4, 3, 0]
    assert depth.winners["r2"] == (34,)
    assert np.isnan(depth.levels[2].mean["rmse"])
    (nothing,) = one_at_a_time(plan(factors={"depth": [34, 50]}, seeds=(2,)), fails)
    assert (nothing.chosen, nothing.winners["rmse"]) == ((), ())


def test_a_sweep_is_taken_up_where_it_was_stopped():
    kept, done = {}, []

    def counted(settings, seed):
        done.append((settings, seed))
        return train(settings, seed)

    def keep(run, results):
        kept[run.key] = results

    with pytest.raises(Cancelled):
        one_at_a_time(plan(), counted, keep=keep, watch=lambda share, what: share < 0.5)
    assert len(kept) == len(done) == 8
    found = one_at_a_time(plan(), counted, kept, keep)
    assert len(done) == len(plan().runs)
    assert found == one_at_a_time(plan(), train)
    # What was run elsewhere is concluded without any run.
    assert plan().concluded(kept) == found


def test_a_run_is_known_by_its_settings_whatever_their_order():
    assert Run({"a": 1, "b": [2, 3]}, 0).key == Run({"b": [2, 3], "a": 1}, 0).key != Run({"a": 1, "b": [2, 3]}, 1).key


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"factors": {}}, "needs a factor"),
        ({"metrics": {}}, "needs a factor"),
        ({"seeds": ()}, "needs a factor"),
        ({"factors": {"width": [1, 2]}}, "width has no default"),
        ({"factors": {"depth": [18]}}, "at least 2 different"),
        ({"factors": {"depth": [18, 18, 34]}}, "at least 2 different"),
    ],
)
def test_plans_that_tell_nothing_are_refused(changes, match):
    with pytest.raises(InvalidInput, match=match):
        plan(**changes)


def test_missing_runs_and_metrics_are_told():
    with pytest.raises(InvalidInput, match="is not done"):
        plan().concluded({})
    with pytest.raises(InvalidInput, match="told no r2"):
        one_at_a_time(plan(), lambda settings, seed: {"rmse": 1.0})
