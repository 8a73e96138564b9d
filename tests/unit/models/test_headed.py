import numpy as np
import pytest

from models.dense import Screenable
from models.headed import HeadedSpectrumNetwork
from models.nets import Cancelled, NetworkSettings, SpectrumNetwork
from models.task import Head

QUICK = NetworkSettings((16, 16), members=4, folds=2, epochs=200)
AXIS = np.linspace(0, 1, 30)
HEADS = (Head("number", 1), Head("curve", 30))


def inputs(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 2))


def outputs(X: np.ndarray) -> np.ndarray:
    """A number that is a million times as large as the curve beside it."""
    return np.hstack([1e6 * X[:, 1:] ** 2, np.exp(-(((AXIS - X[:, :1]) / 0.3) ** 2))])


def test_a_large_number_does_not_outweigh_a_curve() -> None:
    X, new = inputs(40), inputs(40, 1)
    truth = outputs(new)

    def explained(network: SpectrumNetwork) -> tuple[float, float]:
        left = (network.fit(X, outputs(X)).predict(new) - truth) ** 2
        return 1 - left[:, 0].mean() / truth[:, 0].var(), 1 - left[:, 1:].mean() / truth[:, 1:].var(axis=0).mean()

    number, curve = explained(HeadedSpectrumNetwork(QUICK, HEADS))
    assert min(number, curve) > 0.95
    assert explained(SpectrumNetwork(QUICK))[1] < 0.5


def test_a_single_curve_is_learnt_as_by_the_network_alone() -> None:
    X = inputs(20)
    Y = outputs(X)[:, 1:]
    one, other = HeadedSpectrumNetwork(QUICK, HEADS[1:]).fit(X, Y), SpectrumNetwork(QUICK).fit(X, Y)
    np.testing.assert_allclose(one.predict(X), other.predict(X), atol=0.02)
    assert isinstance(one, Screenable)
    np.testing.assert_allclose(one.screen()(X.astype(np.float32)), one.predict(X), atol=1e-4)


def test_a_constant_target_is_told_with_a_warning() -> None:
    X = inputs(20)
    network = HeadedSpectrumNetwork(QUICK).fit(X, np.column_stack([X[:, 0], np.full(20, 3.0)]))
    np.testing.assert_allclose(network.predict(X)[:, 1], 3)
    assert network.warnings == ("column 1: all 20 outputs are the same, no other will be told",)


def test_what_it_cannot_tell_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot tell a category"):
        HeadedSpectrumNetwork(heads=[Head("category", 2)])
    with pytest.raises(ValueError, match="the outputs 31"):
        HeadedSpectrumNetwork(QUICK, HEADS[1:]).fit(inputs(9), outputs(inputs(9)))


def test_it_is_stopped_by_whoever_watches() -> None:
    with pytest.raises(Cancelled):
        HeadedSpectrumNetwork(QUICK, HEADS).fit(inputs(9), outputs(inputs(9)), lambda epoch: False)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"hidden": ()}, "hidden"),
        ({"hidden": (8, 0)}, "hidden"),
        ({"activation": "sine"}, "activation"),
        ({"members": 0}, "members"),
        ({"epochs": 0}, "epochs"),
        ({"batch": 0}, "batch"),
        ({"threads": 0}, "threads"),
        ({"folds": 1}, "folds"),
        ({"folds": -1}, "folds"),
        ({"rate": 0.0}, "rate"),
        ({"decay": -1.0}, "decay"),
    ],
)
def test_wrong_settings_are_refused(given: dict, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        NetworkSettings(**given)
