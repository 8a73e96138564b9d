"""Every batch rule under the contract of `tests.contracts.rules`."""

import numpy as np

from optimizer.objective import SpectrumMatch
from optimizer.rules import RULES
from optimizer.types import Spectrum
from tests.contracts.rules import RuleContract

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


class TestThompson(RuleContract):
    name = "thompson"


def test_every_rule_is_under_the_contract() -> None:
    contracts = [thing for name, thing in globals().items() if name.startswith("Test") and issubclass(thing, RuleContract)]
    assert {contract.name for contract in contracts} == set(RULES)
