"""Files of data sets: the same table out of every kind of file, and everything that can be wrong with one."""

import contextlib
import csv
import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook
from pydantic import TypeAdapter

from app import columns, npz, parquet
from app.datasets_io import read_dataset, to_csv, to_npz
from app.problems import TooLarge
from app.schemas.datasets import FieldIn
from models.table import Table
from optimizer.types import InvalidInput

FLOW = {"kind": "number", "name": "flow", "column": "Qtot (uL/min)", "unit": "uL/min"}
SHAPE = {"kind": "category", "name": "shape"}
CURVE = {"kind": "curve", "name": "absorbance", "prefix": "A", "unit": "1", "axis_unit": "nm"}
POINTS = [380.0, 390.5, 400.0]
HEADER = ["id", "Qtot (uL/min)", "shape", *(f"A{point:g}" for point in POINTS)]
ROWS = [[1, 850, "prism", 0.1, 1 / 3, 0.3], [2, 600.5, "sphere", 1e-300, 2.5, -3.0], [3, 1e3, "prism", 7, 8, 9]]
LISTED = {**CURVE, "prefix": None, "axis": POINTS}
IMAGES = np.arange(3 * 2 * 4 * 5, dtype=np.uint8).reshape(3, 2, 4, 5)


def fields(*declared):
    return TypeAdapter(list[FieldIn]).validate_python(declared)


def read(content, *declared):
    return read_dataset(content, fields(*(declared or (FLOW, SHAPE, CURVE))))


def as_csv(rows=ROWS, header=HEADER, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue().encode()


def as_xlsx(rows=ROWS):
    book, out = Workbook(), io.BytesIO()
    for row in [HEADER, *rows]:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def as_parquet(**columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def as_npz(pack=np.savez, **arrays):
    out = io.BytesIO()
    pack(out, **arrays)
    return out.getvalue()


def column(j):
    return [row[j] for row in ROWS]


CURVES = np.array([row[3:] for row in ROWS], dtype=float)


def check_refused(content, declared, where, *told, kind=InvalidInput):
    with pytest.raises(kind) as error:
        read(content, *declared)
    if kind is InvalidInput:
        assert error.value.where == where
        assert error.value.remedy
    for text in told:
        assert text in f"{error.value} {error.value.remedy if kind is InvalidInput else ''}"


@pytest.mark.parametrize(
    "content",
    [
        as_csv(),
        as_csv(delimiter=";"),
        as_xlsx(),
        as_parquet(**{name: column(j) for j, name in enumerate(HEADER)}),
        as_npz(**{name: np.array(column(j)) for j, name in enumerate(HEADER)}),
    ],
    ids=["csv", "semicolons", "xlsx", "parquet", "npz"],
)
def test_every_kind_of_file_gives_the_same_table(content):
    table = read(content)
    assert table.digest == read(as_csv()).digest
    assert [(f.name, f.kind, f.unit, f.axis_unit) for f in table.fields] == [
        ("flow", "number", "uL/min", ""),
        ("shape", "category", "", ""),
        ("absorbance", "curve", "1", "nm"),
    ]
    assert table["flow"].values.tolist() == [850, 600.5, 1000]
    assert [table["shape"].classes[code] for code in table["shape"].values] == ["prism", "sphere", "prism"]
    assert table["absorbance"].axis.tolist() == POINTS
    np.testing.assert_array_equal(table["absorbance"].values, CURVES)


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (as_csv(), {**LISTED, "columns": HEADER[3:]}),
        (as_parquet(absorbance=CURVES.tolist()), LISTED),
        (as_parquet(absorbance=pa.array(CURVES.tolist(), pa.list_(pa.float64(), 3))), LISTED),
        (as_npz(absorbance=CURVES), LISTED),
        (as_npz(np.savez_compressed, curves=CURVES, nm=np.array(POINTS)), {**LISTED, "column": "curves", "axis": "nm"}),
    ],
    ids=["columns", "lists", "fixed lists", "array", "packed, axis array"],
)
def test_a_curve_may_be_many_columns_or_one(content, declared):
    assert read(content, declared).digest == read(as_csv(), CURVE).digest


def test_bare_numbers_may_head_a_curve():
    header = ["Qtot (uL/min)", "shape", "380", "390.5", "400"]
    content = as_csv([row[1:] for row in ROWS], header)
    assert read(content, {**CURVE, "prefix": ""}).digest == read(as_csv(), CURVE).digest
    assert read(content, {**CURVE, "prefix": None, "columns": header[2:]}).digest == read(as_csv(), CURVE).digest


def test_declared_classes_keep_their_order():
    assert read(as_csv(), {**SHAPE, "classes": ["sphere", "prism"]})["shape"].values.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "content",
    [
        as_csv([[1], [2]], ["k"]),
        as_parquet(k=[1, 2]),
        as_parquet(k=pa.array(["1", "2"]).dictionary_encode()),
        as_parquet(k=[" 1", "2 "]),
        as_npz(k=np.array([1, 2])),
        as_npz(k=np.array(["1", "2"])),
    ],
)
def test_whole_numbers_and_texts_are_categories(content):
    table = read(content, {"kind": "category", "name": "k"})
    assert (table["k"].classes, table["k"].values.tolist()) == (("1", "2"), [0, 1])


def test_images_come_and_go_to_the_last_bit():
    table = read(as_npz(np.savez_compressed, stacks=IMAGES, y=np.array([1.0, 2, 3])), {"kind": "stack", "name": "stacks"})
    assert table["stacks"].kind == "stack"
    np.testing.assert_array_equal(read(to_npz(table), {"kind": "stack", "name": "stacks"})["stacks"].values, IMAGES)
    with pytest.raises(InvalidInput, match="images") as error:
        to_csv(table)
    assert error.value.remedy == "use format=npz"


def test_what_is_taken_out_can_be_uploaded_again():
    table = read(as_csv())
    taken = {"kind": "number", "name": "flow", "unit": "uL/min"}, SHAPE
    curve = {**CURVE, "prefix": None}
    packed = to_npz(table)
    assert read(packed, *taken, {**curve, "axis": "axis/absorbance"}).digest == table.digest
    assert packed == to_npz(table)
    assert read(to_csv(table), *taken, {**curve, "prefix": "absorbance/"}).digest == table.digest


def test_micro_is_u():
    content = as_csv([[1], [2]], ["flow [\N{MICRO SIGN}L / min]"])
    declared = {"kind": "number", "name": "flow", "column": "flow [\N{MICRO SIGN}L / min]", "unit": "uL/min"}
    assert read(content, declared)["flow"].unit == "uL/min"


AT = ("declaration", "fields", 0)


def changed(row, column, value):
    rows = [list(r) for r in ROWS]
    rows[row][column] = value
    return as_csv(rows)


@pytest.mark.parametrize(
    ("content", "declared", "where", "told"),
    [
        (changed(1, 1, "NaN"), FLOW, ("file", "row 3", "Qtot (uL/min)"), "not finite"),
        (changed(1, 1, "-inf"), FLOW, ("file", "row 3", "Qtot (uL/min)"), "drop the row"),
        (changed(2, 1, ""), FLOW, ("file", "row 4", "Qtot (uL/min)"), "empty cell"),
        (changed(0, 1, "many"), FLOW, ("file", "row 2", "Qtot (uL/min)"), "'many' is no number"),
        (changed(2, 4, "nan"), CURVE, ("file", "row 4", "A390.5"), "not finite"),
        (changed(1, 2, ""), SHAPE, ("file", "row 3", "shape"), "no name of a class"),
        (changed(1, 2, "x" * 81), SHAPE, ("file", "row 3", "shape"), "80 printable"),
        (as_csv(), {**SHAPE, "classes": ["prism", "rod"]}, ("file", "row 3", "shape"), "no declared class"),
        (as_csv(), {**SHAPE, "classes": ["prism", "rod", "sphere"]}, (*AT, "classes"), "'rod' has no rows"),
        (changed(1, 2, "prism"), SHAPE, AT, "two distinct classes"),
        (as_csv(), {**FLOW, "unit": "mL/min"}, (*AT, "unit"), "says 'uL/min', the declaration 'mL/min'"),
        (as_csv(), {**FLOW, "column": "Q"}, (*AT, "column"), "its columns are: 'id'"),
        (as_csv(), {**FLOW, "column": None}, (*AT, "column"), "no column 'flow'"),
        (as_csv(), {**CURVE, "prefix": "B"}, (*AT, "prefix"), "0 columns"),
        (as_csv(), {**LISTED, "columns": ["A380", "A999"]}, (*AT, "columns"), "no column 'A999'"),
        (as_csv(), {**LISTED, "columns": ["A380", "A400"]}, AT, "the axis needs 2 increasing"),
        (as_csv(), {**LISTED, "axis": None, "columns": ["A380", "A400"]}, (*AT, "axis"), "nothing says where the points are"),
        (as_csv(), {**LISTED, "column": "A380"}, ("file", "A380"), "one number for each sample"),
        (as_csv([ROWS[0]]), FLOW, ("file",), "one sample"),
        (as_csv([]), FLOW, ("file",), "no row of data"),
        (b"", FLOW, ("file",), "no row of data"),
        (as_csv([*ROWS, [1, 2]]), FLOW, ("file", "row 5"), "2 cells"),
        (as_csv(header=["a", "a", *"bcde"]), FLOW, ("file", "row 1"), "own name"),
        (as_csv(), {"kind": "stack", "name": "shape"}, ("file", "shape"), "NPZ"),
    ],
)
def test_a_wrong_sheet_is_refused_with_field_row_and_remedy(content, declared, where, told):
    check_refused(content, [declared], where, told)


def test_an_axis_that_falls_and_a_field_declared_twice_are_refused():
    header = ["A400", "A390", "A380"]
    check_refused(as_csv([row[3:] for row in ROWS], header), [CURVE], AT, "increasing")
    check_refused(as_csv(), [FLOW, FLOW], ("declaration", "fields"), "two fields have this name")


NUMBER = {"kind": "number", "name": "x", "unit": "1"}
X_CURVE = {"kind": "curve", "name": "x", "unit": "1", "axis": [1, 2], "axis_unit": "s"}
X_CLASS = {"kind": "category", "name": "x"}
STACK = {"kind": "stack", "name": "x"}


@pytest.mark.parametrize(
    ("content", "declared", "where", "told"),
    [
        (as_npz(x=np.array([1.0, np.nan, 2])), NUMBER, ("file", "row 1", "x"), "not finite"),
        (as_npz(x=np.array([[1, 2], [3, np.inf]])), X_CURVE, ("file", "row 1", "x"), "not finite"),
        (as_npz(x=np.array([[1], [2, 3]], dtype=object)), X_CURVE, ("file", "x"), "ragged"),
        (as_npz(x=np.array([[1, 2], [3, 4]])), NUMBER, ("file", "x"), "declare a curve"),
        (as_npz(x=np.array([1, 2])), X_CURVE, ("file", "x"), "declare a number"),
        (as_npz(x=np.ones((2, 2, 2))), NUMBER, ("file", "x"), "the shape is (2, 2, 2)"),
        (as_npz(x=np.array(3.0)), NUMBER, ("file", "x"), "the shape is ()"),
        (as_npz(x=np.array([1j, 2])), NUMBER, ("file", "x"), "no numbers"),
        (as_npz(x=np.array([True, False])), NUMBER, ("file", "x"), "no numbers"),
        (as_npz(x=np.array(["a", "b"])), NUMBER, ("file", "x"), "declare a category"),
        (as_npz(x=np.array([1.5, 2.5])), X_CLASS, ("file", "x"), "no categories"),
        (as_npz(x=np.array(["a", ""])), X_CLASS, ("file", "row 1", "x"), "no name of a class"),
        (as_npz(x=np.array(["a\0b", "c"])), X_CLASS, ("file", "row 0", "x"), "printable"),
        (as_npz(x=np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])), NUMBER, ("file", "x"), "named columns"),
        (as_npz(x=np.ones((2, 1, 4, 4))), STACK, ("file", "x"), "uint8"),
        (as_npz(x=np.ones((2, 4, 4), np.uint8)), STACK, ("file", "x"), "(rows, images, height, width)"),
        (as_npz(x=np.array([1.0])), NUMBER, ("file",), "one sample"),
        (as_npz(x=np.array([])), NUMBER, ("file", "x"), "empty"),
        (as_npz(y=np.array([1.0, 2])), NUMBER, (*AT, "column"), "'y'"),
        (as_npz(x=np.ones((3, 2))), {**X_CURVE, "axis": None}, (*AT, "axis"), "nothing says"),
        (as_npz(x=np.ones((3, 2))), {**X_CURVE, "axis": [1, 2, 3]}, AT, "axis needs 2"),
        (as_npz(x=np.ones(3), y=np.ones(2)), {**X_CURVE, "columns": ["x", "y"]}, (*AT, "columns"), "unequal length"),
    ],
)
def test_a_wrong_array_is_refused_with_field_row_and_remedy(content, declared, where, told):
    check_refused(content, [declared], where, told)


def test_fields_of_unequal_length_are_refused():
    y = {**NUMBER, "name": "y"}
    check_refused(as_npz(x=np.ones(3), y=np.ones(2)), [NUMBER, y], ("declaration", "fields"), "'y'", "2 rows")


def with_member(content, name="x.npy", method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def npy(shape, dtype="<f8", body=b""):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


class Runs:
    def __reduce__(self):
        return (print, ("the pickle ran",))


PICKLE = pickle.dumps(Runs())


@pytest.mark.parametrize(
    ("content", "where", "told"),
    [
        (PICKLE, ("file",), "pickle"),
        (pickle.dumps({"x": [1, 2]}, protocol=2), ("file",), "pickle"),
        (as_npz(x=np.array([Runs(), 2], dtype=object)), ("file", "x"), "Python objects"),
        (with_member(npy((1,), "|O", PICKLE)), ("file", "x"), "Python objects"),
        (with_member(PICKLE, "data.pkl"), (*AT, "column"), "no column 'x'"),
        (with_member(b"no array"), ("file", "x"), "damaged"),
        (with_member(b""), ("file", "x"), "damaged"),
        (with_member(npy((10**12,))), ("file", "x"), "another number of values"),
        (with_member(npy((2**62, 2**62))), ("file", "x"), "another number of values"),
        (with_member(npy((-2,), body=b"\0" * 16)), ("file", "x"), "another number of values"),
        (with_member(npy((3,), body=b"\0" * 16)), ("file", "x"), "another number of values"),
        (with_member(npy((2,), body=b"\0" * 16), method=zipfile.ZIP_LZMA), ("file", "x"), "deflate"),
        (b"\x93NUMPY\x01\x00", ("file",), "numpy.savez"),
        (b"PK\x03\x04 no zip", ("file",), "damaged archive"),
        (as_npz(x=np.ones(5))[:-30], ("file",), "damaged archive"),
        (b"PAR1 no parquet PAR1", ("file",), "no readable parquet"),
        (b"\xff\xfe\x00", ("file",), "UTF-8"),
    ],
)
def test_a_hostile_or_damaged_file_is_refused_and_nothing_of_it_is_run(content, where, told, capsys):
    check_refused(content, [NUMBER], where, told)
    assert capsys.readouterr().out == ""


def test_a_damaged_byte_of_a_packed_array_is_found():
    content = bytearray(as_npz(np.savez_compressed, x=np.random.default_rng(0).random(500)))
    content[300] ^= 0xFF
    check_refused(bytes(content), [NUMBER], ("file", "x"), "damaged")


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    bomb = with_member(npy((2**24,), body=b"\0" * 2**27), method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 2**18
    check_refused(bomb, [NUMBER], (), "128 MiB", kind=TooLarge)


def test_of_a_zip_bomb_that_lies_no_more_is_unpacked_than_it_says():
    bomb = with_member(npy((2**20,), body=b"\0" * 2**23), method=zipfile.ZIP_DEFLATED)
    directory = bomb.index(b"PK\x01\x02")
    small = bomb[: directory + 24] + struct.pack("<I", 136) + bomb[directory + 28 :]
    tracemalloc.start()
    check_refused(small, [NUMBER], ("file", "x"), "damaged")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_the_values_of_all_fields_together_are_bounded(monkeypatch):
    many = [{**NUMBER, "name": f"x{j}", "column": "x"} for j in range(5)]
    monkeypatch.setattr("app.datasets_io.MAX_BYTES", 4 * 8 * 100)
    assert len(read(as_npz(x=np.arange(100.0)), *many[:4])) == 100
    check_refused(as_npz(x=np.arange(100.0)), many, (), "split the file", kind=TooLarge)


@pytest.mark.parametrize(
    ("content", "declared", "where", "told"),
    [
        (as_parquet(x=[1.0, None, 2.0]), NUMBER, ("file", "row 1", "x"), "not finite"),
        (as_parquet(x=[1.0, float("nan")]), NUMBER, ("file", "row 1", "x"), "not finite"),
        (as_parquet(x=["a", "b"]), NUMBER, ("file", "x"), "no numbers"),
        (as_parquet(x=[True, False]), NUMBER, ("file", "x"), "no numbers"),
        (as_parquet(x=[[1.0, 2.0], [3.0]]), X_CURVE, ("file", "row 1", "x"), "1 values, the first row 2"),
        (as_parquet(x=[[1.0, 2.0], None]), X_CURVE, ("file", "row 1", "x"), "0 values"),
        (as_parquet(x=[[1.0, 2.0], [3.0, None]]), X_CURVE, ("file", "row 1", "x"), "not finite"),
        (as_parquet(x=[[[1.0]], [[2.0]]]), X_CURVE, ("file", "x"), "no numbers"),
        (as_parquet(x=[["a"], ["b"]]), X_CURVE, ("file", "x"), "no numbers"),
        (as_parquet(x=[{"y": 1.0}, {"y": 2.0}]), NUMBER, ("file", "x"), "no numbers"),
        (as_parquet(x=["a", None]), X_CLASS, ("file", "row 1", "x"), "no name of a class"),
        (as_parquet(x=[1.5, 2.5]), X_CLASS, ("file", "x"), "no categories"),
        (as_parquet(x=[1.0]), NUMBER, ("file",), "one sample"),
        (as_parquet(x=pa.array([], pa.list_(pa.float64()))), X_CURVE, ("file", "x"), "empty"),
        (as_parquet(x=[1.0, 2.0]), STACK, ("file", "x"), "NPZ"),
        (as_parquet(x=[1.0, 2.0])[:-60], NUMBER, ("file",), "no readable parquet"),
    ],
)
def test_a_wrong_parquet_column_is_refused_with_field_row_and_remedy(content, declared, where, told):
    check_refused(content, [declared], where, told)


def test_a_parquet_bomb_is_refused_before_it_is_unpacked():
    bomb = as_parquet(x=pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(200 * 90_000)), 200))
    assert len(bomb) < 2**20
    check_refused(bomb, [{**X_CURVE, "axis": list(range(200))}], (), "128 MiB", kind=TooLarge)
    check_refused(as_parquet(x=np.zeros(200_001)), [NUMBER], (), "200000 rows", kind=TooLarge)


def test_one_long_text_in_many_rows_is_refused_before_it_is_unpacked():
    text = "x" * 1_000_000
    content = as_parquet(x=pa.DictionaryArray.from_arrays(pa.array([0] * 100_000 + [1]), pa.array([text, "y"])))
    check_refused(content, [X_CLASS], ("file", "x"), "1000000 characters")


def test_parquet_is_read_though_native_threads_abort_the_process_as_it_tidies_up(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import atexit, os\natexit.register(os.abort)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert read(as_parquet(x=[1.0, 2.0]), NUMBER)["x"].values.tolist() == [1.0, 2.0]


def test_a_parquet_file_that_ends_its_reader_ends_nothing_else(monkeypatch):
    content = as_parquet(x=[1.0, 2.0])
    assert len(read(content, NUMBER)) == 2
    monkeypatch.setattr(parquet.sys, "executable", "/bin/false")
    check_refused(content, [NUMBER], ("file",), "no readable parquet")


@pytest.mark.parametrize("content", [as_npz(x=np.arange(9.0)), as_xlsx(), as_csv()], ids=["npz", "xlsx", "csv"])
def test_no_damage_of_a_file_gets_past_the_reader(content):
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        with contextlib.suppress(InvalidInput, TooLarge):
            assert len(read(bytes(damaged), NUMBER if b"x.npy" in content else FLOW)) > 1


def test_the_published_silver_data_are_read(agnp_csv):
    flows = {"QAgNO3(%)": "%", "Qpva(%)": "%", "Qtsc(%)": "%", "Qseed(%)": "%", "Qtot(uL/min)": "uL/min"}
    declared = [{"kind": "number", "name": name.split("(")[0], "column": name, "unit": unit} for name, unit in flows.items()]
    table = read(agnp_csv.read_bytes(), *declared, {"kind": "number", "name": "loss", "unit": "1"})
    assert len(table) == 3295
    assert isinstance(Table.from_bytes(table.to_bytes()), Table)


def test_the_bound_is_the_same_for_all_kinds():
    assert columns.MAX_BYTES == npz.MAX_BYTES == parquet.MAX_BYTES == 128 * 2**20
