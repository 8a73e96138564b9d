"""What fields say of pixels, weightings and bins, and what a model makes of it."""

import numpy as np
import pytest

from models.psd import units
from models.psd.bins import CENTRES, EDGES
from models.table import BadTable, Field
from models.task import Block


def block(unit):
    return Block.of(Field("images", np.zeros((2, 5, 4, 4), np.uint8), unit))


@pytest.mark.parametrize("size", [16.0, 8.0, 0.65, 1024 / 96, 1e-7])
def test_the_size_of_a_pixel_survives_its_unit(size):
    assert units.um_per_pixel(block(units.of_pixels(size))) == pytest.approx(size, rel=1e-11)


@pytest.mark.parametrize("unit", ["", "1", "px", "16 nm/pixel", "x um/pixel"])
def test_a_stack_that_does_not_say_is_refused(unit):
    with pytest.raises(BadTable, match="size of the pixels") as failure:
        units.um_per_pixel(block(unit))
    assert failure.value.field == "images"
    assert "um_per_pixel" in failure.value.remedy


@pytest.mark.parametrize("name", ["number", "volume"])
def test_the_weighting_survives_its_unit(name):
    assert units.weighting(block(units.of_shares(name))) == name


def test_shares_that_do_not_say_what_they_count_are_refused():
    with pytest.raises(BadTable, match="what the shares count") as failure:
        units.weighting(block("1"))
    assert "'number share' or 'volume share'" in failure.value.remedy


def test_edges_of_even_bins_are_exact():
    np.testing.assert_allclose(units.edges(CENTRES), EDGES, rtol=1e-12)


def test_edges_lie_between_uneven_centres():
    centres = np.array([10.0, 15, 40, 41])
    edges = units.edges(centres)
    assert (np.diff(edges) > 0).all()
    assert (edges[:-1] < centres).all()
    assert (centres < edges[1:]).all()


@pytest.mark.parametrize("centres", [[10.0], [10, 10], [0, 10], [20, 10]])
def test_what_is_no_axis_of_sizes_is_refused(centres):
    with pytest.raises(ValueError, match="two centres"):
        units.edges(np.array(centres, float))
