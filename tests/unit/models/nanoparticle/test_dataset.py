"""Tables of the virtual silver lab."""

import numpy as np
import pytest

from models.builders import BUILDERS
from models.nanoparticle.dataset import FULL, HIGH, LOW, UNITS, silver_table
from models.nanoparticle.growth import FLOWS
from models.nanoparticle.lab import AXIS, VirtualLab
from models.splits import groups_of


def flows(table):
    return np.column_stack([table[name].values for name in FLOWS])


def test_a_builder_is_found_by_its_name_and_repeats_itself():
    first, again, other = (BUILDERS["nanoparticle"](rows=30, seed=seed, replicates=3) for seed in (1, 1, 2))
    assert first.digest == again.digest != other.digest
    assert [field.name for field in first.fields] == ["recipe", *FLOWS, "absorbance"]
    assert [first[name].unit for name in FLOWS] == list(UNITS)
    np.testing.assert_array_equal(first["absorbance"].axis, AXIS)
    assert (first["absorbance"].unit, first["absorbance"].axis_unit) == ("1", "nm")


def test_recipes_are_feasible_and_fill_their_ranges():
    X = flows(silver_table(1000, 0))
    assert ((LOW <= X) & (X <= HIGH)).all()
    assert (X[:, :4].sum(axis=1) <= FULL).all()
    assert (X.min(axis=0) < LOW + 0.05 * (HIGH - LOW)).all()
    assert (X[:, [1, 4]].max(axis=0) > HIGH[[1, 4]] - 0.05 * (HIGH - LOW)[[1, 4]]).all()


def test_rows_of_a_recipe_are_its_replicates():
    table = silver_table(23, 5, replicates=4)
    assert table["recipe"].values.tolist() == [row // 4 for row in range(23)]
    assert table["recipe"].classes[-1] == "r0006"
    np.testing.assert_array_equal(groups_of(table.only(FLOWS))[:4], [groups_of(table.only(FLOWS))[0]] * 4)
    assert len(set(groups_of(table.only(["absorbance"])))) == 23


def test_without_replicates_spectra_are_true():
    table = silver_table(12, 5)
    np.testing.assert_array_equal(table["absorbance"].values, VirtualLab().spectra(flows(table)))
    noisy = silver_table(12, 5, replicates=1)
    np.testing.assert_array_equal(flows(noisy), flows(table))
    assert (noisy["absorbance"].values != table["absorbance"].values).all(axis=1).all()


@pytest.mark.parametrize("replicates", [None, 3])
def test_a_longer_table_begins_with_the_shorter_one(replicates):
    short, long = silver_table(9, 3, replicates), silver_table(30, 3, replicates)
    for name in (*FLOWS, "absorbance"):
        np.testing.assert_array_equal(long[name].values[:9], short[name].values)


def test_one_recipe_is_no_table():
    with pytest.raises(ValueError, match="more rows"):
        silver_table(5, 0, replicates=5)
