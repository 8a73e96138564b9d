"""Figures of size distributions: what they show is what was given, and all of it is plain JSON."""

import json
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest

from models.psd.bins import EDGES
from models.psd.distribution import BadDistribution, Band, Distribution
from models.psd.figures import data_uri, distribution, error_by_concentration, error_by_stack, parity, worst_cases
from models.psd.suspension import Mode, Suspension


def log_normal(median=100.0, weighting="volume"):
    return Distribution(EDGES, Suspension((Mode(median, 0.2),), 0.1).shares(weighting), weighting)


def plain(figure):
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
    return figure


def around(one, width=0.1):
    """A band of ten percent to either side."""
    ends = np.array([[1 - width], [1 + width]])
    marks = np.array([one.d10, one.d50, one.d90, one.span])
    return Band(ends * one.shares, np.clip(ends * one.cumulative(), 0, 1), ends * marks, 0.9)


def test_a_distribution_shows_density_cumulative_curve_marks_and_band():
    one = log_normal()
    figure = plain(distribution(one, around(one)))
    high, low, over, under, density, below, points = figure["data"]
    assert density["y"][:-1] == pytest.approx(one.density().tolist())
    assert (density["x"], len(density["y"]), density["line"]["shape"], density["yaxis"]) == (EDGES.tolist(), 33, "hv", "y2")
    assert (below["y"][0], below["y"][-1]) == (0, 100)
    assert np.subtract(high["y"], low["y"]) == pytest.approx(0.2 * np.array(density["y"]))
    assert (low["fill"], under["fill"], over["y"][0]) == ("tonexty", "tonexty", 0)
    assert (points["x"], points["y"]) == ([one.d10, one.d50, one.d90], [10, 50, 90])
    assert points["error_x"]["array"] == pytest.approx([0.1 * d for d in points["x"]])
    assert points["text"][1] == f"D50 {one.d50:.3g} um"
    for d, percent in zip(points["x"], points["y"], strict=True):
        assert np.interp(np.log(d), np.log(below["x"]), below["y"]) == pytest.approx(percent)
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == points["x"]


@pytest.mark.parametrize(("weighting", "index"), [("number", 0), ("volume", 3)])
def test_the_weighting_stands_at_the_axes_and_is_never_mixed(weighting, index):
    one = log_normal(weighting=weighting)
    figure = plain(distribution(one, truth=log_normal(120, weighting)))
    assert figure["layout"]["yaxis"]["title"]["text"] == f"Q{index}, % of the {weighting}"
    assert f"q{index}*" in figure["layout"]["yaxis2"]["title"]["text"]
    assert [trace["name"] for trace in figure["data"][:4]] == ["told", "told", "true", "true"]
    assert "error_x" not in figure["data"][-1]
    with pytest.raises(BadDistribution, match="convert one"):
        distribution(one, truth=log_normal(weighting={"number": "volume", "volume": "number"}[weighting]))


def test_parity_names_mark_and_weighting_and_has_lines_ten_percent_off():
    truth = np.array([50.0, 100, 200])
    figure = plain(parity({"resnet": (truth, truth * 1.05)}, "volume", 90))
    assert figure["layout"]["xaxis"]["title"]["text"] == "D90 by volume, um, true"
    assert figure["data"][-1]["y"] == pytest.approx([52.5, 105, 210])
    for line, factor in zip(figure["data"][:2], (1.1, 0.9), strict=True):
        assert line["y"] == pytest.approx([factor * x for x in line["x"]])


def test_errors_by_concentration_are_means_of_equal_groups():
    phi = np.random.default_rng(0).permutation(np.linspace(0.03, 0.6, 80))
    figure = plain(error_by_concentration(phi, {"resnet": 1 - phi, "features": np.ones(80)}, "Wasserstein-1"))
    first, second = figure["data"]
    assert len(first["x"]) == 8
    assert first["y"] == pytest.approx([1 - x for x in first["x"]])
    assert first["error_y"]["array"] == pytest.approx([np.linspace(0.03, 0.6, 80)[:10].std(ddof=1) / np.sqrt(10)] * 8)
    assert second["error_y"]["array"] == pytest.approx([0] * 8)
    assert plain(error_by_concentration(phi[:3], {"one": phi[:3]}, "error"))["data"][0]["error_y"]["array"] == [0, 0, 0]


def test_errors_by_stack_are_means_at_every_length():
    errors = np.array([[0.4, 0.2], [0.2, 0.2], [0.1, 0.3]])
    figure = plain(error_by_stack([1, 2, 5], {"resnet": errors}, "Wasserstein-1"))
    (trace,) = figure["data"]
    assert (trace["x"], trace["y"]) == ([1, 2, 5], pytest.approx([0.3, 0.2, 0.2]))
    assert trace["error_y"]["array"] == pytest.approx([0.1, 0, 0.1])
    assert figure["layout"]["xaxis"]["ticktext"] == ["1", "2", "5"]


def test_worst_cases_come_first_with_their_images():
    images = np.random.default_rng(1).integers(0, 256, (5, 16, 16)).astype(np.uint8)
    truth = [log_normal(median) for median in (60, 80, 100, 120, 140)]
    told = [log_normal(median) for median in (61, 99, 101, 180, 141)]
    figure = plain(worst_cases(images, truth, told, np.array([0.1, 0.3, 0.1, 0.4, 0.2]), "W1", count=3))
    assert [picture["source"] for picture in figure["layout"]["images"]] == [data_uri(images[k]) for k in (3, 1, 4)]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["stack 3: W1 0.4", "stack 1: W1 0.3", "stack 4: W1 0.2"]
    assert figure["data"][0]["y"][:-1] == pytest.approx(truth[3].density().tolist())
    assert figure["data"][3]["y"][:-1] == pytest.approx(told[1].density().tolist())
    assert [trace["xaxis"] for trace in figure["data"]] == ["x1", "x1", "x2", "x2", "x3", "x3"]
    assert "volume" in figure["layout"]["yaxis1"]["title"]["text"]


@pytest.mark.parametrize(("shape", "step"), [((7, 12), 1), ((160, 160), 1), ((300, 161), 2), ((1000, 400), 7)])
def test_an_image_within_a_uri_is_a_small_png_of_the_same_pixels(shape, step):
    pillow = pytest.importorskip("PIL.Image", reason='no pillow; run `pip install "closedloop[images]"`')
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    head, body = data_uri(image).split(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(pillow.open(BytesIO(b64decode(body)))), image[::step, ::step])
