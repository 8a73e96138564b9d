"""The commands that study trained models, and the client's part behind them, against a real service."""

import json
from pathlib import Path

import numpy as np
import pytest

from closedloop import Client, Conflict, InvalidInput, NotFound
from closedloop.local import LocalService
from models.nanoparticle.lab import VirtualLab
from tests.service.test_cli import Run, run  # noqa: F401

FLOWS = ["QAgNO3", "Qpva", "Qtsc", "Qseed", "Qtot"]
WANTED = VirtualLab().spectra(np.array([[12.0, 20.0, 10.0, 15.0, 600.0]]))[0].tolist()


@pytest.fixture(scope="module")
def model(client: Client) -> str:
    dataset = client.build_dataset("Spectra", "nanoparticle", 40, seed=1, replicates=2)["id"]
    made = client.train_surrogate("Silver <x>", dataset, FLOWS, ["absorbance"], "ridge", group="recipe", seeds=1)
    return client.wait_for_surrogate(made["id"])["id"]


@pytest.fixture
def ask(run: Run, service: LocalService, model: str, tmp_path: Path):  # noqa: F811
    """Run a study, and read what it wrote."""

    def call(kind: str, *words: object) -> tuple[str, dict, str]:
        where = ("--url", service.url, "--key", service.key, "--json", tmp_path / "told.json", "--report", tmp_path / kind)
        code, out, error = run("surrogate", kind, model, *words, *where)
        assert code == 0, error
        page = (tmp_path / kind / "report.html").read_text()
        assert "Silver &lt;x&gt;" in page
        found = json.loads((tmp_path / "told.json").read_text())
        for drawn in found["figures"]:
            assert json.loads((tmp_path / kind / f"{drawn['name']}.json").read_text()) == drawn["figure"]
        return out, found, page

    return call


def test_inputs_of_a_spectrum_are_found(ask, model: str, client: Client, tmp_path: Path):
    curve = tmp_path / "wanted.json"
    curve.write_text(json.dumps(WANTED))
    words = ("--fix", "Qtot=600", "--bounds", "QAgNO3=5:30", "--levels", "Qpva=10,20,30", "--log", "Qseed", "--small", "QAgNO3")
    rest = tmp_path / "rest.json"
    rest.write_text(json.dumps({"screened": 256, "starts": 8, "constraints": [{"coefficients": {"Qtsc": 1}, "bound": 40}]}))
    out, found, page = ask("inverse", "absorbance", curve, *words, "--count", "3", "--ok", "1e-5", "--request", rest)
    assert "absorbance: ok; mse by nanoparticle" in out
    assert "421 numbers" in page
    assert found == client.study(model, "inverse")
    for candidate in found["result"]["candidates"]:
        assert candidate["inputs"]["Qtot"] == 600
        assert candidate["inputs"]["Qpva"] in (10, 20, 30)
        assert candidate["inputs"]["Qtsc"] <= 40 + 1e-6
    again = client.inverse(model, "absorbance", WANTED, **{name: found["request"][name] for name in ("fixed", "bounds", "levels", "log")})
    assert again["result"]["status"] == "ok"


def test_what_a_model_looks_at_is_told(ask):
    out, found, _ = ask("explain", "--rows", "4", "--background", "4", "--cuts", "absorbance=500,600", "--metric", "absorbance=rmse")
    assert "absorbance, rmse" in out
    assert len(found["result"]["shapley"]["outputs"]) == 3


def test_how_a_model_stands_bad_inputs_is_told(ask):
    out, found, _ = ask("robustness", "--noise", "0.1,0.2", "--missing", "0.5", "--mode", "predict only")
    assert "missing points" in out
    assert found["request"]["corruptions"][0] == {"kind": "noise", "levels": [0.1, 0.2]}


def test_settings_are_swept_one_at_a_time_and_by_the_loop(ask):
    out, found, _ = ask("sweep", "--factor", "alpha=null,0.01,1e9", "--metrics", "rmse,r2", "--seeds", "2")
    assert " *" in out
    assert [level["value"] for level in found["result"]["factors"][0]["levels"]] == [None, 0.01, 1e9]
    out, found, _ = ask("sweep", "--search", "alpha=0.01:1e6:log", "--metrics", "rmse", "--seeds", "1", "--batches", "0", "--size", "3")
    assert "3 settings, best alpha" in out
    assert found["result"]["best"] in found["result"]["trials"]


def test_a_card_is_reported_with_its_figures(run: Run, service: LocalService, client: Client, model: str, tmp_path: Path):  # noqa: F811
    code, out, error = run("surrogate", "show", model, "--url", service.url, "--key", service.key, "--report", tmp_path / "card")
    assert code == 0, error
    assert str(tmp_path / "card" / "report.html") in out.replace("\n", "")
    assert [drawn["name"] for drawn in client.surrogate_figures(model)] == ["parity_1", "learning_1"]
    assert {path.stem for path in (tmp_path / "card").iterdir()} == {"report", "parity_1", "learning_1"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("inverse", "absorbance"), "give a value"),
        (("inverse", "absorbance", "much"), "no number"),
        (("inverse", "absorbance", "1", "--fix", "Qtot"), "a name, = and a value"),
        (("inverse", "absorbance", "1", "--bounds", "Qtot=1"), "2 numbers"),
        (("inverse", "absorbance", "1", "--small", "Qtot", "--large", "Qpva"), "give one"),
        (("inverse", "absorbance", "1"), "resample"),
        (("sweep", "--search", "alpha=1:2:exp"), ":whole"),
        (("sweep", "--factor", "depth=1,2"), "alpha"),
        (("robustness", "--half", "lower"), "noise or missing points"),
    ],
)
def test_what_cannot_be_asked_is_said(run: Run, service: LocalService, model: str, words, says):  # noqa: F811
    kind, *others = words
    code, out, error = run("surrogate", kind, model, *others, "--url", service.url, "--key", service.key)
    assert code != 0
    assert says in " ".join(f"{out} {error}".replace("│", " ").split())


def test_the_client_says_what_is_wrong(client: Client, model: str):
    with pytest.raises(InvalidInput, match=r"fixed\.Qtot"):
        client.inverse(model, "absorbance", WANTED, fixed={"Qtot": 1e6})
    with pytest.raises(NotFound, match="no surrogate"):
        client.study("nobody", "explain")
    by_curve = client.train_surrogate("Back", "spectra", ["absorbance"], ["Qseed"], "ridge", seeds=1, sizes=[])["id"]
    client.wait_for_surrogate(by_curve)
    with pytest.raises(Conflict, match="curve"):
        client.inverse(by_curve, "Qseed", 5)
