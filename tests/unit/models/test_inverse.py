"""Inverse design on functions whose inverse is known."""

import numpy as np
import pytest

from models.box import Box
from models.distances import distance, measured_by
from models.inverse import Goal, Search, invert
from models.levenberg import refine
from models.nanoparticle.dataset import FULL, HIGH, LOW
from models.nanoparticle.lab import VirtualLab
from models.nets import Cancelled
from models.validity import Domain

UNIT = Box(np.zeros(3), np.ones(3))


def bent(X):
    """Three outcomes that tell their three inputs."""
    return np.column_stack([np.exp(X[:, 0]), X[:, 0] + X[:, 1] ** 3, X[:, 2] * (1 + X[:, 1])])


def product(X):
    """A valley: every x0 x1 = const is as good."""
    return X[:, :1] * X[:, 1:2]


def goal(target, ok=1e-8, approximate=1e-4, metric=None, second=None):
    return Goal(np.atleast_1d(np.array(target, float)), metric or distance("mse"), ok, approximate, second)


def best(found):
    return min(found.candidates, key=lambda candidate: candidate.distance)


@pytest.mark.parametrize("x", [[0.2, 0.7, 0.4], [0.9, 0.35, 0.05]])
def test_what_can_be_inverted_is(x):
    found = invert(bent, UNIT, goal(bent(np.array([x]))[0], ok=1e-14))
    assert found.status == "ok"
    assert len(found.candidates) == 1
    np.testing.assert_allclose(found.candidates[0].x, x, atol=1e-5)
    np.testing.assert_allclose(found.candidates[0].predicted, bent(np.array([x]))[0], atol=1e-6)
    assert (found.candidates[0].bounds, found.candidates[0].simulated, found.candidates[0].validity) == ((), None, None)


def test_what_cannot_be_told_from_the_outcome_is_answered_by_a_family_along_the_valley():
    box = Box(np.array([0.1, 0.1]), np.array([2.0, 2.0]))
    found = invert(product, box, goal(0.4), Search(count=6, apart=0.05))
    X = np.array([candidate.x for candidate in found.candidates])
    assert len(X) == 6
    np.testing.assert_allclose(X[:, 0] * X[:, 1], 0.4, rtol=1e-3)
    assert np.ptp(X[:, 0]) > 0.8 * (2 - 0.2)
    gaps = np.sqrt((((X[:, None] - X) / 1.9) ** 2).mean(axis=2))
    assert gaps[~np.eye(6, dtype=bool)].min() > 0.05


def test_a_second_objective_ranks_what_is_equally_good():
    box = Box(np.array([0.1, 0.1]), np.array([2.0, 2.0]))
    found = invert(product, box, goal(0.4, second=lambda X: X[:, 1]), Search(count=4))
    told = [candidate.second for candidate in found.candidates]
    assert told == sorted(told)
    assert told[0] == pytest.approx(0.2, abs=0.02)
    assert told == [candidate.x[1] for candidate in found.candidates]


def test_fixed_columns_stay_and_the_others_make_up_for_them():
    box = Box(np.array([0.1, 0.1]), np.array([2.0, 2.0]), fixed={0: 0.5})
    found = invert(product, box, goal(0.4))
    assert [candidate.x[0] for candidate in found.candidates] == [0.5]
    assert found.candidates[0].x[1] == pytest.approx(0.8, rel=1e-3)
    assert found.fixed == {0: 0.5}


def test_listed_columns_keep_to_their_settings_and_several_of_them_are_answers():
    box = Box(np.array([0.25, 0.1]), np.array([2.0, 2.0]), levels={0: np.array([0.25, 0.5, 2.0])})
    found = invert(product, box, goal(0.4))
    assert sorted(candidate.x[0] for candidate in found.candidates) == [0.25, 0.5, 2.0]
    assert all(candidate.status == "ok" for candidate in found.candidates)


def test_logarithmic_columns_are_searched_over_decades():
    box = Box(np.array([1e-6, 1e-6]), np.ones(2), log=frozenset({0, 1}))
    found = invert(lambda X: np.log(product(X)), box, goal(np.log(1e-8)), Search(count=5))
    X = np.array([candidate.x for candidate in found.candidates])
    np.testing.assert_allclose(X[:, 0] * X[:, 1], 1e-8, rtol=1e-3)
    assert np.ptp(np.log10(X[:, 0])) > 3


def test_a_target_that_cannot_be_reached_is_told_with_the_bounds_that_stop_it():
    found = invert(bent, UNIT, goal([np.e, 2.0, 5.0]))
    nearest = best(found)
    assert found.status == nearest.status == "not reachable"
    np.testing.assert_allclose(nearest.x, 1, atol=1e-6)
    assert nearest.bounds == ((0, "high"), (1, "high"), (2, "high"))
    assert nearest.distance == pytest.approx(3, rel=1e-6)


def test_between_ok_and_not_reachable_is_approximate():
    target = bent(np.ones((1, 3)))[0] + [0.01, 0, 0]
    assert invert(bent, UNIT, goal(target, ok=1e-6, approximate=1e-3)).status == "approximate"


@pytest.mark.parametrize("log", [frozenset(), frozenset({0, 1})])
def test_constraints_are_kept_and_reported_where_they_bind(log):
    # The nearest point of x0 + x1 <= 1 to (1.2, 0.6) is (0.8, 0.2).
    box = Box(np.array([0.05, 0.05]), np.array([2.0, 2.0]), log=log, A=np.ones((1, 2)), b=np.ones(1))
    found = invert(lambda X: X.copy(), box, goal([1.2, 0.6]), Search(count=1))
    nearest = found.candidates[0]
    np.testing.assert_allclose(nearest.x, [0.8, 0.2], atol=1e-4)
    assert nearest.x.sum() <= 1
    assert (nearest.constraints, nearest.bounds) == ((0,), ())
    assert all(candidate.x.sum() <= 1 for candidate in found.candidates)


def test_the_simulator_has_the_last_word_over_the_model():
    found = invert(lambda X: bent(X) + 0.05, UNIT, goal(bent(np.full((1, 3), 0.5))[0], ok=1e-12), simulator=bent)
    nearest = best(found)
    np.testing.assert_allclose(nearest.x, 0.5, atol=1e-4)
    np.testing.assert_allclose(nearest.predicted - nearest.simulated, 0.05, atol=1e-12)
    assert nearest.distance < 1e-12


@pytest.mark.parametrize(
    "metric", [distance("cosine"), distance("wasserstein"), measured_by(lambda Y, t: np.abs(Y - t).mean(axis=1))], ids=lambda m: m.name
)
def test_curves_are_met_by_other_distances(metric):
    axis = np.linspace(0, 1, 40)

    def peak(X):
        return np.exp(-(((axis - X[:, :1]) / (0.05 + 0.2 * X[:, 1:2])) ** 2))

    found = invert(peak, Box(np.zeros(2), np.ones(2)), goal(peak(np.array([[0.4, 0.3]]))[0], 1e-2, 1e-1, metric))
    assert found.status == "ok"
    np.testing.assert_allclose(best(found).x, [0.4, 0.3], atol=0.03)


def test_a_model_made_of_steps_answers_with_screened_points():
    found = invert(lambda X: np.round(10 * X), UNIT, goal([3, 5, 7]))
    assert found.status == "ok"
    assert len(found.candidates) >= 1


def test_runs_of_a_simulator_that_fail_are_passed_over():
    def fails(X):
        return np.where(X[:, :1] > 0.5, np.nan, bent(X))

    found = invert(fails, UNIT, goal(bent(np.full((1, 3), 0.45))[0]), simulator=fails)
    np.testing.assert_allclose(best(found).x, 0.45, atol=1e-3)


def test_inputs_unlike_the_training_data_are_told():
    domain = Domain.of(np.random.default_rng(0).random((80, 3)) * 0.4)
    inside, outside = (best(invert(bent, UNIT, goal(bent(np.full((1, 3), x))[0]), domain=domain)) for x in (0.2, 0.9))
    assert (inside.validity.status, outside.validity.status) == ("inside", "outside")


def test_the_seed_decides_everything():
    def asked(seed):
        found = invert(product, Box(np.array([0.1, 0.1]), np.array([2.0, 2.0])), goal(0.4), Search(seed=seed))
        return [candidate.x.tolist() for candidate in found.candidates]

    assert asked(0) == asked(0) != asked(1)


def test_progress_is_told_and_can_stop_the_search():
    told = []
    invert(product, UNIT, goal(0.4), watch=lambda share, what: told.append(what))
    assert told == ["screening", "refinement", "selection"]
    with pytest.raises(Cancelled, match="before: refinement"):
        invert(product, UNIT, goal(0.4), watch=lambda share, what: share < 0.5)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Box(np.ones(2), np.zeros(2)), "must not be above high"),
        (lambda: Box(np.zeros(2), np.ones(2), fixed={1: 2.0}), "fixed: column 1"),
        (lambda: Box(np.zeros(2), np.ones(2), log=frozenset({0})), "log: only columns"),
        (lambda: Box(np.zeros(2), np.ones(2), A=np.ones((1, 2))), "are given together"),
        (lambda: goal([np.nan]), "finite outcomes"),
        (lambda: goal(1, ok=1.0, approximate=0.1), "ok must not be above"),
        (lambda: Search(screened=1000), "powers of two"),
        (lambda: Search(count=0), "must be 1 or more"),
        (lambda: invert(product, Box(np.zeros(2), np.ones(2), A=np.ones((1, 2)), b=-np.ones(1)), goal(0.4)), "loosen them"),
        (lambda: invert(lambda X: np.full((len(X), 1), np.nan), UNIT, goal(0.4)), "nothing finite"),
        (lambda: invert(product, UNIT, goal(0.4), simulator=lambda X: np.full((len(X), 1), np.nan)), "simulator: it told nothing"),
    ],
)
def test_what_cannot_be_asked_is_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_refinement_never_gets_worse_and_stays_in_the_cube():
    starts = np.random.default_rng(3).random((50, 2))

    def rosenbrock(u):
        x = 4 * u - 2
        return np.column_stack([10 * (x[:, 1] - x[:, 0] ** 2), 1 - x[:, 0]])

    before = (rosenbrock(starts) ** 2).sum(axis=1)
    ended = refine(rosenbrock, starts, np.ones(2, bool), Box(np.zeros(2), np.ones(2)).normals, 60)
    after = (rosenbrock(ended) ** 2).sum(axis=1)
    assert (after <= before).all()
    assert (ended >= 0).all()
    assert (ended <= 1).all()
    np.testing.assert_allclose(ended, 0.75, atol=1e-3)


def test_recipes_of_a_wanted_silver_spectrum_are_a_family_that_differs_in_polymer_and_total_flow():
    lab = VirtualLab()
    room = Box(LOW, HIGH, A=np.array([[1.0, 1, 1, 1, 0]]), b=np.array([FULL]))
    recipe = np.array([[12.0, 20.0, 10.0, 15.0, 600.0]])
    wanted = goal(lab.spectra(recipe)[0], 1e-8, 1e-4)
    found = invert(lab.spectra, room, wanted, Search(count=4, screened=1024, starts=24))
    X = np.array([candidate.x for candidate in found.candidates])
    assert found.status == "ok"
    assert len(X) > 1
    np.testing.assert_allclose(lab.spectra(X), np.repeat(wanted.target[None], len(X), axis=0), atol=1e-3)
    spread = np.ptp(X, axis=0) / (HIGH - LOW)
    assert max(spread[1], spread[4]) > 0.2 > max(spread[[0, 3]])
    assert (X[:, :4].sum(axis=1) <= FULL).all()
