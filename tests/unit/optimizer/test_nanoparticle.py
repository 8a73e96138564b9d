"""The fit of the growth rules: it finds constants that reproduce what it was given, and the figures mean what they say."""

import numpy as np
import pytest

from models.nanoparticle.growth import published
from optimizer import nanoparticle
from optimizer.tabulated import silver_space


def test_a_fit_reproduces_losses_that_the_rules_made():
    X = silver_space().sample(50, np.random.default_rng(0))
    y = nanoparticle.losses(X, published())
    fitted = nanoparticle.fit(X, y, starts=2)
    assert set(fitted) <= set(published())
    assert len(fitted) == 17
    assert nanoparticle.agreement(nanoparticle.losses(X, fitted), y)["pearson"] > 0.95


def test_what_is_foretold_was_not_learnt(monkeypatch: pytest.MonkeyPatch):
    X, y, fold = np.arange(6.0)[:, None], np.arange(6.0), np.array([0, 1, 0, 1, 2, 2])
    seen = []
    monkeypatch.setattr(nanoparticle, "fit", lambda X, y, starts, seed: seen.append(y.tolist()) or {"mean": y.mean()})
    monkeypatch.setattr(nanoparticle, "losses", lambda X, constants: np.full(len(X), constants["mean"]))
    np.testing.assert_allclose(nanoparticle.foretold(X, y, fold), [3.25, 2.75, 3.25, 2.75, 1.5, 1.5])
    assert seen == [[1, 3, 4, 5], [0, 2, 4, 5], [0, 1, 2, 3]]


def test_agreement_of_a_scaled_answer():
    y = np.array([0.1, 0.4, 0.2, 0.9])
    figures = nanoparticle.agreement(3 * y, y)
    assert figures["pearson"] == pytest.approx(1)
    assert figures["spearman"] == pytest.approx(1)
    assert figures["r2"] < 0
