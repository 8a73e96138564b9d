"""Figures of knowledge: what they show is what was found."""

import json
from copy import deepcopy

import numpy as np
import pytest

from optimizer.knowledge_figures import beeswarm, figures, maps


def prediction(a, *, curve=True, feasible=True):
    validity = {"status": "edge", "check": "box", "variable": "a", "value": 1.0, "limit": 0.9}
    told = {"recipe": {"a": a, "salt": "x"}, "feasible": feasible, "loss": a / 10, "std": 0.1, "validity": validity}
    return told | ({"curve": [a, 0.0, 1.0], "band": [0.1] * 3} if curve else {"curve": None, "band": None})


def knowledge(curve=True):
    wells = [("w1", 1.0, "y", 0.3), ("w2", 2.0, "x", -0.1), ("w3", 3.0, "x", -0.1)]
    shares = {"blue": 0.1} if curve else {}
    ranked = [{"parameter": "salt", "loss": 0.2, "regions": shares}, {"parameter": "a", "loss": 0.1, "regions": shares}]
    told = [{"design": n, "recipe": {"a": a, "salt": s}, "values": {"loss": {"a": 0.1 * a, "salt": v}}} for n, a, s, v in wells]
    drawn = {"x": "a", "y": "salt", "xs": [1.0, 2.0], "ys": ["x", "y"], "loss": [[0.1, None], [0.5, 0.4]]}
    made = [prediction(1.0, curve=curve), prediction(0.5, curve=curve, feasible=False), prediction(2.0, curve=curve)]
    return {
        "outcome": "absorbance",
        "unit": "nm",
        "axis": [1.0, 2.0, 3.0] if curve else None,
        "target": [0.0, 2.0, 1.0] if curve else None,
        "explanation": {"outputs": ["loss", *shares], "importance": ranked, "wells": told},
        "maps": [drawn],
        "sliders": [{"parameter": "a", "predictions": made}],
        "measured": [{"design": n, "recipe": {"a": a, "salt": s}, "loss": 0.2} for n, a, s, _ in wells],
    }


def test_the_most_important_parameter_stands_on_top():
    drawn = figures(knowledge())
    assert drawn["importance"][1]["data"][0]["y"] == ["a", "salt"]
    assert drawn["importance"][1]["data"][0]["x"] == [0.1, 0.2]
    assert drawn["shapley"][1]["layout"]["yaxis"]["ticktext"] == ["a", "salt"]
    assert drawn["regions"][1]["data"][0]["z"] == [[0.1], [0.1]]


def test_a_row_of_points_holds_every_well_at_its_value_coloured_by_its_setting():
    a, salt = beeswarm(knowledge())["data"]
    assert a["x"] == pytest.approx([0.1, 0.2, 0.3])
    assert a["marker"]["color"] == [0, 0.5, 1]
    assert salt["marker"]["color"] == [1, 0, 0]
    assert salt["y"][0] == 1
    assert salt["y"][1] != salt["y"][2]
    assert np.abs(np.array(salt["y"]) - 1).max() < 0.5
    assert [trace["marker"]["showscale"] for trace in (a, salt)] == [True, False]


def test_maps_share_one_scale_and_leave_out_what_is_infeasible():
    heat, wells = maps(knowledge())["data"]
    assert (heat["zmin"], heat["zmax"]) == (0.1, 0.5)
    assert heat["z"][0][1] is None
    assert (wells["x"], wells["y"]) == ([1.0, 2.0, 3.0], ["y", "x", "x"])


def test_a_slider_starts_at_the_lowest_feasible_loss_and_moves_curve_and_band():
    figure = figures(knowledge())["slider-0"][1]
    slider, (upper, lower, predicted, target) = figure["layout"]["sliders"][0], figure["data"]
    assert slider["active"] == 0
    assert predicted["y"] == [1.0, 0.0, 1.0]
    assert np.subtract(upper["y"], lower["y"]) == pytest.approx([0.4] * 3)
    assert target["y"] == [0, 1, 0.5]
    change, title, traces = slider["steps"][1]["args"]
    assert change["y"][2] == [0.5, 0.0, 1.0]
    assert title == {"title.text": "a 0.5: loss 0.05 ± 0.1, infeasible, edge what was measured"}
    assert traces == [0, 1, 2]


def test_numbers_have_a_line_with_a_band_and_infeasible_settings_marked():
    drawn = figures(knowledge(curve=False))
    assert "regions" not in drawn
    _, _, predicted, barred = drawn["slider-0"][1]["data"]
    assert predicted["x"] == [1.0, 0.5, 2.0]
    assert barred["x"] == [0.5]


def test_one_parameter_has_no_maps_and_one_well_is_drawn():
    found = knowledge()
    found["maps"], found["explanation"]["wells"] = [], found["explanation"]["wells"][:1]
    assert "maps" not in figures(found)


def test_figures_are_plain_json_and_what_was_found_is_left_as_it_was():
    found = knowledge()
    kept = deepcopy(found)
    assert json.loads(json.dumps(figures(found), allow_nan=False))
    assert found == kept
