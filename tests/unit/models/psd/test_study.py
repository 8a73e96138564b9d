"""Trials of the study on size distributions: what they measure, on a handful of stacks."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from models.psd import study
from models.psd.bins import CENTRES
from models.psd.dataset import psd_table
from models.psd.study import Result, Trial

TINY = Trial("learner", changes={"epochs": 2, "width": 2}, rows=8, unseen=6, images=2)


@pytest.fixture(scope="module")
def encoder() -> Result:
    return study.run(Trial("encoder", "encoder", {"epochs": 1, "width": 2}, rows=8, unseen=6))


def test_no_suspension_is_both_known_and_unseen() -> None:
    known, unseen = (study.stacks(20, seed, 1)["phi"].values for seed in (study.KNOWN, study.UNSEEN))
    assert not np.isin(known, unseen).any()


def test_a_trial_tells_the_same_again_and_survives_json() -> None:
    first, second = study.run(TINY), study.run(TINY)
    assert first.scores == second.scores
    assert first.train == second.train
    assert len(first.train) == 2
    assert Result(**json.loads(json.dumps(asdict(first)))) == first


def test_perfect_detection_is_better_than_the_mean() -> None:
    mean, perfect = (study.run(Trial(what, rows=30, unseen=30)).scores for what in ("mean", "perfect"))
    assert perfect["cosine"] > mean["cosine"] + 0.15
    assert perfect["wasserstein"] < mean["wasserstein"] / 3


def test_scores_of_what_is_right() -> None:
    truth = study.stacks(6, study.UNSEEN, 1)["psd"].values
    told = study.scores(truth, truth)
    for name in ("rmse", "wasserstein", "D10_error", "D50_error", "D90_error", "span_error"):
        assert told[name] == pytest.approx(0, abs=1e-12)
    for name in ("cosine", "pearson", "spearman", "r2"):
        assert told[name] == pytest.approx(1)


def test_a_shift_by_a_bin_is_its_distance() -> None:
    truth = np.eye(32)[[3, 10]]
    distances = study.distances(truth, np.roll(truth, 1, axis=1))
    np.testing.assert_allclose(distances, np.log(CENTRES[1] / CENTRES[0]))
    assert study.scores(truth, np.roll(truth, 1, axis=1))["wasserstein"] == pytest.approx(distances.mean())


def test_classes_share_out_the_stacks() -> None:
    table = psd_table(30, 1, images=1, pixels=32)
    rows = study.by_class(table, np.full((30, 32), 1 / 32))
    total = rows[-1]
    assert (total["concentration"], total["size"], total["stacks"]) == ("all", "all", 30)
    for name, other in (("concentration", "size"), ("size", "concentration")):
        parts = [row for row in rows if row[name] != "all" and row[other] == "all"]
        assert sum(row["stacks"] for row in parts) == 30
        assert sum(row["stacks"] * row["wasserstein"] for row in parts) == pytest.approx(30 * total["wasserstein"])


def test_the_encoder_is_asked_about_other_stacks(encoder: Result) -> None:
    assert set(encoder.errors) == {"unseen", *(f"{length} images" for length in study.LENGTHS)}
    assert encoder.errors["unseen"] == encoder.errors["5 images"]
    assert encoder.others["5 images"] == encoder.scores
    assert np.array(encoder.told).shape == (6, 32)
    assert encoder.others["spheroids"] != encoder.others["spheroids, fine-tuned"]
    assert encoder.others["speed"]["stacks per CPU second"] > 0


def test_a_training_that_was_killed_goes_on(tmp_path: Path) -> None:
    long = Trial("learner", changes={"epochs": 4, "width": 2, "validation": 0.25, "every": 1}, rows=8, unseen=6, images=2, kept=True)
    whole = study.run(long, tmp_path)
    (file,) = tmp_path.iterdir()
    assert len(whole.held_out) == 4
    again = study.run(long, tmp_path)
    assert again.train == whole.train
    assert again.scores == whole.scores
    study.run(Trial(**{**vars(long), "seed": 1}), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert file.exists()
