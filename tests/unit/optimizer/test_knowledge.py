"""Knowledge of campaigns whose truth is known: importance, maps, predictions."""

import numpy as np
import pytest

from optimizer import knowledge
from optimizer.knowledge import Region, equal_regions, explain, learn, loss_maps, predict
from optimizer.objective import Minimize, SpectrumMatch
from optimizer.predictor import fitted
from optimizer.replicates import reduce
from optimizer.space import Categorical, Continuous, LinearConstraint, SearchSpace
from optimizer.state import CampaignState
from optimizer.types import Dataset, InvalidInput, Spectrum
from tests.agnp import read_agnp

AXIS = np.linspace(400, 700, 31)
SPACE = SearchSpace(
    tuple(Continuous(name, 0, 10, "%") for name in ("a", "b", "idle")),
    (LinearConstraint({"a": 1, "b": 1}, 15),),
)


def band(centre, height):
    return height * np.exp(-(((AXIS - centre[:, None]) / 60) ** 2))


def curves(X):
    """The position of a band follows a, its height b; nothing follows the third parameter."""
    return band(450 + 20 * X[:, 0], (0.6 + 0.05 * X[:, 1])[:, None])


def state_of(space, objective, X, Y):
    loss, n = objective.losses(Y).loss, len(X)
    data = Dataset(tuple(f"w{i}" for i in range(n)), X, Y, loss, np.full(n, 0.01), loss, np.ones(n, int), np.ones(n, int))
    return CampaignState(space, objective, data, np.empty((0, space.dimension)), 1)


@pytest.fixture(scope="module")
def spectra():
    X = SPACE.sample(30, np.random.default_rng(0))
    objective = SpectrumMatch("absorbance", AXIS, Spectrum(AXIS, band(np.array([550.0]), 1)[0]))
    return state_of(SPACE, objective, X, curves(X))


@pytest.fixture(scope="module")
def numbers():
    X = SPACE.sample(30, np.random.default_rng(0))
    return state_of(SPACE, Minimize("loss"), X, ((X[:, :1] - 5) ** 2 + X[:, 1:2]) / 10)


@pytest.fixture(scope="module")
def learnt(spectra):
    return learn(spectra, spectra.data.X[:2], equal_regions(AXIS, 3))


def test_parameters_are_ranked_by_what_they_do_to_the_loss_and_to_each_region(learnt):
    assert learnt.explanation.outputs == ("loss", "400 to 500", "500 to 600", "600 to 700")
    importance = learnt.explanation.shapley.importance
    assert importance[0, 0] > 3 * importance[1, 0] > 10 * importance[2, 0]
    assert (importance[0] > importance[2] * 10).all()


def test_the_values_of_a_well_add_up_to_what_is_predicted(learnt):
    told = learnt.explanation
    np.testing.assert_allclose(told.shapley.base + told.shapley.values.sum(axis=1), told.predicted, atol=1e-9)
    assert len(told.wells) == len(told.X) == 30


def test_maps_hold_the_lowest_feasible_loss_of_every_pair(spectra, learnt):
    assert [(drawn.x, drawn.y) for drawn in learnt.maps] == [(0, 1), (0, 2), (1, 2)]
    first, second, _ = learnt.maps
    a, b = np.meshgrid(first.xs, first.ys)
    assert (np.isnan(first.loss) == (a + b > 15 + 1e-9)).all()
    lowest = [np.nanmin(drawn.loss) for drawn in learnt.maps]
    assert lowest == pytest.approx([lowest[0]] * 3)
    assert abs(first.xs[np.nanargmin(np.nanmin(first.loss, axis=0))] - 5) < 0.6
    assert np.ptp(second.loss, axis=0).max() < 0.05
    model = fitted(spectra)
    cell = np.array([[second.xs[3], y, second.ys[4]] for y in learnt.maps[0].ys])
    cell = cell[SPACE.feasible(cell)]
    assert second.loss[4, 3] == pytest.approx(model.outputs(cell).min())


def test_sliders_leave_the_best_well_in_one_parameter_alone(spectra, learnt):
    best = spectra.data.X[spectra.data.best]
    for j, slider in enumerate(learnt.sliders):
        others = np.delete(slider.X, j, axis=1)
        assert (others == np.delete(best, j)).all()
        assert best[j] in slider.X[:, j]
        assert (np.diff(slider.X[:, j]) > 0).all()
        assert (slider.feasible == SPACE.feasible(slider.X)).all()


def test_predictions_are_near_the_truth_and_say_where_they_are_not_to_be_trusted(spectra):
    inside, far = SPACE.sample(20, np.random.default_rng(5)), np.array([[40.0, 40, 40]])
    made = predict(spectra, fitted(spectra), np.vstack([inside, far]))
    np.testing.assert_allclose(made.curves[:-1], curves(inside), atol=0.1)
    np.testing.assert_allclose(made.loss[:-1], spectra.objective.losses(curves(inside)).loss, atol=0.05)
    assert (made.band[-1].max() > 3 * made.band[:-1].max(axis=1)).all()
    assert made.validity[-1].status == "outside"
    assert [verdict.status for verdict in made.validity[:-1]].count("inside") > 15
    assert made.std.shape == made.loss.shape
    assert not made.feasible[-1]


def test_numbers_have_a_loss_and_no_curves(numbers):
    found = learn(numbers, np.empty((0, 3)), ())
    assert found.explanation.outputs == ("loss",)
    assert np.argsort(-found.explanation.shapley.importance[:, 0]).tolist() == [0, 1, 2]
    assert found.sliders[0].curves.shape[1] == found.asked.band.shape[1] == 0
    assert found.asked.validity == ()
    assert found.maps[0].loss.shape[0] > 10


def test_curves_that_are_all_equal_are_known_by_their_loss(spectra):
    flat = np.tile(spectra.data.Y[:1], (30, 1))
    found = learn(state_of(SPACE, spectra.objective, spectra.data.X, flat), np.empty((0, 3)), equal_regions(AXIS, 3))
    assert found.explanation.outputs == ("loss",)
    np.testing.assert_allclose(found.explanation.shapley.values, 0, atol=1e-9)


def test_categories_are_mapped_by_their_levels():
    space = SearchSpace((Continuous("a", 0, 1), Categorical("solvent", ("x", "y", "z"))))
    X = space.sample(24, np.random.default_rng(0))
    found = learn(state_of(space, Minimize("loss"), X, X[:, :1] ** 2 + X[:, 1:]), X[:1], ())
    assert found.maps[0].ys.tolist() == [0, 1, 2]
    assert found.maps[0].loss.argmin(axis=0).tolist() == [0] * len(found.maps[0].xs)
    assert len(found.sliders[1].X) == 3


def test_of_many_parameters_the_important_ones_are_mapped_and_the_others_held():
    space = SearchSpace(tuple(Continuous(f"p{j}", 0, 1) for j in range(9)))
    X = space.sample(40, np.random.default_rng(0))
    found = learn(state_of(space, Minimize("loss"), X, 5 * X[:, 8:] + 3 * X[:, 3:4] ** 2), X[:1], ())
    assert len(found.held) == 3
    assert not {3, 8} & set(found.held)
    assert len(found.maps) == 15
    assert found.explanation.shapley.error is not None


def test_the_same_state_gives_the_same_answer(numbers, monkeypatch):
    monkeypatch.setattr(knowledge, "_MIXED", 800)
    first, again = (explain(numbers, fitted(numbers), ()) for _ in range(2))
    assert len(first.wells) == 10
    assert first.wells == again.wells
    np.testing.assert_array_equal(first.shapley.values, again.shapley.values)


def test_what_cannot_be_learnt_is_refused(spectra):
    with pytest.raises(InvalidInput, match="holds no point"):
        learn(spectra, np.empty((0, 3)), (Region("red", 801, 900),))
    with pytest.raises(InvalidInput, match="no well is measured"):
        learn(state_of(SPACE, spectra.objective, np.empty((0, 3)), np.empty((0, 31))), np.empty((0, 3)), ())


def test_one_well_is_enough_for_an_answer(spectra):
    found = learn(state_of(SPACE, spectra.objective, spectra.data.X[:1], spectra.data.Y[:1]), spectra.data.X[:1], ())
    assert found.asked.validity == ()
    assert np.isfinite(found.asked.loss).all()


def test_maps_of_chosen_columns_hold_the_others(numbers):
    (drawn,) = loss_maps(fitted(numbers), SPACE, [0, 1], np.array([1.0, 1, 3]))
    x = np.array([[drawn.xs[2], drawn.ys[1], 3.0]])
    assert drawn.loss[1, 2] == pytest.approx(fitted(numbers).outputs(x)[0, 0])


def test_the_published_losses_name_the_parameters(agnp_csv):
    designs, measurements = read_agnp(agnp_csv)
    names = ("QAgNO3", "Qpva", "Qtsc", "Qseed", "Qtot")
    box = [(0.5, 80), (10, 40), (0.5, 80), (0.5, 80), (200, 1000)]
    flows = LinearConstraint(dict.fromkeys(names[:4], 1.0), 90)
    space = SearchSpace(tuple(Continuous(name, low, high) for name, (low, high) in zip(names, box, strict=True)), (flows,))
    data = reduce(designs, measurements, Minimize("loss"))
    state = CampaignState(space, Minimize("loss"), data, np.empty((0, 5)), 11)
    importance = explain(state, fitted(state), ()).shapley.importance[:, 0]
    assert {names[j] for j in np.argsort(-importance)[:2]} == {"Qseed", "QAgNO3"}
