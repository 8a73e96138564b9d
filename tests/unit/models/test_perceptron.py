from dataclasses import replace

import numpy as np
import pytest
import torch

from models.modules import Dense
from models.perceptron import INVERSE, Perceptron, PerceptronSettings
from models.task import Head

RNG = np.random.default_rng(0)


def test_the_published_network() -> None:
    X, Y = RNG.random((40, 103)), RNG.random((40, 4))
    card = Perceptron(replace(INVERSE, epochs=1)).fit(X, Y).card
    assert card["parameters"] == 103 * 256 + 256 + 256 * 128 + 128 + 128 * 64 + 64 + 64 * 4 + 4
    assert (INVERSE.hidden, INVERSE.dropout, INVERSE.activation, INVERSE.optimizer) == ((256, 128, 64), (0.2, 0.1, 0), "relu", "adam")
    assert (INVERSE.rate, INVERSE.batch, INVERSE.epochs, INVERSE.patience, INVERSE.validation) == (1e-3, 32, 1000, 50, 0.2)
    assert (INVERSE.members, INVERSE.schedule, INVERSE.decay) == (1, "constant", 0)


def test_an_ensemble_tells_new_numbers_and_where_it_is_unsure() -> None:
    X, Q = RNG.random((150, 2)), np.random.default_rng(1).random((200, 2))
    model = Perceptron(PerceptronSettings(epochs=120, rate=5e-3, batch=16, hidden=(32, 32))).fit(X, np.sin(5 * X[:, :1]) * X[:, 1:])
    truth = np.sin(5 * Q[:, :1]) * Q[:, 1:]
    assert ((model.predict(Q) - truth) ** 2).mean() < 0.03 * truth.var()
    near, far = model.posterior(Q).std, model.posterior(Q + 2).std
    assert near is not None
    assert far is not None
    assert far.mean() > 3 * near.mean()


def test_one_member_knows_no_standard_deviation() -> None:
    X = RNG.random((10, 2))
    assert Perceptron(PerceptronSettings(members=1, epochs=2)).fit(X, X).posterior(X).std is None


def test_classes_are_told_with_honest_probabilities() -> None:
    X = RNG.random((400, 2))
    likely = np.where(X[:, 0] > 0.5, 0.9, 0.2)
    classes = (np.random.default_rng(1).random(400) < likely).astype(int)
    model = Perceptron(PerceptronSettings(members=3, epochs=40, hidden=(16,), rate=5e-3), [Head("category", 2)])
    told = model.fit(X, np.eye(2)[classes]).predict(X)
    np.testing.assert_allclose(told.sum(axis=1), 1)
    assert told[X[:, 0] > 0.6, 1].mean() == pytest.approx(0.9, abs=0.1)
    assert told[X[:, 0] < 0.4, 1].mean() == pytest.approx(0.2, abs=0.1)


def test_members_learn_as_if_they_were_alone() -> None:
    """The loss is a sum over members that share no weights, so one member's step does not depend on the others."""
    both = Dense((3, 4, 2), 2, torch.Generator().manual_seed(0))
    alone = Dense((3, 4, 2), 1, torch.Generator().manual_seed(0))
    alone.load_state_dict({name: value[1:] for name, value in both.state_dict().items()})
    x = torch.rand(5, 3)
    (both(x) ** 2).sum().backward()
    (alone(x) ** 2).sum().backward()
    torch.testing.assert_close(both.W[0].grad[1:], alone.W[0].grad)


def test_dropout_keeps_the_mean_and_leaves_predictions_alone() -> None:
    module = Dense((3, 400, 1), 1, torch.Generator().manual_seed(0), dropout=(0.5,))
    x, generator = torch.rand(1, 3), torch.Generator().manual_seed(1)
    with torch.no_grad():
        dropped = torch.stack([module(x, generator) for _ in range(2000)])
        torch.testing.assert_close(dropped.mean(dim=0), module(x), atol=0.1, rtol=0)
        assert dropped.std() > 0.1
        torch.testing.assert_close(module(x), module(x), atol=0, rtol=0)


def test_near_empty_inputs_do_not_drown_the_others() -> None:
    X = np.hstack([RNG.random((200, 1)), 1e-7 * RNG.standard_normal((200, 60))])
    Q = np.hstack([RNG.random((200, 1)), 1e-7 * RNG.standard_normal((200, 60))])
    settings = PerceptronSettings(members=1, epochs=40, hidden=(32,), rate=5e-3)
    errors = [((Perceptron(replace(settings, floor=floor)).fit(X, X[:, :1]).predict(Q) - Q[:, :1]) ** 2).mean() for floor in (0.0, 0.01)]
    assert errors[1] < errors[0] / 4
