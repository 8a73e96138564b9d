"""A Gaussian process that knows related tasks: the limits in which the answer is known, and its closed forms."""

import numpy as np
import pytest

from models.components import CurveProcess
from models.gp import GaussianProcess


def truth(X: np.ndarray) -> np.ndarray:
    return np.sin(4 * X[:, 0]) + X[:, 1] ** 2


rng = np.random.default_rng(0)
PAST, X, FRESH = rng.random((60, 2)), rng.random((8, 2)), rng.random((200, 2))


def task(outcomes: np.ndarray, X: np.ndarray = PAST) -> GaussianProcess:
    return GaussianProcess().fit(X, outcomes)


def knowing(*tasks: GaussianProcess, **settings: object) -> GaussianProcess:
    return GaussianProcess(related=tasks, **settings).fit(X, truth(X))


def error(gp: GaussianProcess) -> float:
    return float(np.sqrt(np.mean((gp.predict(FRESH)[:, 0] - truth(FRESH)) ** 2)))


def test_the_same_task_counts_in_full() -> None:
    gp = knowing(task(truth(PAST)))
    assert error(gp) < 0.5 * error(GaussianProcess().fit(X, truth(X)))
    assert gp.weights[0] == pytest.approx(1, abs=0.15)
    assert gp.correlations[0] > 0.99
    assert gp.effects[0] == pytest.approx(1, abs=0.1)


def test_a_task_that_says_nothing_changes_no_bit() -> None:
    alone, known = GaussianProcess().fit(X, truth(X)), knowing(task(np.ones(60)))
    assert known.predict(FRESH).tobytes() == alone.predict(FRESH).tobytes()
    assert (known.weights, known.effects, known.correlations) == ([0], [0], [0])


def test_a_shuffled_task_is_ignored() -> None:
    gp = knowing(task(rng.permutation(truth(PAST))))
    assert gp.effects[0] < 0.1
    assert error(gp) < 1.2 * error(GaussianProcess().fit(X, truth(X)))


def test_of_two_tasks_the_useful_one_counts() -> None:
    gp = knowing(task(rng.permutation(truth(PAST))), task(truth(PAST)))
    assert gp.effects[1] > 5 * gp.effects[0]


def test_scale_and_sign_of_a_task_do_not_matter() -> None:
    gp = knowing(task(truth(PAST)))
    for other in (1000 * truth(PAST) - 7, -truth(PAST)):
        np.testing.assert_allclose(knowing(task(other)).predict(FRESH), gp.predict(FRESH), rtol=1e-3, atol=1e-3)
    assert knowing(task(-truth(PAST))).correlations[0] < -0.99


def test_the_order_of_the_rows_of_a_task_does_not_matter() -> None:
    order = rng.permutation(60)
    gp = knowing(task(truth(PAST)[order], PAST[order]))
    np.testing.assert_allclose(gp.predict(FRESH), knowing(task(truth(PAST))).predict(FRESH), rtol=1e-3, atol=1e-4)


def test_tasks_do_not_touch_the_inputs_of_the_likelihood() -> None:
    gp = knowing(task(truth(PAST)), isotropic=True)
    assert gp.hyper.lengths.shape == (2,)
    assert np.ptp(gp.hyper.lengths) == 0


def test_the_gradient_follows_the_tasks_too() -> None:
    gp, step = knowing(task(truth(PAST))), 1e-6
    for k, e in enumerate(step * np.eye(2)):
        slope = (gp.middle(FRESH + e) - gp.middle(FRESH - e)) / (2 * step) * gp.hyper.lengths[k]
        np.testing.assert_allclose(gp.gradient(FRESH)[:, k], slope, rtol=1e-4, atol=1e-4)


def test_paths_have_the_moments_of_the_posterior() -> None:
    gp = knowing(task(truth(PAST)))
    paths, (mean, std) = gp.paths(FRESH[:20], 4000, np.random.default_rng(1)), gp.latent(FRESH[:20])
    np.testing.assert_allclose(paths.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(paths.std(axis=0), std, rtol=0.1, atol=0.01)


def test_botorch_gets_the_same_model() -> None:
    import torch

    gp = knowing(task(truth(PAST)), task(PAST[:, 0]))
    with torch.no_grad():
        belief = gp.to_botorch().posterior(torch.tensor(gp.extend(FRESH)))
    mean, std = gp.latent(FRESH)
    np.testing.assert_allclose(belief.mean.numpy().ravel(), mean, atol=1e-5)
    np.testing.assert_allclose(belief.variance.numpy().ravel() ** 0.5, std, atol=1e-4)


def test_curves_of_a_related_task_share_the_components() -> None:
    axis = np.linspace(0, 1, 30)

    def curves(X: np.ndarray) -> np.ndarray:
        return np.exp(-(((axis - 0.2 - 0.6 * truth(X)[:, None] / 2) / 0.15) ** 2))

    alone = CurveProcess().fit(X, curves(X))
    known = CurveProcess().fit(X, curves(X), [(PAST, curves(PAST))])
    errors = [np.sqrt(np.mean((process.predict(FRESH) - curves(FRESH)) ** 2)) for process in (alone, known)]
    assert errors[1] < 0.5 * errors[0]
