"""Losses against the published definition, and curves as people paste them."""

import pickle
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import wasserstein_distance

from optimizer.objective import CurveMatch, Maximize, Minimize, SpectrumMatch, TargetValue, parse_curve
from optimizer.types import InvalidInput, Spectrum

NM = np.linspace(380.0, 800.0, 421)
BAND = np.exp(-(((NM - 650.0) / 60.0) ** 2))
OTHER = np.exp(-(((NM - 450.0) / 60.0) ** 2))
MATCH = SpectrumMatch("absorbance", NM, Spectrum(NM, 3.0 + 2.0 * BAND), "nm")

spectra = arrays(float, (4, 5), elements=st.floats(-1.0, 1.2))
points_by_axis = st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=2, max_size=8, unique_by=lambda point: point[0])
short = SpectrumMatch("absorbance", NM[:5], Spectrum(NM[:5], np.array([0.0, 1.0, 3.0, 2.0, 0.5])))


def loss(values):
    return float(MATCH.losses(values[None]).loss[0])


# Spectrum match: the published figures


def test_the_target_itself_at_a_good_exposure_has_loss_0():
    assert loss(BAND) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("top", "expected", "reason"),
    [
        (0.7, 0.0, "shape"),
        (1.2, 0.0, "shape"),
        (np.nextafter(1.2, 2.0), 1.0, "saturated"),
        (np.nextafter(0.7, 0.0), 0.0, "dim"),
        (0.35, 0.5, "dim"),
        (0.07, 0.9, "dim"),
        (5.0, 1.0, "saturated"),
    ],
)
def test_the_amplitude_factor_at_its_golden_points(top, expected, reason):
    spectrum = BAND * top
    assert spectrum.max() == top
    losses = MATCH.losses(spectrum[None])
    assert losses.loss[0] == pytest.approx(expected, abs=1e-12)
    assert losses.reasons == (reason,)


@pytest.mark.parametrize("top", [0.0, -0.5])
def test_a_spectrum_without_absorbance_has_loss_1(top):
    losses = MATCH.losses((BAND - 1.0 + top)[None])
    assert losses.loss[0] == 1.0
    assert losses.reasons == ("dim",)


@pytest.mark.parametrize(("level", "reason"), [(1.0, "flat"), (0.5, "flat"), (0.0, "flat"), (-1.0, "flat"), (1.3, "saturated")])
def test_a_constant_spectrum_has_loss_1(level, reason):
    losses = MATCH.losses(np.full((1, 421), level))
    assert losses.loss[0] == 1.0
    assert losses.reasons == (reason,)


def test_the_cosine_is_taken_of_the_min_max_scaled_curves():
    spectrum = 0.2 + 0.7 * OTHER
    scaled = (spectrum - spectrum.min()) / (spectrum.max() - spectrum.min())
    wanted = (BAND - BAND.min()) / (BAND.max() - BAND.min())
    cosine = sum(scaled * wanted) / (sum(scaled**2) ** 0.5 * sum(wanted**2) ** 0.5)
    assert loss(spectrum) == pytest.approx(1 - cosine, abs=1e-12)
    assert loss(spectrum * 0.35 / 0.9) == pytest.approx(1 - 0.5 * cosine, abs=1e-12)


def test_the_target_is_resampled_linearly_before_it_is_scaled():
    coarse = Spectrum(np.array([300.0, 590.0, 900.0]), np.array([0.0, 1.0, 0.0]))
    on_axis = Spectrum(NM, np.interp(NM, coarse.axis, coarse.values))
    spectrum = OTHER[None]
    assert replace(MATCH, target=coarse).losses(spectrum).loss == replace(MATCH, target=on_axis).losses(spectrum).loss
    assert MATCH.resampling == "linear"


# Spectrum match: properties


@given(st.floats(-5.0, 5.0), st.floats(0.01, 5.0))
def test_scale_and_offset_of_the_target_do_not_matter(offset, scale):
    other = replace(MATCH, target=Spectrum(NM, offset + scale * BAND))
    np.testing.assert_allclose(other.losses(OTHER[None]).loss, MATCH.losses(OTHER[None]).loss, atol=1e-9)


@given(st.floats(0.7, 1.2))
def test_scale_does_not_matter_between_dim_and_saturated(top):
    assert loss(OTHER * top) == pytest.approx(loss(OTHER), abs=1e-12)


@given(st.floats(-0.25, 0.25))
def test_an_offset_does_not_matter_between_dim_and_saturated(offset):
    assert loss(0.95 * OTHER + offset) == pytest.approx(loss(0.95 * OTHER), abs=1e-9)


@given(spectra)
def test_the_loss_lies_between_0_and_1_and_has_a_reason(values):
    losses = short.losses(values)
    assert ((losses.loss >= 0) & (losses.loss <= 1)).all()
    assert set(losses.reasons) <= {"saturated", "flat", "dim", "shape"}


def test_a_perfect_match_is_never_better_than_0():
    targets = np.random.default_rng(0).random((200, 5))
    losses = [replace(short, target=Spectrum(NM[:5], values)).losses(values[None] / values.max()).loss[0] for values in targets]
    assert min(losses) == 0.0
    assert max(losses) < 1e-12


@given(spectra, st.permutations(range(4)))
def test_each_spectrum_is_judged_on_its_own(values, order):
    together, alone = short.losses(values).loss, [short.losses(row[None]).loss[0] for row in values]
    np.testing.assert_allclose(together, alone, atol=1e-12)
    np.testing.assert_allclose(short.losses(values[order]).loss, together[order], atol=1e-12)


def test_huge_values_saturate_without_overflow():
    values = np.array([[-1e308, 1e308, 0.0, 0.0, 0.0], [-1e308, 1.0, 0.0, 0.0, 0.0]])
    losses = short.losses(values)
    assert losses.loss[0] == 1.0
    assert losses.reasons == ("saturated", "shape")


def test_the_outcomes_are_not_changed():
    values = OTHER[None].copy()
    MATCH.losses(values)
    np.testing.assert_array_equal(values, OTHER[None])


def test_an_objective_survives_the_way_into_a_child_process():
    copy = pickle.loads(pickle.dumps(MATCH))
    np.testing.assert_array_equal(copy.losses(OTHER[None]).loss, MATCH.losses(OTHER[None]).loss)


# Spectrum match: unhappy paths


def test_losses_without_a_target_are_refused():
    with pytest.raises(InvalidInput) as caught:
        SpectrumMatch("absorbance", NM, None).losses(OTHER[None])
    assert caught.value.where == ("objective", "target")


@pytest.mark.parametrize("target", [Spectrum(NM[10:], BAND[10:]), Spectrum(NM, np.ones(421))])
def test_a_target_that_does_not_cover_the_axis_or_has_no_shape_is_refused_at_once(target):
    with pytest.raises(InvalidInput) as caught:
        SpectrumMatch("absorbance", NM, target)
    assert caught.value.where == ("objective", "target")


def test_a_target_whose_shape_lies_outside_the_axis_is_refused():
    with pytest.raises(InvalidInput, match="constant on the axis"):
        SpectrumMatch("absorbance", np.array([1.0, 2.0]), Spectrum(np.array([0.0, 1.0, 2.0]), np.array([5.0, 1.0, 1.0])))


@pytest.mark.parametrize("axis", [NM[:1], NM[None], NM[::-1], np.array([1.0, np.nan]), np.array([1.0, np.inf]), np.array([1.0, 1.0])])
def test_a_bad_axis_is_refused(axis):
    with pytest.raises(InvalidInput) as caught:
        SpectrumMatch("absorbance", axis, None)
    assert caught.value.where == ("objective", "axis")


def test_an_unknown_resampling_is_refused():
    with pytest.raises(InvalidInput, match="spline"):
        SpectrumMatch("absorbance", NM, None, resampling="spline")


@pytest.mark.parametrize("objective", [MATCH, Minimize("y"), Maximize("y"), TargetValue("y", 1.0)])
def test_outcomes_of_another_shape_are_refused(objective):
    for shape in [(2, objective.width + 1), (objective.width,)]:
        with pytest.raises(InvalidInput, match="shape"):
            objective.losses(np.ones(shape))


@pytest.mark.parametrize("objective", [MATCH, Minimize("y"), Maximize("y"), TargetValue("y", 1.0)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_outcomes_that_are_no_numbers_are_refused(objective, bad):
    outcomes = np.zeros((2, objective.width))
    outcomes[1, -1] = bad
    with pytest.raises(InvalidInput, match="NaN"):
        objective.losses(outcomes)


# Scalars


def test_scalars_have_no_axis_and_a_curve_has_one():
    assert (Minimize("y").axis, Minimize("y").width) == (None, 1)
    assert MATCH.axis is NM
    assert MATCH.width == 421


@given(arrays(float, st.integers(0, 5), elements=st.floats(-1e6, 1e6)), st.floats(-1e6, 1e6))
def test_scalar_losses_are_what_they_say(y, target):
    np.testing.assert_array_equal(Minimize("y").losses(y[:, None]).loss, y)
    np.testing.assert_array_equal(Maximize("y").losses(y[:, None]).loss, -y)
    np.testing.assert_array_equal(TargetValue("y", target).losses(y[:, None]).loss, abs(y - target))


def test_a_target_value_tells_the_side():
    assert TargetValue("y", 2.0, "mm").losses(np.array([[1.0], [2.0], [3.0]])).reasons == ("below", "", "above")
    assert Minimize("y").losses(np.ones((2, 1))).reasons == ("", "")


def test_a_target_value_must_be_finite():
    with pytest.raises(InvalidInput) as caught:
        TargetValue("y", float("nan"))
    assert caught.value.where == ("objective", "target")


# Curves as text


@pytest.mark.parametrize(
    "text",
    [
        "400,0.1\n500,0.2",
        "400;0.1\n500;0.2\n",
        "400\t0.1\r\n500\t0.2\r\n",
        "wavelength,absorbance\n400,0.1\n500,0.2",
        '"Wavelength, nm";"A"\n 400 ; 1e-1 \n\n500;0.2\n\n',
        '\ufeff"nm","A"\n"400","0.1"\n"500","0.2"',
        "\ufeff400,0.1\n500,0.2",
    ],
)
def test_curves_are_read_with_any_separator_and_an_optional_header(text):
    curve = parse_curve(text)
    np.testing.assert_array_equal(curve.axis, [400.0, 500.0])
    np.testing.assert_array_equal(curve.values, [0.1, 0.2])


@pytest.mark.parametrize(
    ("text", "row", "message"),
    [
        ("400,0.1\n500,abc", 2, "'abc'"),
        ("nm,A\n\n400,0.1\nx,0.2", 4, "'x'"),
        ("400,0.1\n500,NaN", 2, "finite"),
        ("nan,0.1\n500,1", 1, "finite"),
        ("400,Infinity\n500,1", 1, "finite"),
        ("400,0.1\n500,1e999", 2, "finite"),
        ("400,0.1\n500,", 2, "''"),
        ("400,0.1\n5_00,1", 2, "'5_00'"),
        ("400,0.1\n400,0.2", 2, "increase"),
        ("nm,A\n400,0.1\n300,0.2", 3, "increase"),
        ("400,0.1\n500,0.2,0.3", 2, "3 columns"),
        ("400\n500", 1, "1 columns"),
        ("400;0,1\n500;0,2", 1, "'0,1'"),
        ("400,0.1\nfoo,bar\n500,0.2", 2, "'foo'"),
    ],
)
def test_a_bad_row_is_named(text, row, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        parse_curve(text)
    assert f"row {row}:" in str(caught.value)
    assert caught.value.where == ("curve", row)


@pytest.mark.parametrize("text", ["", "\n \n", "nm,A", "nm,A\n400,0.1"])
def test_a_curve_needs_two_points(text):
    with pytest.raises(InvalidInput, match="2 points"):
        parse_curve(text)


@given(
    st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=2, max_size=8, unique_by=lambda p: p[0]),
    st.sampled_from(",;\t"),
)
def test_a_written_curve_is_read_back_bit_for_bit(points, separator):
    points = sorted(points)
    curve = parse_curve("\n".join(f"{x!r}{separator}{y!r}" for x, y in points))
    assert list(zip(curve.axis.tolist(), curve.values.tolist(), strict=True)) == points


@given(st.text())
def test_any_other_text_is_a_curve_or_an_invalid_input(text):
    with suppress(InvalidInput):
        assert parse_curve(text).axis.size >= 2


# Curve match

GRID = np.linspace(2.0, 7.0, 501)


def density(middle, width=0.3):
    return np.exp(-(((GRID - middle) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))


def shared(target=4.5, axis=GRID):
    return CurveMatch("w", axis, Spectrum(GRID, density(target)))


def test_the_loss_of_two_densities_is_one_minus_their_overlap():
    losses = shared().losses(np.array([density(4.5), 7 * density(4.5), density(4.8), density(4.2), density(2.5, 0.05)]))
    overlap = np.minimum(density(4.5), density(4.8)).sum() * 0.01
    np.testing.assert_allclose(losses.loss, [0, 0, 1 - overlap, 1 - overlap, 1], atol=1e-6)
    assert 1 - overlap == pytest.approx(0.3829, abs=1e-4)  # 2 Phi(1/2) - 1: normal densities one standard deviation apart
    assert losses.reasons[2:] == ("right", "left", "left")


def test_an_uneven_axis_changes_nothing():
    uneven = np.r_[np.linspace(2, 4, 101), np.linspace(4.005, 7, 600)]
    curve = np.interp(uneven, GRID, density(4.7))
    assert shared(axis=uneven).losses(curve[None]).loss[0] == pytest.approx(shared().losses(density(4.7)[None]).loss[0], abs=1e-4)


@pytest.mark.parametrize("empty", [np.zeros(501), -density(4.5)])
def test_a_curve_without_area_has_loss_1(empty):
    assert shared().losses(empty[None]).loss[0] == 1
    assert shared().losses(empty[None]).reasons == ("empty",)


def test_noise_below_zero_counts_and_the_loss_stays_in_bounds():
    noisy = density(4.5) + 0.05 * np.random.default_rng(0).standard_normal((20, 501))
    assert ((shared().losses(noisy).loss > 0) & (shared().losses(noisy).loss < 0.2)).all()
    assert (shared().losses(np.random.default_rng(1).standard_normal((50, 501))).loss <= 1).all()


@pytest.mark.parametrize("values", [np.zeros(501), density(4.5) - 0.1])
def test_a_target_is_a_density(values):
    with pytest.raises(InvalidInput, match="area above 0") as failure:
        CurveMatch("w", GRID, Spectrum(GRID, values))
    assert failure.value.where == ("objective", "target")


def test_a_target_may_come_later():
    with pytest.raises(InvalidInput, match="no target"):
        CurveMatch("w", GRID, None).losses(density(4)[None])


# Curve match by the Wasserstein distance


def moved(target=4.5, axis=GRID):
    return CurveMatch("w", axis, Spectrum(GRID, density(target)), "decades", distance="wasserstein")


def test_the_wasserstein_loss_is_the_way_in_the_unit_of_the_axis_also_where_nothing_is_shared():
    losses = moved().losses(np.array([density(4.5), 7 * density(4.5), density(4.8), density(4.2), density(2.5, 0.05), density(3.5, 0.05)]))
    np.testing.assert_allclose(losses.loss[:4], [0, 0, 0.3, 0.3], atol=1e-4)
    assert losses.loss[4] - losses.loss[5] == pytest.approx(1, abs=1e-3)
    assert losses.reasons[2:] == ("right", "left", "left", "left")


def test_the_wasserstein_loss_is_the_distance_of_the_weighted_points():
    uneven = np.r_[np.linspace(2, 4, 41), np.linspace(4.01, 7, 100)]
    objective = moved(axis=uneven)
    curves = np.abs(np.random.default_rng(0).standard_normal((5, len(uneven))))
    weights = np.gradient(uneven)
    weights[[0, -1]] /= 2
    target = np.interp(uneven, GRID, density(4.5))
    expected = [wasserstein_distance(uneven, uneven, weights * curve, weights * target) for curve in curves]
    np.testing.assert_allclose(objective.losses(curves).loss, expected, rtol=1e-9)


def test_it_is_a_metric_up_to_the_order_of_its_arguments():
    loss = [moved(a).losses(density(b)[None]).loss[0] for a, b in ((4, 5), (5, 4), (4, 4.6), (4.6, 5))]
    assert loss[0] == pytest.approx(loss[1])
    assert loss[0] <= loss[2] + loss[3] + 1e-12


@pytest.mark.parametrize(("target", "farthest"), [(4.0, 3.0), (5.5, 3.5)])
def test_no_curve_is_farther_than_one_at_the_farther_end_and_an_empty_one_is_as_far(target, farthest):
    objective = moved(target)
    at_the_ends = np.zeros((2, 501))
    at_the_ends[0, 0] = at_the_ends[1, -1] = 1
    empty = objective.losses(np.zeros((1, 501)))
    assert empty.reasons == ("empty",)
    assert empty.loss[0] == pytest.approx(farthest, abs=1e-3)
    assert objective.losses(at_the_ends).loss.max() == pytest.approx(empty.loss[0])
    assert (objective.losses(np.random.default_rng(1).standard_normal((50, 501))).loss <= empty.loss[0] + 1e-12).all()


def test_noise_about_zero_moves_it_little():
    noisy = density(4.5) + 0.05 * np.random.default_rng(0).standard_normal((20, 501))
    assert (moved().losses(noisy).loss < 0.1).all()


def test_an_unknown_distance_is_refused():
    with pytest.raises(InvalidInput, match="'cosine' is not known") as failure:
        CurveMatch("w", GRID, None, distance="cosine")
    assert failure.value.where == ("objective", "distance")
    assert "wasserstein" in failure.value.remedy
