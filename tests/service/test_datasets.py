"""Data sets: stored in versions, idempotent by content, read in parts; and what is refused."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import select

from app import datasets
from app.examples import BUILD, DATASET
from db.datasets import dataset
from db.tables import EventRow
from models.nanoparticle.dataset import silver_table
from models.nanoparticle.growth import FLOWS
from tests.service.conftest import expect, expect_refusal

CSV = "Qtot (uL/min),shape,A380,A390.5,A400\n850,prism,0.1,0.2,0.3\n600.5,sphere,1,2,3\n1000,prism,7,8,9\n"
FIELDS = DATASET["fields"]


def send(api, content=CSV, name="Growth of silver", fields=FIELDS, file="growth.csv", **options):
    declaration = json.dumps({"name": name, "fields": fields})
    return api.post("datasets", files={"file": (file, content)}, data={"declaration": declaration}, **options)


def by_name(document):
    return {field["name"]: field for field in document["fields"]}


def events(api):
    with api.app.state.database.read() as session:
        return [row.detail for row in session.scalars(select(EventRow).where(EventRow.action == "data set stored"))]


def test_an_upload_is_described_field_by_field(api):
    answer = send(api)
    made = expect(answer, 201)
    assert answer.headers["location"] == "/api/v1/datasets/growth-of-silver?version=1"
    assert (made["id"], made["version"], made["newest"], made["rows"]) == ("growth-of-silver", 1, 1, 3)
    assert (made["source"], made["actor"], made["warnings"]) == ({"file": "growth.csv"}, "admin", [])
    flow, shape, curve = by_name(made).values()
    assert (flow["kind"], flow["unit"], flow["shape"]) == ("number", "uL/min", [])
    assert (flow["min"], flow["median"], flow["max"]) == (600.5, 850, 1000)
    assert (shape["classes"], shape["unit"], shape["min"]) == ({"sphere": 1, "prism": 2}, None, None)
    assert (curve["axis"], curve["axis_unit"], curve["shape"], curve["median"]) == ([380, 390.5, 400], "nm", [3], 2)
    assert expect(api.get("datasets/growth-of-silver")) == made
    assert events(api) == [{"dataset": "growth-of-silver", "version": 1, "sha256": made["sha256"], "rows": 3}]


def test_the_same_content_is_the_same_version_and_new_content_the_next(api):
    first = expect(send(api), 201)
    assert expect(send(api, CSV.replace(",", ";"), file="again.csv")) == first
    second = expect(send(api, CSV.replace("850", "851")), 201)
    assert (second["version"], second["newest"]) == (2, 2)
    assert second["sha256"] != first["sha256"]
    assert expect(send(api)) == {**first, "newest": 2}
    assert expect(api.get("datasets/growth-of-silver")) == second
    assert expect(api.get("datasets/growth-of-silver", params={"version": 1})) == {**first, "newest": 2}
    assert [event["version"] for event in events(api)] == [1, 2]
    in_other_unit = [{**FIELDS[0], "unit": "uL / min"}, *FIELDS[1:]]
    assert expect(send(api, fields=in_other_unit), 201)["version"] == 3


def test_the_same_content_under_another_name_is_another_data_set(api):
    first, other = expect(send(api), 201), expect(send(api, name="Copy"), 201)
    assert (other["id"], other["version"], other["sha256"]) == ("copy", 1, first["sha256"])
    assert "named 'Growth of silver'" in expect_refusal(send(api, name="growth of SILVER!"), 409)["detail"]
    expect_refusal(send(api, name="銀"), 422, "name")


def test_a_repeated_request_gets_the_first_answer(api):
    key = {"Idempotency-Key": "one"}
    first, again = (send(api, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again.headers["idempotent-replay"] == "true"
    expect_refusal(send(api, CSV.replace("850", "851"), headers=key), 409)


def test_uploads_at_once_are_numbered_without_gaps(api):
    def upload(number):
        return send(api, CSV.replace("850", f"{850 + number}"))

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(upload, range(6)))
    assert sorted(expect(answer, 201)["version"] for answer in answers) == [1, 2, 3, 4, 5, 6]


def test_what_is_the_same_in_every_row_is_stored_with_a_warning(api):
    made = expect(send(api, CSV.replace("600.5", "850").replace("1000", "850")), 201)
    assert made["warnings"] == ["'flow' is the same in every row: it tells nothing"]


def test_rows_are_read_in_parts(api, monkeypatch):
    expect(send(api), 201)
    part = expect(api.get("datasets/growth-of-silver/rows", params={"offset": 1, "limit": 5}))
    assert (part["version"], part["offset"], part["total"]) == (1, 1, 3)
    assert part["rows"] == [
        {"flow": 600.5, "shape": "sphere", "absorbance": [1, 2, 3]},
        {"flow": 1000, "shape": "prism", "absorbance": [7, 8, 9]},
    ]
    assert expect(api.get("datasets/growth-of-silver/rows", params={"offset": 3}))["rows"] == []
    monkeypatch.setattr(datasets, "_MOST_VALUES", 14)
    expect_refusal(api.get("datasets/growth-of-silver/rows"), 422, "limit")
    assert len(expect(api.get("datasets/growth-of-silver/rows", params={"limit": 2}))["rows"]) == 2


def test_the_content_comes_back_to_the_last_bit_and_can_be_uploaded_again(api):
    first = expect(send(api, CSV.replace("0.1", repr(1 / 3))), 201)
    plain = [{**field, "column": None} for field in FIELDS[:2]]
    curve = {**FIELDS[2], "prefix": None}
    for format, again in (
        ("npz", [*plain, {**curve, "axis": "axis/absorbance"}]),
        ("csv", [*plain, {**curve, "prefix": "absorbance/"}]),
    ):
        answer = api.get("datasets/growth-of-silver/content", params={"format": format, "version": 1})
        assert f'filename="growth-of-silver-v1.{format}"' in answer.headers["content-disposition"]
        assert expect(send(api, answer.content, fields=again))["sha256"] == first["sha256"]


def test_image_stacks_are_kept(api):
    stacks, out = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 8), dtype=np.uint8), io.BytesIO()
    np.savez_compressed(out, stacks=stacks, size=np.arange(4.0))
    fields = [{"kind": "stack", "name": "stacks"}, {"kind": "number", "name": "size", "unit": "nm"}]
    made = expect(send(api, out.getvalue(), "Images", fields), 201)
    assert by_name(made)["stacks"]["shape"] == [3, 8, 8]
    assert expect(api.get("datasets/images/rows"))["rows"][2] == {"stacks": None, "size": 2.0}
    with np.load(io.BytesIO(api.get("datasets/images/content").content), allow_pickle=False) as content:
        np.testing.assert_array_equal(content["stacks"], stacks)
    expect_refusal(api.get("datasets/images/content", params={"format": "csv"}), 422, "format")


def test_a_simulator_builds_the_same_data_for_the_same_seed(api):
    made = expect(api.post("datasets/build", json=BUILD), 201)
    assert (made["id"], made["rows"]) == ("silver-spectra", 200)
    assert made["source"] == {"simulator": "nanoparticle", "rows": 200, "seed": 7, "replicates": 5}
    assert [field["name"] for field in made["fields"]] == ["recipe", *FLOWS, "absorbance"]
    assert len(by_name(made)["recipe"]["classes"]) == 40
    assert expect(api.post("datasets/build", json=BUILD)) == made
    assert expect(api.post("datasets/build", json={**BUILD, "seed": 8}), 201)["version"] == 2
    with api.app.state.database.read() as session:
        table = datasets.table_of(dataset(session, "silver-spectra", 1))
    assert table.digest == made["sha256"] == silver_table(200, 7, 5).digest


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rows": 1001}, "rows"),
        ({"rows": 5}, ""),
        ({"seed": -1}, "seed"),
        ({"simulator": "gold"}, "simulator"),
        ({"simulator": "models.table"}, "simulator"),
        ({"replicates": 0}, "replicates"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_build_is_refused(api, changes, field):
    problem = expect_refusal(api.post("datasets/build", json={**BUILD, **changes}), 422, field)
    assert problem["errors"][0]["remedy"]
    assert expect(api.get("datasets"))["items"] == []


def test_data_sets_are_listed_page_by_page_in_their_newest_version(api):
    for name in ("C", "A", "B"):
        expect(send(api, name=name), 201)
    expect(send(api, CSV.replace("850", "851"), name="A"), 201)
    first = expect(api.get("datasets", params={"limit": 2}))
    assert [(line["id"], line["version"]) for line in first["items"]] == [("a", 2), ("b", 1)]
    assert first["items"][0]["fields"] == ["flow", "shape", "absorbance"]
    assert first["next"] == "b"
    last = expect(api.get("datasets", params={"limit": 2, "after": "b"}))
    assert ([line["id"] for line in last["items"]], last["next"]) == (["c"], None)


def declared(**changes):
    return [{**FIELDS[0], **changes}]


@pytest.mark.parametrize(
    ("content", "fields", "field"),
    [
        (CSV.replace("600.5", "NaN"), FIELDS, "file.row 3.Qtot (uL/min)"),
        (CSV.replace("600.5", ""), FIELDS, "file.row 3.Qtot (uL/min)"),
        (CSV.replace("0.2,", ""), FIELDS, "file.row 2"),
        (CSV.replace("sphere", "rod"), FIELDS, "file.row 3.shape"),
        (CSV.replace("sphere", "prism"), FIELDS, "declaration.fields.1.classes"),
        (CSV, declared(unit="mL/h"), "declaration.fields.0.unit"),
        (CSV, declared(unit=None), "declaration.fields.0.number.unit"),
        (CSV, declared(unit=""), "declaration.fields.0.number.unit"),
        (CSV, declared(column="Q"), "declaration.fields.0.column"),
        (CSV, declared(name="../x"), "declaration.fields.0.number.name"),
        (CSV, declared(kind="text"), "declaration.fields.0.kind"),
        (CSV, [{"kind": "category", "name": "shape", "unit": "nm"}], "declaration.fields.0.category.unit"),
        (CSV, [{**FIELDS[2], "columns": ["A380", "A400"]}], "declaration.fields.0.curve"),
        (CSV, [{**FIELDS[2], "axis": [1, 2, 3]}], "declaration.fields.0.curve"),
        (CSV, [], "declaration.fields"),
        (CSV.splitlines()[0] + "\n" + CSV.splitlines()[1], declared(), "file"),
        (b"\x80\x04K\x01.", declared(), "file"),
        (b"", declared(), "file"),
    ],
)
def test_a_wrong_upload_is_refused_and_nothing_is_stored(api, content, fields, field):
    problem = expect_refusal(send(api, content, fields=fields), 422, field)
    assert problem["errors"][0]["remedy"]
    assert expect(api.get("datasets"))["items"] == []
    assert events(api) == []


@pytest.mark.parametrize("declaration", ["{", "[]", "{}", '{"name": "x", "fields": [{}]}'])
def test_a_declaration_that_is_none_is_refused(api, declaration):
    answer = api.post("datasets", files={"file": ("x.csv", CSV)}, data={"declaration": declaration})
    assert expect_refusal(answer, 422)["errors"][0]["field"].startswith("declaration")


def test_a_body_that_is_too_large_is_refused(api):
    problem = expect_refusal(send(api, CSV + "1,prism,1,1,1\n" * 200_000), 413)
    assert "split the file" in problem["detail"]


def test_what_is_not_there_is_said(api):
    assert "GET /api/v1/datasets" in expect_refusal(api.get("datasets/gold"), 404)["detail"]
    expect(send(api), 201)
    for path in ("", "/rows", "/content"):
        assert "it has 1" in expect_refusal(api.get(f"datasets/growth-of-silver{path}", params={"version": 2}), 404)["detail"]


def test_a_lab_key_reads_and_a_chemist_key_stores(api, as_role):
    expect_refusal(send(api, headers=as_role("lab")), 403)
    expect_refusal(api.post("datasets/build", json=BUILD, headers=as_role("viewer")), 403)
    assert expect(send(api, headers=as_role("chemist")), 201)["actor"] == "a chemist"
