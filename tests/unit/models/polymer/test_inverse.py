"""Recipes for wanted distributions, simulated back."""

import numpy as np
import pytest

from models.polymer.chains import LOG_M
from models.polymer.coefficients import RECIPE, BadPolymer
from models.polymer.dataset import box, latin_hypercube
from models.polymer.figures_of_merit import two_peaks
from models.polymer.inverse import RANKS, Goal, Inverse
from models.polymer.kinetics import Simulator

X = latin_hypercube(12, 99, box())
MADE = Simulator()(X)


@pytest.fixture(scope="module")
def inverse():
    return Inverse(screened=800)


def test_reachable_distributions_are_reached_and_simulated_back(inverse):
    answers = inverse.nearest([Goal(w) for w in MADE.mmd])
    assert np.median([answer.mse for answer in answers]) < 2e-6
    assert np.median([answer.overlap for answer in answers]) > 0.999
    assert {answer.status for answer in answers} == {"ok"}
    back = Simulator()(np.array([answer.recipe for answer in answers]))
    np.testing.assert_allclose(back.mmd, [answer.mmd for answer in answers], atol=1e-9)
    np.testing.assert_allclose(back.Mw, [answer.Mw for answer in answers], rtol=1e-9)


def test_noise_is_not_fitted(inverse):
    noisy = MADE.mmd + 0.01 * MADE.mmd.max(axis=1, keepdims=True) * np.random.default_rng(0).standard_normal(MADE.mmd.shape)
    answers = inverse.nearest([Goal(w) for w in noisy / (noisy.sum(axis=1, keepdims=True) * 0.05)])
    assert np.median([np.mean((answer.mmd - w) ** 2) for answer, w in zip(answers, MADE.mmd, strict=True)]) < 1e-5


def test_two_peaks_are_told_as_not_reachable(inverse):
    assert {answer.status for answer in inverse.nearest([Goal(target.w) for target in two_peaks(20, 5)])} == {"not reachable"}


def test_the_monomer_left_tells_more_of_the_recipe(inverse):
    alone = inverse.nearest([Goal(w) for w in MADE.mmd])
    wanted = [Goal(w, numbers={"cBA_time": left}) for w, left in zip(MADE.mmd, MADE.cBA_time, strict=True)]
    told = inverse.nearest(wanted)
    errors = [np.abs(box().unit(np.array([answer.recipe for answer in answers])) - box().unit(X))[:, 0] for answers in (alone, told)]
    assert errors[1].mean() < errors[0].mean() / 3
    np.testing.assert_allclose([answer.cBA_time for answer in told], MADE.cBA_time, rtol=0.02)
    widths = [np.mean([answer.high[0] - answer.low[0] for answer in answers]) for answers in (alone, told)]
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize("rank", RANKS)
def test_a_family_of_different_recipes_in_order(inverse, rank):
    family = inverse.family(Goal(MADE.mmd[0]), count=4, rank=rank)
    assert len(family) >= 3
    assert family[0].status == "ok"
    ok = [RANKS[rank](answer) for answer in family if answer.status == "ok"]
    assert ok == sorted(ok)
    u = box().unit(np.array([answer.recipe for answer in family]))
    gaps = [np.sqrt(np.mean((a - b) ** 2)) for i, a in enumerate(u) for b in u[:i]]
    assert min(gaps) > 0.05


def test_fixed_columns_stay_and_bounds_are_told():
    fixed = Inverse(box=box(fixed={"temp": 65.0}), screened=300).nearest([Goal(MADE.mmd[0])])[0]
    assert (fixed.recipe[2], fixed.low[2], fixed.high[2]) == (65.0, 65.0, 65.0)
    cold = Inverse(box=box(low=np.array([0.5, 0.0025, 60, 300]), high=np.array([3, 0.02, 61, 900])), screened=300)
    answer = cold.nearest([Goal(Simulator()(np.array([[0.5, 0.02, 80.0, 3000]])).mmd[0])])[0]
    assert answer.status != "ok"
    assert "temp high" in answer.active


def test_intervals_hold_the_recipe_and_stay_in_the_box(inverse):
    for answer in inverse.nearest([Goal(w) for w in MADE.mmd]):
        assert (answer.low <= answer.recipe).all()
        assert (answer.recipe <= answer.high).all()
        assert (box().low - 1e-12 <= answer.low).all()
        assert (answer.high <= box().high + 1e-9).all()


def test_a_wanted_number_that_contradicts_the_curve_is_approximate_at_best(inverse):
    answer = inverse.nearest([Goal(MADE.mmd[0], numbers={"Mn": 2 * MADE.Mn[0]}, precision=0.001)])[0]
    assert answer.status != "ok"


@pytest.mark.parametrize(
    ("goal", "match"),
    [({"w": np.ones(100)}, "unit area"), ({"w": MADE.mmd[0][:-1]}, "100 finite"), ({"noise": 0}, "noise"), ({"numbers": {"Mn": -1}}, "Mn"),
     ({"numbers": {"Mz": 1}}, "Mz")],
)  # fmt: skip
def test_a_goal_that_makes_no_sense_is_refused(goal, match):
    with pytest.raises(BadPolymer, match=match):
        Goal(**{"w": MADE.mmd[0], **goal})


def test_a_family_that_makes_no_sense_is_refused(inverse):
    with pytest.raises(BadPolymer, match="rank"):
        inverse.family(Goal(MADE.mmd[0]), rank="beauty")
    with pytest.raises(BadPolymer, match="count"):
        inverse.family(Goal(MADE.mmd[0]), count=0)
    assert len(RECIPE) == 4
    assert MADE.mmd.shape[1] == len(LOG_M)
