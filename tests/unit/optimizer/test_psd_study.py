"""The study on size distributions: how it is planned within a time, and what is chosen."""

from dataclasses import replace
from itertools import pairwise

import pytest

from models.psd.study import Result, Trial
from optimizer import psd_study
from optimizer.psd_study import DEFAULT, FACTORS, QUICK, Size


def result(**scores: float) -> Result:
    known = dict.fromkeys(psd_study.METRICS, 0.5)
    return Result(known | scores, [], {}, {}, [], [], [], 1.0)


def test_the_whole_study_is_the_published_one() -> None:
    runs = psd_study.plan(Size()).runs
    settings = {tuple(sorted(run.settings.items())) for run in runs}
    assert len(runs) == 4 * len(settings) == 4 * (1 + sum(len(values) - 1 for values in FACTORS.values()))
    trials = [psd_study.swept(run, Size()) for run in runs]
    assert {trial.changes["epochs"] for trial in trials} == {100}
    assert {trial.images for trial in trials} == {1, 3, 5, 10}
    assert psd_study.following(DEFAULT, Size())["long"].changes["epochs"] == 10_000


@pytest.mark.parametrize("minutes", [1.0, 10.0, 100.0])
def test_the_study_keeps_to_its_time(minutes: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psd_study, "speed", lambda: 1e-3)
    large, small = psd_study.within(minutes, jobs=2)
    seconds = psd_study.cost(psd_study.methods(large).values(), 1e-3) + psd_study.cost(psd_study.programme(small), 1e-3)
    assert 0.9 * 120 * minutes < seconds <= 120 * minutes or (large, small) == (QUICK, QUICK)


def test_a_longer_time_makes_larger_studies_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psd_study, "speed", lambda: 1e-3)
    sizes = [psd_study.within(minutes, 1) for minutes in (1, 10, 100, 1e6)]
    for shorter, longer in pairwise(sizes):
        for one, other in zip(shorter, longer, strict=True):
            assert all(getattr(one, name) <= getattr(other, name) for name in vars(one))
    assert sizes[-1] == (Size(), Size())


def test_costs_follow_the_work() -> None:
    def cost(**changes: object) -> float:
        return psd_study.cost([replace(trial, changes={**trial.changes, **changes})], 1e-3) - psd_study.cost([none], 1e-3)

    trial = Trial("learner", "encoder", {"epochs": 2}, rows=100)
    none = replace(trial, changes={"epochs": 0})
    assert cost(epochs=4) == pytest.approx(2 * cost())
    assert cost(part=False) == pytest.approx(cost() / 0.6)
    assert cost(depth=34) > 1.5 * cost()


def test_the_default_wins_a_tie() -> None:
    plan = psd_study.plan(Size(seeds=2))
    good = {run.key: result(cosine=0.9 if run.settings["depth"] == 34 else 0.8) for run in plan.runs}
    factors = psd_study.concluded(plan, good)
    depth = factors[0]
    assert depth.chosen == (34,)  # cosine names it alone, all others tie
    assert psd_study.chosen(factors) == {**DEFAULT, "depth": 34}
    slow = {key: replace(one, scores=one.scores | {"rmse": 0.4}) if '"rate": 0.001' in key else one for key, one in good.items()}
    assert psd_study.chosen(psd_study.concluded(plan, slow)) == {**DEFAULT, "depth": 34, "rate": 0.001}


def test_what_follows_has_the_chosen_settings() -> None:
    done = psd_study.following({**DEFAULT, "stack": 3, "depth": 34}, Size())
    assert {trial.images for trial in done.values()} == {3}
    assert {trial.changes["depth"] for trial in done.values()} == {34}
    assert (done["spheres"].rows, done["spheroids"].shapes, done["small"].rows) == (6000, "spheroids", 1000)
    assert [name for name, trial in done.items() if trial.kept] == ["long"]
    assert [name for name, trial in done.items() if trial.changes.get("augment")] == ["small, augmented"]


def test_the_speed_is_measured() -> None:
    assert 0 < psd_study.speed() < 1
