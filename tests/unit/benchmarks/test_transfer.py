"""Campaigns with and without a prior, side by side."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import transfer
from optimizer.problems import get_problem

MIXTURE = get_problem("mixture")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "ROUNDS", 1)


def test_the_priors_are_what_they_are_called() -> None:
    found = dict(transfer.priors(MIXTURE, "lp_ei", 3))
    assert {kind: len(data) for kind, data in found.items()} == {"related": 15, "negated": 15, "shuffled": 15}
    truth = {kind: MIXTURE.losses(data.X) for kind, data in found.items()}
    correlations = {kind: np.corrcoef(truth[kind], data.loss)[0, 1] for kind, data in found.items()}
    assert correlations["related"] > 0.7
    assert correlations["negated"] < -0.9
    assert abs(correlations["shuffled"]) < 0.7


def test_past_curves_are_scored_for_the_present_target() -> None:
    problem = get_problem("spectra_narrow")
    kinds = dict(transfer.priors(problem, "lp_ei", 0))
    assert list(kinds) == ["related", "shuffled"]
    np.testing.assert_array_equal(kinds["related"].loss, problem.objective.losses(kinds["related"].Y).loss)


def test_the_command_prints_and_writes_the_regrets(tmp_path) -> None:
    app = transfer.typer.Typer()
    app.command()(transfer.main)
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(app, ["mixture", "--seeds", "1", "--batches", "1", "--json", str(file)])
    assert done.exit_code == 0, done.output
    figures = json.loads(file.read_text())
    assert list(figures["rules"]) == ["none", "related", "negated", "shuffled"]
    assert len({tuple(scores["initial_regret"]) for scores in figures["rules"].values()}) == 1
    assert "related" in done.output
