import numpy as np
import pytest

from models.scaling import Inputs, Outputs, spans
from models.task import Head

RNG = np.random.default_rng(0)
HEADS = (Head("number", 1), Head("curve", 3), Head("category", 2), Head("distribution", 4))


def outputs() -> np.ndarray:
    numbers = RNG.normal(50, 7, (30, 1))
    curves = RNG.normal([1, 2, 3], [0.1, 0.2, 10], (30, 3))
    return np.hstack([numbers, curves, np.eye(2)[RNG.integers(0, 2, 30)], RNG.dirichlet(np.ones(4), 30)])


def test_columns_are_standardised_and_what_does_not_vary_is_left() -> None:
    X = np.hstack([RNG.normal(3, 5, (40, 2)), np.full((40, 1), 0.1)])
    scaled = Inputs.of(X)(X)
    np.testing.assert_allclose(scaled[:, :2].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled[:, :2].std(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(scaled[:, 2], 0, atol=1e-6)


def test_the_floor_keeps_near_empty_columns_small() -> None:
    X = np.hstack([RNG.normal(0, 1, (40, 1)), RNG.normal(0, 1e-6, (40, 1))])
    assert np.abs(Inputs.of(X, floor=0.01)(X)[:, 1]).max() < 1e-3
    assert np.abs(Inputs.of(X)(X)[:, 1]).max() > 1


def test_stacks_have_one_scale() -> None:
    X = RNG.random((6, 2, 5, 4), np.float32)
    scaled = Inputs.of(X)(X)
    assert scaled.dtype == np.float32
    assert scaled.mean() == pytest.approx(0, abs=1e-5)
    assert scaled.std() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose((scaled[0] - scaled[1]) * X.std(), X[0] - X[1], atol=1e-5)


def test_a_curve_keeps_its_proportions_and_shares_stay() -> None:
    Y = outputs()
    T = Outputs.of(Y, HEADS)(Y)
    assert T[:, 0].std() == pytest.approx(1, rel=1e-5)
    assert (T[:, 1:4].var(axis=0)).mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(T[:, 3].std() / T[:, 1].std(), Y[:, 3].std() / Y[:, 1].std(), rtol=1e-5)
    np.testing.assert_array_equal(T[:, 4:], Y[:, 4:].astype(np.float32))


def test_answers_are_in_the_units_of_the_outputs() -> None:
    Y = outputs()
    scales = Outputs.of(Y, HEADS)
    scores = np.log(np.maximum(scales(Y), 1e-30)).astype(float)
    scores[:, :4] = scales(Y)[:, :4]
    scores[:, 4:] += 700.0  # a constant that no share may depend on
    answer = scales.posterior(np.stack([scores, scores]))
    np.testing.assert_allclose(answer.mean, Y, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer.std, 0, atol=1e-9)


def test_the_standard_deviation_is_that_of_the_members() -> None:
    scales = Outputs.of(np.array([[1.0], [3.0]]), (Head("number", 1),))
    answer = scales.posterior(np.array([[[1.0]], [[2.0]], [[3.0]]]))
    assert (answer.mean, answer.std) == (np.array([[4.0]]), np.array([[1.0]]))
    assert scales.posterior(np.zeros((1, 5, 1))).std is None


def test_spans_are_side_by_side() -> None:
    assert [(head.kind, span.start, span.stop) for head, span in spans(HEADS)] == [
        ("number", 0, 1),
        ("curve", 1, 4),
        ("category", 4, 6),
        ("distribution", 6, 10),
    ]
