"""A training that is killed goes on from what it has kept, to the same model as one that was left alone."""

import numpy as np
import pytest

from models.forest import Forest
from models.programme import train
from models.spec import Spec, Use
from models.table import Field, Table

NETWORK = {"members": 1, "epochs": 12, "hidden": [8], "every": 3}
"""Settings of a network whose checkpoint is written after every third epoch."""


class Killed(BaseException):
    """The end of a process, which no training stands in the way of."""


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.random((60, 2))
    z = np.sin(3 * X[:, 0]) + X[:, 1] + 0.05 * rng.standard_normal(60)
    return Table((Field("x", X[:, 0]), Field("y", X[:, 1]), Field("z", z, "nm")))


def spec(kind, settings):
    return Spec((Use("x"), Use("y")), (Use("z"),), kind, settings=settings, sizes=(0.5,), seeds=1)


class Watch:
    """Notes what is told, and kills the training at a moment of its fits."""

    def __init__(self, until=float("inf")):
        self.until, self.told = until, []

    def __call__(self, fraction, doing):
        self.told.append((fraction, doing))
        if 4 * fraction >= self.until:  # of four fits
            raise Killed


@pytest.mark.parametrize(("kind", "settings"), [("mlp", NETWORK), ("forest", {"trees": 20}), ("gp", {})])
def test_the_model_is_the_one_of_a_training_that_was_left_alone(table, tmp_path, kind, settings):
    alone = train(table, spec(kind, settings))
    with pytest.raises(Killed):
        train(table, spec(kind, settings), Watch(2.5), tmp_path)
    again = train(table, spec(kind, settings), Watch(), tmp_path)
    (one,), (other,) = alone.answers(table_X(table)), again.answers(table_X(table))
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.low, other.low)
    assert {**alone.card, "cpu_s": 0} == {**again.card, "cpu_s": 0}


def table_X(table):
    return np.column_stack([table["x"].values, table["y"].values])


def test_fits_that_ended_are_not_made_again(table, tmp_path, monkeypatch):
    fits, plain = [], Forest.fit
    monkeypatch.setattr(Forest, "fit", lambda *arguments: (fits.append(1), plain(*arguments))[1])
    with pytest.raises(Killed):
        train(table, spec("forest", {"trees": 10}), Watch(2.1), tmp_path)
    fits.clear()
    train(table, spec("forest", {"trees": 10}), Watch(), tmp_path)
    assert len(fits) == 2


def test_a_network_goes_on_within_a_fit(table, tmp_path):
    with pytest.raises(Killed):
        train(table, spec("mlp", NETWORK), Watch(1 + 7 / 12), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"fit-0", "fit-1.checkpoint"}
    watch = Watch()
    train(table, spec("mlp", NETWORK), watch, tmp_path)
    first, *others = [round(12 * (4 * fraction - 1)) for fraction, doing in watch.told if doing.startswith("grouped") and fraction > 0.25]
    assert first == 7  # the checkpoint is of the sixth epoch
    assert others == list(range(8, 13))


def test_what_is_kept_of_another_training_is_refused(table, tmp_path):
    with pytest.raises(Killed):
        train(table, spec("mlp", NETWORK), Watch(0.5), tmp_path)
    with pytest.raises(ValueError, match="other data, settings or another seed"):
        train(table, spec("mlp", {**NETWORK, "hidden": [9]}), None, tmp_path)


def test_nothing_half_done_is_taken_for_a_fit(table, tmp_path, monkeypatch):
    def killed(*_):
        raise Killed

    monkeypatch.setattr(Forest, "save", killed)
    with pytest.raises(Killed):
        train(table, spec("forest", {"trees": 10}), None, tmp_path)
    assert not list(tmp_path.glob("fit-*"))
