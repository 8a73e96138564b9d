"""Growing the box: which new bounds are proposed, and which keep the settings of the lab."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.parameters import Continuous
from optimizer.space import LinearConstraint, Mixture, SearchSpace
from optimizer.widening import Extension, aligned_low, extension, is_aligned


def proposed(parameter, side, *constraints, others=()):
    return extension(SearchSpace((parameter, *others), constraints), parameter, side)


@pytest.mark.parametrize(
    ("parameter", "low", "high"),
    [
        (Continuous("a", 10, 20), 5, 25),
        (Continuous("a", 4, 20), 0, 28),
        (Continuous("a", 0, 20), None, 30),
        (Continuous("a", -5, 5), -10, 10),
        (Continuous("a", -3, -1), -4, 0),
        (Continuous("a", 0.5, 80, step=0.1), 0, 119.7),
        (Continuous("a", 1, 2, step=0.4), 0.6, 2.4),
        (Continuous("a", 1, 2, step=0.7), None, None),
        (Continuous("a", 1e-7, 3e-7), 0, 4e-7),
    ],
)
def test_a_side_grows_by_half_of_the_range_in_whole_steps_and_not_across_zero(parameter, low, high):
    found = {side: proposed(parameter, side) for side in ("low", "high")}
    assert (found["low"] and found["low"].low) == (None if low is None else pytest.approx(low, rel=1e-12))
    assert (found["high"] and found["high"].high) == (None if high is None else pytest.approx(high, rel=1e-12))


def test_only_the_side_asked_for_changes():
    assert proposed(Continuous("a", 10, 20), "low") == Extension("a", low=5.0)
    assert proposed(Continuous("a", 10, 20), "high") == Extension("a", high=25.0)


def test_constraints_and_mixtures_bound_an_extension():
    a, b = Continuous("a", 10, 20, step=1), Continuous("b", 5, 9)
    assert proposed(a, "high", LinearConstraint({"a": 2, "b": 1}, 52.9), others=(b,)) == Extension("a", high=23.0)
    assert proposed(a, "low", LinearConstraint({"a": -1, "b": 1}, -3.0), others=(b,)) == Extension("a", low=8.0)
    assert proposed(a, "high", LinearConstraint({"a": 1, "b": -1}, 11), others=(b,)) is None
    mixture = SearchSpace((a, b), (), Mixture("water", ("a", "b"), total=30, low=3))
    assert extension(mixture, a, "high") == Extension("a", high=22.0)


@given(st.floats(-100, 100).map(lambda x: round(x, 2)), st.sampled_from([0.01, 0.1, 0.25, 1 / 3, 7]), st.integers(3, 400), st.booleans())
def test_every_old_setting_is_a_setting_of_the_extended_range(low, step, count, upwards):
    before = Continuous("a", low, low + count * step, step=step)
    found = proposed(before, "high" if upwards else "low")
    if found is None:
        return
    after = Continuous("a", before.low if found.low is None else found.low, before.high if found.high is None else found.high, step=step)
    assert after.low <= before.low
    assert after.high >= before.high
    assert len(after.levels) > len(before.levels)
    gaps = np.abs(before.levels[:, None] - after.levels).min(axis=1)
    assert gaps.max() <= 1e-9 * max(1, np.abs(before.levels).max())


@given(st.floats(0.01, 50), st.sampled_from([0.1, 0.25, 3]))
def test_the_nearest_aligned_low_is_aligned_and_widens(distance, step):
    parameter = Continuous("a", 60, 90, step=step)
    low = aligned_low(parameter, parameter.low - distance)
    assert is_aligned(parameter, low)
    assert low < parameter.low
    assert abs(low - (parameter.low - distance)) <= max(step / 2, step - distance) + 1e-9
    assert not is_aligned(parameter, low - 0.3 * step)


def test_a_stepless_parameter_takes_any_low():
    assert is_aligned(Continuous("a", 60, 90), 59.123)
    assert aligned_low(Continuous("a", 60, 90), 59.123) == 59.123
