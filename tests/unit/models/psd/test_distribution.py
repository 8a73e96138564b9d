"""Size distributions: known limits of log-normal ones, what must not change, what a conversion costs, and bands that hold."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import metrics
from models.psd.bins import EDGES
from models.psd.distribution import (
    BadDistribution,
    Distribution,
    band,
    mark_errors,
    marks,
    percentiles,
    similarity,
    wasserstein,
)
from models.psd.suspension import Mode, Suspension, drawn

FINE = np.geomspace(5.0, 5000.0, 2001)
shares = (
    st.lists(st.floats(0, 1), min_size=6, max_size=6)
    .filter(lambda values: sum(values) > 0.1)
    .map(lambda values: np.array(values) / sum(values))
)


def log_normal(median=100.0, sigma=0.25, edges=FINE, weighting="number"):
    from scipy.special import ndtr

    parts = np.diff(ndtr(np.log(edges / median) / sigma))
    return Distribution(edges, parts / parts.sum(), weighting)


def told(values, weighting="number", edges=None):
    return Distribution(np.geomspace(20, 500, len(values) + 1) if edges is None else edges, np.array(values, float), weighting)


@pytest.mark.parametrize("sigma", [0.1, 0.25, 0.4])
def test_log_normal_marks_and_means_are_those_of_hatch_and_choate(sigma):
    number = log_normal(sigma=sigma)
    assert number.d50 == pytest.approx(100, rel=1e-5)
    assert number.d90 / number.d50 == pytest.approx(np.exp(1.2815516 * sigma), rel=1e-4)
    assert number.span == pytest.approx(2 * np.sinh(1.2815516 * sigma), rel=1e-3)
    for p, q in ((1, 0), (3, 2), (4, 3), (2, 0), (0, 0), (3, 3)):
        assert number.mean(p, q) == pytest.approx(100 * np.exp((p + q) / 2 * sigma**2), rel=1e-4)
    volume = number.converted("volume").distribution
    assert volume.d50 == pytest.approx(100 * np.exp(3 * sigma**2), rel=1e-4)
    assert volume.span == pytest.approx(number.span, rel=1e-3)


def test_the_bins_of_the_models_cost_a_mean_what_sheppard_says():
    coarse, h = log_normal(edges=EDGES), np.log(EDGES[1] / EDGES[0])
    for p, q in ((1, 0), (3, 2), (4, 3)):
        off = coarse.mean(p, q) / (100 * np.exp((p + q) / 2 * 0.25**2)) - 1
        assert off == pytest.approx((p + q) * h**2 / 24, rel=0.03)


def test_a_suspension_of_known_moments_has_them_in_both_weightings():
    suspension = Suspension((Mode(90.0, 0.2), Mode(160.0, 0.15, 0.5)), 0.1)
    number, volume = (Distribution(EDGES, suspension.shares(weighting), weighting) for weighting in ("number", "volume"))
    sauter = suspension.mean_power(3) / suspension.mean_power(2)
    assert number.mean(3, 2) == pytest.approx(sauter, rel=4e-3)
    assert volume.mean(3, 2) == pytest.approx(sauter, rel=4e-3)
    assert number.converted("volume").distribution.d50 == pytest.approx(volume.d50, rel=4e-3)


@given(shares)
@settings(max_examples=25, deadline=None)
def test_a_conversion_is_undone_exactly_and_leaves_mean_diameters_alone(values):
    one = told(values, edges=np.array([10.0, 20, 70, 90, 300, 400, 1000]))
    there = one.converted("volume").distribution
    np.testing.assert_allclose(there.converted("number").distribution.shares, values, rtol=1e-9, atol=1e-12)
    assert one.converted("number").distribution.shares is one.shares
    for p, q in ((1, 0), (3, 2), (4, 3), (3, 3)):
        assert there.mean(p, q) == pytest.approx(one.mean(p, q), rel=1e-9)


@pytest.mark.parametrize("sigma", [0.1, 0.2, 0.3])
def test_a_conversion_tells_how_few_particles_the_volume_hangs_on(sigma):
    number = log_normal(sigma=sigma)
    there = number.converted("volume")
    assert there.effective == pytest.approx(np.exp(-9 * sigma**2), rel=1e-3)
    assert there.distribution.converted("number").effective == pytest.approx(np.exp(-9 * sigma**2), rel=1e-3)
    rng = np.random.default_rng(0)
    weight = np.exp(3 * sigma * rng.normal(size=(4000, 200)))
    low = rng.random((4000, 200)) < 0.5
    observed = ((weight * low).sum(axis=1) / weight.sum(axis=1)).var()
    assert observed == pytest.approx(0.25 / 200 / there.effective, rel=0.1)


def test_a_conversion_tells_how_errors_grow():
    one = told([0.5, 0.3, 0.2, 0, 0, 0])
    there = one.converted("volume")
    spurious = one.shares + 1e-6 * np.eye(6)[5] - 1e-6 * np.eye(6)[0]
    moved = told(spurious).converted("volume").distribution.shares[5]
    assert moved == pytest.approx(1e-6 * there.gain, rel=1e-3)
    assert there.half_bin == pytest.approx(25 ** (1.5 / 6) - 1)
    assert "a model trained on volume shares avoids this" in there.caution
    same = one.converted("number")
    assert (same.effective, same.gain, same.half_bin) == pytest.approx((1, 1, 0))


def test_errors_of_number_shares_ruin_d90_by_volume():
    rng = np.random.default_rng(3)
    errors = {"converted": [], "direct": []}
    for _ in range(60):
        suspension = drawn(rng)
        number, volume = (suspension.shares(weighting) for weighting in ("number", "volume"))
        noise = 0.002 * rng.exponential(size=(2, 32))
        noisy = Distribution(EDGES, (number + noise[0]) / (number + noise[0]).sum(), "number").converted("volume").distribution.shares
        direct = (volume + noise[1]) / (volume + noise[1]).sum()
        for name, shares in (("converted", noisy), ("direct", direct)):
            errors[name].append(mark_errors(EDGES, volume[None], shares[None])[0, 2])
    assert np.mean(errors["converted"]) > 5 * np.mean(errors["direct"])


@given(shares, st.floats(0.1, 10))
@settings(max_examples=25, deadline=None)
def test_a_larger_scale_scales_diameters_and_nothing_else(values, factor):
    one = told(values)
    large = told(values, edges=factor * one.edges)
    assert [large.d10, large.d50, large.d90, large.mean(3, 2)] == pytest.approx(
        [factor * d for d in (one.d10, one.d50, one.d90, one.mean(3, 2))]
    )
    assert large.span == pytest.approx(one.span)
    assert large.converted("volume").distribution.shares == pytest.approx(one.converted("volume").distribution.shares)
    assert wasserstein(one, large) == pytest.approx(abs(np.log(factor)), abs=1e-9)


def test_percentiles_lie_on_the_cumulative_curve_and_skip_empty_bins():
    one = told([0, 0.2, 0.3, 0, 0.5, 0])
    for percent in (1, 10, 35, 75, 99):
        assert one.below(np.array(one.percentile(percent))) == pytest.approx(percent / 100)
    assert one.percentile(50) == pytest.approx(one.edges[3])
    assert one.percentile(51) > one.edges[4]
    assert percentiles(one.edges, np.array([one.shares, one.shares[::-1]]))[0].tolist() == [one.d10, one.d50, one.d90]
    assert marks(one.edges, one.shares[None])[0].tolist() == [one.d10, one.d50, one.d90, one.span]


def test_density_has_unit_area_over_ln_d():
    one = log_normal()
    assert one.density() @ np.diff(np.log(one.edges)) == pytest.approx(1)
    assert one.density().max() == pytest.approx(1 / np.sqrt(2 * np.pi) / 0.25, rel=1e-3)


def test_bins_are_joined_and_split_without_loss():
    fine = log_normal(edges=np.geomspace(20, 500, 65))
    coarse = fine.rebinned(fine.edges[::2])
    assert coarse.shares == pytest.approx(fine.shares.reshape(-1, 2).sum(axis=1))
    assert coarse.rebinned(fine.edges).rebinned(coarse.edges).shares == pytest.approx(coarse.shares)
    assert wasserstein(coarse, coarse.rebinned(fine.edges)) == pytest.approx(0, abs=1e-12)
    assert coarse.rebinned(fine.edges).d50 == pytest.approx(coarse.d50)


def test_what_lies_beyond_other_bins_is_refused_unless_allowed():
    one = told([0.1, 0.2, 0.3, 0.2, 0.1, 0.1])
    with pytest.raises(BadDistribution, match=r"0\.1 of the number lies beyond"):
        one.rebinned(one.edges[1:])
    assert one.rebinned(one.edges[1:], most=0.1).shares == pytest.approx(one.shares[1:] / 0.9)
    assert one.outside(one.edges[1:-1]) == pytest.approx(0.2)
    with pytest.raises(BadDistribution, match="widen"):
        one.rebinned(one.edges + 1000, most=1.0)


@given(shares, shares, shares)
@settings(max_examples=25, deadline=None)
def test_wasserstein_is_a_distance_and_agrees_with_that_of_the_metrics(a, b, c):
    one, two, three = told(a), told(b), told(c)
    assert wasserstein(one, two) == pytest.approx(wasserstein(two, one))
    assert wasserstein(one, two) <= wasserstein(one, three) + wasserstein(three, two) + 1e-12
    known = metrics.distributions(a[None], b[None], np.log(one.centres))["wasserstein"]
    assert wasserstein(one, two) == pytest.approx(known, abs=1e-12)


def test_wasserstein_sees_distance_where_nothing_overlaps():
    one = told([1.0, 0], edges=np.array([1.0, 2, 4]))
    near, far = (told([0.0, 1], edges=factor * np.array([1.0, 2, 4])) for factor in (8, 80))
    assert wasserstein(one, far) - wasserstein(one, near) == pytest.approx(np.log(10))


def test_similarity_of_equal_and_of_shifted_distributions():
    one = log_normal(edges=EDGES)
    alike = similarity(one, one)
    assert [alike[name] for name in ("cosine", "pearson", "spearman", "r2")] == pytest.approx([1, 1, 1, 1])
    assert [alike[name] for name in ("rmse", "wasserstein", "D10_error", "D50_error", "D90_error", "span_error")] == pytest.approx([0] * 6)
    shifted = Distribution(EDGES, np.roll(one.shares, 2), "number")
    apart, factor = similarity(one, shifted), EDGES[2] / EDGES[0]
    assert apart["wasserstein"] == pytest.approx(np.log(factor), rel=1e-6)
    assert apart["D50_error"] == pytest.approx(100 * (factor - 1), rel=1e-4)
    assert apart["span_error"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("edges", "values", "weighting", "field"),
    [
        ([1, 2, 4], [0.5, 0.5], "mass", "weighting"),
        ([1, 2, 4], [0.5, 0.5], "", "weighting"),
        ([0, 2, 4], [0.5, 0.5], "number", "edges"),
        ([1, 4, 2], [0.5, 0.5], "number", "edges"),
        ([1, 2, np.inf], [0.5, 0.5], "number", "edges"),
        ([1], [], "number", "edges"),
        ([1, 2, 4], [0.5, 0.5, 0], "number", "shares"),
        ([1, 2, 4], [1.5, -0.5], "number", "shares"),
        ([1, 2, 4], [np.nan, 1], "number", "shares"),
        ([1, 2, 4], [50, 50], "number", "shares"),
    ],
)
def test_what_is_no_distribution_is_refused_with_field_and_remedy(edges, values, weighting, field):
    with pytest.raises(BadDistribution) as caught:
        Distribution(np.array(edges, float), np.array(values, float), weighting)
    assert caught.value.field == field
    assert caught.value.remedy
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_weightings_are_never_mixed():
    number, volume = told([0.5, 0.5]), told([0.5, 0.5], "volume")
    for compare in (wasserstein, similarity):
        with pytest.raises(BadDistribution, match=r"a\.converted\('volume'\)"):
            compare(number, volume)
    with pytest.raises(BadDistribution, match="rebinned"):
        similarity(number, told([0.5, 0.5], edges=np.array([1.0, 2, 4])))
    for percent in (0, 100, np.nan):
        with pytest.raises(BadDistribution, match="percent"):
            number.percentile(percent)


BINS = np.geomspace(50, 200, 9)
TRUTH = Suspension((Mode(100.0, 0.2),), 0.1)


def counted(stacks):
    """The shares of the diameters that stand for the pixels of images."""
    rows = (stacks.reshape(len(stacks), -1, 1) // 32 == np.arange(8)).sum(axis=1)
    return rows / rows.sum(axis=1, keepdims=True)


def images(rng, n):
    """Images of 30 particles, whose diameters pixels tell on a logarithmic scale."""
    x = np.log(TRUTH.diameters(30 * n, rng) / BINS[0]) / np.log(BINS[-1] / BINS[0])
    return np.clip(256 * x, 0, 255).astype(np.uint8).reshape(n, 5, 6)


@pytest.mark.parametrize("n", [5, 10])
def test_a_band_holds_what_it_says_even_of_few_images(n):
    rng = np.random.default_rng(n)
    hits = []
    for _ in range(60):
        found = band(counted, images(rng, n), BINS, rng, draws=100)
        hits.append(found.marks[0, 1] <= 100 <= found.marks[1, 1])
    # Few images tell less than their spread: .86 and .90 in 600 trials, where plain quantiles hold .77 and .86.
    assert 0.8 <= np.mean(hits) <= 0.97


def test_a_band_holds_the_prediction_and_is_alike_for_another_order_of_images():
    stack = images(np.random.default_rng(1), 6)
    found = band(counted, stack, BINS, np.random.default_rng(2), draws=2000)
    whole = counted(stack[None])
    assert (found.shares[0] <= whole).all()
    assert (found.shares[1] >= whole).all()
    assert (found.marks[0] < found.marks[1]).all()
    assert (np.diff(found.cumulative, axis=1) >= -1e-12).all()
    again = band(counted, stack[::-1], BINS, np.random.default_rng(2), draws=2000)
    assert again.marks == pytest.approx(found.marks, rel=0.05)
    wider = band(counted, stack, BINS, np.random.default_rng(2), draws=2000, level=0.99)
    assert (wider.marks[1] - wider.marks[0] >= found.marks[1] - found.marks[0]).all()


def test_quantiles_lie_as_far_out_as_few_images_ask_for():
    stack = np.array([1, 1, 0, 0, 0], np.uint8)[:, None, None]

    def bright(stacks):
        share = stacks.mean(axis=(1, 2, 3))
        return np.column_stack([share, 1 - share])

    found = band(bright, stack, np.array([1.0, 2, 4]), np.random.default_rng(0), draws=20000)
    # Of 5 images, 4 are bright in .0768 and 5 in .0102 of all draws; the tail is .0086, by Student's t alone .0165.
    assert found.shares[:, 0] == pytest.approx([0, 1])


def test_an_interval_holds_a_prediction_that_repeated_images_never_reach():
    stack = np.arange(8, dtype=np.uint8)[:, None, None]

    def different(stacks):
        share = np.array([len(np.unique(one)) / 8 for one in stacks])
        return np.column_stack([share, 1 - share])

    found = band(different, stack, np.array([1.0, 2, 4]), np.random.default_rng(0), draws=300)
    assert found.shares[1, 0] == 1
    assert found.shares[0, 1] == 0


def test_sets_of_images_are_predicted_once_and_images_that_agree_leave_no_doubt():
    asked = []

    def counting(stacks):
        asked.append(len(stacks))
        return counted(stacks)

    found = band(counting, np.repeat(images(np.random.default_rng(0), 1), 3, axis=0), BINS, np.random.default_rng(0), draws=500)
    assert sum(asked) == 10 + 1
    np.testing.assert_allclose(found.shares[0], found.shares[1])
    with pytest.raises(BadDistribution, match="one image cannot tell"):
        band(counted, images(np.random.default_rng(0), 1), BINS, np.random.default_rng(0))
    with pytest.raises(BadDistribution, match="level"):
        band(counted, images(np.random.default_rng(0), 2), BINS, np.random.default_rng(0), level=1.0)
