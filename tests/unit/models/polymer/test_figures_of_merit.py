"""The figures to meet, as `closedloop reproduce polymer` will print them."""

import pytest

from models.polymer.dataset import published_table
from models.polymer.figures_of_merit import forward, inverse, two_peaks
from models.polymer.targets import averages


def test_rows_tell_the_figures_of_the_simulator(polymer_data):
    rows = forward(polymer_data)
    assert len(rows) == 5
    assert all(set(row) == {"name", "seed", "ours", "target", "met"} for row in rows)
    assert all(row["met"] for row in rows), rows
    assert forward() == rows[:3]


def test_targets_with_two_peaks_have_two():
    for target in two_peaks(30, 0):
        inner = target.w[1:-1]
        assert ((inner > target.w[:-2]) & (inner > target.w[2:])).sum() == 2
        Mn, Mw = averages(target.w)
        assert Mw > 3 * Mn


@pytest.mark.slow
def test_figures_of_the_inverse_are_met():
    rows = inverse()
    assert all(row["met"] for row in rows), rows


@pytest.mark.slow
def test_the_published_table():
    table = published_table()
    assert len(table) == 5184
    assert len(table["recipe"].classes) == 432
    assert (table["cBA_time"].values < table["cBA_0"].values).all()
