import json

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from models.metrics import score
from models.task import Block, Head

NUMBER = Head("number", 1)
RNG = np.random.default_rng(0)


def shares(n: int, m: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).gamma(0.5, size=(n, m))
    return drawn / drawn.sum(axis=1, keepdims=True)


def block(kind: str, size: int, **more: object) -> Block:
    return Block("target", kind, size, **more)


def test_numbers_by_hand() -> None:
    truth, told = np.array([[0.0], [1.0], [2.0], [5.0]]), np.array([[1.0], [1.0], [2.0], [3.0]])
    assert score(NUMBER, truth, told) == pytest.approx({"rmse": (5 / 4) ** 0.5, "mae": 3 / 4, "r2": 1 - 5 / 14, "relative_mae": 15.0})


def test_numbers_are_those_of_scikit_learn() -> None:
    truth = RNG.normal(5, 2, (50, 1))
    told = truth + RNG.normal(0, 1, (50, 1))
    found = score(block("number", 1), truth, told)
    assert found["r2"] == pytest.approx(reference.r2_score(truth, told))
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(truth, told))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, told))


@pytest.mark.parametrize("value", [0.0, 0.1, -7e30])
def test_a_constant_truth_has_no_r2(value: float) -> None:
    truth = np.full((7, 1), value)
    found = score(NUMBER, truth, truth + 1)
    assert (found["r2"], found["relative_mae"]) == (None, None)
    curves = score(Head("curve", 3), np.tile([1.0, 0.1, 3.0], (7, 1)), np.zeros((7, 3)))
    assert (curves["r2"], curves["cosine"]) == (None, None)


def test_one_row_is_scored() -> None:
    assert score(NUMBER, np.ones((1, 1)), np.ones((1, 1))) == {"rmse": 0, "mae": 0, "r2": None, "relative_mae": None}


def test_the_mean_curve_has_no_r2_and_the_truth_has_all() -> None:
    truth = RNG.random((20, 6)) * np.arange(1, 7)
    head = Head("curve", 6)
    assert score(head, truth, truth) == pytest.approx({"rmse": 0, "cosine": 1, "r2": 1})
    assert score(head, truth, np.tile(truth.mean(axis=0), (20, 1)))["r2"] == pytest.approx(0)
    told = truth + RNG.normal(0, 0.1, truth.shape)
    assert score(head, truth, told)["r2"] == pytest.approx(reference.r2_score(truth, told, multioutput="variance_weighted"))


def test_cosine_takes_no_notice_of_size() -> None:
    truth = RNG.random((9, 5))
    assert score(Head("curve", 5), truth, 3 * truth)["cosine"] == pytest.approx(1)
    found = score(Head("curve", 2), np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]), np.array([[0.0, 2.0], [1.0, 0.0], [1.0, 1.0]]))
    assert found["cosine"] == pytest.approx(0.5**0.5 / 2)


@pytest.mark.parametrize("log_axis", [False, True])
def test_distributions_are_those_of_scipy(log_axis: bool) -> None:
    truth, told, axis = shares(12, 20, 0), shares(12, 20, 1), np.geomspace(20, 500, 20)
    truth[:, :8] = 0
    truth /= truth.sum(axis=1, keepdims=True)
    found = score(block("curve", 20, shares=True, axis=tuple(axis)), truth, told, log_axis)
    pairs = list(zip(truth, told, strict=True))
    at = np.log(axis) if log_axis else axis
    assert found["pearson"] == pytest.approx(np.mean([stats.pearsonr(a, b).statistic for a, b in pairs]))
    assert found["spearman"] == pytest.approx(np.mean([stats.spearmanr(a, b).statistic for a, b in pairs]))
    assert found["wasserstein"] == pytest.approx(np.mean([stats.wasserstein_distance(at, at, a, b) for a, b in pairs]))
    assert found["r2"] == pytest.approx(1 - ((truth - told) ** 2).sum() / ((truth - 1 / 20) ** 2).sum())


def test_a_shift_by_a_bin_is_a_distance_of_one_without_an_axis() -> None:
    one, next_one = np.eye(6)[[1, 2]], np.eye(6)[[2, 3]]
    found = score(Head("distribution", 6), one, next_one)
    assert found["wasserstein"] == pytest.approx(1)
    assert found["cosine"] == 0


def test_even_distributions_have_no_correlation() -> None:
    even = np.full((4, 10), 0.1)
    found = score(Head("distribution", 10), even, shares(4, 10, 0))
    assert (found["pearson"], found["spearman"], found["r2"]) == (None, None, None)
    json.dumps(found, allow_nan=False)


def test_categories_by_hand() -> None:
    truth = np.eye(3)[[0, 0, 1, 1]]
    told = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.0, 1.0, 0.0], [0.25, 0.5, 0.25]])
    found = score(block("category", 3, classes=("cube", "rod", "ball")), truth, told)
    assert found["accuracy"] == 0.75
    assert found["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert found["recall"] == {"cube": 0.5, "rod": 1.0, "ball": None}
    assert found["precision"] == {"cube": 1.0, "rod": pytest.approx(2 / 3), "ball": None}
    assert found["log_loss"] == pytest.approx(np.log([2, 4, 1, 2]).mean())
    assert list(score(Head("category", 3), truth, told)["recall"]) == ["0", "1", "2"]


def test_categories_are_those_of_scikit_learn() -> None:
    codes, told = RNG.integers(0, 4, 60), shares(60, 4, 3)
    found = score(Head("category", 4), np.eye(4)[codes], told)
    guessed = told.argmax(axis=1)
    assert found["confusion"] == reference.confusion_matrix(codes, guessed).tolist()
    assert list(found["recall"].values()) == pytest.approx(reference.recall_score(codes, guessed, average=None))
    assert list(found["precision"].values()) == pytest.approx(reference.precision_score(codes, guessed, average=None))
    assert found["log_loss"] == pytest.approx(reference.log_loss(codes, told))


def test_certainty_that_is_wrong_has_a_finite_loss() -> None:
    found = score(Head("category", 2), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert found["log_loss"] == pytest.approx(15 * np.log(10))


@pytest.mark.parametrize("kind", ["number", "curve", "category", "distribution"])
def test_the_order_of_the_rows_is_irrelevant(kind: str) -> None:
    m = 1 if kind == "number" else 5
    truth, told = (shares(30, m, 4) * np.linspace(1, 2, 30)[:, None], shares(30, m, 5)) if kind in ("number", "curve") else (None, None)
    if truth is None:
        truth, told = np.eye(5)[np.arange(30) % 5] if kind == "category" else shares(30, m, 4), shares(30, m, 5)
    order = np.random.default_rng(2).permutation(30)
    one, other = score(Head(kind, m), truth, told), score(Head(kind, m), truth[order], told[order])
    for name, value in one.items():
        assert value == other[name] if name == "confusion" else value == pytest.approx(other[name])


def test_what_cannot_be_compared_is_refused() -> None:
    ones = np.ones((3, 2))
    for truth, told in ((ones, ones[:2]), (ones[:0], ones[:0]), (ones[:, :1], ones[:, :1]), (ones[0], ones[0])):
        with pytest.raises(ValueError, match="curve of 2 columns"):
            score(Head("curve", 2), truth, told)
    with pytest.raises(ValueError, match="log_axis"):
        score(block("curve", 2, shares=True, axis=(0.0, 1.0)), ones / 2, ones / 2, log_axis=True)
