"""Scattering over HTTP: particles simulated, and measured curves read by trained models."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from app.examples import SCATTERING_BUILD, SCATTERING_CURVE, SCATTERING_SIMULATION, SCATTERING_SURROGATE, STRUCTURE
from closedloop import Client, Conflict, InvalidInput
from closedloop.local import LocalService
from models.scattering.curves import Q, Sample, intensity
from models.scattering.dataset import TARGETS, scattering_table
from models.scattering.shapes import SHAPES, cluster
from tests.service.conftest import expect, expect_refusal
from tests.service.test_cli import Run, run  # noqa: F401

SIMULATE, CURVE = "simulate/scattering", "surrogates/particles-library/curve"
GOLD = Sample("icosahedron", 4, (("Au", 1.0),), noise=0.01)
q = np.arange(8, 320) / 100
I = 2e-6 * intensity(GOLD, q, np.random.default_rng(0))  # noqa: E741
ARRAYS = {"q": q.tolist(), "intensity": I.tolist(), "unit": "1/Angstrom", "composition": "Au"}


def text(q=q, header="# q (1/Angstrom)  I\n", values=I):
    return header + "\n".join(f"{x:.8g} {y:.8g}" for x, y in zip(q, values, strict=True))


def nxcansas(unit="1/nm", name="SASdata"):
    import h5py

    stream = BytesIO()
    with h5py.File(stream, "w") as file:
        group = file.create_group("sasentry01/sasdata01")
        group.attrs["canSAS_class"] = name
        group["Q"], group["I"], group["Idev"] = 10 * q, I, 0.01 * I
        group["Q"].attrs["units"] = unit
    return stream.getvalue()


def outside_file(path):
    """A file whose intensities stand in another file of the machine."""
    import h5py

    other = path / "secret.bin"
    other.write_bytes(I.tobytes())
    with h5py.File(path / "link.h5", "w") as file:
        group = file.create_group("sasentry01/sasdata01")
        group.attrs["canSAS_class"] = "SASdata"
        group["Q"] = q
        group.create_dataset("I", q.shape, float, external=[(str(other), 0, h5py.h5f.UNLIMITED)])
    return (path / "link.h5").read_bytes()


@pytest.fixture
def model(api, work):
    expect(api.post("datasets/build", json=SCATTERING_BUILD), 201)
    id = expect(api.post("surrogates", json=SCATTERING_SURROGATE), 202)["id"]
    work()
    return id


# Simulation


def test_curves_are_those_of_debyes_equation(api):
    answer = expect(
        api.post(SIMULATE, json={**SCATTERING_SIMULATION, "samples": [{"shape": "icosahedron", "size": 4, "composition": "Au"}]})
    )
    axis, particle = np.array(answer["axis"]), answer["particles"][0]
    np.testing.assert_allclose(axis, np.arange(1, 501) / 50, rtol=1e-12)
    np.testing.assert_allclose(particle["intensity"], intensity(Sample("icosahedron", 4, (("Au", 1.0),)), axis), rtol=1e-12)
    atoms = cluster("icosahedron", 4)
    assert particle["atoms"] == len(atoms) == 309
    assert particle["circumscribed"] == pytest.approx(2.8838 * atoms.radius)
    assert particle["gyration"] == pytest.approx(2.8838 * atoms.gyration)


def test_the_same_seed_gives_the_same_noise_and_alloys_scatter_between_their_elements(api):
    first, same = (expect(api.post(SIMULATE, json=SCATTERING_SIMULATION)) for _ in range(2))
    assert first == same
    other = expect(api.post(SIMULATE, json={**SCATTERING_SIMULATION, "seed": 8}))
    assert other["particles"][0]["intensity"] != first["particles"][0]["intensity"]
    assert other["particles"][1] == first["particles"][1]
    assert 2.8838 < first["particles"][1]["distance"] / 1.01 < 2.8889


def test_structures_are_files(api):
    answer = api.post(f"{SIMULATE}/structure", json=STRUCTURE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "chemical/x-xyz")
    assert answer.text.splitlines()[0] == "309"
    answer = api.post(f"{SIMULATE}/structure", json={**STRUCTURE, "format": "cif"})
    assert answer.text.startswith("data_icosahedron_4")
    assert 'filename="icosahedron-4.cif"' in answer.headers["content-disposition"]


SAMPLE = {"shape": "octahedron", "size": 3, "composition": "Au"}


NO_PARTICLES = [
    ({"shape": "sphere"}, "samples.0.shape"),
    ({"shape": "tetrahedron", "size": 1}, "samples.0.size"),
    ({"size": 21}, "samples.0.size"),
    ({"size": 15, "size_spread": 0.2}, "samples.0.size_spread"),
    ({"composition": "gold"}, "samples.0.composition"),
    ({"composition": "U"}, "samples.0.composition"),
    ({"strain": 0.6}, "samples.0.strain"),
    ({"biso": -1}, "samples.0.biso"),
]
TOO_MUCH = [
    ({"samples": [SAMPLE] * 300}, "samples"),
    ({"samples": [SAMPLE], "axis": {"low": 1, "high": 1.01}}, "axis"),
    ({"samples": [{**SAMPLE, "composition": "Pb", "strain": 0.4}], "axis": {"high": 28}}, "axis"),
    ({"samples": []}, "samples"),
]


def test_what_is_no_particle_or_too_much_is_refused(api):
    for body, field in [({"samples": [{**SAMPLE, **changes}]}, field) for changes, field in NO_PARTICLES] + TOO_MUCH:
        problem = expect_refusal(api.post(SIMULATE, json=body), 422, field)
        assert all(error["remedy"] for error in problem["errors"])


# Data sets


def test_a_data_set_is_built_on_a_part_of_the_axis(api):
    made = expect(api.post("datasets/build", json=SCATTERING_BUILD), 201)
    whole = scattering_table(400, 7, largest=6)
    curves = next(field for field in made["fields"] if field["name"] == "intensity")
    assert (len(curves["axis"]), curves["axis_unit"]) == (146, "1/Angstrom")
    assert curves["max"] == whole["intensity"].values[:, 9:300].max()
    assert expect(api.post("datasets/build", json=SCATTERING_BUILD)) == made


def test_a_wrong_build_is_refused(api):
    published = {"design": "published", "rows": None}
    for changes in ({"rows": None}, {"design": "published"}, published, {"low": 2.9}, {"largest": 16}, {"size_spread": 0.5}):
        expect_refusal(api.post("datasets/build", json={**SCATTERING_BUILD, **changes}), 422)


# Measured curves


def test_a_curve_tells_the_particles_behind_it(api, model):
    answer = expect(api.post(CURVE, json=ARRAYS))
    assert answer["shape"]["best"] == "icosahedron"
    assert set(answer["shape"]["probabilities"]) == set(SHAPES)
    assert sum(answer["shape"]["probabilities"].values()) == pytest.approx(1)
    assert answer["atoms"]["value"] == pytest.approx(309, rel=0.02)
    assert answer["atoms"]["low"] < 309 < answer["atoms"]["high"]
    assert answer["size"]["value"] == pytest.approx(4, abs=0.1)
    radii = {(one["kind"], one["unit"]): one for one in answer["radii"]}
    atoms = cluster("icosahedron", 4)
    assert radii["circumscribed", "Angstrom"]["value"] == pytest.approx(2.8838 * atoms.radius, rel=0.05)
    assert radii["gyration", "Angstrom"]["value"] == pytest.approx(2.8838 * atoms.gyration, rel=0.02)
    for kind in ("circumscribed", "volume_equivalent", "gyration"):
        assert radii[kind, "nm"]["value"] == pytest.approx(radii[kind, "Angstrom"]["value"] / 10)
    assert answer["distance"] == {"value": 2.8838, "source": "composition"}
    assert answer["guinier"]["rg"] == pytest.approx(2.8838 * atoms.gyration, rel=0.05)
    assert answer["guinier"]["high"] * answer["guinier"]["rg"] <= 1.3
    assert answer["nearest"][0]["fields"]["shape"] == "icosahedron"
    assert [figure["name"] for figure in answer["figures"]] == ["fit", "guinier"]
    assert answer["validity"]["status"] == "inside"


def test_the_scale_of_intensities_changes_nothing_unless_they_are_absolute(api, model):
    plain = expect(api.post(CURVE, json=ARRAYS))
    scaled = expect(api.post(CURVE, json={**ARRAYS, "intensity": (1e9 * I).tolist()}))
    assert scaled["atoms"]["value"] == pytest.approx(plain["atoms"]["value"], rel=1e-6)
    assert scaled["measured"]["factor"] == pytest.approx(1e9 * plain["measured"]["factor"], rel=1e-6)
    absolute = expect(api.post(CURVE, json={**ARRAYS, "absolute": True}))
    assert absolute["validity"]["status"] == "outside"
    assert absolute["measured"]["factor"] == 1


def test_arrays_text_and_nxcansas_say_the_same(api, model):
    told = expect(api.post(CURVE, json=ARRAYS))
    text_nm = text(10 * q, "# q (nm^-1), I\n")
    for content, unit in ((text(), None), (text(10 * q, ""), "1/nm"), (text_nm, None), (nxcansas(), None), (nxcansas(""), "1/nm")):
        params = {"composition": "Au"} | ({} if unit is None else {"unit": unit})
        answer = expect(api.post(f"{CURVE}/file", params=params, files={"file": ("curve", content)}))
        assert answer["atoms"]["value"] == pytest.approx(told["atoms"]["value"], rel=1e-4)
        assert answer["shape"]["best"] == "icosahedron"
    assert answer["measured"]["unit"] == "1/nm"
    assert "error_y" in answer["figures"][0]["figure"]["data"][0]


UNUSABLE = [
    (text(header=""), {}, "unit"),
    (text(), {"unit": "1/nm"}, "unit"),
    (text(), {"unit": "1/m"}, "query.unit"),
    (text(values=np.where(q > 1, np.nan, I)), {}, "intensity"),
    ("# q (1/nm)\n" + "\n".join(f"{x:g}" for x in q), {}, "file"),
    (text()[:60], {}, "q"),
    ("", {}, "file"),
    (b"\xff\xfe\x00binary", {}, "file"),
    (b"\x89HDF\r\n\x1a\nbroken", {}, "file"),
    (text(q[q < 2], values=I[q < 2]), {}, "q"),
    (text(header="# q (1/nm)\n"), {}, "q"),
    (text(10 * q), {}, "q"),
    (text(), {"composition": "gold"}, "composition"),
    (text(), {"missing": 1}, "query.missing"),
    (text(), {"colour": "red"}, "query.colour"),
]


def test_files_that_cannot_be_used_are_refused_with_the_remedy(api, model):
    for content, params, field in UNUSABLE:
        answer = api.post(f"{CURVE}/file", params=params, files={"file": ("curve", content)})
        problem = expect_refusal(answer, 422, field)
        assert all(error["remedy"] for error in problem["errors"])


def test_hdf5_without_a_curve_or_from_elsewhere_is_refused(api, model, tmp_path: Path):
    for content, said in ((nxcansas(name="SASnote"), "no group"), (outside_file(tmp_path), "another file")):
        problem = expect_refusal(
            api.post(f"{CURVE}/file", files={"file": ("curve.h5", content)}, params={"unit": "1/Angstrom"}), 422, "file"
        )
        assert said in problem["detail"]


def test_a_unit_taken_for_the_other_is_suspected_where_it_cannot_be_refused(api, model):
    wide = np.arange(1, 350) / 100
    wrong = {"q": (10 * wide).tolist(), "intensity": intensity(GOLD, wide).tolist(), "unit": "1/Angstrom", "missing": 0.1}
    answer = expect(api.post(CURVE, json=wrong))
    assert any("1/nm" in flag for flag in answer["flags"])
    assert answer["validity"]["status"] != "inside"


def test_another_range_is_refused_or_flagged_never_answered_silently(api, model):
    short = {**ARRAYS, "q": q[q < 2].tolist(), "intensity": I[q < 2].tolist()}
    problem = expect_refusal(api.post(CURVE, json=short), 422, "q")
    assert "train a model on the overlap" in problem["errors"][0]["remedy"]
    answer = expect(api.post(CURVE, json={**short, "missing": 0.5}))
    assert any("filled in" in flag for flag in answer["flags"])
    assert {check["name"]: check["status"] for check in answer["validity"]["checks"]}["coverage"] == "outside"
    assert answer["validity"]["status"] == "outside"


NO_CURVES = [
    ({"unit": None}, "unit"),
    ({"q": ARRAYS["q"][::-1]}, "q"),
    ({"intensity": ARRAYS["intensity"][:50]}, "intensity"),
    ({"intensity": (-I).tolist()}, "intensity"),
    ({"sigma": (-I).tolist()}, "sigma"),
    ({"q": [1.0, 2.0], "intensity": [1.0, 2.0]}, "q"),
    ({"composition": "Xx"}, "composition"),
    ({"nearest": 0}, "nearest"),
]


def test_arrays_that_cannot_be_used_are_refused(api, model):
    for changes, field in NO_CURVES:
        expect_refusal(api.post(CURVE, json={**ARRAYS, **changes}), 422, field)


def trained(api, work, **changes):
    id = expect(api.post("surrogates", json={**SCATTERING_SURROGATE, "seeds": 1, "sizes": [], **changes}), 202)["id"]
    work()
    return f"surrogates/{id}/curve"


def test_models_of_single_targets_tell_what_follows(api, work, model):
    shape = expect(api.post(trained(api, work, targets=["shape"], learner={"kind": "logistic"}), json=ARRAYS))
    assert shape["shape"]["best"] == "icosahedron"
    assert (shape["atoms"], shape["size"], shape["radii"]) == (None, None, [])
    numbers = trained(api, work, targets=[TARGETS[1]], learner={"kind": "ridge"})
    atoms = expect(api.post(numbers, json={name: value for name, value in ARRAYS.items() if name != "composition"}))
    assert atoms["shape"] is None
    assert atoms["atoms"]["value"] == pytest.approx(309, rel=0.3)
    assert atoms["size"]["source"] == "shape and atoms"
    assert atoms["distance"]["source"] == "nearest known curve"


def test_models_of_divided_curves_or_elements_want_the_composition(api, work):
    expect(api.post("datasets/build", json={**SCATTERING_BUILD, "divided": True}), 201)
    bare = {name: value for name, value in ARRAYS.items() if name != "composition"}
    divided = trained(api, work)
    expect_refusal(api.post(divided, json=bare), 422, "composition")
    assert expect(api.post(divided, json=ARRAYS))["shape"]["best"] == "icosahedron"
    inputs = [*SCATTERING_SURROGATE["inputs"], "element"]
    known = trained(api, work, inputs=inputs, targets=[TARGETS[1]], learner={"kind": "ridge"})
    expect_refusal(api.post(known, json={**ARRAYS, "composition": "Au3Ag"}), 422, "composition")
    assert expect(api.post(known, json=ARRAYS))["atoms"]["value"] == pytest.approx(309, rel=0.3)


INVARIANT_BUILD = {"name": "Particles", "simulator": "scattering", "rows": 250, "seed": 7, "largest": 4, "invariants": True}


def seen(*names):
    return [{"name": name, "scale": "log"} for name in names]


@pytest.fixture
def freed_model(api, work):
    """Asks a model of shapes that sees some fields."""
    expect(api.post("datasets/build", json=INVARIANT_BUILD), 201)
    return lambda *names: trained(api, work, inputs=seen(*names), targets=["shape"], learner={"kind": "logistic"})


ALLOY = Sample("icosahedron", 3, (("Au", 0.75), ("Ag", 0.25)), noise=0.01)
WIDE = {"q": Q.tolist(), "intensity": (3e-7 * intensity(ALLOY, Q, np.random.default_rng(0))).tolist(), "unit": "1/Angstrom"}


def test_models_of_invariants_tell_the_shape_of_what_they_were_not_trained_on(api, freed_model):
    model = freed_model("form", "structure_factor")
    answer = expect(api.post(model, json={**WIDE, "composition": "Au3Ag"}))  # no data set holds alloys
    assert answer["shape"]["best"] == "icosahedron"
    assert answer["nearest"][0]["fields"]["structure"] == "icosahedron 3"
    assert any("taken from wide angles" in flag for flag in answer["flags"])
    fit = answer["figures"][0]["figure"]["data"]
    inside = np.array(fit[0]["x"]) < fit[1]["x"][-1]
    ratio = np.array(fit[0]["y"]) / np.interp(fit[0]["x"], fit[1]["x"], fit[1]["y"])
    assert np.median(np.abs(np.log(ratio[inside]))) < 0.1
    scaled = expect(api.post(model, json={**WIDE, "intensity": [1e9 * one for one in WIDE["intensity"]], "composition": "Au3Ag"}))
    assert scaled["shape"]["probabilities"] == pytest.approx(answer["shape"]["probabilities"], abs=1e-6)
    problem = expect_refusal(api.post(model, json=WIDE), 422, "composition")
    assert "made of" in problem["errors"][0]["remedy"]


def test_models_of_the_form_need_no_scale_and_others_say_how_to_tell_it(api, freed_model):
    kept = Q < 7
    short = {**WIDE, "q": Q[kept].tolist(), "intensity": WIDE["intensity"][: kept.sum()], "composition": "Au3Ag"}
    form = freed_model("form")
    expect_refusal(api.post(form, json=short), 422, "q")
    answer, whole = (expect(api.post(form, json=body)) for body in ({**short, "missing": 0.7}, {**WIDE, "composition": "Au3Ag"}))
    assert answer["shape"]["probabilities"] == pytest.approx(whole["shape"]["probabilities"], abs=0.02)
    assert answer["validity"]["status"] == "outside"
    assert not any("taken from wide angles" in flag for flag in answer["flags"])
    problem = expect_refusal(api.post(freed_model("structure_factor"), json={**short, "missing": 0.7}), 422, "absolute")
    assert "form alone" in problem["errors"][0]["remedy"]


def test_invariants_that_cannot_be_built_are_refused(api):
    for changes, field in (({"low": 0.1}, "low"), ({"high": 10}, "high"), ({"step": 7}, "high"), ({"divided": True}, "divided")):
        problem = expect_refusal(api.post("datasets/build", json={**INVARIANT_BUILD, **changes}), 422, field)
        assert problem["errors"][0]["remedy"]


def test_other_models_are_refused(api, work):
    expect(api.post("datasets/build", json=SCATTERING_BUILD), 201)
    other = trained(api, work, inputs=["biso", *SCATTERING_SURROGATE["inputs"]], targets=[TARGETS[1]], learner={"kind": "ridge"})
    assert "biso" in expect_refusal(api.post(other, json=ARRAYS), 409)["detail"]
    expect_refusal(api.post("surrogates/none/curve", json=ARRAYS), 404)
    id = expect(api.post("surrogates", json={**SCATTERING_SURROGATE, "name": "Not yet"}), 202)["id"]
    expect_refusal(api.post(f"surrogates/{id}/curve", json=ARRAYS), 409)


def test_who_may(api, model, as_role):
    viewer, lab = as_role("viewer"), as_role("lab")
    for url, body in ((SIMULATE, SCATTERING_SIMULATION), (f"{SIMULATE}/structure", STRUCTURE), (CURVE, ARRAYS)):
        expect_refusal(api.post(url, json=body, headers=viewer), 403)
        assert api.post(url, json=body, headers=lab).status_code == 200
    expect_refusal(api.post(f"{CURVE}/file", files={"file": ("c", text())}, headers=viewer), 403)


def test_the_example_of_the_documentation_works(api, model):
    answer = expect(api.post(CURVE, json=SCATTERING_CURVE))
    assert answer["shape"]["best"] == "icosahedron"
    assert answer["validity"]["status"] != "outside"


# Client and command


def test_the_client_and_the_command_read_and_simulate(
    run: Run,  # noqa: F811
    service: LocalService,
    client: Client,
    tmp_path: Path,
):
    where = ("--url", service.url, "--key", service.key)
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({name: SCATTERING_BUILD[name] for name in ("largest", "low", "high", "step")}))
    build = ("dataset", "build", "scattering", "--name", "Particles", "--rows", "400", "--seed", "7", "--settings", settings)
    code, out, error = run(*build, *where)
    assert code == 0, error
    assert "400 rows" in out
    wanted = {name: value for name, value in SCATTERING_SURROGATE.items() if name in ("inputs", "targets", "group", "seeds")}
    made = client.train_surrogate("Particles, library", "particles", learner="library", learner_settings={"scale": False}, **wanted)
    id = client.wait_for_surrogate(made["id"])["id"]
    curve, atoms = tmp_path / "curve.csv", tmp_path / "gold.cif"
    ends = ("--low", "0.1", "--high", "3", "--step", "0.01", "--noise", "0.01")
    code, out, error = run("scattering", "simulate", "icosahedron", "4", "Au", *ends, "--output", curve, "--structure", atoms, *where)
    assert code == 0, error
    assert "309" in out
    assert atoms.read_text() == client.structure({"shape": "icosahedron", "size": 4, "composition": "Au"}, "cif")
    files = ("--json", tmp_path / "told.json", "--report", tmp_path / "report")
    code, out, error = run("scattering", "read", curve, "--model", id, "--composition", "Au", *files, *where)
    assert code == 0, error
    assert "icosahedron" in out
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "fit.json", "guinier.json"}
    told = json.loads((tmp_path / "told.json").read_text())
    assert told == client.read_curve_file(id, curve, composition="Au")
    measured = np.loadtxt(curve, delimiter=",")
    again = client.read_curve(id, measured[:, 0], measured[:, 1], "1/Angstrom", sigma=0.01 * measured[:, 1], composition="Au")
    assert again["atoms"] == told["atoms"]
    code, out, error = run("scattering", "read", curve, "--model", id, "--unit", "1/nm", *where)
    assert (code, "the file says 1/Angstrom" in error) == (1, True)
    assert ".xyz or .cif" in run("scattering", "simulate", "icosahedron", "4", "Au", "--structure", tmp_path / "a.pdb", *where)[2]
    settings.write_text('{"rows": 3}')
    assert "no further settings" in run(*build, *where)[2]
    with pytest.raises(InvalidInput, match="unit"):
        client.read_curve(id, measured[:, 0], measured[:, 1], "1/mm")
    with pytest.raises(Conflict, match="not trained"):
        client.read_curve(client.train_surrogate("More", "particles", learner="forest", **wanted)["id"], q, I, "1/Angstrom")
