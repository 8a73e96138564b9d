"""The crystallizer: what must be conserved, limits with a formula, trends of the trade, and wrong recipes."""

import pickle

import numpy as np
import pytest

from models.psd.crystallizer import DIAMETER, HIGH, LOW, SEED_SIGMA, BadRecipe, Kinetics, crystallize, solubility

USUAL = np.array([6.0, 60.0, 120.0, 2.5, 1.0])
BARREN = Kinetics(kb=0.0)
DENSITY = 2.66e-12 * np.pi / 6
"""Mass of a crystal over the cube of its diameter, g/um^3."""


def recipe(**changes):
    names = ("seed_mass", "seed_size", "cooling_time", "profile", "supersaturation")
    return np.array([[changes.get(name, value) for name, value in zip(names, USUAL, strict=True)]])


def mass(made):
    """Of crystals per g of water."""
    seeds = (made.seeds**3).mean(axis=1) * made.seed_number
    return DENSITY * (seeds + (made.born**3 * made.born_number).sum(axis=1))


def test_the_solubility_is_the_published_one():
    np.testing.assert_allclose(solubility(np.array([50.0, 30.0])), [0.16805, 0.130274], rtol=1e-6)


def test_mass_is_conserved():
    X = LOW + (HIGH - LOW) * np.random.default_rng(0).random((20, 5))
    made = crystallize(X)
    start, end = solubility(np.array(50.0)) * (1 + X[:, 4] / 100), solubility(np.array(30.0))
    np.testing.assert_allclose(mass(made) - X[:, 0] / 1000, made.yielded * (start - end), rtol=2e-3)
    assert (made.yielded > 0.8).all()
    assert (made.yielded < 1).all()


def test_seeds_alone_in_a_slow_batch_take_up_all_that_crystallizes():
    made = crystallize(recipe(cooling_time=180, supersaturation=0), BARREN)
    assert made.born_number.sum() == 0
    assert made.yielded[0] == pytest.approx(1, abs=0.03)
    # Mean volumes grow as masses do while no crystal is born.
    gained = made.yielded[0] * (solubility(np.array(50.0)) - solubility(np.array(30.0)))
    volume = 60**3 * np.exp(9 * SEED_SIGMA**2 / 2)
    assert (made.seeds[0] ** 3).mean() / volume == pytest.approx((0.006 + gained) / 0.006, rel=0.03)


def test_all_seeds_grow_by_the_same_length():
    wide = np.diff(crystallize(recipe())[0][0])
    narrow = np.diff(crystallize(recipe(cooling_time=10))[0][0])
    np.testing.assert_allclose(wide, narrow, rtol=1e-9)


def test_the_oldest_newborn_have_grown_as_far_as_the_seeds():
    made = crystallize(recipe(supersaturation=5))
    grown = made.seeds[0, 0] - np.sort(crystallize(recipe(supersaturation=5), Kinetics(kg=0.0)).seeds[0])[0]
    assert made.born[0, 0] == pytest.approx(grown, rel=0.02)
    assert (np.diff(made.born[0]) <= 0).all()
    assert np.pi / 6 * DIAMETER**3 == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"seed_mass": 1.0}, {"seed_mass": 15.0}),
        ({"seed_size": 110.0}, {"seed_size": 40.0}),
        ({"supersaturation": 6.0}, {"supersaturation": 0.5}),
    ],
    ids=["few seeds", "large seeds", "supersaturated"],
)
def test_what_is_known_to_breed_nuclei_breeds_them(more, less):
    bred, spared = (crystallize(recipe(**changes)) for changes in (more, less))
    assert bred.born_number.sum() / bred.seed_number[0] > 1.2 * spared.born_number.sum() / spared.seed_number[0]


def test_more_seeds_make_smaller_crystals():
    few, many = (np.median(crystallize(recipe(seed_mass=m)).seeds) for m in (2, 20))
    assert few > 1.5 * many


def test_halved_steps_change_nothing_that_counts():
    X = np.array([LOW, HIGH, [20, 30, 10, 1, 6], [20, 30, 180, 1, 6], [0.5, 120, 10, 4, 6]])
    fine, coarse = crystallize(X, steps=1000), crystallize(X)
    np.testing.assert_allclose(coarse.seeds, fine.seeds, rtol=1e-4)
    np.testing.assert_allclose(coarse.born_number.sum(axis=1), fine.born_number.sum(axis=1), rtol=1e-4)


def test_a_recipe_gives_the_same_whatever_stands_beside_it():
    X = LOW + (HIGH - LOW) * np.random.default_rng(1).random((4, 5))
    np.testing.assert_allclose(crystallize(X).seeds[2], crystallize(X[2:3]).seeds[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "field"), [({"seed_mass": 0.0}, "seed_mass"), ({"profile": np.nan}, "profile"), ({"cooling_time": 7200}, "cooling_time")]
)
def test_a_recipe_out_of_range_is_refused_with_row_and_remedy_also_from_another_process(changes, field):
    with pytest.raises(BadRecipe, match=field) as failure:
        crystallize(np.vstack([recipe(), recipe(**changes)]))
    again = pickle.loads(pickle.dumps(failure.value))
    assert (again.field, again.row, again.remedy, str(again)) == (field, 1, failure.value.remedy, str(failure.value))
    assert "give" in again.remedy
