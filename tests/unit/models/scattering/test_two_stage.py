"""Sizes in two stages, and the presets of learners."""

from functools import cache

import numpy as np
import pytest

from models import learners
from models.learners import BadSettings
from models.scattering.curves import WIDE, Sample, simulate
from models.scattering.dataset import TARGETS, table
from models.scattering.invariant import with_invariants
from models.scattering.presets import PRESETS, make, part, task_of, with_noise
from models.scattering.shapes import SHAPES
from models.scattering.two_stage import HEADS, TwoStage, TwoStageSettings, sizes
from models.spec import Spec, Use
from models.splits import random_split
from models.table import BadTable
from models.task import Head
from tests.contracts.surrogate import SurrogateContract

q = np.arange(10, 800, 6) / 100


@cache
def curves():
    """Small particles of every shape."""
    samples = [
        Sample(shape, n, ((element, 1.0),), biso)
        for shape in SHAPES
        for n in (2, 3, 4)
        for element in ("Ag", "Cu", "Pt", "Fe")
        for biso in (0.1, 0.5)
    ]
    return table(samples, simulate(samples, q), q)


class TestTwoStage(SurrogateContract):
    def make(self):
        return TwoStage(TwoStageSettings(alpha=1e-3))

    def data(self):
        task = task_of(curves(), TARGETS[:3])
        return task.X(curves()), task.Y(curves())


def test_sizes_invert_the_counts_of_every_shape():
    for label, shape in enumerate(SHAPES.values()):
        n = np.arange(shape.first, 15)
        logarithms = np.log([shape.count(int(size)) for size in n])
        for shift in (-0.02, 0, 0.02):
            np.testing.assert_array_equal(sizes(logarithms + shift)[:, label], n)


def test_sizes_are_means_over_the_shapes_that_are_told():
    task, split = task_of(curves(), TARGETS[:3]), random_split(len(curves()), 0.2, 0)
    X, Y = task.X(curves()), task.Y(curves())
    told = TwoStage(TwoStageSettings(C=100, alpha=1e-3)).fit(X[split.train], Y[split.train]).predict(X[split.test])
    np.testing.assert_allclose(told[:, -1], (told[:, :9] * sizes(told[:, 9])).sum(axis=1), rtol=1e-12)
    assert (told[:, :9].argmax(axis=1) == Y[split.test, :9].argmax(axis=1)).mean() > 0.9
    assert np.abs(told[:, 9] - Y[split.test, 9]).max() < 0.5


def test_a_two_stage_fit_tells_its_progress_and_its_stages():
    told = []
    model = TestTwoStage().make().fit(*TestTwoStage().data(), progress=lambda epoch: told.append(epoch.fraction))
    assert told == sorted(told)
    assert told[-1] == 1
    assert set(model.card) >= {"shape", "atoms"}


def test_it_is_a_kind_of_the_registry(tmp_path):
    task = task_of(curves(), TARGETS[:3])
    learner = learners.make("two_stage", learners.settings_of("two_stage", {"C": 100, "noise": 0.15}), task.heads)
    told = learner.fit(task.X(curves()), task.Y(curves())).predict(task.X(curves()))
    learner.save(tmp_path / "learner.safetensors")
    assert learners.load("two_stage", tmp_path / "learner.safetensors").predict(task.X(curves())).tobytes() == told.tobytes()
    spec = Spec((Use("intensity", "log"),), tuple(map(Use, TARGETS[:3])), "two_stage", {"C": 100, "noise": 0.15})
    assert spec.task(curves()) == task
    with pytest.raises(BadTable, match="name those targets"):
        Spec((Use("intensity", "log"),), (Use("shape"),), "two_stage").task(curves())


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_settings_of_their_kind(name):
    assert learners.settings_of(PRESETS[name].kind, PRESETS[name].settings)


@pytest.mark.parametrize("name", ["reduced", "form"])
def test_presets_of_known_elements_see_what_is_left(name):
    samples = [Sample(shape, n, ((element, 1.0),)) for shape in ("cubefcc", "octahedron") for n in (5, 6, 7) for element in ("Ag", "Pb")]
    full = with_invariants(table(samples, simulate(samples)))
    task = task_of(full, PRESETS[name].targets, PRESETS[name].inputs)
    known = full["element"].values == full["element"].values[0]
    learner = make(name, task).fit(task.X(full.rows(known)), task.Y(full.rows(known)))
    told = learner.predict(task.X(full.rows(~known))).argmax(axis=1)
    assert told.tolist() == full["shape"].values[~known].tolist()


def test_other_targets_and_settings_are_refused():
    with pytest.raises(ValueError, match="name those targets"):
        TwoStage(heads=(Head("number", 1),))
    assert TwoStage().heads == HEADS
    for wrong in ({"C": -1.0}, {"alpha": 0.0}, {"noise": -1.0}, {"max_steps": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            TwoStageSettings(**wrong)


@pytest.mark.parametrize("name", ["ridge", "logistic", "two_stage", "library"])
def test_presets_learn_their_targets(name):
    small = part(curves(), step=4)
    task = task_of(small, PRESETS[name].targets)
    told = task.told(make(name, task).fit(task.X(small), task.Y(small)).predict(task.X(small)))
    assert list(told) == list(PRESETS[name].targets)
    if "shape" in told:
        assert (told["shape"].argmax(axis=1) == small["shape"].values).mean() > 0.9
    if "log_n_Atoms" in told:
        np.testing.assert_allclose(told["log_n_Atoms"][:, 0], small["log_n_Atoms"].values, atol=0.5)


@pytest.mark.parametrize("name", ["small_cnn", "published_cnn"])
def test_networks_take_the_task(name):
    task = task_of(curves(), PRESETS[name].targets)
    network = make(name, task, epochs=1)
    assert network.settings.epochs == 1
    assert network.heads == task.heads
    assert network.settings.points(1999) == (498 if name == "published_cnn" else 8)


def test_a_preset_or_setting_that_is_none():
    task = task_of(curves())
    for name, changes, field in (("perceptron", {}, "name"), ("ridge", {"depth": 3}, "depth")):
        with pytest.raises(BadSettings) as caught:
            make(name, task, **changes)
        assert caught.value.field == field


def test_parts_of_curves():
    small, wide = part(curves(), high=WIDE), part(curves(), WIDE, step=2)
    assert small["intensity"].axis[-1] < WIDE <= wide["intensity"].axis[0]
    np.testing.assert_allclose(np.diff(wide["intensity"].axis), 0.12)
    np.testing.assert_array_equal(small["shape"].values, curves()["shape"].values)


def test_noise_for_learning_is_seeded():
    first, again, other = (with_noise(curves(), 0.15, seed)["intensity"].values for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first / curves()["intensity"].values).std() == pytest.approx(0.15, rel=0.05)
