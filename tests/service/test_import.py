"""Import of files: the published data set, and everything that is wrong with a file."""

import csv
import io
import json
import zipfile

import pytest
from openpyxl import Workbook

from app.examples import CAMPAIGN, MAPPING
from tests.service.conftest import AXIS, CURVE, SCALAR, expect, expect_refusal

COLUMNS = {"a": {"column": "A (%)", "unit": "%"}, "b": {"column": "B (%)", "unit": "%"}}
SIMPLE = {"parameters": COLUMNS, "outcome": "y"}
ROWS = [["A (%)", "B (%)", "y", "run"], [1, 2, 0.5, 1], [1, 2, 0.7, 1], [3, 4, 0.2, 1], [3, 4.25, 0.1, 2]]


def as_csv(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode()


def as_xlsx(rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def send(api, campaign, content, mapping=SIMPLE, **options):
    text = mapping if isinstance(mapping, str) else json.dumps(mapping)
    return api.post(f"campaigns/{campaign}/import", files={"file": ("data", content)}, data={"mapping": text}, **options)


@pytest.fixture
def empty(api):
    return expect(api.post("campaigns", json=SCALAR), 201)["id"]


@pytest.mark.parametrize(
    "content", [as_csv(ROWS), as_csv(ROWS, ";"), as_csv(ROWS, "\t"), as_xlsx(ROWS)], ids=["comma", "semicolon", "tab", "xlsx"]
)
def test_rows_of_one_recipe_become_replicates_of_one_well(api, empty, content):
    report = expect(send(api, empty, content), 201)
    assert (report["conditions"], report["replicates"], report["rounds"]) == (3, 4, 1)
    well = expect(api.get(f"campaigns/{empty}/designs/r01-w01"))
    assert (well["state"], well["origin"], well["executed"]) == ("measured", "import", {"a": 1, "b": 2})
    assert [r["value"] for r in well["replicates"]] == [0.5, 0.7]
    assert well["summary"]["loss"] == pytest.approx(0.6)


def test_rounds_come_from_a_column_or_from_the_order(api, empty):
    assert expect(send(api, empty, as_csv(ROWS), {**SIMPLE, "round": "run"}), 201)["best_per_round"] == {"1": 0.2, "2": 0.1}
    by_order = expect(send(api, empty, as_csv(ROWS[:4]), {**SIMPLE, "wells_per_round": 1}), 201)
    assert by_order["best_per_round"] == {"3": pytest.approx(0.6), "4": 0.2}


def test_a_dry_run_says_the_same_and_stores_nothing(api, empty):
    dry = expect(send(api, empty, as_csv(ROWS), params={"dry_run": True}))
    assert expect(api.get(f"campaigns/{empty}/batches")) == []
    real = expect(send(api, empty, as_csv(ROWS)), 201)
    assert {**dry, "dry_run": False} == real


def test_the_same_file_twice_is_refused_and_the_same_request_twice_is_not(api, empty):
    key = {"Idempotency-Key": "import"}
    first = expect(send(api, empty, as_csv(ROWS), headers=key), 201)
    assert expect(send(api, empty, as_csv(ROWS), headers=key), 201) == first
    expect_refusal(send(api, empty, as_csv(ROWS)), 409)
    assert expect(api.get(f"campaigns/{empty}"))["replicates"] == 4


def changed(row, column, value):
    rows = [list(r) for r in ROWS]
    rows[row][column] = value
    return as_csv(rows)


@pytest.mark.parametrize(
    ("content", "mapping", "field"),
    [
        (as_csv(ROWS), {**SIMPLE, "outcome": "z"}, "mapping.outcome"),
        (as_csv(ROWS), {"parameters": COLUMNS}, "mapping.outcome"),
        (as_csv(ROWS), {**SIMPLE, "parameters": {"a": COLUMNS["a"]}}, "mapping.parameters.b"),
        (as_csv(ROWS), {**SIMPLE, "parameters": {**COLUMNS, "c": COLUMNS["a"]}}, "mapping.parameters.c"),
        (as_csv(ROWS), {**SIMPLE, "parameters": {**COLUMNS, "a": {"column": "A (%)"}}}, "mapping.parameters.a.unit"),
        (as_csv(ROWS), {**SIMPLE, "parameters": {**COLUMNS, "a": {"column": "A (%)", "unit": ""}}}, "mapping.parameters.a.unit"),
        (as_csv(ROWS), {**SIMPLE, "parameters": {**COLUMNS, "a": {"column": "A (%)", "unit": "mL"}}}, "mapping.parameters.a.unit"),
        (as_csv(ROWS), {**SIMPLE, "parameters": {**COLUMNS, "a": {"column": "Q", "unit": "%"}}}, "mapping.parameters.a.column"),
        (as_csv(ROWS), "{", "mapping"),
        (as_csv(ROWS), "[]", "mapping"),
        (changed(3, 2, "NaN"), SIMPLE, "file.row 4.y"),
        (changed(3, 2, "inf"), SIMPLE, "file.row 4.y"),
        (changed(4, 0, "three"), SIMPLE, "file.row 5.A (%)"),
        (changed(2, 1, ""), SIMPLE, "file.row 3.B (%)"),
        (changed(4, 3, "1.5"), {**SIMPLE, "round": "run"}, "file.row 5.run"),
        (as_csv([*ROWS, [1, 2]]), SIMPLE, "file.row 6"),
        (as_csv(ROWS[:1]), SIMPLE, "file"),
        (b"", SIMPLE, "file"),
        (b"\xff\xfe\x00", SIMPLE, "file"),
        (b"PK\x03\x04 no zip", SIMPLE, "file"),
        (as_csv([["y", "y"], [1, 2]]), SIMPLE, "file.row 1"),
    ],
)
def test_a_wrong_file_or_mapping_is_refused_and_nothing_is_half_imported(api, empty, content, mapping, field):
    problem = expect_refusal(send(api, empty, content, mapping), 422, field)
    assert problem["errors"][0]["message"]
    assert expect(api.get(f"campaigns/{empty}/batches")) == []
    assert expect(api.get(f"campaigns/{empty}"))["replicates"] == 0


def test_values_outside_the_box_are_kept_and_flagged(api, empty):
    report = expect(send(api, empty, as_csv([*ROWS, [12, 1, 0.3, 2]])), 201)
    assert report["outside"] == 1
    well = expect(api.get(f"campaigns/{empty}/designs/r01-w04"))
    assert (well["outside"], well["executed"]["a"]) == (["a"], 12)


def test_categories_are_checked_by_name(api):
    parameters = [{"kind": "categorical", "name": "solvent", "categories": ["water", "ethanol"]}]
    document = {**SCALAR, "space": {"parameters": parameters}, "batch_size": 2, "strategy": {"initial": {"size": 2}}}
    id = expect(api.post("campaigns", json=document), 201)["id"]
    mapping = {"parameters": {"solvent": {"column": "s", "unit": ""}}, "outcome": "y"}
    expect_refusal(send(api, id, as_csv([["s", "y"], ["water", 1], ["oil", 2]]), mapping), 422, "file.row 3.s")
    assert expect(send(api, id, as_csv([["s", "y"], ["water", 1], ["ethanol", 2]]), mapping), 201)["conditions"] == 2


def test_curves_are_read_from_columns_headed_by_the_axis(api):
    id = expect(api.post("campaigns", json=CURVE), 201)["id"]
    mapping = {"parameters": COLUMNS}
    header = ["A (%)", "B (%)", *AXIS]
    rows = [header, [1, 2, 0, 1, 0.5, 0], [1, 2, 0, 1.1, 0.5, 0]]
    expect_refusal(send(api, id, as_csv(rows), {**mapping, "outcome": "380.0"}), 422, "mapping.outcome")
    expect_refusal(send(api, id, as_csv([header[:-1], [1, 2, 0, 1, 0.5]]), mapping), 422, "file.row 1")
    expect_refusal(send(api, id, as_csv([["A (%)", "B (%)", 380, 420, 400, 440], rows[1]]), mapping), 422, "file.row 1")
    assert expect(send(api, id, as_csv(rows), mapping), 201)["replicates"] == 2
    assert expect(api.get(f"campaigns/{id}/designs/r01-w01/replicates/2"))["values"] == [0, 1.1, 0.5, 0]


def test_a_zip_bomb_and_a_huge_file_are_refused(api, empty):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * (310 * 2**20))
    expect_refusal(send(api, empty, out.getvalue()), 413)
    expect_refusal(send(api, empty, b"x" * (50 * 2**20)), 413)
    assert expect(api.get(f"campaigns/{empty}"))["replicates"] == 0


def test_an_export_holds_everything_and_can_be_imported_again(api, empty):
    expect(send(api, empty, as_csv([*ROWS, [12, 1, 1 / 3, 2]])), 201)
    exported = {kind: api.get(f"campaigns/{empty}/export", params={"format": kind}) for kind in ("csv", "xlsx", "json", "zip")}
    assert {answer.status_code for answer in exported.values()} == {200}
    whole = expect(exported["json"])
    assert whole["campaign"]["document"] == expect(api.get(f"campaigns/{empty}"))["document"]
    assert len(whole["replicates"]) == 5
    assert "file imported" in [event["action"] for event in whole["events"]]
    assert set(zipfile.ZipFile(io.BytesIO(exported["zip"].content)).namelist()) == {"campaign.json", "replicates.csv", "wells.csv"}

    back = {"parameters": {"a": {"column": "a", "unit": "%"}, "b": {"column": "b", "unit": "%"}}, "outcome": "loss", "round": "round"}
    for kind in ("csv", "xlsx"):
        copy = expect(api.post("campaigns", json=SCALAR), 201)["id"]
        assert expect(send(api, copy, exported[kind].content, back), 201)["replicates"] == 5
        assert expect(api.get(f"campaigns/{copy}/designs/r01-w04"))["executed"] == {"a": 12, "b": 1}
        assert expect(api.get(f"campaigns/{copy}/designs/r01-w04/replicates/1"))["value"] == 1 / 3


def test_exported_texts_are_no_formulas(api, campaign):
    body = {"state": "failed", "reason": "=HYPERLINK(1)"}
    expect(api.patch(f"campaigns/{campaign}/designs/r01-w01", json=body, headers={"If-Match": "*"}))
    archive = zipfile.ZipFile(io.BytesIO(api.get(f"campaigns/{campaign}/export?format=zip").content))
    assert "'=HYPERLINK" in archive.read("wells.csv").decode()


AGNP = {
    "name": "AgNP",
    "space": CAMPAIGN["space"],
    "objective": {"kind": "minimize", "outcome": "loss"},
    "replicates": 20,
}
PUBLISHED = [0.587, 0.587, 0.443, 0.256, 0.290, 0.245, 0.247, 0.167, 0.234, 0.306, 0.135]


def test_the_published_file_gives_its_published_figures_and_fifteen_new_wells(api, work, agnp_csv):
    id = expect(api.post("campaigns", json=AGNP), 201)["id"]
    report = expect(send(api, id, agnp_csv.read_bytes(), {**MAPPING, "outcome": "loss"}), 201)
    assert (report["conditions"], report["replicates"], report["rounds"]) == (164, 3295, 11)
    assert [round(loss, 3) for loss in report["best_per_round"].values()] == PUBLISHED
    best = expect(api.get(f"campaigns/{id}"))["best"]
    assert {name: round(best["recipe"][name], 1) for name in ("AgNO3", "PVA", "TSC", "seed")} == {
        "AgNO3": 32.5,
        "PVA": 16,
        "TSC": 6.5,
        "seed": 4.5,
    }

    expect(api.post(f"campaigns/{id}/batches", json={}), 202)
    work()
    wells = [well["planned"] for well in expect(api.get(f"campaigns/{id}/batches/12"))["designs"]]
    assert len({tuple(well.values()) for well in wells}) == 15
    for well in wells:
        flows = [well[name] for name in ("AgNO3", "PVA", "TSC", "seed")]
        assert sum(flows) <= 90 + 1e-9
        assert all(abs(flow * 10 - round(flow * 10)) < 1e-6 for flow in flows)
        assert well["total"] == int(well["total"])
