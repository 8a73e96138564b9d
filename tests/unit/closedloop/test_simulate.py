"""The chemistry of the demo: recipes matter smoothly, and good ones are rare."""

import numpy as np
import pytest

from app.schemas.campaign import CampaignDocument
from closedloop.lab import Lab
from closedloop.simulate import AXIS, campaign_document, measure, spectrum

GOOD = {"silver": 27.5, "citrate": 13.0, "seeds": 6.0, "flow": 570.0}


@pytest.fixture(scope="module")
def document() -> CampaignDocument:
    return CampaignDocument.model_validate(campaign_document())


def losses(document: CampaignDocument, recipes: list[dict]) -> np.ndarray:
    return document.objective.domain().losses(np.array([spectrum(recipe) for recipe in recipes])).loss


def test_the_campaign_is_one_that_the_service_takes(document: CampaignDocument):
    document.check()
    assert document.objective.axis == AXIS.tolist()
    assert document.replicates == Lab(measure).replicates


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
    curves = measure(GOOD, 200, rng)
    bubbles = np.abs(curves - spectrum(GOOD)).max(axis=1) > 0.3
    assert 0 < bubbles.sum() < 30
    assert np.abs(np.median(curves, axis=0) - spectrum(GOOD)).max() < 0.02
