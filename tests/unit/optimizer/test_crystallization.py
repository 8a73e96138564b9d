"""The campaign on crystals: its space, its target, and that rules find their way by a loss that is not flat."""

import numpy as np

from models.psd import lab
from models.psd.crystallizer import HIGH, LOW, RECIPE
from optimizer import crystallization


def test_the_space_is_the_range_of_the_lab():
    space = crystallization.space()
    assert space.names == RECIPE
    rows = space.sample(50, np.random.default_rng(0))
    assert (rows >= LOW - 1e-9).all()
    assert (rows <= HIGH + 1e-9).all()


def test_the_optimum_is_near_the_wanted_recipe_and_below_all_others():
    space, objective, made = crystallization.space(), crystallization.objective(), lab.VirtualLab(crystallization.ERROR)
    rows = space.sample(100, np.random.default_rng(1))
    losses = objective.losses(made.shares(rows)).loss
    wanted = objective.losses(made.shares(lab.WANTED[None])).loss[0]
    assert crystallization.OPTIMUM <= wanted < losses.min()
    assert np.median(losses) > 0.2


def test_the_loss_tells_how_far_sizes_are_where_the_distributions_share_nothing():
    objective = crystallization.objective()
    narrow = np.eye(32)[[24, 27, 31]]
    step = float(np.diff(objective.axis)[0])
    losses = objective.losses(narrow).loss
    np.testing.assert_allclose(np.diff(losses), [3 * step, 4 * step], rtol=1e-5)
