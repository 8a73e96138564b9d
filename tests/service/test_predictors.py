"""A registered surrogate as the predictor of a campaign: frozen when it is created, asked in every round, refused where it does not fit."""

import numpy as np
import pytest

from app.datasets import store_table
from app.security import Principal, Role
from db.surrogates import files, keep_files
from models.nanoparticle.dataset import silver_table
from models.table import Field, Table
from tests.service.conftest import expect, expect_refusal, started
from tests.service.test_replay import replay

ANY = {"If-Match": "*"}
WHO = Principal("tester", Role.chemist)
FLOWS = {"QAgNO3": (0.5, 80.0), "Qpva": (10.0, 40.0), "Qtsc": (0.5, 80.0), "Qseed": (0.5, 80.0), "Qtot": (200.0, 1000.0)}


def stored(api, name, table):
    with api.app.state.database.write() as session:
        return store_table(session, WHO, name, table, {})[0].id


def train(api, work, dataset, inputs, target, kind, *, promote=True, name="Model"):
    body = {"name": name, "dataset": {"id": dataset}, "inputs": inputs, "targets": [target], "learner": {"kind": kind}}
    id = expect(api.post("surrogates", json={**body, "seeds": 1, "sizes": []}), 202)["id"]
    work()
    if promote:
        expect(api.patch(f"surrogates/{id}", json={"state": "promoted", "reason": "good enough"}, headers=ANY))
    return id


@pytest.fixture
def silver():
    """Spectra of 40 recipes at every tenth point."""
    table = silver_table(40, seed=3)
    curve = table["absorbance"]
    fields = [field for field in table.fields if field.name in FLOWS]
    return Table((*fields, Field("absorbance", curve.values[:, ::10].astype(float), curve.unit, curve.axis[::10], curve.axis_unit)))


@pytest.fixture
def kind():
    return "ridge"


@pytest.fixture
def spectra(api, work, silver, kind):
    """A promoted model of them, and a campaign that names it."""
    id = train(api, work, stored(api, "silver", silver), list(FLOWS), "absorbance", kind)
    curve = silver["absorbance"]
    parameters = [
        {"kind": "continuous", "name": name, "low": low, "high": high, "unit": silver[name].unit} for name, (low, high) in FLOWS.items()
    ]
    axis = curve.axis.tolist()
    target = np.exp(-(((curve.axis - 600) / 60) ** 2)).tolist()
    return {
        "name": "By model",
        "space": {"parameters": parameters},
        "objective": {"kind": "spectrum_match", "axis": axis, "target": {"axis": axis, "values": target}},
        "strategy": {"predictor": id, "initial": {"size": 6}},
        "batch_size": 4,
        "seed": 2,
    }


def measured(api, campaign, round, curve):
    wells = expect(api.get(f"campaigns/{campaign}/batches/{round}"))["designs"]
    for well in wells:
        expect(api.put(f"campaigns/{campaign}/designs/{well['id']}/replicates/1", json={"values": curve(well["executed"])}), 201)


def band(recipe):
    axis = np.linspace(380, 800, 43)
    return (recipe["Qseed"] / 80 * np.exp(-(((axis - 450 - 3 * recipe["QAgNO3"]) / 50) ** 2))).tolist()


@pytest.mark.parametrize("kind", ["components_gp"])
def test_a_campaign_is_led_by_a_promoted_surrogate_to_the_end(api, work, spectra):
    campaign = started(api, work, spectra)
    frozen = expect(api.get(f"campaigns/{campaign}"))["document"]["strategy"]
    assert frozen["rules"] == ["spectral_grid"]
    assert (frozen["predictor"]["surrogate"], frozen["predictor"]["version"]) == ("model", 3)
    assert expect(api.get(f"campaigns/{campaign}/batches/1"))["rule"] == "lhs_centered"
    measured(api, campaign, 1, band)
    work()
    batch = expect(api.get(f"campaigns/{campaign}/batches/2"))
    assert (batch["rule"], batch["model"]["predictor"], len(batch["designs"])) == ("spectral_grid", "model", 4)
    rows = [well["planned"] for well in batch["designs"]]
    told = expect(api.post("surrogates/model/predict", json={"rows": rows}))["rows"]
    assert [row["validity"]["status"] for row in told] == [well["proposal"]["validity"]["status"] for well in batch["designs"]]
    assert replay(api, work, campaign, 2) == "same batch: 4 wells; the data before it are as they were"

    expect(api.patch("surrogates/model", json={"state": "retired", "reason": "old"}, headers=ANY))
    measured(api, campaign, 2, band)
    work()
    assert expect(api.get(f"campaigns/{campaign}/batches/3"))["model"]["predictor"] == "model"
    assert replay(api, work, campaign, 3).startswith("same batch: 4 wells")
    assert "retired" in expect_refusal(api.post("campaigns", json=spectra), 422, "strategy.predictor")["detail"]
    assert frozen["predictor"]["sha256"] in api.get(f"campaigns/{campaign}/events").text


def test_files_that_are_not_those_of_then_are_not_asked(api, work, spectra):
    campaign = started(api, work, spectra)
    with api.app.state.database.write() as session:
        kept = files(session, "model")
        keep_files(session, "model", {**kept, "model.json": kept["model.json"] + b" "})
    measured(api, campaign, 1, band)
    work()
    assert "not those" in expect(api.get(f"campaigns/{campaign}/jobs"))[-1]["error"]


def other_unit(document):
    document["space"]["parameters"][0]["unit"] = "L/h"


def one_more(document):
    document["space"]["parameters"].append({"kind": "continuous", "name": "T", "low": 0, "high": 1})


def one_less(document):
    document["space"]["parameters"].pop()


def other_kind(document):
    document["space"]["parameters"][0] = {"kind": "categorical", "name": "QAgNO3", "categories": ["a", "b"]}


def other_outcome(document):
    document["objective"]["outcome"] = "transmission"


def other_axis(document):
    document["objective"]["axis"] = [point + 1 for point in document["objective"]["axis"][:-1]]


def other_axis_unit(document):
    document["objective"]["unit"] = "um"


def number(document):
    document["objective"] = {"kind": "minimize", "outcome": "absorbance"}


def unknown(document):
    document["strategy"]["predictor"] = "nobody"


@pytest.mark.parametrize(
    "change",
    [other_unit, one_more, one_less, other_kind, other_outcome, other_axis, other_axis_unit, number, unknown],
    ids=lambda change: change.__name__,
)
def test_a_surrogate_that_does_not_fit_is_refused_with_the_remedy(api, spectra, change):
    change(spectra)
    problem = expect_refusal(api.post("campaigns", json=spectra), 422, "strategy.predictor")
    assert problem["errors"][0]["remedy"]
    assert expect(api.get("campaigns"))["items"] == []


@pytest.mark.parametrize(
    ("strategy", "field"),
    [
        ({"rules": ["composite"]}, "strategy.rules"),
        ({"switch": {}}, "strategy.switch"),
        ({"predictor": {"surrogate": "model", "sha256": "0" * 64}}, "strategy.predictor.sha256"),
        ({"predictor": "No such"}, "strategy.predictor.surrogate"),
    ],
)
def test_what_contradicts_a_predictor_is_refused(api, spectra, strategy, field):
    spectra["strategy"] |= strategy
    expect_refusal(api.post("campaigns", json=spectra), 422, field)


def test_a_candidate_is_refused(api, work, silver):
    id = train(api, work, stored(api, "silver", silver), list(FLOWS), "absorbance", "ridge", promote=False)
    body = {"name": "C", "space": {"parameters": [{"kind": "continuous", "name": "a", "low": 0, "high": 1}]}}
    body |= {"objective": {"kind": "minimize"}, "strategy": {"predictor": id}}
    problem = expect_refusal(api.post("campaigns", json=body), 422, "strategy.predictor")
    assert "promote" in problem["errors"][0]["remedy"]


def test_a_number_of_numbers_and_categories_is_led_by_a_surrogate_too(api, work):
    rng = np.random.default_rng(0)
    x, solvent = 10 * rng.random(80), rng.integers(0, 3, 80)
    loss = (x - 6.5) ** 2 + np.array([9.0, 0.0, 4.0])[solvent]
    fields = Field("x", x, "%"), Field("solvent", solvent, classes=("water", "ethanol", "toluene")), Field("loss", loss, "1")
    id = train(api, work, stored(api, "losses", Table(fields)), ["x", "solvent"], "loss", "gp")
    parameters = [
        {"kind": "continuous", "name": "x", "low": 1, "high": 9, "unit": "%", "step": 0.5},
        {"kind": "categorical", "name": "solvent", "categories": ["toluene", "ethanol"]},
    ]
    document = {"name": "N", "space": {"parameters": parameters}, "objective": {"kind": "minimize"}, "batch_size": 3}
    document["strategy"] = {"predictor": id, "initial": {"size": 4}}
    campaign = started(api, work, document)
    for well in expect(api.get(f"campaigns/{campaign}/batches/1"))["designs"]:
        expect(api.put(f"campaigns/{campaign}/designs/{well['id']}/replicates/1", json={"value": 30.0}), 201)
    work()
    wells = expect(api.get(f"campaigns/{campaign}/batches/2"))["designs"]
    assert wells[0]["planned"] == {"x": 6.5, "solvent": "ethanol"}
    assert abs(wells[0]["proposal"]["mean"]) < 0.5
    assert len({tuple(well["planned"].values()) for well in wells}) == 3
