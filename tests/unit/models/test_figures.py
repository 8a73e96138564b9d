"""Figures of models: what they show is what was given, and all of it is plain JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest

from models.box import Box
from models.distances import distance
from models.figures import (
    confusion,
    faint,
    importance,
    inverse_inputs,
    inverse_outcomes,
    learning_curve,
    parity,
    robustness,
    training_curve,
)
from models.inverse import Goal, Search, invert
from models.robustness import Row

AXIS = np.linspace(0, 1, 30)
BOX = Box(np.array([0.1, 0.1, 5.0]), np.array([2.0, 2.0, 5.0]))


@pytest.fixture(scope="module")
def found():
    def peak(X):
        return np.exp(-(((AXIS - X[:, :1] * X[:, 1:2]) / 0.2) ** 2))

    target = peak(np.array([[1.0, 0.4]]))[0]
    goal = Goal(target, distance("mse"), 1e-8, 1e-4, lambda X: X[:, 1])
    return invert(lambda X: peak(X) + 0.01, BOX, goal, Search(count=3), simulator=peak), target


def plain(figure):
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
    return figure


def test_parity_has_equal_axes_an_identity_line_and_one_trace_per_split():
    truth, told = np.array([1.0, 2.0, 3.0]), np.array([1.1, 2.5, 4.0])
    figure = plain(parity({"random": (truth, told), "grouped": (truth, truth)}, "T / °C", 0.5))
    upper, lower, line, random, grouped = figure["data"]
    assert figure["layout"]["xaxis"]["range"] == figure["layout"]["yaxis"]["range"] == line["x"] == line["y"]
    assert np.subtract(upper["y"], lower["y"]) == pytest.approx([1, 1])
    assert (random["x"], random["y"], grouped["y"]) == (truth.tolist(), told.tolist(), truth.tolist())
    assert line["x"][0] < 1
    assert line["x"][1] > 4
    many = np.arange(3000.0)
    assert parity({"all": (many, many)}, "n")["data"][-1]["type"] == "scattergl"


def test_confusion_counts_and_is_coloured_by_the_share_of_the_true_class():
    (trace,) = plain(confusion(np.array([[3, 1], [0, 0]]), ["cube", "star"]))["data"]
    assert trace["text"] == [[3, 1], [0, 0]]
    assert trace["z"] == [[0.75, 0.25], [0, 0]]


def test_a_learning_curve_has_a_band_over_the_seeds_and_survives_what_was_not_run():
    grouped = np.array([[np.nan, np.nan], [0.4, np.nan], [0.5, 0.7]])
    figure = plain(learning_curve([10, 20, 40], {"random": np.array([[0.1, 0.3]] * 3), "grouped": grouped}, "R2"))
    high, low, mean = figure["data"][3:]
    assert (high["x"], high["y"], low["y"]) == ([20, 40], [0.4, 0.7], [0.4, 0.5])
    assert mean["y"] == pytest.approx([0.4, 0.6])
    assert figure["data"][2]["y"] == pytest.approx([0.2] * 3)
    assert figure["data"][2]["line"]["color"] != mean["line"]["color"]


def test_a_training_curve_marks_the_epoch_that_was_kept():
    figure = plain(training_curve([1, 2, 3], [3.0, 2.0, 1.0], [3.0, 2.5, 2.8], 2))
    assert [trace["name"] for trace in figure["data"]] == ["learnt from", "held out"]
    assert figure["layout"]["shapes"][0]["x0"] == 2
    alone = plain(training_curve([1, 2], [3.0, 2.0], []))
    assert [trace["name"] for trace in alone["data"]] == ["learnt from"]


def test_importance_puts_the_largest_on_top_with_its_spread():
    figure = plain(importance(["a", "b"], ["X", "Mn"], np.array([[1.0, 2.0], [0.5, 0.1]]), spread=np.array([[0.1, 0.2], [0.3, 0.4]])))
    first, second = figure["data"]
    assert (first["y"], first["x"], second["x"]) == (["b", "a"], [0.5, 1.0], [0.1, 2.0])
    assert second["error_x"]["array"] == [0.4, 0.2]


def test_importance_for_many_regions_is_a_map_in_their_order():
    values = np.arange(16.0).reshape(2, 8)
    (trace,) = plain(importance(["a", "b"], [f"q {k}" for k in range(8)], values))["data"]
    assert (trace["type"], trace["y"], trace["z"]) == ("heatmap", ["a", "b"], values.tolist())


def rows(off):
    made = [Row("", "", "clean", "shape", "accuracy", 1 - off), Row("", "", "clean", "shape", "log_loss", 9.0)]
    for corruption, levels in (("noise", ("1 %", "5 %")), ("half", ("lower", "upper"))):
        for k, level in enumerate(levels):
            made.append(Row(corruption, level, "predict only", "shape", "accuracy", 0.8 - off - k / 10))
            made.append(Row(corruption, level, "train and predict", "shape", "accuracy", 0.9 - off))
            made.append(Row(corruption, level, "train and predict", "size", "accuracy", 7.0))
    return made


def test_robustness_has_a_panel_per_corruption_and_both_modes_of_every_learner():
    figure = plain(robustness({"ridge": rows(0.1), "cnn": rows(0.0)}, "shape", "accuracy"))
    assert len(figure["data"]) == 2 * 2 * 2
    drawn = {(trace["name"], trace["xaxis"]): trace for trace in figure["data"]}
    noisy = drawn["ridge, predict only", "x1"]
    assert noisy["x"] == ["clean", "1 %", "5 %"]
    assert noisy["y"] == pytest.approx([0.9, 0.7, 0.6])
    assert drawn["cnn, train and predict", "x2"]["y"] == [1.0, 0.9, 0.9]
    assert noisy["line"]["dash"] == "dot"
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["noise", "half"]
    assert sum(trace["showlegend"] for trace in figure["data"]) == 4
    left, right = figure["layout"]["xaxis1"]["domain"], figure["layout"]["xaxis2"]["domain"]
    assert left[1] < right[0] < right[1] <= 1


def test_candidates_are_drawn_against_the_target_by_simulator_and_model(found):
    inversion, target = found
    figure = plain(inverse_outcomes(inversion, target, AXIS, "w", "log M"))
    assert len(figure["data"]) == 2 * len(inversion.candidates) + 1
    simulated, model = figure["data"][:2]
    assert np.subtract(model["y"], simulated["y"]) == pytest.approx([0.01] * 30)
    assert figure["data"][-1]["y"] == target.tolist()
    assert simulated["name"].startswith("1: ok, ")


def test_inputs_of_candidates_stand_over_the_box_in_the_colours_of_their_curves(found):
    inversion, target = found
    figure = plain(inverse_inputs(inversion, ["a", "b", "held"], BOX.low, BOX.high))
    assert figure["data"][0]["x"] == ["a", "b"]
    shares = [(candidate.x[1] - 0.1) / 1.9 for candidate in inversion.candidates]
    assert [trace["y"][1] for trace in figure["data"]] == pytest.approx(shares)
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["2", "2", "0.1", "0.1"]
    curves = inverse_outcomes(inversion, target, AXIS, "w", "log M")["data"]
    assert [trace["line"]["color"] for trace in figure["data"]] == [curves[2 * k]["line"]["color"] for k in range(3)]


def test_classes_of_candidates_are_told_by_name(found):
    inversion, _ = found
    one = replace(inversion, candidates=(replace(inversion.candidates[0], x=np.array([1.0, 2.0])),))
    figure = plain(inverse_inputs(one, ["a", "solvent"], np.zeros(2), np.array([4.0, 2.0]), {1: ("water", "ethanol", "toluene")}))
    (trace,) = figure["data"]
    assert (trace["y"], trace["text"]) == ([0.25, 1.0], ["1", "toluene"])
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["4", "toluene", "0", "water"]


def test_a_faint_colour_is_the_same_one():
    assert faint("#0072b2") == "rgba(0,114,178,0.15)"
