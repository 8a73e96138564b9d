"""A lab's own coefficients, found again from what they give."""

import numpy as np
import pytest

from models.polymer.coefficients import BadPolymer, published
from models.polymer.dataset import box, latin_hypercube
from models.polymer.kinetics import Simulator
from models.polymer.refit import Runs, refit

X = latin_hypercube(8, 3, box())
TRUE = published().changed(f=0.62, Cs=4e-4)
MADE = Simulator(TRUE)(X)


def test_coefficients_are_found_again_and_what_the_data_do_not_tell_stays():
    noise = np.random.default_rng(0).standard_normal
    runs = Runs(X, MADE.conversion + 0.003 * noise(8), MADE.mmd + 0.01 * noise(MADE.mmd.shape), (0.003, 0.01))
    found = refit(["f", "Cs", "ktrP"], runs, published())
    assert found.coefficients.number("f") == pytest.approx(0.62, rel=0.03)
    assert found.factors["Cs"] == pytest.approx(4 / 2.95, rel=0.05)
    assert found.spread["ktrP"] > 10 * found.spread["Cs"]


def test_conversions_alone_are_enough_for_the_initiator():
    found = refit(["f"], Runs(X, MADE.conversion, np.full_like(MADE.mmd, np.nan)), published().changed(Cs=4e-4))
    assert found.coefficients.number("f") == pytest.approx(0.62, rel=0.01)


def test_a_share_stays_below_1():
    found = refit(["f"], Runs(X, np.ones(8), np.full_like(MADE.mmd, np.nan)), published())
    assert found.coefficients.number("f") == pytest.approx(1)


@pytest.mark.parametrize(("names", "match"), [([], "none is named"), (["fish"], "fish"), (["dst"], "dst")])
def test_names_that_cannot_be_moved_are_refused(names, match):
    with pytest.raises(BadPolymer, match=match):
        refit(names, Runs(X, MADE.conversion, MADE.mmd), published())


def test_runs_of_other_shapes_or_without_data_are_refused():
    with pytest.raises(BadPolymer, match="shapes"):
        Runs(X, MADE.conversion[:3], MADE.mmd)
    with pytest.raises(BadPolymer, match="nothing was measured"):
        Runs(X, np.full(8, np.nan), np.full_like(MADE.mmd, np.nan))
