"""The programme of a training: what its card tells is true, its intervals cover, and it is the same wherever it runs."""

import json

import numpy as np
import pytest

from models.learners import BadSettings
from models.nets import Cancelled
from models.programme import train
from models.spec import Spec, Use
from models.splits import random_split
from models.table import BadTable, Field, Table
from models.trained import Trained

SPEC = Spec((Use("x"), Use("y")), (Use("z"),), "ridge", group="lot", sizes=(0.5,), seeds=4)


def linear(n, seed, noise=0.1, lots=20, shift=0.0):
    """A plane with noise, and a shift of its own for every lot."""
    rng = np.random.default_rng(seed)
    X, lot = rng.random((n, 2)), np.arange(n) % lots
    z = 3 * X[:, 0] - X[:, 1] + noise * rng.standard_normal(n) + shift * rng.standard_normal(lots)[lot] + 5
    names = tuple(f"l{k}" for k in range(lots))
    return Table((Field("x", X[:, 0]), Field("y", X[:, 1]), Field("z", z, "nm"), Field("lot", lot, classes=names)))


def test_metrics_of_the_card_are_those_of_a_model_that_did_not_see_the_rows():
    table = linear(100, 0)
    card = train(table, Spec(SPEC.inputs, SPEC.targets, "ridge", seeds=1)).card
    split = random_split(100, 0.2, 0)
    A = np.column_stack([table["x"].values, table["y"].values, np.ones(100)])
    fit = np.linalg.lstsq(A[split.train], table["z"].values[split.train], rcond=None)[0]
    rmse = np.sqrt(((A @ fit - table["z"].values)[split.test] ** 2).mean())
    assert card["splits"]["random"]["metrics"]["z"]["rmse"] == pytest.approx(rmse, rel=0.02)
    assert card["splits"]["random"]["spread"]["z"]["rmse"] is None
    assert card["data"]["sha256"] == table.digest


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_intervals_cover_fresh_data(scale):
    spec = Spec(SPEC.inputs, (Use("z", scale),), "ridge", seeds=4)
    cover, width = [], []
    for seed in range(6):
        fresh = linear(500, 1000 + seed)
        (answer,), _ = train(linear(100, seed), spec).predict(fresh)
        z = fresh["z"].values[:, None]
        cover.append(((answer.low <= z) & (z <= answer.high)).mean())
        width.append((answer.high - answer.low).mean())
    assert 0.88 <= np.mean(cover) <= 0.98
    assert np.mean(width) < 0.6  # 0.33 is what a model that knew the plane would need


def test_the_grouped_split_tells_of_new_groups_and_widens_the_intervals():
    card = train(linear(200, 3, lots=10, shift=1.0), Spec((*SPEC.inputs, Use("lot")), SPEC.targets, "ridge", group="lot", seeds=4)).card
    metrics = {name: split["metrics"]["z"]["rmse"] for name, split in card["splits"].items()}
    assert metrics["grouped"] > 3 * metrics["random"]
    assert card["intervals"]["split"] == {"z": "grouped"}


def test_without_a_group_equal_inputs_stay_together():
    table = linear(40, 0, noise=1.0).rows(np.repeat(np.arange(40), 3))
    card = train(table, Spec(SPEC.inputs, SPEC.targets, "forest", {"trees": 20}, sizes=(), seeds=2)).card
    metrics = {name: split["metrics"]["z"]["rmse"] for name, split in card["splits"].items()}
    assert metrics["random"] < 0.5 * metrics["grouped"]


def test_few_rows_held_out_are_said_to_be_few():
    card = train(linear(20, 0), Spec(SPEC.inputs, SPEC.targets, "ridge", seeds=1)).card
    assert any("too few for intervals" in warning for warning in card["warnings"])


def test_the_learning_curve_falls():
    curve = train(linear(200, 0), Spec(SPEC.inputs, SPEC.targets, "forest", {"trees": 10}, sizes=(0.1, 0.4), seeds=1)).card[
        "learning_curve"
    ]
    assert [point["rows"] for point in curve] == [16, 64, 160]
    errors = [point["metrics"]["z"]["rmse"] for point in curve]
    assert errors[0] > errors[1] > errors[2]


def test_the_same_training_gives_the_same_bits_and_a_card_of_json():
    table, spec = linear(60, 0), Spec(SPEC.inputs, (Use("z"), Use("lot")), "forest", {"trees": 5}, group="lot", sizes=(), seeds=2)
    first, second = (train(table, Spec.from_card(json.loads(json.dumps(spec.card())))) for _ in range(2))
    files = first.to_files()
    assert all(files[name] == second.to_files()[name] for name in files if name.endswith("safetensors"))
    assert json.loads(json.dumps(first.card, allow_nan=False)) == first.card
    assert {name: part for name, part in first.card.items() if name != "cpu_s"} == {
        name: part for name, part in second.card.items() if name != "cpu_s"
    }
    told, verdicts = Trained.from_files(files).predict(table)
    before, judged = first.predict(table)
    assert verdicts == judged
    for answer, same in zip(told, before, strict=True):
        assert answer.mean.tobytes() == same.mean.tobytes()
    assert told[1].low is None
    np.testing.assert_allclose(told[1].mean.sum(axis=1), 1)


def test_a_logarithm_is_told_by_its_median_and_deviation():
    rng = np.random.default_rng(0)
    x = rng.random(80)
    table = Table((Field("x", x), Field("z", np.exp(x + 0.5 * rng.standard_normal(80)))))
    (answer,), _ = train(table, Spec((Use("x"),), (Use("z", "log"),), "gp", seeds=1, sizes=())).predict(table.rows(np.arange(50)))
    inside = table["z"].values[:50, None]
    assert (answer.low > 0).all()
    np.testing.assert_allclose(answer.low * answer.high, answer.mean**2)
    assert 0.8 < ((answer.low < inside) & (inside < answer.high)).mean() <= 1
    assert answer.std is not None
    assert np.median(answer.std / answer.mean) < 0.3  # of what is believed of the mean, not of the noise


def test_progress_rises_to_the_last_fit_and_can_stop_the_training():
    told = []
    train(linear(30, 0), SPEC, lambda fraction, doing: told.append((fraction, doing)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert "all rows" in told[-1][1]
    with pytest.raises(Cancelled):
        train(linear(30, 0), SPEC, lambda fraction, _: fraction < 0.5)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (Spec((Use("x"),), (Use("w"),), "ridge"), "w"),
        (Spec((Use("x"),), (Use("x"),), "ridge"), "x"),
        (Spec((Use("x"),), (Use("lot"),), "ridge"), "lot"),
        (Spec((Use("x"),), (Use("z", shares=True),), "ridge"), "z"),
        (Spec((Use("x"),), (Use("z"),), "resnet"), "x"),
        (Spec((Use("x"),), (Use("z"),), "ridge", group="w"), "w"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_the_field(spec, field):
    with pytest.raises(BadTable) as refused:
        spec.task(linear(30, 0))
    assert refused.value.field == field


def test_settings_rows_and_targets_that_do_not_do_are_refused():
    with pytest.raises(BadSettings, match="no setting"):
        Spec(SPEC.inputs, SPEC.targets, "ridge", {"depth": 3}).task(linear(30, 0))
    with pytest.raises(BadTable, match="4 rows"):
        SPEC.task(linear(4, 0))
    same = Table((*linear(30, 0).fields[:2], Field("z", np.ones(30)), linear(30, 0)["lot"]))
    with pytest.raises(BadTable, match="the same in every row"):
        SPEC.task(same)
    empty = Table((*linear(30, 0).fields[:3], Field("lot", np.zeros(30, int), classes=("a", "b"))))
    with pytest.raises(BadTable, match="one group"):
        SPEC.task(empty)


def test_the_card_keeps_what_was_told_of_rows_held_out():
    table = linear(100, 0)
    card = train(table, Spec(SPEC.inputs, SPEC.targets, "ridge", seeds=2)).card
    held = card["held_out"]["random"]["z"]
    split = random_split(100, 0.2, 0)
    assert sorted(held["truth"]) == sorted(table["z"].values[split.test])
    first = next(score for score in card["learning_curve"] if score["rows"] == len(split.train))
    error = np.sqrt(np.mean((np.array(held["truth"]) - np.array(held["told"])) ** 2))
    assert error == pytest.approx(first["metrics"]["z"]["rmse"])


def test_the_card_keeps_few_values_of_curves_and_none_of_classes():
    rng = np.random.default_rng(0)
    x, axis = rng.random(60), np.linspace(0, 1, 80)
    curve, kind = Field("c", np.exp(x[:, None] * axis), "", axis, "s"), Field("k", (x > 0.5).astype(int), classes=("a", "b"))
    spec = Spec((Use("x"),), (Use("c"), Use("k")), "forest", {"trees": 3}, seeds=1, sizes=())
    held = train(Table((Field("x", x), curve, kind)), spec).card["held_out"]["grouped"]
    assert set(held) == {"c"}
    assert len(held["c"]["truth"]) == len(held["c"]["told"]) == 500
