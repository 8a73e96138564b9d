"""Particle sizes over HTTP: pictures of suspensions, the virtual crystallizer, and images read by a trained model."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from rich.console import Console

from app.examples import CRYSTALLIZATION, PSD_SIMULATION
from closedloop import Client, race
from closedloop.errors import Conflict, InvalidInput
from closedloop.local import LocalService
from models.psd.bins import EDGES
from models.psd.distribution import Distribution
from models.psd.lab import WANTED, VirtualLab, target
from models.psd.reader import read_psd, read_stack
from models.psd.render import stack
from models.psd.suspension import Mode, Suspension
from models.psd.writer import png, tiff
from tests.chromium import browse
from tests.service.conftest import SCALAR, expect, expect_refusal

URL, CRYSTALS = "simulate/psd", "simulate/crystallization"
ONE = {"modes": [{"median": 90, "sigma": 0.2}], "phi": 0.1}
PLAIN = Suspension((Mode(90.0, 0.2),), 0.1)


def pixels(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(text))))


# Simulation


def test_pictures_are_those_of_the_renderer_and_the_shares_are_exact(api):
    answer = expect(api.post(URL, json={**PSD_SIMULATION, "images": 3}))
    assert (answer["um_per_pixel"], answer["weighting"]) == (16, "number")
    first, second = answer["stacks"]
    np.testing.assert_array_equal([pixels(image) for image in first["images"]], stack(PLAIN, (7, 0), 3, 64))
    distribution = Distribution(EDGES, PLAIN.shares(), "number")
    np.testing.assert_allclose(first["shares"], distribution.shares)
    assert first["D[4,3]"] == pytest.approx(distribution.mean(4, 3))
    assert (first["D50"], first["span"]) == (pytest.approx(distribution.d50), pytest.approx(distribution.span))
    assert second["phi"] == 0.25


def test_shares_by_volume_lie_at_larger_sizes(api):
    number, volume = (expect(api.post(URL, json={"suspensions": [ONE], "weighting": w}))["stacks"][0] for w in ("number", "volume"))
    assert number["images"] == volume["images"]
    assert number["D50"] < volume["D50"]
    np.testing.assert_allclose(volume["shares"], PLAIN.shares("volume"))


def test_a_tiff_tells_the_size_of_its_pixels_and_is_read_without_a_complaint(api):
    answer = api.post(URL, json={"suspensions": [ONE], "images": 3, "pixels": 96, "format": "tiff"})
    assert answer.headers["content-type"] == "image/tiff"
    assert tifffile.imread(io.BytesIO(answer.content)).shape == (3, 96, 96)
    found = read_stack(answer.content, 1024 / 96)
    assert found.flags == ()
    np.testing.assert_array_equal(found.values, stack(PLAIN, (0, 0), 3, 96))
    assert "tells" in " ".join(read_stack(answer.content, 5.0).flags)


def test_a_zip_holds_pictures_and_distributions_and_an_npz_all_arrays(api):
    body = {**PSD_SIMULATION, "weighting": "volume"}
    archive = zipfile.ZipFile(io.BytesIO(api.post(URL, json={**body, "format": "zip"}).content))
    assert len(archive.namelist()) == 2 * (2 + 1)
    told = read_psd(archive.read("suspension-001/psd.csv").decode())
    np.testing.assert_allclose(told.shares, PLAIN.shares("volume"))
    assert told.weighting == "volume"
    arrays = np.load(io.BytesIO(api.post(URL, json={**body, "format": "npz"}).content))
    assert arrays["images"].shape == (2, 2, 64, 64)
    np.testing.assert_array_equal(np.asarray(Image.open(archive.open("suspension-001/image-02.png"))), arrays["images"][0, 1])
    np.testing.assert_allclose(arrays["psd"][0], told.shares)
    assert arrays["um_per_pixel"] == 16


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"suspensions": []}, "suspensions"),
        ({"suspensions": [{**ONE, "modes": [{"median": 5, "sigma": 0.2}]}]}, "suspensions.0.modes.0.median"),
        ({"suspensions": [ONE, {**ONE, "aspect": [2, 1]}]}, "suspensions.1.aspect"),
        ({"suspensions": [{**ONE, "phi": 2}]}, "suspensions.0.phi"),
        ({"suspensions": [ONE] * 100, "pixels": 512}, "body"),
        ({"suspensions": [ONE], "pixels": 512, "um_per_pixel": 50}, "body"),
        ({"suspensions": [ONE, ONE], "format": "tiff"}, "body"),
        ({"suspensions": [ONE], "format": "gif"}, "format"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_field(api, body, field):
    problem = expect_refusal(api.post(URL, json=body), 422, field)
    assert problem["errors"][0]["remedy"]


def test_batches_are_those_of_the_lab_and_pictures_belong_to_the_recipe(api):
    answer = expect(api.post(CRYSTALS, json=CRYSTALLIZATION))
    rows = np.array([list(recipe.values()) for recipe in CRYSTALLIZATION["recipes"]], float)
    lab = VirtualLab(1)
    np.testing.assert_allclose([batch["shares"] for batch in answer["batches"]], lab.shares(rows))
    assert [[len(one) for one in batch["stacks"]] for batch in answer["batches"]] == [[2], [2]]
    turned = expect(api.post(CRYSTALS, json={**CRYSTALLIZATION, "recipes": CRYSTALLIZATION["recipes"][::-1]}))
    assert turned["batches"][::-1] == answer["batches"]
    more = expect(api.post(CRYSTALS, json={**CRYSTALLIZATION, "replicates": 2}))
    assert more["batches"][0]["stacks"][0] == answer["batches"][0]["stacks"][0] != more["batches"][0]["stacks"][1]


def test_without_replicates_and_error_it_tells_the_published_kinetics_alone(api):
    recipe = dict(zip(CRYSTALLIZATION["recipes"][0], WANTED.tolist(), strict=True))
    batch = expect(api.post(CRYSTALS, json={"recipes": [recipe], "weighting": "volume"}))["batches"][0]
    assert batch["stacks"] == []
    np.testing.assert_allclose(batch["shares"], target("volume"))


@pytest.mark.parametrize(
    ("change", "field"),
    [({"seed_mass": 0}, "recipes.1.seed_mass"), ({"profile": "cubic"}, "recipes.1.profile"), ({"colour": 1}, "recipes.1.colour")],
)
def test_a_recipe_out_of_range_is_refused_with_the_field(api, change, field):
    recipe = CRYSTALLIZATION["recipes"][0]
    expect_refusal(api.post(CRYSTALS, json={"recipes": [recipe, {**recipe, **change}]}), 422, field)


def test_who_may(api, as_role):
    viewer = as_role("viewer")
    for url, body in ((URL, {"suspensions": [ONE]}), (CRYSTALS, CRYSTALLIZATION)):
        expect_refusal(api.post(url, json=body, headers=viewer), 403)
    expect_refusal(api.post("surrogates/x/images", files={"file": b"x"}, data={"um_per_pixel": "1"}, headers=viewer), 403)


# Reading

STACK = stack(Suspension((Mode(90.0, 0.2),), 0.15), 3, 3, 64)


@pytest.fixture(scope="module")
def model(client: Client) -> str:
    """A network that has learnt next to nothing, which is all that these tests need of it."""
    client.build_dataset("Spheres", "psd", 40, images=3)
    settings = {"epochs": 1, "width": 4, "members": 1}
    made = client.train_surrogate(
        "Sizes", "spheres", ["images"], [{"name": "psd", "shares": True}], "resnet", learner_settings=settings, sizes=[], seeds=1
    )
    return client.wait_for_surrogate(made["id"])["id"]


@pytest.fixture(scope="module")
def reading(client: Client, model: str) -> dict[str, Any]:
    return client.read_images(model, [png(image) for image in STACK], 16, bootstrap=50)


def test_a_reading_is_the_prediction_of_the_model(client: Client, model: str, reading: dict[str, Any]):
    predicted = client.predict(model, [{"images": STACK.tolist()}])["rows"][0]
    np.testing.assert_allclose(reading["shares"], predicted["answers"]["psd"]["mean"], atol=1e-6)
    np.testing.assert_allclose(reading["low"], predicted["answers"]["psd"]["low"], atol=1e-6)
    assert reading["validity"] == predicted["validity"]
    assert reading["flags"] == []
    assert sum(reading["shares"]) == pytest.approx(1, abs=1e-9)


def test_it_tells_what_the_distribution_comes_to(reading: dict[str, Any]):
    distribution = Distribution(np.array(reading["edges"]), np.array(reading["shares"]), reading["weighting"])
    np.testing.assert_allclose(reading["edges"], EDGES)
    assert reading["D50"] == pytest.approx(distribution.d50)
    assert reading["D[3,2]"] == pytest.approx(distribution.mean(3, 2))
    np.testing.assert_allclose(reading["cumulative"], distribution.cumulative())
    np.testing.assert_allclose(reading["density"], distribution.density())
    assert reading["images"] == {"count": 3, "height": 64, "width": 64, "um_per_pixel": 16, "pixels": 64, "model_um_per_pixel": 16}
    assert [figure["name"] for figure in reading["figures"]] == ["distribution", "images"]


def test_the_band_holds_the_reading(reading: dict[str, Any]):
    band = reading["bootstrap"]
    assert band["draws"] == 50
    low, high = np.array(band["shares"])
    assert (low <= np.array(reading["shares"]) + 1e-9).all()
    assert (high >= np.array(reading["shares"]) - 1e-9).all()
    assert band["marks"]["D50"][0] <= reading["D50"] <= band["marks"]["D50"][1]
    assert (low < high).any()


def test_tiff_zip_folder_and_bytes_are_the_same_images(client: Client, model: str, reading: dict[str, Any], tmp_path: Path):
    (tmp_path / "stack.tif").write_bytes(tiff(STACK, 16))
    (tmp_path / "folder").mkdir()
    for k, image in enumerate(STACK):
        (tmp_path / "folder" / f"{k}.png").write_bytes(png(image))
    for path in ("stack.tif", "folder"):
        again = client.read_images(model, tmp_path / path, 16, bootstrap=50)
        assert again["shares"] == reading["shares"]
        assert again["bootstrap"] == reading["bootstrap"]


def test_images_of_another_scale_and_field_are_brought_to_the_model_and_it_says_so(client: Client, model: str):
    fine = stack(Suspension((Mode(90.0, 0.2),), 0.15), 3, 3, 160, um_per_pixel=8.0)
    found = client.read_images(model, tiff_path(fine, 8.0), 8)
    assert found["images"]["pixels"] == 64
    assert any("resampled from 8 to 16" in flag for flag in found["flags"])
    assert any("cropped" in flag for flag in found["flags"])


def tiff_path(images: np.ndarray, um_per_pixel: float) -> list[bytes]:
    return [tiff(image[None], um_per_pixel) for image in images]


def test_an_uneven_light_is_divided_out(client: Client, model: str, tmp_path: Path):
    light = np.linspace(0.6, 1, 64)[None, :] * np.ones((64, 1))
    dark = (STACK * light).astype(np.uint8)
    (tmp_path / "flat.png").write_bytes(png((255 * light).astype(np.uint8)))
    plain, corrected = (
        client.read_images(model, [png(image) for image in dark], 16, flat_field=flat) for flat in (None, tmp_path / "flat.png")
    )
    assert plain["shares"] != corrected["shares"]
    assert any("flat field" in flag for flag in corrected["flags"])


def test_another_weighting_is_a_conversion_with_its_cost(client: Client, model: str, reading: dict[str, Any]):
    found = client.read_images(model, [png(image) for image in STACK], 16, weighting="volume", bootstrap=20)
    assert (found["weighting"], found["conversion"]["trained"]) == ("volume", "number")
    assert found["D[4,3]"] == pytest.approx(reading["D[4,3]"], rel=1e-6)
    assert found["D50"] > reading["D50"]
    assert found["low"] is None
    assert any("converted to volume" in flag for flag in found["flags"])


def test_a_longer_stack_is_read_and_flagged(client: Client, model: str):
    longer = stack(Suspension((Mode(90.0, 0.2),), 0.15), 3, 5, 64)
    found = client.read_images(model, [png(image) for image in longer], 16)
    assert found["images"]["count"] == 5
    assert any("stacks of 3" in flag for flag in found["flags"])


@pytest.mark.parametrize(
    ("images", "settings", "field", "said"),
    [
        ([b"no image"], {}, "images", "neither TIFF nor PNG"),
        ([png(STACK[0])[:200]], {}, "images", "damaged"),
        ([png(STACK[0]), png(STACK[0, :32])], {}, "images", ""),
        ([png(STACK[0])], {"um_per_pixel": 2.0}, "images", "the model was trained on 1024"),
        ([png(STACK[0])], {"um_per_pixel": -1.0}, "um_per_pixel", ""),
        ([png(STACK[0])], {"bootstrap": 10}, "images", "give 2 at least"),
        ([png(STACK[0])], {"weighting": "mass"}, "weighting", ""),
    ],
    ids=["bytes", "torn", "mixed", "field", "scale", "one image", "weighting"],
)
def test_what_cannot_be_read_is_refused_with_field_and_remedy(client: Client, model: str, images, settings, field, said):
    given = {"um_per_pixel": 16.0, **settings}
    with pytest.raises(InvalidInput) as failure:
        client.read_images(model, images, given.pop("um_per_pixel"), **given)
    assert field in {error["field"] for error in failure.value.errors}
    assert said in str(failure.value)
    assert all(error["remedy"] for error in failure.value.errors)


def test_the_size_of_a_pixel_is_required(api):
    problem = expect_refusal(api.post("surrogates/x/images", files={"file": png(STACK[0])}), 422, "um_per_pixel")
    assert problem["errors"][0]["remedy"]


def test_a_model_that_knows_no_size_of_pixels_is_refused_with_a_remedy(client: Client, tmp_path: Path):
    rng = np.random.default_rng(0)
    arrays = {"images": rng.integers(0, 255, (30, 2, 16, 16)).astype(np.uint8), "psd": rng.dirichlet(np.ones(5), 30)}
    np.savez(tmp_path / "own.npz", **arrays)
    curve = {"kind": "curve", "name": "psd", "unit": "number share", "axis": [20, 40, 80, 160, 320], "axis_unit": "um"}
    settings = {"epochs": 1, "width": 4}
    for name, told, fault in (("Silent", {}, "size of the pixels"), ("Weightless", {"um_per_pixel": 4}, "what the shares count")):
        fields = [{"kind": "stack", "name": "images", **told}, curve | ({"unit": "1"} if told else {})]
        made = client.upload_dataset(tmp_path / "own.npz", name, fields)
        target = [{"name": "psd", "shares": True}]
        model = client.train_surrogate(name, made["id"], ["images"], target, "resnet", learner_settings=settings, sizes=[], seeds=1)
        client.wait_for_surrogate(model["id"])
        with pytest.raises(Conflict, match=fault):
            client.read_images(model["id"], [png(STACK[0])], 4)


# In the loop


def test_a_campaign_on_distances_of_distributions_is_stored_and_scored_anew(api):
    axis = np.linspace(3, 6, 31).tolist()
    peak = [float(np.exp(-(((x - 4.5) / 0.2) ** 2))) for x in axis]
    objective = {"kind": "curve_match", "axis": axis, "target": {"axis": axis, "values": peak}, "unit": "ln(um)", "distance": "wasserstein"}
    document = {**SCALAR, "name": "Crystals", "objective": objective, "stop": {"stability": {"threshold": 0.01}}}
    made = expect(api.post("campaigns", json=document), 201)
    assert made["document"]["objective"]["distance"] == "wasserstein"
    expect(api.post("campaigns/crystals/import", files={"file": ("d.csv", csv_of(axis))}, data={"mapping": json.dumps(MAPPING)}), 201)
    well = expect(api.get("campaigns/crystals/batches/1"))["designs"][0]
    assert well["summary"]["loss"] == pytest.approx(0.5, abs=0.01)
    body = {"objective": {**objective, "distance": "overlap"}, "reason": "shares count, not sizes"}
    answer = expect(api.post("campaigns/crystals/rescore", json=body, params={"dry_run": True}))
    assert answer["losses"][0]["after"] > 0.9
    assert any("stop.stability" in note for note in answer["notes"])
    expect_refusal(
        api.post("campaigns", json={**document, "objective": {**objective, "distance": "cosine"}}), 422, "objective.curve_match.distance"
    )


MAPPING = {"parameters": {"a": {"column": "a", "unit": "%"}, "b": {"column": "b", "unit": "%"}}, "wells_per_round": 1}


def csv_of(axis: list[float]) -> str:
    """One well whose peak lies half a unit above the wanted one."""
    values = [float(np.exp(-(((x - 5.0) / 0.2) ** 2))) for x in axis]
    return ",".join(["a", "b", *map(repr, axis)]) + "\n" + ",".join(["1", "1", *map(repr, values)]) + "\n"


def test_a_campaign_whose_pictures_a_model_reads_runs_over_the_ordinary_api(client: Client, model: str):
    lab = race.crystallization(model)
    task = race.Race(("composite",), seed=1, rounds=2, replicates=1, wells=4)
    summary = race.run(client, lab, task, Console(quiet=True))
    result = summary["campaigns"]["composite"]
    assert model in summary["system"]
    campaign = client.campaign(result["campaign"])
    assert campaign["document"]["objective"]["distance"] == "wasserstein"
    assert len(result["best_true"]) == 2
    batch = client.batch(result["campaign"], 1)
    stored = client.replicate(result["campaign"], batch["designs"][0]["id"], 1)
    assert sum(stored["values"]) == pytest.approx(1, abs=1e-9)


# Commands


def call(service: LocalService, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "closedloop.cli", *map(str, words), "--url", service.url, "--key", service.key]
    return subprocess.run(command, env={"PATH": "", "COLUMNS": "120"}, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def files(service: LocalService, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("psd")
    done = call(service, "psd", "simulate", folder / "stack.tif", "--mode", "90,0.2", "--mode", "200,.1,.2", "--images", 3, "--pixels", 64)
    assert done.returncode == 0, done.stderr
    assert "16 um per pixel" in done.stdout
    return folder


def test_the_command_reads_what_it_simulates(service: LocalService, client: Client, model: str, files: Path, chromium: str):
    client.promote_surrogate(model, "to be the one that is taken when none is named")
    words = ["psd", "read", files / "stack.tif", "--um-per-pixel", 16, "--bootstrap", 20, "--json", files / "r.json"]
    done = call(service, *words, "--csv", files / "psd.csv", "--report", files / "report")
    assert done.returncode == 0, done.stderr
    found = json.loads((files / "r.json").read_text())
    assert found["surrogate"] == model
    assert f"{found['D50']:.3g} um" in done.stdout
    np.testing.assert_allclose(read_psd((files / "psd.csv").read_text()).shares, found["shares"])
    with browse() as page:
        page.open((files / "report" / "report.html").as_uri())
        page.wait("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 2")
        assert page.problems == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["read", "STACK"], 2, "--um-per-pixel"),
        (["read", "STACK", "--um-per-pixel", "16", "--model", "nobody"], 1, "nobody"),
        (["read", "STACK", "--um-per-pixel", "1"], 1, "check um_per_pixel"),
        (["simulate", "x.jpg"], 2, ".tif"),
        (["simulate", "x.tif", "--mode", "ninety"], 2, "ninety"),
        (["simulate", "x.tif", "--mode", "5,0.2"], 1, "median"),
    ],
    ids=["scale", "model", "field", "format", "mode", "median"],
)
def test_mistakes_are_explained_without_a_traceback(service: LocalService, model: str, files: Path, words: list[str], code: int, said: str):
    done = call(service, "psd", *(files / "stack.tif" if word == "STACK" else word for word in words))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
