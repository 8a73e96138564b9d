import numpy as np
import pytest

from models.table import BadTable, Field, Table

AXIS = np.array([1.0, 2.0, 4.0])


def table() -> Table:
    rng = np.random.default_rng(0)
    return Table(
        (
            Field("temperature", rng.uniform(60, 80, 5), "°C"),
            Field("curve", rng.random((5, 3)), "a.u.", AXIS, "nm"),
            Field("shape", np.array([0, 1, 2, 1, 0]), classes=("cube", "sphere", "rod")),
            Field("images", rng.integers(0, 256, (5, 2, 4, 4)).astype(np.uint8)),
        )
    )


def test_a_stored_table_is_the_same_to_the_last_bit():
    before = table()
    after = Table.from_bytes(before.to_bytes())
    assert after.digest == before.digest
    assert [field.kind for field in after.fields] == ["number", "curve", "category", "stack"]
    for a, b in zip(after.fields, before.fields, strict=True):
        assert (a.name, a.unit, a.axis_unit, a.classes, a.values.dtype) == (b.name, b.unit, b.axis_unit, b.classes, b.values.dtype)
        assert a.values.tobytes() == b.values.tobytes()


def test_the_digest_knows_every_bit_and_every_name():
    whole = table()
    curve = whole["curve"]
    values = curve.values.copy()
    values[3, 1] = np.nextafter(values[3, 1], 2)
    changed = [
        Field("curve", values, "a.u.", AXIS, "nm"),
        Field("Curve", curve.values, "a.u.", AXIS, "nm"),
        Field("curve", curve.values, "1", AXIS, "nm"),
        Field("curve", curve.values, "a.u.", AXIS + 1e-9, "nm"),
    ]
    digests = {Table((whole.fields[0], field, *whole.fields[2:])).digest for field in changed}
    assert len(digests | {whole.digest}) == 5


def test_rows_and_fields_are_taken_together():
    whole = table()
    part = whole.rows(np.array([4, 1])).only(["shape", "temperature"])
    assert part["shape"].values.tolist() == [0, 1]
    assert part["temperature"].values.tolist() == whole["temperature"].values[[4, 1]].tolist()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Field("y", np.array([1.0, np.nan])), "row 1 is not finite"),
        (lambda: Field("y", np.array([1.0, np.inf])), "row 1 is not finite"),
        (lambda: Field("y", np.array([], float)), "shape"),
        (lambda: Field("y", np.array(["a", "b"])), "shape"),
        (lambda: Field("y", np.array([object(), object()])), "shape"),
        (lambda: Field("y", np.ones((2, 3))), "shape"),
        (lambda: Field("y", np.ones((2, 3)), axis=np.array([1.0, 1.0, 2.0])), "increasing"),
        (lambda: Field("y", np.ones((2, 3)), axis=np.array([1.0, 2.0])), "increasing"),
        (lambda: Field("y", np.array([0, 2]), classes=("a", "b")), "codes go from 0 to 1"),
        (lambda: Field("y", np.array([0, 0]), classes=("a",)), "two distinct classes"),
        (lambda: Field("y", np.array([0, 1]), classes=("a", "a")), "two distinct classes"),
        (lambda: Field("", np.ones(2)), "name"),
        (lambda: Table(()), "needs a field"),
        (lambda: Table((Field("y", np.ones(2)), Field("y", np.ones(2)))), "name"),
        (lambda: Table((Field("x", np.ones(2)), Field("y", np.ones(3)))), "3 rows, where 'x' has 2"),
        (lambda: table()["nothing"], "no such field"),
        (lambda: Table.from_bytes(b"PK\x03\x04"), "no stored table"),
        (lambda: Table.from_bytes(b""), "no stored table"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(make, told):
    with pytest.raises(BadTable, match=told):
        make()
