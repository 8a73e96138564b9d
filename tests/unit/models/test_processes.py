import numpy as np
import pytest

from models.gp import GaussianProcess
from models.processes import ComponentProcesses, GaussianProcesses, ProcessSettings
from models.task import Head

AXIS = np.linspace(0, 1, 50)
HEADS = (Head("number", 1), Head("curve", 50))


def inputs(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 2)) * [1, 300] + [0, 60]


def outputs(X: np.ndarray) -> np.ndarray:
    """A large number, and a small curve that moves with the first input and grows with the second."""
    Z = (X - [0, 60]) / [1, 300]
    curve = (0.5 + Z[:, 1:2]) * np.exp(-(((AXIS - 0.3 - 0.3 * Z[:, :1]) / 0.15) ** 2))
    return np.hstack([1e5 * np.sin(3 * Z[:, :1]) * Z[:, 1:2], curve])


def test_every_number_has_a_process_of_its_own() -> None:
    X, new = inputs(25), inputs(30, 1)
    Y = np.hstack([outputs(X)[:, :1], X[:, 1:] ** 2])
    told = GaussianProcesses().fit(X, Y).posterior(new)
    low, span = X.min(axis=0), np.ptp(X, axis=0)
    for j, column in enumerate(Y.T):
        alone = GaussianProcess().fit((X - low) / span, column).posterior((new - low) / span)
        np.testing.assert_allclose(told.mean[:, j], alone.mean[:, 0], atol=0.05 * column.std())
        np.testing.assert_allclose(told.std[:, j], alone.std[:, 0], atol=0.05 * column.std())


def test_numbers_and_curves_are_predicted_side_by_side() -> None:
    X, new = inputs(40), inputs(40, 1)
    model = ComponentProcesses(heads=HEADS).fit(X, outputs(X))
    told, truth = model.posterior(new), outputs(new)
    error = np.abs(told.mean - truth)
    assert (error**2).mean(axis=0)[0] < 0.01 * truth[:, 0].var()
    assert (error[:, 1:] ** 2).mean() < 0.01 * truth[:, 1:].var(axis=0).mean()
    assert (error <= 3 * told.std).mean(axis=0)[0] > 0.8
    assert model.card["components"][0] == 1
    assert [process.components.P.shape[1] for process in model.processes] == [1, 50]


def test_units_of_the_inputs_do_not_matter() -> None:
    X = inputs(15)
    Y = outputs(X)[:, :1]
    one, other = (GaussianProcesses().fit(X * unit, Y).predict(X * unit) for unit in (1.0, 1024.0))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_remarks_name_the_target() -> None:
    X = inputs(2)
    remarks = ComponentProcesses(heads=HEADS).fit(X, outputs(X)).warnings
    assert any(remark.startswith("column 1 (curve), component 1: fewer than 3") for remark in remarks)


def test_the_smoothness_is_one_that_there_is() -> None:
    with pytest.raises(ValueError, match=r"nu has to be 0.5, 1.5 or 2.5"):
        ProcessSettings(nu=2.0)
