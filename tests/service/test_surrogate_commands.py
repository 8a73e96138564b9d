"""The command ``closedloop surrogate`` and the client's part behind it, against a real service."""

import json
from pathlib import Path

import pytest

from closedloop import Client, Conflict, InvalidInput, TimedOut
from closedloop.local import LocalService
from tests.service.test_cli import Run, run  # noqa: F401

INPUTS = ["QAgNO3", "Qpva", "Qtsc", "Qseed", "Qtot"]
RECIPE = {"QAgNO3": 30.0, "Qpva": 16.0, "Qtsc": 6.5, "Qseed": 4.5, "Qtot": 850.0}


@pytest.fixture(scope="module")
def spectra(client: Client) -> str:
    return client.build_dataset("Spectra", "nanoparticle", 40, seed=1, replicates=2)["id"]


def test_a_model_is_trained_shown_asked_promoted_and_retired(
    run: Run,  # noqa: F811
    service: LocalService,
    client: Client,
    spectra: str,
    tmp_path: Path,
):
    where = ("--url", service.url, "--key", service.key)
    given = ("--dataset", spectra, "--inputs", ",".join(INPUTS), "--targets", "absorbance", "--group", "recipe", "--seeds", "2")
    code, out, error = run("surrogate", "train", "Linear [x]", *given, *where, "--json", tmp_path / "card.json")
    assert code == 0, error
    assert "grouped" in out
    assert json.loads((tmp_path / "card.json").read_text())["card"]["splits"]["grouped"]["seeds"] == 2
    rows, wrong = tmp_path / "rows.json", tmp_path / "wrong.json"
    rows.write_text(json.dumps([RECIPE, {**RECIPE, "Qtot": 5000}]))
    wrong.write_text(json.dumps(RECIPE))
    code, out, error = run("surrogate", "predict", "linear-x", rows, *where, "--json", tmp_path / "told.json")
    assert code == 0, error
    assert "Qtot)" in out
    assert json.loads((tmp_path / "told.json").read_text()) == client.predict("linear-x", [RECIPE, {**RECIPE, "Qtot": 5000}])
    assert "no list of samples" in run("surrogate", "predict", "linear-x", wrong, *where)[2]
    assert "promoted" in run("surrogate", "promote", "linear-x", "--reason", "good", *where)[1]
    assert "linear-x" in run("surrogate", "list", "--state", "promoted", *where)[1]
    assert "retired" in run("surrogate", "retire", "linear-x", "--reason", "old", *where)[1]
    code, out, error = run("surrogate", "show", "linear-x", *where, "--output", tmp_path / "model.zip")
    assert (code, "retired" in out) == (0, True), error
    assert (tmp_path / "model.zip").read_bytes() == client.surrogate_files("linear-x")
    assert ":log" in run("surrogate", "train", "Odd", "--dataset", spectra, "--inputs", "Qtot:exp", "--targets", "absorbance", *where)[2]


def test_the_client_waits_for_a_card_or_says_why_there_is_none(client: Client, spectra: str):
    with pytest.raises(InvalidInput, match=r"targets\.0"):
        client.train_surrogate("None", spectra, INPUTS, ["colour"], "ridge")
    made = client.train_surrogate("Small", spectra, INPUTS, ["absorbance"], "ridge", version=1, seeds=1, sizes=[])
    card = client.wait_for_surrogate(made["id"])["card"]
    assert card is not None
    assert card["data"]["rows"] == 40
    assert client.retry_training(made["id"])["state"] == "done"
    slow = client.train_surrogate("Slow", spectra, INPUTS, ["absorbance"], "forest", learner_settings={"trees": 1000}, seeds=2)
    with pytest.raises(Conflict, match="not trained"):
        client.predict(slow["id"], [RECIPE])
    with pytest.raises(TimedOut, match="not trained"):
        client.wait_for_surrogate(slow["id"], timeout=0.1)
