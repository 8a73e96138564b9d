"""Rows of the study on size distributions: every published figure has one, and what falls short is told."""

import pytest

from models.psd.study import LENGTHS, MARKS, Result
from optimizer import psd_rows, psd_study
from optimizer.psd_study import Size
from optimizer.sweep import Factor


def scores(cosine: float = 0.95) -> dict[str, float]:
    figures = {"rmse": 0.02, "cosine": cosine, "pearson": 0.9, "spearman": 0.9, "wasserstein": 0.08, "r2": 0.8}
    return figures | {f"{name}_error": 4.0 for name in MARKS}


def result(cosine: float = 0.95, held_out: tuple[float, ...] = (2.0, 1.0)) -> Result:
    known = {f"{length} images": scores(cosine) for length in LENGTHS}
    known |= {
        name: scores(cosine) | {"cpu_s": 90.0}
        for name in ("spheroids", "spheroids, fine-tuned", "converted to volume", "eight orientations")
    }
    known["speed"] = {"stacks per CPU second": 600.0}
    errors = (("low", 0.03), ("middle", 0.02), ("high", 0.01))
    classes = [scores() | {"concentration": name, "size": "all", "stacks": 5, "wasserstein": error} for name, error in errors]
    return Result(scores(cosine), classes, known, {}, [], [1.0] * len(held_out), list(held_out), 10.0)


@pytest.fixture
def factors() -> tuple[Factor, ...]:
    plan = psd_study.plan(Size(seeds=2))
    return psd_study.concluded(plan, {run.key: result() for run in plan.runs})


def test_every_published_figure_has_its_row(factors: tuple[Factor, ...]) -> None:
    following = {name: result() for name in psd_study.following(psd_study.DEFAULT, Size())}
    rows = [*psd_rows.sweep_rows(factors), *psd_rows.following_rows(following)]
    assert {frozenset(row) for row in rows} == {frozenset(("name", "seed", "ours", "target", "met"))}
    assert len({row["name"] for row in rows}) == len(rows)
    for figure in (34, 5, [5, 10], 1e-2, 1.2e-4, 0.25, 6.2e-5, 0.77, 10_000):
        assert figure in [row["seed"] for row in rows]


def test_what_is_wanted_is_judged() -> None:
    def judged(cosine: float) -> dict[str, bool | None]:
        done = {name: result(cosine) for name in psd_study.methods(Size())}
        return {row["name"]: row["met"] for row in psd_rows.method_rows(done)}

    good, poor = judged(0.95), judged(0.93)
    assert sum(met is not None for met in good.values()) == 12 + ("watershed: cosine" in good)
    assert all(met in (None, True) for met in good.values())
    assert [name for name, met in poor.items() if met is False] == [
        "encoder: cosine",
        "features: cosine",
        "encoder, mean of eight orientations: cosine",
        "encoder, spheroids, fine-tuned: cosine",
    ]


def test_a_figure_that_is_not_defined_is_none_and_not_met() -> None:
    done = {"encoder": result(float("nan"))}
    row = next(row for row in psd_rows.method_rows(done) if row["name"] == "encoder: cosine")
    assert (row["ours"], row["met"]) == (None, False)


def test_errors_are_compared_between_the_ends_of_the_classes() -> None:
    rows = psd_rows.method_rows({"encoder": result()})
    (row,) = [row for row in rows if row["name"] == "encoder: Wasserstein distance over ln d, high concentration by low"]
    assert row["ours"] == pytest.approx(1 / 3)
    assert row["met"] is True


@pytest.mark.parametrize(
    ("held_out", "told"),
    [
        ([3.0, 1.0, 2.5, 3.0, 2.0, 0.5], True),
        ([3.0, 1.0, 2.5, 3.0, 3.0, 3.0], False),
        ([3.0, 2.0, 1.5, 1.2, 1.1, 1.0], False),
        ([1.0], False),
    ],
    ids=["falls twice", "overfits", "falls", "one epoch"],
)
def test_grokking_is_a_second_fall(held_out: list[float], told: bool) -> None:
    assert psd_rows.grokked(held_out) is told
