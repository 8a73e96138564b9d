"""Tables of the polymerization, and the published workbook."""

import numpy as np
import openpyxl
import pytest

from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import RECIPE, BadPolymer
from models.polymer.dataset import (
    HIGH,
    LOW,
    SHEETS,
    UNITS,
    box,
    latin_hypercube,
    polymer_table,
    published_recipes,
    read_workbook,
    simulated,
)
from models.polymer.kinetics import Simulator
from models.splits import groups_of
from models.table import BadTable

CURVE = [f"MMD{j}" for j in range(1, 101)]


def test_the_published_grid():
    X = published_recipes()
    assert X.shape == (5184, 4)
    np.testing.assert_allclose(X[:12, 3], np.arange(300, 3601, 300))
    assert len(np.unique(X[:, :3], axis=0)) == 432
    np.testing.assert_allclose([X.min(axis=0), X.max(axis=0)], [LOW, HIGH])
    assert sorted(set(X[:, 2])) == [60, 63, 65, 68, 70, 73, 75, 78, 80]


def test_a_table_names_units_axis_and_groups():
    table = simulated(published_recipes()[:36], Simulator())
    assert [field.name for field in table.fields] == ["recipe", *RECIPE, "cBA_time", "Mn", "Mw", "mmd"]
    assert [table[name].unit for name in RECIPE] == list(UNITS)
    np.testing.assert_array_equal(table["mmd"].axis, LOG_M)
    assert table["recipe"].values.tolist() == [row // 12 for row in range(36)]
    assert len(set(groups_of(table.only(["cBA_0", "cAIBN_0", "temp"])))) == 3


def test_a_hypercube_repeats_itself_and_fills_every_stratum():
    first, again, other = (polymer_table(40, seed) for seed in (1, 1, 2))
    assert first.digest == again.digest != other.digest
    u = box().unit(np.column_stack([first[name].values for name in RECIPE]))
    for column in u.T:
        assert sorted((column * 40).astype(int)) == list(range(40))


def test_a_box_sets_columns_and_refuses_nonsense():
    X = latin_hypercube(20, 0, box(fixed={"temp": 70}))
    assert set(X[:, 2]) == {70.0}
    with pytest.raises(BadPolymer, match="no recipe has"):
        box(fixed={"pressure": 1})
    with pytest.raises(BadPolymer, match="set it inside"):
        box(fixed={"temp": 90})
    with pytest.raises(BadPolymer, match="increasing bounds"):
        box(low=HIGH, high=LOW)


@pytest.fixture
def workbook(tmp_path):
    def write(sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, (header, rows) in sheets.items():
            sheet = book.create_sheet(name)
            sheet.append(header)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / "data.xlsx")
        return tmp_path / "data.xlsx"

    return write


def rows_of(table, names):
    columns = [table[name].values[:, None] for name in names]
    return np.hstack([*columns, table["mmd"].values, np.column_stack([table[name].values for name in RECIPE])]).tolist()


def test_both_sheets_come_back_as_the_table(workbook):
    table = simulated(published_recipes()[:24], Simulator())
    names = ("cBA_time", "Mn", "Mw")
    both = {SHEETS[0]: ([*names, *CURVE, *RECIPE], rows_of(table, names)), SHEETS[1]: ([*CURVE, *RECIPE], rows_of(table, ()))}
    path = workbook(both)
    for sheet, wanted in zip(SHEETS, (table, table.only(["recipe", *RECIPE, "mmd"])), strict=True):
        read = read_workbook(path, sheet)
        assert [(field.name, field.unit, field.classes) for field in read.fields] == [(f.name, f.unit, f.classes) for f in wanted.fields]
        for name in (field.name for field in wanted.fields):
            # A workbook keeps 15 or 16 digits.
            np.testing.assert_allclose(read[name].values, wanted[name].values, rtol=1e-14)
    assert read_workbook(path)["mmd"].values.sum() * STEP == pytest.approx(24)


def test_a_wrong_workbook_is_refused_by_name(workbook):
    header, row = [*CURVE, *RECIPE], [0.1] * 104
    with pytest.raises(BadTable, match="no such sheet"):
        read_workbook(workbook({"Sheet1": (header, [row])}))
    with pytest.raises(BadTable, match="no such column") as missing:
        read_workbook(workbook({SHEETS[1]: (header[:-1], [row])}), SHEETS[1])
    assert missing.value.field == "time"
    with pytest.raises(BadTable, match="row 3 holds 'n/a'"):
        read_workbook(workbook({SHEETS[1]: (header, [row, ["n/a", *row[1:]]])}), SHEETS[1])
    with pytest.raises(BadTable, match="no rows"):
        read_workbook(workbook({SHEETS[1]: (header, [])}), SHEETS[1])


def test_one_row_is_no_set():
    with pytest.raises(ValueError, match="2 at least"):
        polymer_table(1, 0)
