"""The virtual crystallization lab: modes of what was made, a hidden error that repeats, and pictures of it."""

import numpy as np
import pytest

from models.psd.bins import CENTRES, EDGES
from models.psd.crystallizer import HIGH, LOW, Crystals, crystallize
from models.psd.lab import SPREAD, WANTED, VirtualLab, _seen, target

X = np.vstack([WANTED, [1.0, 100.0, 15.0, 1.0, 6.0], [15.0, 31.0, 100.0, 2.5, 1.0]])


def test_the_modes_are_the_crystals():
    made, suspensions = crystallize(X), VirtualLab().suspensions(X)
    for row, suspension in enumerate(suspensions):
        d = np.r_[made.seeds[row], made.born[row]]
        n = np.r_[np.full(64, made.seed_number[row] / 64), made.born_number[row]]
        counted = np.histogram(d, EDGES, weights=n)[0]
        apart = np.cumsum(suspension.shares() - counted / counted.sum())
        assert np.abs(apart).max() < 0.08
        assert suspension.mean_power(1) == pytest.approx((d * n)[d > EDGES[0]].sum() / n[d > EDGES[0]].sum(), rel=0.03)


def test_recipes_range_from_seeds_alone_to_mostly_newborn():
    X = LOW + (HIGH - LOW) * np.random.default_rng(0).random((100, 5))
    suspensions = VirtualLab(1).suspensions(X)
    born = [s.modes[1].share / sum(m.share for m in s.modes) if len(s.modes) > 1 else 0 for s in suspensions]
    assert min(born) < 0.001
    assert max(born) > 0.3
    assert min(s.phi for s in suspensions) >= 0.02
    assert max(s.phi for s in suspensions) <= 0.6


def test_a_hidden_error_repeats_by_seed_and_is_of_the_stated_size():
    assert VirtualLab(3).kinetics == VirtualLab(3).kinetics != VirtualLab(4).kinetics
    changes = [[np.log(getattr(VirtualLab(s).kinetics, k) / getattr(VirtualLab().kinetics, k)) for k in SPREAD] for s in range(200)]
    np.testing.assert_allclose(np.std(changes, axis=0), list(SPREAD.values()), rtol=0.2)


def test_shares_add_up_in_either_weighting_and_the_target_is_one_of_them():
    for weighting in ("number", "volume"):
        np.testing.assert_allclose(VirtualLab(1).shares(X, weighting).sum(axis=1), 1)
    np.testing.assert_allclose(target(), VirtualLab().shares(X)[0])
    assert target("volume") @ CENTRES > target() @ CENTRES


def test_pictures_repeat_by_seed_and_show_more_where_there_is_more():
    lab = VirtualLab()
    few, _, many = lab.suspensions(X)
    first, same, other = (lab.pictures(many, seed) for seed in ([0, 1], [0, 1], [0, 2]))
    assert first.shape == (5, 64, 64)
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert first.mean() < lab.pictures(few, [0, 1]).mean()


def test_counts_scatter_about_the_truth_the_more_the_fewer_crystals_there_are():
    lab, rng = VirtualLab(), np.random.default_rng(0)
    few, many = (lab.measure(x, 500, rng) for x in X[1:])
    for found, truth in zip((few, many), lab.shares(X[1:]), strict=True):
        np.testing.assert_allclose(found.sum(axis=1), 1)
        np.testing.assert_allclose(found.mean(axis=0), truth, atol=5 * found.std(axis=0).max() / 500**0.5)
    assert few.std(axis=0).max() > 3 * many.std(axis=0).max()


def test_crystals_too_small_to_be_seen_are_no_mode():
    none = np.zeros(3)
    made = Crystals(np.array([100.0, 110, 120]), np.array(1e4), np.array([5.0, 10, 15]), np.full(3, 1e5), none)
    assert [round(mode.median) for mode in _seen(made).modes] == [110]


def test_crystals_too_few_to_be_seen_are_no_mode():
    made = Crystals(np.array([100.0, 110, 120]), np.array(1e4), np.array([30.0, 40, 50]), np.full(3, 0.1), np.zeros(3))
    assert len(_seen(made).modes) == 1
