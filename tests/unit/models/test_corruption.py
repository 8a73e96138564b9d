"""Corruptions: known statistics, what they leave alone, and what they refuse."""

import numpy as np
import pytest

from models.corruption import CORRUPTIONS, Half, Missing, Noise, Range, Step, beyond, corrupted, onto
from models.table import BadTable, Field, Table

AXIS = np.linspace(0.1, 20, 200)


def curve(n=40, slope=1.0):
    return Field("I", np.outer(1 + np.arange(n), 5 + slope * AXIS), "1/cm", AXIS, "1/nm")


def number(n=4000):
    return Field("T", 60 + 20 * np.random.default_rng(5).random(n), "°C")


def apply(corruption, field, known=None, seed=0):
    return corruption(field, known or field, np.random.default_rng(seed))


def test_noise_multiplies_curves_by_factors_of_mean_one_and_stays_positive():
    clean = curve()
    factors = apply(Noise(0.5), clean).values / clean.values
    assert factors.mean() == pytest.approx(1, abs=0.02)
    assert factors.std() == pytest.approx(0.5, rel=0.05)
    assert factors.min() > 0


def test_noise_on_numbers_is_in_standard_deviations_of_the_training_data():
    clean, known = number(), Field("T", np.array([0.0, 200.0]), "°C")
    added = apply(Noise(0.1), clean, known).values - clean.values
    assert added.std() == pytest.approx(10, rel=0.05)
    assert added.mean() == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_missing_points_of_a_straight_line_are_filled_exactly_between_the_kept_ones(share):
    clean = curve(20)
    filled = apply(Missing(share), clean)
    exact = np.isclose(filled.values, clean.values, rtol=1e-12)
    # Only what lies beyond the outermost kept points differs, and these are runs at either end.
    for row in exact:
        first, last = np.flatnonzero(row)[[0, -1]]
        assert row[first : last + 1].all()
        assert last - first + 1 >= round((1 - share) * 200)
    assert np.isfinite(filled.values).all()


def test_the_right_number_of_points_goes_missing_and_every_curve_loses_others():
    rough = Field("I", np.random.default_rng(0).random((30, 200)), "", AXIS)
    lost = apply(Missing(0.4), rough).values != rough.values
    assert set(lost.sum(axis=1)) == {80}
    assert len(np.unique(lost, axis=0)) == 30


def test_missing_numbers_become_the_median_of_the_training_data():
    clean, known = number(1000), Field("T", np.array([1.0, 2.0, 9.0]), "°C")
    filled = apply(Missing(0.25), clean, known)
    assert (filled.values == 2).sum() == 250
    assert (filled.values == clean.values).sum() == 750


def test_a_coarser_step_keeps_every_so_manieth_point():
    coarse = apply(Step(7), curve(3))
    np.testing.assert_array_equal(coarse.axis, AXIS[::7])
    np.testing.assert_array_equal(coarse.values, curve(3).values[:, ::7])
    np.testing.assert_allclose(onto(coarse, AXIS).values[:, :197], curve(3).values[:, :197])


def test_a_cut_range_goes_on_as_its_last_point_and_says_how_much_is_made_up():
    cut = apply(Range(AXIS[20], AXIS[149]), curve(2))
    assert (cut.axis[0], cut.axis[-1], len(cut.axis)) == (AXIS[20], AXIS[149], 130)
    back = onto(cut, AXIS)
    np.testing.assert_allclose(back.values[:, 20:150], curve(2).values[:, 20:150])
    assert (back.values[:, :20] == cut.values[:, :1]).all()
    assert (back.values[:, 150:] == cut.values[:, -1:]).all()
    assert beyond(cut, AXIS) == 0.35
    assert beyond(curve(), AXIS) == 0


def test_two_halves_are_the_whole():
    lower, upper = (apply(Half(part), curve(2)) for part in ("lower", "upper"))
    np.testing.assert_array_equal(np.hstack([lower.values, upper.values]), curve(2).values)
    np.testing.assert_array_equal(np.r_[lower.axis, upper.axis], AXIS)


@pytest.mark.parametrize("corruption", [Noise(0.0), Missing(0.0), Step(1), Range(0, 21)], ids=str)
def test_a_corruption_of_nothing_changes_nothing(corruption):
    np.testing.assert_allclose(apply(corruption, curve()).values, curve().values)


@pytest.mark.parametrize("corruption", [Noise(0.1), Missing(0.5), Step(3), Range(1, 9), Half("upper")], ids=str)
def test_corruptions_are_pure_seeded_and_leave_categories_alone(corruption):
    shape = Field("shape", np.array([0, 1, 1]), classes=("cube", "star"))
    table = Table((curve(3), number(3), shape))
    digest = table.digest
    first, again, other = (corrupted(table, ["I", "T", "shape"], corruption, table, seed) for seed in (0, 0, 1))
    assert table.digest == digest
    assert first.digest == again.digest != digest
    assert (first.digest != other.digest) == isinstance(corruption, Noise | Missing)
    assert first["shape"] is shape
    assert corrupted(table, [], corruption, table, 0).digest == digest


def test_every_corruption_has_a_name_and_a_label():
    made = [Noise(0.15), Missing(0.9), Step(50), Range(0.3, 8), Half("lower")]
    assert [m.name for m in made] == list(CORRUPTIONS) == ["noise", "missing points", "step", "range", "half"]
    assert [m.label for m in made] == ["15 %", "90 %", "x 50", "0.3 to 8", "lower"]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Noise(-0.1), "level"),
        (lambda: Noise(float("nan")), "level"),
        (lambda: Missing(1.0), "share"),
        (lambda: Step(0), "factor"),
        (lambda: Step(2.5), "factor"),
        (lambda: Range(3, 3), "high"),
        (lambda: Half("middle"), "part"),
    ],
)
def test_levels_out_of_range_are_refused(make, field):
    with pytest.raises(ValueError, match=f"^{field}: "):
        make()


def test_a_range_that_leaves_nothing_is_refused():
    with pytest.raises(BadTable, match="under two points") as caught:
        apply(Range(30, 40), curve())
    assert (caught.value.field, bool(caught.value.remedy)) == ("I", True)
