"""Every batch rule under the contract of `tests.contracts.rules`."""

from dataclasses import replace

import numpy as np
import pytest

from models.nets import NetworkSettings
from optimizer.objective import SpectrumMatch
from optimizer.rules import RULES, spectral_grid
from optimizer.state import PriorTask
from optimizer.types import Spectrum
from tests.contracts.rules import SILVER, RuleContract

AXIS = np.linspace(380, 800, 43)


class TestComposite(RuleContract):
    """On bands whose place, width and height depend on the value that a well stands for."""

    name = "composite"
    objective = SpectrumMatch("absorbance", AXIS, Spectrum(AXIS, np.exp(-(((AXIS - 500) / 60) ** 2))))

    def outcomes(self, values: np.ndarray) -> np.ndarray:
        away = np.tanh(values)[:, None]
        return (1 + 0.3 * away) * np.exp(-(((AXIS - 500 - 150 * away) / (60 + 20 * away)) ** 2))


class TestConstantLiar(RuleContract):
    name = "constant_liar"


class TestGreedyExpectedImprovement(RuleContract):
    name = "greedy_ei"


class TestHybridExpectedImprovement(RuleContract):
    name = "hybrid_ei"

    def penalizes(self, rank: int, n: int) -> bool:
        return rank > n - n // 2


class TestLatinHypercube(RuleContract):
    name, modelled = "lhs", False


class TestLocalPenalization(RuleContract):
    name, penalized = "lp_ei", True


class TestTextbookLocalPenalization(RuleContract):
    name, penalized = "lp_textbook", True


class TestNoisyExpectedImprovement(RuleContract):
    name = "qlognei"


class TestRandom(RuleContract):
    name, modelled = "random", False


class TestSpectralGrid(TestComposite):
    name = "spectral_grid"

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spectral_grid, "SETTINGS", NetworkSettings((12, 12), members=4, folds=2, epochs=60))
        monkeypatch.setattr(spectral_grid, "POINTS", 4000)

    def test_prior_tasks_are_learned_from_and_told_of(self) -> None:
        state = self.smooth(SILVER, 15)
        batch = self.check(replace(state, priors=(PriorTask("past", state.data),)), 4)
        assert any("past campaigns" in warning for warning in batch.warnings)


class TestThompson(RuleContract):
    name = "thompson"


def test_every_rule_is_under_the_contract() -> None:
    contracts = [thing for name, thing in globals().items() if name.startswith("Test") and issubclass(thing, RuleContract)]
    assert {contract.name for contract in contracts} == set(RULES)
