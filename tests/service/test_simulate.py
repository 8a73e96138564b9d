"""The virtual lab over HTTP."""

import numpy as np
import pytest

from app.examples import SIMULATION
from models.nanoparticle.lab import AXIS, VirtualLab
from tests.service.conftest import expect, expect_refusal

RECIPE = SIMULATION["recipes"][0]
ROWS = np.array([list(recipe.values()) for recipe in SIMULATION["recipes"]])
URL = "simulate/nanoparticle"


def test_spectra_are_those_of_the_model(api):
    answer = expect(api.post(URL, json={"recipes": SIMULATION["recipes"]}))
    assert answer["axis"] == AXIS.tolist()
    np.testing.assert_allclose(np.array(answer["spectra"])[:, 0], VirtualLab().spectra(ROWS), rtol=1e-12)


def test_replicates_repeat_by_seed_whatever_stands_beside_them(api):
    first, same = (expect(api.post(URL, json=SIMULATION))["spectra"] for _ in range(2))
    assert first == same
    assert np.shape(first) == (2, 3, len(AXIS))
    turned = expect(api.post(URL, json={**SIMULATION, "recipes": SIMULATION["recipes"][::-1]}))["spectra"]
    assert turned == first[::-1]
    assert expect(api.post(URL, json={**SIMULATION, "seed": 8}))["spectra"] != first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "recipes"),
        ({"recipes": []}, "recipes"),
        ({"recipes": [{**RECIPE, "Qseed": 0.1}]}, "recipes.0.Qseed"),
        ({"recipes": [{**RECIPE, "Qtot": 1001}]}, "recipes.0.Qtot"),
        ({"recipes": [RECIPE, {**RECIPE, "Qpva": "16"}]}, "recipes.1.Qpva"),
        ({"recipes": [{**RECIPE, "Qwater": 1}]}, "recipes.0.Qwater"),
        ({"recipes": [RECIPE, {**RECIPE, "QAgNO3": 64}]}, "recipes.1"),
        ({"recipes": [RECIPE], "replicates": 0}, "replicates"),
        ({"recipes": [RECIPE], "seed": -1}, "seed"),
        ({"recipes": [RECIPE] * 11, "replicates": 100}, "recipes"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_field(api, body, field):
    problem = expect_refusal(api.post(URL, json=body), 422, field)
    assert all(error["remedy"] for error in problem["errors"])


def test_the_four_shares_may_take_90_percent(api):
    expect(api.post(URL, json={"recipes": [{**RECIPE, "QAgNO3": 63}]}))


def test_who_may(api, as_role):
    body = {"recipes": [RECIPE]}
    expect_refusal(api.post(URL, json=body, headers=as_role("viewer")), 403)
    expect(api.post(URL, json=body, headers=as_role("lab")))
