"""Stop legs in hindsight: what fires when, on figures made up and on a small campaign."""

from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.stop_legs import LEGS, Trial, cells, fired, look, told
from models.nets import NetworkSettings
from optimizer.rules import spectral_grid
from optimizer.types import AccuracyLeg, Evidence, Leg, StopSettings

STOP = StopSettings(Leg(0.2), Leg(0.01), AccuracyLeg(0.02), "all")


def rows(**legs: list[float]) -> list[dict]:
    """Figures by round, from round 1 on; the legs on predictions have none of round 1."""
    return [
        asdict(Evidence(leg, "", round, value, 0.0, False))
        for leg, values in legs.items()
        for round, value in enumerate(values, 1)
        if not np.isnan(value)
    ]


GOOD = rows(loss=[0.5, 0.19, 0.1, 0.1], stability=[np.nan, 0.02, 0.009, 0.003], accuracy=[np.nan, 0.3, 0.04, 0.02])
NEVER = rows(loss=[0.5, 0.4, 0.4, 0.5], stability=[np.nan, 0.02, 0.009, 0.003], accuracy=[np.nan, 0.3, 0.04, 0.02])


def test_each_leg_fires_in_the_first_round_that_meets_it_and_all_where_they_meet() -> None:
    assert fired(GOOD, STOP, 4) == {"loss": 2, "stability": 3, "accuracy": 4, "all": 4}
    assert fired(NEVER, STOP, 4) == {"loss": None, "stability": 3, "accuracy": 4, "all": None}


def test_a_leg_that_was_met_and_is_lost_again_does_not_count_later() -> None:
    lost = rows(loss=[0.1, 0.3, 0.3], stability=[np.nan, 0.003, 0.003], accuracy=[np.nan, 0.01, 0.01])
    assert fired(lost, STOP, 3) == {"loss": 1, "stability": 2, "accuracy": 2, "all": None}


def test_the_sentences_count_campaigns_and_orders() -> None:
    backwards = rows(loss=[0.5, 0.5, 0.5, 0.1], stability=[np.nan, 0.001, 0.001, 0.001], accuracy=[np.nan, 0.01, 0.01, 0.01])
    results = {
        Trial("two steps", 0, 4): {"evidence": GOOD},
        Trial("two steps", 1, 4): {"evidence": backwards},
        Trial("random", 0, 4): {"evidence": NEVER},
    }
    first, second = told(results, STOP)
    assert "all legs met in 2 of 2, in 1 of these in the order loss, stability, accuracy" in first
    assert "all legs met in 0 of 1" in second
    _, header, body = cells(results, STOP)
    assert {len(row) for row in body} == {len(header)}


@pytest.mark.slow
def test_a_campaign_has_figures_of_every_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectral_grid, "SETTINGS", NetworkSettings((16,) * 2, members=4, folds=2, epochs=50))
    monkeypatch.setattr(spectral_grid, "POINTS", 4000)
    found = look(Trial("two steps", 0, 4))
    assert {(row["leg"], row["round"]) for row in found.evidence} == {
        (leg, round) for leg in LEGS for round in range(1 if leg == "loss" else 2, 5)
    }
    assert len(found.best) == 4
