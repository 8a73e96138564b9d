"""The virtual lab against the published file: how it agrees, and whether its noise is that of the real one."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fit_nanoparticle
from models.nanoparticle.growth import published
from optimizer.nanoparticle import agreement, foretold, losses

MEASURED = {"mad_5%": 0.0041, "mad_50%": 0.0180, "mad_95%": 0.0885, "outliers": 0.0334, "autocorrelation": 0.622}


@pytest.fixture(scope="module")
def table(agnp_csv: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    return fit_nanoparticle.read(agnp_csv)


def medians(table: tuple[np.ndarray, list[np.ndarray]]) -> np.ndarray:
    return np.array([np.median(well) for well in table[1]])


def test_the_constants_of_the_package_reproduce_the_medians(table):
    X, y = table[0], medians(table)
    assert len(X) == 164
    figures = agreement(losses(X, published()), y)
    assert figures["pearson"] > 0.96
    assert figures["spearman"] > 0.96
    assert figures["r2"] > 0.92


def test_rules_foretell_conditions_that_they_did_not_see(table):
    X, y = table[0], medians(table)
    fold = np.random.default_rng(0).permutation(len(y)) % fit_nanoparticle.FOLDS
    figures = agreement(foretold(X, y, fold, starts=2), y)
    assert figures["pearson"] >= 0.8


def test_the_noise_is_that_of_the_file(table):
    X, replicates = table
    assert fit_nanoparticle.noise_figures(replicates) == pytest.approx(MEASURED, rel=0.01)
    runs = [fit_nanoparticle.noise_figures(fit_nanoparticle.simulated(X, [len(well) for well in replicates], seed)) for seed in range(3)]
    mean = {name: np.mean([run[name] for run in runs]) for name in MEASURED}
    assert mean["mad_50%"] == pytest.approx(MEASURED["mad_50%"], rel=0.25)
    assert mean["mad_5%"] == pytest.approx(MEASURED["mad_5%"], rel=0.4)
    assert mean["mad_95%"] == pytest.approx(MEASURED["mad_95%"], rel=0.4)
    assert mean["outliers"] == pytest.approx(MEASURED["outliers"], abs=0.01)
    assert mean["autocorrelation"] == pytest.approx(MEASURED["autocorrelation"], abs=0.08)


def test_noise_figures_of_wells_made_for_it():
    steady, ramp = np.array([0.5] * 9), np.arange(9.0)
    figures = fit_nanoparticle.noise_figures([steady, ramp, np.r_[ramp, 100.0]])
    assert figures["autocorrelation"] == pytest.approx((1 + np.corrcoef(np.r_[ramp[1:], 100], ramp)[0, 1]) / 2)
    assert figures["outliers"] == pytest.approx(1 / 28)


def test_new_constants_go_into_the_file_and_nothing_else_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = fit_nanoparticle.CONSTANTS.read_text()
    copy = tmp_path / "constants.json"
    copy.write_text(before)
    monkeypatch.setattr(fit_nanoparticle, "CONSTANTS", copy)
    fit_nanoparticle._write({})
    assert copy.read_text() == before
    fit_nanoparticle._write({"sphere": 33.0})
    changed = {line["name"]: line["value"] for line in json.loads(copy.read_text())["constants"]}
    assert changed == {**published(), "sphere": 33.0}


def test_the_speed_is_told():
    assert 0 < fit_nanoparticle.speed() < 10
