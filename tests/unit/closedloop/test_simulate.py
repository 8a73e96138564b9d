"""The simulated lab: the same seed measures the same, recipes matter smoothly, and posting is what a real lab does."""

from collections import Counter

import numpy as np
import pytest

from app.schemas.campaign import CampaignDocument
from closedloop.simulate import AXIS, Lab, campaign_document, measure, spectrum

GOOD = {"silver": 27.5, "citrate": 13.0, "seeds": 6.0, "flow": 570.0}


class Recorder:
    """Takes the place of a client."""

    def __init__(self) -> None:
        self.posted, self.edited = [], []

    def put_replicate(self, campaign: str, **outcome: object) -> None:
        self.posted.append(outcome)

    def edit_design(self, campaign: str, design: str, **changes: object) -> None:
        self.edited.append((design, changes))


def batch(round: int, wells: int = 15) -> dict:
    recipes = [{**GOOD, "silver": 10.0 + well, "water": 1.0} for well in range(wells)]
    designs = [{"id": f"w{n}", "well": n, "state": "approved", "planned": recipe} for n, recipe in enumerate(recipes, 1)]
    return {"round": round, "designs": designs}


def run(lab: Lab, round: int) -> tuple[Recorder, dict]:
    recorder = Recorder()
    return recorder, lab.run_round(recorder, "c", batch(round))


@pytest.fixture(scope="module")
def document() -> CampaignDocument:
    return CampaignDocument.model_validate(campaign_document())


def losses(document: CampaignDocument, recipes: list[dict]) -> np.ndarray:
    return document.objective.domain().losses(np.array([spectrum(recipe) for recipe in recipes])).loss


def test_the_campaign_is_one_that_the_service_takes(document: CampaignDocument):
    document.check()
    assert document.objective.axis == AXIS.tolist()
    assert document.replicates == Lab().replicates


def test_a_spectrum_is_an_absorbance_on_the_axis(document: CampaignDocument):
    space = document.space.domain()
    for row in space.sample(200, np.random.default_rng(0)):
        curve = spectrum(space.recipe(row))
        assert curve.shape == AXIS.shape
        assert (curve >= 0).all()


def test_good_recipes_are_rare_but_exist(document: CampaignDocument):
    space = document.space.domain()
    found = losses(document, [space.recipe(row) for row in space.sample(2000, np.random.default_rng(0))])
    assert losses(document, [GOOD])[0] < document.stop.loss.threshold / 2
    assert (found <= document.stop.loss.threshold).mean() < 0.01


@pytest.mark.parametrize("name", list(GOOD))
def test_a_small_change_of_the_recipe_changes_the_spectrum_a_little(name: str):
    change = np.abs(spectrum({**GOOD, name: GOOD[name] * 1.001}) - spectrum(GOOD)).max()
    assert 0 < change < 0.02


def test_replicates_scatter_around_the_spectrum():
    rng = np.random.default_rng(0)
    curves = np.array([measure(GOOD, rng) for _ in range(200)])
    bubbles = np.abs(curves - spectrum(GOOD)).max(axis=1) > 0.3
    assert 0 < bubbles.sum() < 30
    assert np.abs(np.median(curves, axis=0) - spectrum(GOOD)).max() < 0.02


def test_the_same_seed_measures_the_same_and_another_does_not():
    first, again, other = (run(Lab(seed=seed), 1)[0].posted for seed in (1, 1, 2))
    assert [item["design"] for item in first] == [item["design"] for item in again]
    assert all(np.array_equal(a["values"], b["values"]) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a["values"], b["values"]) for a, b in zip(first, other, strict=True))


def test_everything_is_posted_out_of_order_and_some_of_it_twice_alike():
    recorder, posted = run(Lab(replicates=3), 1)
    counts = Counter((item["design"], item["replicate"]) for item in recorder.posted)
    assert set(counts) == {(f"w{well}", number) for well in range(1, 16) for number in (1, 2, 3)}
    assert Counter(counts.values()) == {1: 41, 2: 4}
    assert (posted["created"], posted["unchanged"]) == (45, 4)
    assert list(counts) != sorted(counts)
    by_key: dict = {}
    for item in recorder.posted:
        twin = by_key.setdefault((item["design"], item["replicate"]), item)
        assert twin["measured_at"] == item["measured_at"]
        assert np.array_equal(twin["values"], item["values"])


def test_one_well_fails_with_a_reason_and_is_not_measured():
    recorder, posted = run(Lab(fail_in=2), 2)
    [(design, changes)] = recorder.edited
    assert changes == {"state": "failed", "reason": "channel clogged"}
    assert design not in {item["design"] for item in recorder.posted}
    assert len(posted["measured"]) == 14
    assert run(Lab(fail_in=2), 3)[0].edited == []


def test_wells_that_are_not_approved_are_left_alone():
    half = batch(1)
    for design in half["designs"][:7]:
        design["state"] = "rejected"
    recorder = Recorder()
    Lab().run_round(recorder, "c", half)
    assert {item["design"] for item in recorder.posted} == {f"w{n}" for n in range(8, 16)}
