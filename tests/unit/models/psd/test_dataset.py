"""Tables of image stacks, and the gallery of the documentation."""

import numpy as np
import pytest

from models.builders import BUILDERS
from models.nets import Cancelled
from models.psd import gallery
from models.psd.bins import CENTRES
from models.psd.dataset import psd_table
from models.psd.render import stack
from models.psd.suspension import BadSuspension, drawn
from models.table import Table
from models.task import Block

NAMES = ["images", "psd", "D10", "D50", "D90", "span", "phi", "concentration", "size", "um_per_pixel"]


def test_a_row_is_the_stack_of_a_suspension_and_its_own_shares():
    table = BUILDERS["psd"](rows=4, seed=7, images=2)
    suspension = drawn(np.random.default_rng([7, 3]))
    assert [field.name for field in table.fields] == NAMES
    np.testing.assert_array_equal(table["images"].values[3], stack(suspension, (7, 3), 2))
    np.testing.assert_array_equal(table["psd"].values[3], suspension.shares())
    np.testing.assert_array_equal(table["psd"].axis, CENTRES)
    D10, D50, D90 = (table[name].values for name in ("D10", "D50", "D90"))
    np.testing.assert_allclose(table["span"].values, (D90 - D10) / D50)
    assert (D10 < D50).all()
    assert (D50 < D90).all()
    assert Block.of(table["psd"], shares=True).head.kind == "distribution"
    assert Table.from_bytes(table.to_bytes()).digest == table.digest


def test_the_pixel_goes_with_the_pictures():
    small, large = (psd_table(2, 0, 1, pixels) for pixels in (64, 128))
    assert (small["um_per_pixel"].values == 16).all()
    assert (large["um_per_pixel"].values == 8).all()
    np.testing.assert_array_equal(small["psd"].values, large["psd"].values)


def test_the_same_seed_gives_the_same_rows_on_any_number_of_threads():
    long, short, other = psd_table(60, 1, 1, workers=2), psd_table(7, 1, 1), psd_table(7, 2, 1)
    assert long.rows(np.arange(7)).digest == short.digest
    assert (other["psd"].values != short["psd"].values).any()


def test_a_longer_stack_begins_with_the_shorter_one():
    short, long = psd_table(3, 1, 2), psd_table(3, 1, 4)
    np.testing.assert_array_equal(long["images"].values[:, :2], short["images"].values)


def test_the_weighting_changes_the_label_and_nothing_else():
    number, volume = (psd_table(5, 1, 1, weighting=weighting) for weighting in ("number", "volume"))
    for name in ("images", "phi", "concentration", "size"):
        np.testing.assert_array_equal(number[name].values, volume[name].values)
    assert (volume["D50"].values > number["D50"].values).all()
    np.testing.assert_array_equal(volume["psd"].values[2], drawn(np.random.default_rng([1, 2])).shares("volume"))


def test_spheroids_have_the_distributions_of_the_spheres_and_other_pictures():
    spheres, spheroids = (psd_table(3, 1, 1, particles=particles) for particles in ("spheres", "spheroids"))
    np.testing.assert_array_equal(spheres["psd"].values, spheroids["psd"].values)
    assert (spheres["images"].values != spheroids["images"].values).any()


def test_classes_end_where_they_are_said_to():
    table = psd_table(200, 3, 1, 8)
    phi, concentration = table["phi"].values, table["concentration"]
    low, middle, high = (phi[concentration.values == code] for code in range(3))
    assert low.max() < 0.08 <= middle.min()
    assert middle.max() < 0.2 <= high.min()
    D50, size = table["D50"].values, table["size"].values
    assert D50[size == 0].max() < 75 <= D50[size == 1].min()
    assert D50[size == 1].max() < 140 <= D50[size == 2].min()
    assert min(np.bincount(size)) > 40 < min(np.bincount(concentration.values))


def test_progress_is_told_and_may_be_stopped():
    told = []
    psd_table(60, 0, 1, 8, watch=lambda share, what: told.append((share, what)))
    assert told == [(0.0, "stack 1 of 60"), (50 / 60, "stack 51 of 60"), (1.0, "done")]
    with pytest.raises(Cancelled):
        psd_table(60, 0, 1, 8, watch=lambda share, what: share == 0)


@pytest.mark.parametrize(
    ("field", "settings"),
    [("rows", {"rows": 1}), ("images", {"images": 0}), ("pixels", {"pixels": 0}), ("workers", {"workers": 0})],
)
def test_what_is_no_set_is_refused(field, settings):
    with pytest.raises(BadSuspension) as raised:
        psd_table(**{"rows": 2, "seed": 0, **settings})
    assert raised.value.field == field


def test_the_gallery_gets_darker_downwards(tmp_path):
    pytest.importorskip("PIL")
    pictures = gallery.gallery()
    assert pictures.shape == (3, 6, 128, 128)
    assert (pictures[2].mean(axis=(1, 2)) < pictures[0].mean(axis=(1, 2)) - 20).all()
    gallery.draw(str(tmp_path / "gallery.png"))
    assert 50_000 < (tmp_path / "gallery.png").stat().st_size < 300_000
