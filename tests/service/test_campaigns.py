"""Campaigns: create, list, edit; what is refused, and how."""

import pytest

from tests.service.conftest import ADMIN, AXIS, CURVE, SCALAR, expect, expect_refusal

ANY = {"If-Match": "*"}


def space_of(*parameters, constraints=()):
    return {**SCALAR, "space": {"parameters": list(parameters), "constraints": list(constraints)}}


def real(name="a", low=0, high=10, **more):
    return {"kind": "continuous", "name": name, "low": low, "high": high, **more}


def test_a_campaign_reads_back_as_it_was_created(api):
    created = api.post("campaigns", json=SCALAR)
    body = expect(created, 201)
    assert created.headers["location"] == "/api/v1/campaigns/scalar"
    read = api.get("campaigns/scalar")
    assert expect(read) == body
    assert read.headers["etag"] == created.headers["etag"]
    assert body["document"]["batch_size"] == 15
    assert body["document"]["space"]["parameters"][0]["step"] == 0.5


def test_names_may_repeat_and_identifiers_do_not(api):
    assert [expect(api.post("campaigns", json=SCALAR), 201)["id"] for _ in range(3)] == ["scalar", "scalar-2", "scalar-3"]
    assert expect(api.post("campaigns", json={**SCALAR, "name": "은 나노프리즘"}), 201)["id"] == "campaign"


def test_the_list_pages_through_all_campaigns(api):
    made = {expect(api.post("campaigns", json=SCALAR), 201)["id"] for _ in range(5)}
    seen, after = [], None
    while True:
        page = expect(api.get("campaigns", params={"limit": 2, **({"after": after} if after else {})}))
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"batch_size": "15"}, "batch_size"),
        ({"colour": "red"}, "colour"),
        ({"seed": -1}, "seed"),
        ({"objective": {"kind": "minimise"}}, "objective.kind"),
        ({"objective": {"kind": "target_value", "outcome": "loss"}}, "objective.target_value.target"),
        ({"strategy": {"rules": ["magic"]}}, "strategy.rules.0"),
        ({"strategy": {"rules": ["composite"]}}, "strategy.rules"),
        ({"strategy": {"rules": ["spectral_grid"]}}, "strategy.rules"),
        ({"space": {"parameters": []}}, "space.parameters"),
        (space_of(real(low=3, high=3)), "space.parameters.0.a.low"),
        (space_of(real(step=0)), "space.parameters.0.a.step"),
        (space_of(real(), real()), "space.parameters"),
        (space_of(real(), constraints=[{"coefficients": {"z": 1}, "bound": 1}]), "space.constraints.0.coefficients"),
        (space_of(real(), constraints=[{"coefficients": {"a": 1}, "bound": -1}]), "space.constraints"),
        (space_of(real(), constraints=[{"coefficients": {"a": 1}, "bound": 0, "inclusive": False}]), "space.constraints"),
        (space_of({"kind": "categorical", "name": "c", "categories": ["x", "x"]}), "space.parameters.0.c.categories"),
        (space_of({"kind": "discrete", "name": "d", "values": [2, 1]}), "space.parameters.0.d.values"),
        ({"objective": {"kind": "spectrum_match", "axis": [1, 1, 2]}}, "objective.axis"),
        (
            {"objective": {"kind": "spectrum_match", "axis": AXIS, "target": {"axis": [390, 400], "values": [1, 2]}}},
            "objective.target",
        ),
    ],
)
def test_bad_documents_are_refused_by_field(api, change, field):
    problem = expect_refusal(api.post("campaigns", json={**SCALAR, **change}), 422, field)
    assert problem["errors"][0]["message"]
    assert expect(api.get("campaigns"))["items"] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(api, number):
    parameter = f'{{"kind":"continuous","name":"a","low":0,"high":{number}}}'
    body = f'{{"name":"x","space":{{"parameters":[{parameter}]}},"objective":{{"kind":"minimize"}}}}'
    response = api.post("campaigns", content=body, headers={"Content-Type": "application/json"})
    expect_refusal(response, 422, "space.parameters.0.continuous.high")
    assert number not in response.text.replace("Infinity are no", "").replace("NaN and", "")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"name": "\\ud800"}', b"\xff\xfe", b"null"])
def test_bodies_that_are_no_document_are_refused(api, body):
    expect_refusal(api.post("campaigns", content=body, headers={"Content-Type": "application/json"}), 422)


def test_a_body_that_cannot_be_read_is_refused(api):
    answer = api.post("campaigns", content=b"\x13\xf8\x88", headers={"Content-Type": "application/json"})
    expect_refusal(answer, 400, "body")


def test_too_few_distinct_wells_are_refused_with_their_number(api):
    one_choice = space_of({"kind": "categorical", "name": "c", "categories": [f"c{i}" for i in range(14)]})
    problem = expect_refusal(api.post("campaigns", json=one_choice), 422, "batch_size")
    assert "only 14 distinct feasible wells exist, 15 were asked for" in problem["detail"]
    fewer = {**one_choice, "batch_size": 14, "strategy": {"initial": {"size": 14}}}
    assert expect(api.post("campaigns", json=fewer), 201)["document"]["batch_size"] == 14


def test_edits_need_the_present_version(api):
    version = api.post("campaigns", json=SCALAR).headers["etag"]
    change = {"name": "Renamed"}
    expect_refusal(api.patch("campaigns/scalar", json=change), 428)
    expect_refusal(api.patch("campaigns/scalar", json=change, headers={"If-Match": '"99"'}), 412)
    edited = api.patch("campaigns/scalar", json=change, headers={"If-Match": version})
    assert expect(edited)["document"]["name"] == "Renamed"
    assert edited.headers["etag"] != version
    expect_refusal(api.patch("campaigns/scalar", json=change, headers={"If-Match": version}), 412)


def test_edits_are_checked_like_new_documents(api):
    api.post("campaigns", json=SCALAR)
    expect_refusal(api.patch("campaigns/scalar", json={"batch_size": None}, headers=ANY), 422, "batch_size")
    expect_refusal(api.patch("campaigns/scalar", json={"space": SCALAR["space"]}, headers=ANY), 422, "space")
    assert expect(api.get("campaigns/scalar"))["version"] == 1


def test_a_target_is_uploaded_as_csv_before_the_first_batch(api, work):
    objective = {"kind": "spectrum_match", "axis": AXIS}
    expect(api.post("campaigns", json={**CURVE, "objective": objective}), 201)
    problem = expect_refusal(api.post("campaigns/curve/batches", json={}), 409)
    assert "target" in problem["detail"]
    put = "campaigns/curve/target"
    good = {"file": ("target.csv", b"nm;A\n370;0\n405;1\n450;0\n")}
    expect_refusal(api.put(put, files=good), 428)
    for content in (b"380,1\n380,2\n440,1", b"380,1\n400,NaN\n440,2", b"390,1\n400,2", b"\xff\xff", b"nothing"):
        expect_refusal(api.put(put, files={"file": ("target.csv", content)}, headers=ANY), 422)
    answer = expect(api.put(put, files=good, headers=ANY))["document"]["objective"]
    assert answer["target"] == {"axis": [370, 405, 450], "values": [0, 1, 0]}
    assert answer["resampling"] == "linear"
    expect(api.post("campaigns/curve/batches", json={}), 202)
    work()
    expect_refusal(api.put(put, files=good, headers=ANY), 409)


def test_a_scalar_campaign_has_no_target_curve(api):
    api.post("campaigns", json=SCALAR)
    expect_refusal(api.put("campaigns/scalar/target", files={"file": ("t.csv", b"1,2\n2,3")}, headers=ANY), 409)


def test_unknown_things_are_not_found(api, campaign):
    for path in (
        "campaigns/none",
        "campaigns/none/batches",
        f"campaigns/{campaign}/batches/9",
        f"campaigns/{campaign}/designs/r99-w01",
        "jobs/0",
    ):
        expect_refusal(api.get(path), 404)
    expect_refusal(api.get("nothing"), 404)
    expect_refusal(api.get("campaigns/%00"), 422)


def test_a_body_over_the_limit_is_refused_whether_declared_or_not(api):
    big = b"x" * (3 * 2**20)
    expect_refusal(api.post("campaigns", content=big), 413)

    def stream():
        for _ in range(30):
            yield b"x" * 100_000

    expect_refusal(api.post("campaigns", content=stream(), headers={"Content-Type": "application/json"}), 413)


def test_mixtures_carry_their_derived_balance(api, work):
    parts = [real(name, 5, 60, unit="%", step=0.5) for name in ("x", "y")]
    document = {**SCALAR, "space": {"parameters": parts, "mixture": {"balance": "water", "components": ["x", "y"], "low": 10, "high": 40}}}
    expect(api.post("campaigns", json=document), 201)
    expect(api.post("campaigns/scalar/batches", json={}), 202)
    work()
    for well in expect(api.get("campaigns/scalar/batches/1"))["designs"]:
        recipe = well["planned"]
        assert recipe["x"] + recipe["y"] + recipe["water"] == pytest.approx(100)
        assert 10 <= recipe["water"] <= 40


def test_the_key_is_not_in_any_answer(api):
    api.post("campaigns", json=SCALAR)
    for path in ("campaigns/scalar", "campaigns/scalar/events", "campaigns/scalar/export?format=json"):
        assert ADMIN not in api.get(path).text
