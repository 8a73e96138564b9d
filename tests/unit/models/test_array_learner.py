"""What learners share, shown on those that keep nothing but arrays."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from models.array_learner import head_scales, spread
from models.forest import Forest, ForestSettings
from models.library import LibrarySearch
from models.linear import Logistic, Ridge
from models.nets import Cancelled, Epoch
from models.processes import GaussianProcesses
from models.task import Head

X = np.random.default_rng(0).random((12, 3))
Y = X[:, :2] + 1
LEARNERS = [Ridge, partial(Forest, ForestSettings(20)), LibrarySearch, GaussianProcesses]


@pytest.mark.parametrize(
    ("X", "Y"),
    [
        (X[:0], Y[:0]),
        (X, Y[:5]),
        (X[:, 0], Y),
        (X, Y[:, 0]),
        (np.full_like(X, np.nan), Y),
        (X, np.full_like(Y, np.inf)),
    ],
    ids=["empty", "fewer outputs", "flat inputs", "flat outputs", "not a number", "infinite"],
)
def test_what_cannot_be_learnt_is_refused(X: np.ndarray, Y: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite inputs"):
        Ridge().fit(X, Y)


def test_inputs_unlike_those_of_the_fit_are_refused() -> None:
    model = Ridge().fit(X, Y)
    for wrong in (X[:, :2], X[0], np.full_like(X, np.nan)):
        with pytest.raises(ValueError, match=r"finite inputs \(n, 3\)"):
            model.predict(wrong)


@pytest.mark.parametrize(
    ("learner", "kind"),
    [(Ridge, "category"), (Ridge, "distribution"), (Logistic, "number"), (GaussianProcesses, "curve")],
)
def test_heads_that_a_learner_cannot_tell_are_refused(learner: type, kind: str) -> None:
    with pytest.raises(ValueError, match=f"cannot tell a {kind}.*another kind"):
        learner(heads=[Head(kind, 2)])


def test_outputs_that_are_not_those_of_the_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="3 columns, the outputs 2"):
        Forest(heads=[Head("curve", 3)]).fit(X, Y)
    with pytest.raises(ValueError, match="columns 0 to 1 are a distribution"):
        Forest(heads=[Head("distribution", 2)]).fit(X, Y)


@pytest.mark.parametrize("learner", LEARNERS, ids=["ridge", "forest", "library", "gp"])
def test_a_constant_target_is_told_as_such_with_a_warning(learner: Callable) -> None:
    outputs = np.column_stack([Y[:, 0], np.full(12, 0.1)])
    model = learner().fit(X, outputs)
    assert any(warning.startswith("column 1: all 12 outputs are the same") for warning in model.warnings)
    np.testing.assert_allclose(model.predict(X)[:, 1], 0.1, rtol=1e-12)
    std = model.posterior(X).std
    assert std is None or np.isfinite(std).all()


@pytest.mark.parametrize("learner", LEARNERS, ids=["ridge", "forest", "library", "gp"])
def test_constant_inputs_do_no_harm(learner: Callable) -> None:
    inputs = np.column_stack([X, np.full(12, 0.1)])
    assert np.isfinite(learner().fit(inputs, Y).predict(inputs)).all()
    assert np.isfinite(learner().fit(np.ones((12, 3)), Y).predict(X)).all()


@pytest.mark.parametrize("learner", LEARNERS, ids=["ridge", "forest", "library", "gp"])
def test_a_fit_tells_how_far_it_is_and_can_be_stopped(learner: Callable) -> None:
    told: list[float] = []
    model = learner().fit(X, Y, lambda epoch: told.append(epoch.fraction))
    assert (told[0], told[-1]) == (0, 1)
    assert told == sorted(told)
    before = model.predict(X)

    def stop(epoch: Epoch) -> bool:
        return epoch.fraction < 0.5

    with pytest.raises(Cancelled):
        model.fit(X, 2 * Y, stop)
    np.testing.assert_array_equal(model.predict(X), before)


def test_a_saved_learner_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "learner.safetensors"
    model = Forest(ForestSettings(trees=3, max_features=0.5), [Head("number", 1), Head("number", 1)], seed=7).fit(X, Y)
    model.save(path)
    again = Forest.load(path)
    assert (again.settings, again.heads, again.seed, again.device) == (model.settings, model.heads, 7, "auto")
    assert (again.warnings, again.card) == (model.warnings, json.loads(json.dumps(model.card)))


def test_scales_make_heads_weigh_alike() -> None:
    rng = np.random.default_rng(0)
    outputs = rng.random((50, 6)) * [1000, 1, 2, 3, 4, 0]
    scales = head_scales(outputs, (Head("number", 1), Head("curve", 4), Head("number", 1)))
    assert len(set(scales[1:5])) == 1
    variances = (outputs / scales).var(axis=0)
    np.testing.assert_allclose([variances[0], variances[1:5].sum(), scales[5]], 1)


def test_rounding_is_no_spread() -> None:
    mean, std = spread(np.column_stack([np.full(7, 0.1), np.arange(7)]))
    np.testing.assert_allclose(mean, [0.1, 3])
    np.testing.assert_allclose(std, [1, 2])
