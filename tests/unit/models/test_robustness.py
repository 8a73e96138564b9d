"""The robustness programme, on a learner whose answers can be worked out."""

import numpy as np
import pytest

from models.corruption import Half, Missing, Noise, Range, Step
from models.nets import Cancelled
from models.robustness import retrained, robustness
from models.surrogate import Posterior
from models.table import Field, Table
from models.task import Block, Task

AXIS = np.linspace(1, 10, 60)


class LeastSquares:
    """Ordinary least squares with the smallest coefficients; keeps how often it was made and what it was fitted to."""

    fits: list = []  # noqa: RUF012

    def fit(self, X, Y):
        self.fits.append(X)
        self.mean, self.target = X.mean(axis=0), Y.mean(axis=0)
        self.slopes = np.linalg.lstsq(X - self.mean, Y - self.target, rcond=1e-6)[0]
        return self

    def posterior(self, X):
        return Posterior(self.predict(X))

    def predict(self, X):
        return self.target + (X - self.mean) @ self.slopes


def table(n, seed):
    """A curve a x + b whose height and slope are to be told, in logarithms and as it is."""
    a, b = 1 + np.random.default_rng(seed).random((2, n))
    curves = Field("I", np.outer(a, AXIS) + b[:, None], "", AXIS, "1/nm")
    return Table((curves, Field("slope", a), Field("offset", b)))


@pytest.fixture
def studied():
    LeastSquares.fits.clear()
    train, test = table(400, 0), table(40, 1)
    task = Task((Block.of(train["I"]),), (Block.of(train["slope"], "log"), Block.of(train["offset"])))

    def run(*corruptions, **kwargs):
        return robustness(LeastSquares, task, train, test, corruptions, **kwargs)

    return run


def values(rows, mode, target="offset"):
    """Mean squared errors."""
    return [row.value**2 for row in rows if (row.mode, row.target, row.metric) == (mode, target, "rmse")]


def test_clean_data_come_first_and_every_corruption_is_met_twice(studied):
    rows = studied(Noise(0.05), Half("upper"))
    assert [(row.corruption, row.level, row.mode) for row in rows[::8]] == [
        ("", "", "clean"),
        ("noise", "5 %", "predict only"),
        ("noise", "5 %", "train and predict"),
        ("half", "upper", "predict only"),
        ("half", "upper", "train and predict"),
    ]
    assert [row.target for row in rows[:8]] == ["slope"] * 4 + ["offset"] * 4
    assert [row.metric for row in rows[:4]] == ["rmse", "mae", "r2", "relative_mae"]
    assert rows[4].value < 1e-6
    assert len(LeastSquares.fits) == 3


def test_metrics_are_in_the_unit_of_the_target(studied):
    # The slope is learnt as its logarithm, which is no linear function of the curve.
    row = studied()[0]
    train, test = table(400, 0), table(40, 1)
    learner = LeastSquares().fit(train["I"].values, np.log(train["slope"].values)[:, None])
    error = np.exp(learner.predict(test["I"].values)[:, 0]) - test["slope"].values
    assert row.value == pytest.approx(np.sqrt(np.mean(error**2)))


def test_retraining_gains_most_where_the_learner_was_used_to_clean_data(studied):
    rows = studied(Noise(0.02), Noise(0.2))
    alone, retrained = values(rows, "predict only"), values(rows, "train and predict")
    assert alone[0] < alone[1]
    assert retrained[0] < retrained[1]
    assert retrained[1] < alone[1]


def test_a_cut_range_is_made_up_when_predicting_and_left_out_when_retraining(studied):
    rows = studied(Range(AXIS[15], AXIS[44]))
    assert {row.extrapolated for row in rows if row.mode == "predict only"} == {0.5}
    assert {row.extrapolated for row in rows if row.mode != "predict only"} == {0.0}
    assert values(rows, "predict only")[0] > 1e-3
    assert values(rows, "train and predict")[0] < 1e-12
    assert LeastSquares.fits[-1].shape == (400, 30)


def test_a_straight_line_survives_a_coarser_step_and_few_missing_points(studied):
    rows = studied(Step(59), Missing(0.1))
    assert LeastSquares.fits[1].shape == (400, 2)
    assert max(values(rows, "predict only")[:1] + values(rows, "train and predict")[:1]) < 1e-12
    assert values(rows, "predict only")[1] < 0.1


def test_predict_only_takes_one_training(studied):
    studied(Noise(0.1), Missing(0.5), Step(2), modes=("predict only",))
    assert len(LeastSquares.fits) == 1


def test_one_retraining_alone_is_the_same():
    train, test = table(400, 0), table(40, 1)
    task = Task((Block.of(train["I"]),), (Block.of(train["slope"], "log"), Block.of(train["offset"])))
    LeastSquares.fits.clear()
    alone = retrained(LeastSquares, task, train, test, Noise(0.05), seed=3)
    assert len(LeastSquares.fits) == 1
    rows = robustness(LeastSquares, task, train, test, [Noise(0.05)], 3)
    assert alone == tuple(row for row in rows if row.mode == "train and predict")


def test_the_same_seed_gives_the_same_rows_and_both_splits_get_noise_of_their_own(studied):
    assert studied(Noise(0.1), seed=3) == studied(Noise(0.1), seed=3) != studied(Noise(0.1), seed=4)


def test_progress_is_told_and_can_stop_it(studied):
    told = []
    studied(Noise(0.1), Step(2), watch=lambda share, what: told.append((share, what)))
    assert [share for share, _ in told] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert told[2][1] == "noise 10 %, train and predict"
    LeastSquares.fits.clear()
    with pytest.raises(Cancelled, match="stopped before: noise 10 %, train and predict"):
        studied(Noise(0.1), watch=lambda share, what: share < 0.5)
    assert len(LeastSquares.fits) == 1
