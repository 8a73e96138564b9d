"""What fitting to a part of the data costs: the comparison must be fair, and show a difference where there is one."""

import json
from unittest.mock import patch

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from benchmarks import subset
from models import gp
from optimizer.problems import get_problem


@pytest.fixture(name="problem", scope="module")
def _problem():
    return get_problem("hartmann6")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(subset, "ROUND", 20)
    monkeypatch.setattr(subset, "TEST", 100)


def test_a_campaign_holds_as_many_distinct_wells_as_asked_half_of_them_near_the_best(problem):
    state = subset.campaign(problem, 60, 0)
    assert len(np.unique(state.data.X, axis=0)) == 60
    assert state.batch_size == subset.WELLS
    late = state.data.X[state.data.rounds == 3]
    first = state.data.where(state.data.rounds <= 2)
    best = first.X[np.argsort(first.loss)[:10]]
    near = np.abs(late[:, None] - best).max(axis=2).min(axis=1) < 0.3
    assert near[:10].mean() > 0.9
    assert near[10:].mean() < 0.5


def test_where_the_limit_holds_all_data_the_two_are_one(problem):
    part, every = subset.compare(problem, 60, 0)
    assert (part.regret, part.rmse, part.density) == (every.regret, every.rmse, every.density)


def test_a_small_subset_foretells_worse(problem):
    state = subset.campaign(problem, 100, 0)
    part, every = (subset.outcome(problem, state, limit) for limit in (15, 100))
    assert gp.FIT_LIMIT == 400
    assert part.density[0] < every.density[0]
    assert part.rmse[0] > every.rmse[0]
    assert all(0 < share < 1 for share in every.rmse)


def test_the_hidden_problem_has_the_optimum_of_its_six_parameters():
    problem, optimum = subset.wide(), np.r_[0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]
    rows = np.vstack([np.r_[optimum, np.full(14, filling)] for filling in (0.0, 1.0)])
    np.testing.assert_allclose(problem.losses(rows), problem.optimum, atol=1e-4)


def test_the_command_tells_cost_and_ratios(tmp_path):
    app = Typer()
    app.command()(subset.main)
    small = {"LARGE": 60, "PROBLEMS": {"hartmann6": get_problem}}
    with patch.multiple(subset, **small), patch.object(gp, "FIT_LIMIT", 30):
        told = CliRunner().invoke(app, ["--data", "100", "--seeds", "1", "--json", str(tmp_path / "subset.json")])
    assert told.exit_code == 0, told.output
    assert "60 data, 20 parameters, 15 wells" in told.output
    found = json.loads((tmp_path / "subset.json").read_text())
    assert found["cost"]["met"] == (found["cost"]["cpu_s"] <= 15)
    (row,) = found["rows"]
    assert min(row["cpu_s_subset"], row["cpu_s_all"]) > 0
    assert row["regret_ratio"] == pytest.approx(row["regret_subset"][0] / row["regret_all"][0])
    assert row["log_density_loss_spread"] > 0
