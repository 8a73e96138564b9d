"""Campaigns whose wells share values and budgets: made, refused, proposed, edited by people, replayed."""

import pytest

from app.examples import PLATE_CAMPAIGN
from tests.service.conftest import SCALAR, bowl, expect, expect_refusal, measure, started

ANY = {"If-Match": "*"}
LIMITS = {"shared": ["b"], "budgets": [{"coefficients": {"a": 1}, "bound": 30}]}
"""One value of b a round, and 30 of a for its 8 wells; a alone may differ, in steps of 0.5."""


def document(per_batch, **changes):
    strategy = {"initial": {"size": 8}}
    return {**SCALAR, "batch_size": 8, "strategy": strategy, "space": {**SCALAR["space"], "per_batch": per_batch}, **changes}


@pytest.fixture
def plate(api, work):
    return started(api, work, document(LIMITS))


def plans(api, id, round):
    batch = expect(api.get(f"campaigns/{id}/batches/{round}"))
    return batch, [well["planned"] for well in batch["designs"]]


def test_rounds_share_a_value_keep_to_the_budget_and_say_so(api, work, plate):
    for round in (1, 2, 3):
        batch, recipes = plans(api, plate, round)
        used = sum(recipe["a"] for recipe in recipes)
        assert len({recipe["b"] for recipe in recipes}) == 1
        assert len({recipe["a"] for recipe in recipes}) == 8
        assert used <= 30
        assert batch["model"]["shared"] == {"b": recipes[0]["b"]}
        assert batch["model"]["budgets"] == [{"coefficients": {"a": 1.0}, "bound": 30.0, "used": pytest.approx(used)}]
        measure(api, plate, round, bowl)
        work()
    job = expect(api.post(f"campaigns/{plate}/batches/2/replay"), 202)["id"]
    work()
    assert expect(api.get(f"jobs/{job}"))["result"].startswith("same batch: 8 wells")


def test_the_example_is_proposed_on_one_flow_rate(api, work):
    batch, recipes = plans(api, started(api, work, PLATE_CAMPAIGN), 1)
    assert batch["model"]["shared"] == {"total": recipes[0]["total"]}
    assert batch["model"]["budgets"][0]["used"] <= 200


@pytest.mark.parametrize(
    ("per_batch", "field"),
    [
        ({"shared": ["z"]}, "space.per_batch.shared.0"),
        ({"shared": ["a", "a"]}, "space.per_batch.shared.1"),
        ({"shared": ["a", "b"]}, "space.per_batch.shared"),
        ({"shared": "b"}, "space.per_batch.shared"),
        ({"budgets": [{"coefficients": {"z": 1}, "bound": 1}]}, "space.per_batch.budgets.0.coefficients"),
        ({"budgets": [{"coefficients": {"a": 1}, "bound": -1}]}, "space.per_batch.budgets.0.bound"),
        ({"budgets": [{"coefficients": {"a": -1}, "bound": -81}]}, "space.per_batch.budgets.0.bound"),
        ({"shared": ["b"], "budgets": [{"coefficients": {"a": 1}, "bound": 13.5}]}, "space.per_batch.budgets"),
    ],
)
def test_constraints_that_no_batch_can_keep_are_refused_by_field(api, per_batch, field):
    problem = expect_refusal(api.post("campaigns", json=document(per_batch)), 422, field)
    assert problem["errors"][0]["message"]


def test_a_plate_too_small_for_the_batch_is_refused_and_counted(api):
    problem = expect_refusal(api.post("campaigns", json=document({"shared": ["b"]}, batch_size=22)), 422, "batch_size")
    assert "only 21 distinct feasible wells with one value of b" in problem["detail"] + problem["errors"][0]["message"]


def test_a_batch_size_that_outgrows_the_budget_is_refused(api, plate):
    expect_refusal(api.patch(f"campaigns/{plate}", json={"batch_size": 12}, headers=ANY), 422, "space.per_batch.budgets")
    expect(api.patch(f"campaigns/{plate}", json={"batch_size": 9}, headers=ANY))


def test_plans_of_people_keep_to_the_constraints_of_the_round(api, plate):
    _, recipes = plans(api, plate, 1)
    wells, b, left = f"campaigns/{plate}/designs", recipes[0]["b"], 30 - sum(recipe["a"] for recipe in recipes)

    def add(a, b=b):
        return api.post(wells, json={"recipe": {"a": a, "b": b}, "reason": "control"})

    assert "share b" in expect_refusal(add(0, b + 1), 422, "recipe")["errors"][0]["message"]
    assert "the budget is 30" in expect_refusal(add(left + 0.5), 422, "recipe")["errors"][0]["message"]
    expect(add(left), 201)
    expect_refusal(api.patch(f"{wells}/r01-w01", json={"planned": {"a": 0, "b": b + 1}}, headers=ANY), 422, "planned")
    expect(api.patch(f"{wells}/r01-w01", json={"planned": recipes[0]}, headers=ANY))
    expect(api.patch(f"{wells}/r01-w09", json={"executed": {"a": 10, "b": b + 2}}, headers=ANY))


def test_a_rejected_well_gives_its_share_back_and_takes_it_again_only_if_it_is_left(api, plate):
    _, recipes = plans(api, plate, 1)
    wells, most = f"campaigns/{plate}/designs", max(range(8), key=lambda k: recipes[k]["a"])
    name = f"{wells}/r01-w{most + 1:02d}"
    expect(api.patch(name, json={"state": "rejected", "reason": "too dear"}, headers=ANY))
    expect(api.patch(name, json={"state": "approved"}, headers=ANY))
    expect(api.patch(name, json={"state": "rejected", "reason": "too dear"}, headers=ANY))
    left = 30 - sum(recipe["a"] for k, recipe in enumerate(recipes) if k != most)
    expect(api.post(wells, json={"recipe": {"a": min(left, 10), "b": recipes[0]["b"]}, "reason": "mine"}), 201)
    expect_refusal(api.patch(name, json={"state": "approved"}, headers=ANY), 422, "state")
