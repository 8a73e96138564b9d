"""`closedloop simulate`: campaigns side by side on a real service, interrupted and taken up again, and its mistakes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from app.schemas.campaign import CampaignDocument
from closedloop import Client, cli, race
from closedloop.local import LocalService, local_service
from optimizer.switch import Advance
from optimizer.types import Leg
from tests.chromium import browse

TINY = race.Race(("lp_ei", "thompson"), seed=5, rounds=3, replicates=10, wells=5, threshold=0.9)
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def system() -> race.System:
    return race.nanoparticle()


@pytest.fixture(scope="module")
def summary(client: Client, system: race.System) -> dict[str, Any]:
    return race.run(client, system, TINY, QUIET)


def losses(summary: dict[str, Any]) -> dict[str, Any]:
    return {rule: (result["best_true"], result["best_median"]) for rule, result in summary["campaigns"].items()}


def test_all_rules_start_from_the_same_wells_and_noise_and_then_part(summary: dict[str, Any]):
    (true, median), (other_true, other_median) = losses(summary).values()
    assert len(true) == len(median) == TINY.rounds
    assert (true[0], median[0]) == (other_true[0], other_median[0])
    assert true[1:] != other_true[1:]
    assert all(0 <= loss <= 1 for loss in true + median)


def test_the_lab_has_misbehaved(summary: dict[str, Any], client: Client):
    for result in summary["campaigns"].values():
        wells = [well for round in (1, 2, 3) for well in client.batch(result["campaign"], round)["designs"]]
        # Of 50, 40 and 50 replicates 2, 1 and 2 are late, 1, 0 and 1 lost; those of round 3 that are late have not come yet.
        assert result["stored"] == (50 - 1) + 40 + (50 - 3)
        assert result["unchanged"] == 4 + 3 + 4
        assert sum(10 - well["summary"]["n"] for well in wells if well["state"] == "measured") == 1 + 3
        assert [well["reason"] for well in wells if well["state"] == "failed"] == ["channel clogged"]
        assert result["failed"] == 1


def test_the_same_command_again_does_nothing_and_says_the_same(summary: dict[str, Any], client: Client, system: race.System):
    again = race.run(client, system, TINY, QUIET)
    assert losses(again) == losses(summary)
    assert [result["unchanged"] for result in again["campaigns"].values()] == [0, 0]
    assert [result["stored"] for result in again["campaigns"].values()] == [result["stored"] for result in summary["campaigns"].values()]


def test_interrupted_and_taken_up_on_another_service_it_comes_to_the_same(
    summary: dict[str, Any], system: race.System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    task, post, calls = replace(TINY, rules=("thompson",)), Client.post_measurements, iter(range(1000))

    def until_ctrl_c(self: Client, *arguments: Any) -> Any:
        if next(calls) == 4:
            raise KeyboardInterrupt
        return post(self, *arguments)

    with local_service(tmp_path) as service, Client(service.url, service.key) as client:
        monkeypatch.setattr(Client, "post_measurements", until_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            race.run(client, system, task, QUIET)
        assert losses(race.run(client, system, task, QUIET))["thompson"] == losses(summary)["thompson"]


@pytest.mark.parametrize(
    ("reached", "said"),
    [((2, 3), "First: a"), ((2, 2), "First, in the same round: a, b"), ((None, 4), "First: b"), ((None, None), "Nobody reached it")],
)
def test_who_was_first_is_said(summary: dict[str, Any], reached: tuple[int | None, int | None], said: str):
    campaigns = zip("ab", summary["campaigns"].values(), reached, strict=True)
    results = {rule: result | {"reached_true": round} for rule, result, round in campaigns}
    assert said in race.verdict(summary | {"campaigns": results, "first": race._first(results)})[-1]


def test_every_row_fills_its_columns(summary: dict[str, Any]):
    for _, header, rows in race.cells(summary):
        assert {len(row) for row in rows} == {len(header)}


AT_ONCE = {"network": "composite", "together": "split", "to_both": {}, "to_network": {"after_rounds": 1}}


def test_one_arm_may_go_from_phase_to_phase_and_shows_them(client: Client, system: race.System, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(race, "_SWITCH", AT_ONCE)
    both = race.run(client, system, replace(TINY, rules=(race.TWO_STEPS, "lhs"), seed=6), QUIET)
    steps = both["campaigns"][race.TWO_STEPS]
    assert steps["phases"] == ["initial", "both", "network"]
    origins = [{well["origin"] for well in client.batch(steps["campaign"], round)["designs"]} for round in (2, 3)]
    assert origins == [{"lp_ei", "composite"}, {"composite"}]
    _, header, rows = race.cells(both)[0]
    assert [row[header.index("switch, phase")] for row in rows] == steps["phases"]
    assert "lhs, phase" not in header
    drawn = race.page(both).figures["race"][1]["data"][0]
    assert (drawn["text"], drawn["marker"]["symbol"]) == (steps["phases"], ["circle", "diamond", "square"])


def test_the_conditions_between_the_phases_are_ones_that_the_service_takes(system: race.System):
    document = CampaignDocument.model_validate(race._document(system, replace(TINY, rules=(race.TWO_STEPS,)), race.TWO_STEPS))
    document.check()
    assert document.strategy.switch is not None
    assert document.strategy.switch.domain().to_both == Advance(1, Leg(0.05))


def test_a_campaign_on_distributions_runs_the_same_way(client: Client):
    lab = race.polymer()
    summary = race.run(client, lab, replace(lab.usual, rules=("composite",), rounds=2, wells=6), QUIET)
    result = summary["campaigns"]["composite"]
    campaign = client.campaign(result["campaign"])
    assert campaign["document"]["objective"]["kind"] == "curve_match"
    assert result["best_true"][1] < result["best_true"][0]
    assert all(0 <= loss <= 1 for loss in result["best_true"] + result["best_median"])


def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "closedloop.cli", "simulate", *map(str, words)]
    return subprocess.run(command, env={"PATH": "", "COLUMNS": "120"}, capture_output=True, text=True, timeout=300)


def test_the_command_prints_and_writes_what_came_of_it(service: LocalService, tmp_path: Path, chromium: str):
    words = ["nanoparticle", "--rules", "lhs,random", "--rounds", "2", "--replicates", "1", "--url", service.url, "--key", service.key]
    done = call(*words, "--json", tmp_path / "race.json", "--report", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert "Target region: loss at most 0.2" in done.stdout
    written = json.loads((tmp_path / "race.json").read_text())
    assert list(written["campaigns"]) == ["lhs", "random"]
    assert len(written["campaigns"]["lhs"]["best_true"]) == 2
    with browse() as page:
        page.open((tmp_path / "report" / "report.html").as_uri())
        page.wait("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 1")
        assert page.problems == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["gold"], 2, "nanoparticle"),
        (["nanoparticle", "--rounds", "0"], 2, "--rounds"),
        (["nanoparticle", "--rules", "lhs,magic", "--url", "URL", "--key", "KEY"], 1, "strategy.rules"),
        (["nanoparticle", "--url", "http://127.0.0.1:9", "--key", "KEY"], 1, "does not answer"),
        (["nanoparticle", "--url", "URL", "--key", "cl_wrong"], 1, "unknown or revoked"),
    ],
    ids=["system", "rounds", "rule", "url", "key"],
)
def test_mistakes_are_explained_without_a_traceback(words: list[str], code: int, said: str, service: LocalService):
    done = call(*({"URL": service.url, "KEY": service.key}.get(word, word) for word in words))
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_names_of_the_labs_are_those_that_exist():
    assert all(callable(getattr(race, system.value)) for system in cli.tools.System)
