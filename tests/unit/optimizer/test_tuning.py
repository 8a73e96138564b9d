"""Settings found by the loop of the campaigns."""

import numpy as np
import pytest

from models.nets import Cancelled
from optimizer.space import Categorical, Continuous, Discrete, SearchSpace
from optimizer.tuning import Tuning, tune
from optimizer.types import InvalidInput

SPACE = SearchSpace((Continuous("rate", -5, 0), Discrete("depth", (1.0, 2.0, 3.0, 4.0, 6.0)), Categorical("act", ("relu", "tanh"))))


def tuning(**changes):
    given = {"log": frozenset({"rate"}), "default": {"epochs": 100}, "seeds": (0, 1, 2), "batches": 3, "size": 5}
    return Tuning(**({"space": SPACE, "metric": "rmse", "better": "low"} | given | changes))


def train(settings, seed):
    """Best at a rate of 1e-3, depth 4 and tanh; some noise by the seed."""
    off = (np.log10(settings["rate"]) + 3) ** 2 / 4 + (settings["depth"] - 4) ** 2 / 8 + (settings["act"] == "relu") / 2
    noise = 0.01 * np.random.default_rng([seed, int(1e6 * settings["rate"])]).standard_normal()
    return {"rmse": 0.1 + off + noise, "r2": 0.9 - off + noise}


@pytest.fixture(scope="module")
def found():
    return tune(tuning(), train)


def test_the_best_settings_are_found(found):
    best = found.best.settings
    assert (best["act"], best["epochs"]) == ("tanh", 100)
    assert best["depth"] in (3, 4)
    assert abs(np.log10(best["rate"]) + 3) < 0.7
    assert found.best.score == pytest.approx(np.median(found.best.scores))


def test_a_first_design_is_followed_by_batches_of_the_rule(found):
    assert [trial.round for trial in found.trials] == [1] * 5 + [2] * 5 + [3] * 5 + [4] * 5
    assert [trial.rule for trial in found.trials[::5]] == ["lhs_centered", "hybrid_ei", "hybrid_ei", "hybrid_ei"]
    assert min(t.score for t in found.trials[5:]) < min(t.score for t in found.trials[:5])


def test_settings_are_what_a_model_takes(found):
    for trial in found.trials:
        assert isinstance(trial.settings["depth"], int)
        assert 1e-5 <= trial.settings["rate"] <= 1


def test_a_high_score_can_be_the_good_one():
    found = tune(tuning(metric="r2", better="high", batches=1), train)
    assert found.best.score == pytest.approx(max(trial.score for trial in found.trials), abs=0.05)


def test_a_search_is_taken_up_where_it_was_stopped_and_ends_the_same():
    kept, done = {}, []

    def counted(settings, seed):
        done.append(seed)
        return train(settings, seed)

    def keep(run, results):
        kept[run.key] = results

    with pytest.raises(Cancelled, match="batch 2, 8 of 10"):
        tune(tuning(batches=1), counted, keep=keep, watch=lambda share, what: share < 0.65)
    assert len(done) == 21
    again = tune(tuning(batches=1), counted, kept, keep)
    assert len(done) == 30
    assert again == tune(tuning(batches=1), train)


def test_failed_trainings_teach_nothing_and_do_not_end_the_search():
    def fails(settings, seed):
        return {"rmse": float("inf")} if settings["act"] == "relu" else train(settings, seed)

    found = tune(tuning(batches=1), fails)
    assert {trial.settings["act"] for trial in found.trials if not np.isfinite(trial.score)} == {"relu"}
    assert found.best.settings["act"] == "tanh"
    assert tune(tuning(batches=1, seeds=(0,)), lambda settings, seed: {"rmse": float("nan")}).best is None


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"log": frozenset({"act"})}, "act is no number"), ({"seeds": ()}, "at least one seed"), ({"seeds": (1, 1)}, "each once")],
)
def test_what_cannot_be_searched_is_refused(changes, match):
    with pytest.raises(InvalidInput, match=match):
        tuning(**changes)
