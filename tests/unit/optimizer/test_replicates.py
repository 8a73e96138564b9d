"""Replicates against the published data set, textbook figures and properties."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optimizer.objective import Minimize, SpectrumMatch, TargetValue
from optimizer.replicates import aggregate, expected_aggregate, outliers, pooled_spread, reduce, scaled_mad, standard_error, summary
from optimizer.types import Design, DesignState, InvalidInput, Measurement, Quality, Spectrum
from tests.agnp import BLOCK, read_agnp

METHODS = ("median", "mean", "trimmed_mean")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOSS = Minimize("loss")

some_losses = arrays(float, st.integers(4, 25), elements=st.floats(0.0, 1.0, width=16))


def design(name, batch=1, well=1, state=DesignState.MEASURED, executed=(1.0, 2.0)):
    return Design(name, batch, well, np.array([9.0, 9.0]), np.array(executed), "initial", state)


def replicates(name, *outcomes, quality=Quality.OK):
    return [Measurement(name, k, np.atleast_1d(np.array(value, float)), NOON, quality) for k, value in enumerate(outcomes, start=1)]


# The published data set


@pytest.fixture(scope="module", name="agnp")
def _agnp(request):
    return read_agnp(request.getfixturevalue("agnp_csv"))


def well_losses(agnp):
    designs, measurements = agnp
    return [np.array([m.outcome[0] for m in measurements if m.design == d.id]) for d in designs]


def test_agnp_reduces_to_its_wells(agnp):
    data = reduce(*agnp, LOSS)
    assert (len(data), data.counts.sum(), data.X.shape) == (164, 3295, (164, 5))
    assert (data.counts.min(), np.median(data.counts), data.counts.max()) == (4, 21.5, 48)


def test_agnp_best_medians_per_round(agnp):
    data = reduce(*agnp, LOSS)
    best = [data.loss[data.rounds == r].min() for r in range(1, 12)]
    np.testing.assert_allclose(best, [0.587, 0.587, 0.443, 0.256, 0.290, 0.245, 0.247, 0.167, 0.234, 0.306, 0.135], atol=5e-4)
    np.testing.assert_allclose(data.X[data.loss.argmin()], [32.5, 16, 6.5, 4.5, 850], atol=2e-3)
    assert np.bincount(data.rounds)[1:].tolist() == [BLOCK] * 10 + [BLOCK - 1]


def test_agnp_outliers_are_those_beyond_3_5_scaled_mad(agnp):
    flagged = [outliers(losses) for losses in well_losses(agnp)]
    assert sum(f.sum() for f in flagged) == 110
    assert sum(f.sum() for f in flagged) / 3295 == pytest.approx(0.033, abs=5e-4)


def test_agnp_mean_and_median_differ_in_27_wells(agnp):
    medians, means = (reduce(*agnp, LOSS, method).loss for method in ("median", "mean"))
    assert (abs(medians - means) > 0.02).sum() == 27


def test_agnp_spread_and_errors_have_the_published_size(agnp):
    losses = well_losses(agnp)
    assert np.median([values.std(ddof=1) for values in losses]) == pytest.approx(0.022, abs=5e-4)
    data = reduce(*agnp, LOSS)
    assert 0.012 < pooled_spread(np.array([scaled_mad(values) for values in losses]), data.counts) < 0.022
    assert 0.003 < np.median(data.error) < 0.008
    assert (data.error > 0).all()


def test_agnp_errors_agree_with_the_bootstrap(agnp):
    rng = np.random.default_rng(0)
    bootstrap = [np.median(rng.choice(losses, (500, losses.size)), axis=1).std() for losses in well_losses(agnp)]
    assert np.median(reduce(*agnp, LOSS).error / bootstrap) == pytest.approx(1.0, abs=0.15)


# Aggregates


def test_aggregates_of_a_known_sample():
    values = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    assert [float(aggregate(values, method)) for method in METHODS] == [3.0, 22.0, 3.0]


def test_curves_are_aggregated_point_by_point():
    curves = np.array([[1.0, 10.0], [2.0, 30.0], [9.0, 20.0]])
    np.testing.assert_array_equal(aggregate(curves), [2.0, 20.0])


@given(arrays(float, (7, 3), elements=st.floats(-1e3, 1e3)), st.permutations(range(7)), st.sampled_from(METHODS))
def test_the_order_of_replicates_does_not_matter(values, order, method):
    np.testing.assert_allclose(aggregate(values[order], method), aggregate(values, method), atol=1e-9)


@given(some_losses, st.floats(-5, 5), st.floats(0.1, 10), st.sampled_from(METHODS))
def test_aggregates_follow_shift_and_scale(values, shift, scale, method):
    assert aggregate(shift + scale * values, method) == pytest.approx(shift + scale * aggregate(values, method), abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_one_replicate_is_its_own_aggregate(method):
    np.testing.assert_array_equal(aggregate(np.array([[0.3, 0.7]]), method), [0.3, 0.7])


def test_aggregates_need_a_replicate_and_a_known_method():
    with pytest.raises(InvalidInput, match="without a replicate"):
        aggregate(np.empty((0, 3)))
    with pytest.raises(InvalidInput, match="mode") as caught:
        aggregate(np.ones(3), "mode")
    assert caught.value.where == ("aggregate",)


# Spread and outliers


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [5, 6])
def test_the_expected_aggregate_is_the_mean_over_resamples(k, method):
    rng = np.random.default_rng(0)
    values = rng.exponential(size=k)
    resampled = aggregate(rng.choice(values, (40_000, k))[..., None], method)[:, 0]
    assert expected_aggregate(values, method) == pytest.approx(resampled.mean(), abs=4 * resampled.std() / 200)


@given(some_losses, st.floats(-5, 5), st.floats(0.1, 10), st.sampled_from(METHODS))
def test_the_expected_aggregate_follows_shift_and_scale_and_stays_in_range(values, shift, scale, method):
    expected = float(expected_aggregate(values, method))
    assert values.min() - 1e-9 <= expected <= values.max() + 1e-9
    assert expected_aggregate(shift + scale * values, method) == pytest.approx(shift + scale * expected, abs=1e-6)


def test_a_well_whose_median_is_luck_is_not_the_best():
    wells = {"steady": [0.2, 0.2, 0.21, 0.19, 0.2], "lucky": [0.05, 0.05, 0.05, 1.0, 1.0], "one stray": [0.1, 0.11, 0.1, 0.09, 1.0]}
    designs = [design(name, well=well) for well, name in enumerate(wells, 1)]
    data = reduce(designs, [m for name, losses in wells.items() for m in replicates(name, *losses)], LOSS)
    assert data.loss.argmin() == 1
    assert data.best == 2


def test_the_scaled_mad_estimates_a_standard_deviation():
    assert scaled_mad(np.array([1.0, 2.0, 3.0, 4.0, 100.0])) == pytest.approx(1.4826, abs=1e-4)
    assert scaled_mad(np.random.default_rng(0).normal(5.0, 2.0, 20_000)) == pytest.approx(2.0, rel=0.02)


def test_outliers_of_a_known_sample():
    sample = np.array([2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3])  # modified z-scores of the last two: 15.6 and 15.8
    np.testing.assert_array_equal(outliers(sample), [False] * 8 + [True] * 2)


def test_the_cutoff_is_3_5_modified_z_scores():
    regular = np.array([-1.0, -1.0, 0.0, 1.0])  # with the probe: median 0, MAD 1
    edge = 3.5 / 0.674489750196
    assert outliers(np.append(regular, edge * 1.0001))[-1]
    assert not outliers(np.append(regular, edge * 0.9999))[-1]


@pytest.mark.parametrize("losses", [[], [0.1], [0.1, 0.9], [0.1, 0.1, 0.9], [0.1, 0.11, 0.9]])
def test_fewer_than_four_replicates_have_no_outlier(losses):
    assert not outliers(np.array(losses)).any()
    assert len(outliers(np.array(losses))) == len(losses)


def test_equal_replicates_have_no_outlier():
    assert not outliers(np.full(20, 0.3)).any()


def test_where_most_replicates_agree_a_lone_stray_is_flagged_and_a_second_mode_is_not():
    np.testing.assert_array_equal(outliers(np.array([1.0] * 19 + [0.3])), [False] * 19 + [True])
    assert not outliers(np.array([1.0] * 12 + [0.3] * 8)).any()


@given(some_losses, st.floats(-4, 4), st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_outliers_do_not_depend_on_unit_or_sign(losses, shift, scale):
    expected = outliers(losses)
    np.testing.assert_array_equal(outliers(scale * losses), expected)
    np.testing.assert_array_equal(outliers(-losses), expected)


@given(some_losses)
def test_less_than_half_of_the_replicates_are_outliers(losses):
    assert outliers(losses).sum() < losses.size / 2


# Standard error


def test_the_standard_error_of_many_replicates_is_that_of_a_median():
    rng, k = np.random.default_rng(1), 101
    sample = rng.normal(0.0, 0.3, (2000, k))
    observed = np.median(sample, axis=1).std()
    errors = standard_error(scaled_mad(sample), np.full(2000, k), 0.3)
    assert np.median(errors) == pytest.approx(observed, rel=0.05)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 8, 12])
def test_the_spread_of_few_replicates_is_pooled_without_much_bias(k):
    sample = np.random.default_rng(2).normal(0.0, 0.3, (4000, k))
    assert pooled_spread(scaled_mad(sample), np.full(4000, k)) == pytest.approx(0.3, rel=0.25)


def test_few_replicates_that_agree_by_chance_keep_the_floor_of_the_campaign():
    error = standard_error(np.zeros(3), np.array([1, 2, 100]), 0.1)
    np.testing.assert_allclose(error[:2], 1.2533 * 0.1 * np.array([1.0, np.sqrt(4 / 5) / np.sqrt(2)]), rtol=1e-3)
    assert error[2] < 0.2 * 1.2533 * 0.1 / np.sqrt(100)


def test_the_error_is_unknown_where_nothing_was_repeated():
    assert np.isnan(pooled_spread(np.zeros(3), np.ones(3, int)))
    assert np.isnan(standard_error(np.zeros(2), np.array([1, 1]), np.nan)).all()
    assert np.isfinite(standard_error(np.array([0.1]), np.array([5]), np.nan)).all()


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(1, 60))
def test_the_error_lies_between_that_of_the_well_and_that_of_the_campaign(own, pooled, k):
    ends = [standard_error(np.array([s]), np.array([k]), p)[0] for s, p in ((0.0, pooled), (2 * own, 2 * pooled), (own, pooled))]
    assert ends[0] <= ends[2] + 1e-12
    assert ends[1] == pytest.approx(2 * ends[2], abs=1e-12)


def test_the_summary_of_a_well():
    found = summary(np.array([0.1, 0.2, 0.3, 0.4, 9.0]), pooled=0.1)
    assert (found.n, found.centre) == (5, pytest.approx(0.3))
    assert found.mad == pytest.approx(0.14826, abs=1e-4)
    np.testing.assert_array_equal(found.outliers, [False] * 4 + [True])
    assert found.error == standard_error(np.array([found.mad]), np.array([5]), 0.1)[0]
    assert summary(np.array([0.1, 0.2, 0.6]), "mean").centre == pytest.approx(0.3)


def test_the_summary_of_one_replicate_has_no_error_of_its_own():
    assert np.isnan(summary(np.array([0.4])).error)
    assert summary(np.array([0.4]), pooled=0.1).error == pytest.approx(0.12533, abs=1e-4)


# Reduction


def test_losses_come_first_and_aggregates_second():
    target = TargetValue("y", 0.0)
    data = reduce([design("a")], replicates("a", -1.0, 1.0, 3.0), target)
    assert (data.loss[0], data.Y[0, 0]) == (1.0, 1.0)
    assert reduce([design("a")], replicates("a", -1.0, 1.0), target).loss[0] == 1.0
    assert reduce([design("a")], replicates("a", -1.0, 1.0), target).Y[0, 0] == 0.0


def test_spectra_are_reduced_point_by_point():
    axis = np.array([400.0, 500.0, 600.0])
    objective = SpectrumMatch("absorbance", axis, Spectrum(axis, np.array([0.0, 1.0, 0.0])))
    measured = replicates("a", [0.0, 1.0, 0.0], [0.0, 0.9, 0.2], [0.0, 0.8, 0.1])
    data = reduce([design("a")], measured, objective)
    np.testing.assert_allclose(data.Y, [[0.0, 0.9, 0.1]])
    assert data.loss[0] == pytest.approx(np.median(objective.losses(np.array([m.outcome for m in measured])).loss))


def test_wells_come_in_order_of_round_and_well_with_executed_rows():
    designs = [design("b", 2, 1, executed=(5.0, 6.0)), design("z", 1, 2), design("a", 1, 10)]
    measured = replicates("b", 3.0) + replicates("a", 1.0, 1.5) + replicates("z", 2.0)
    data = reduce(designs, measured, LOSS)
    assert data.designs == ("z", "a", "b")
    assert (data.rounds.tolist(), data.counts.tolist(), data.loss.tolist()) == ([1, 1, 2], [1, 2, 1], [2.0, 1.25, 3.0])
    np.testing.assert_array_equal(data.X[2], [5.0, 6.0])


@settings(deadline=None)
@given(st.permutations(range(12)), st.permutations(range(4)), st.sampled_from(METHODS))
def test_the_order_of_rows_does_not_matter_to_the_last_bit(order, wells, method):
    designs = [design(f"w{i}", 1 + i // 2, i % 2, executed=(i, i)) for i in range(4)]
    measured = [m for i in range(4) for m in replicates(f"w{i}", *np.random.default_rng(i).random(3))]
    expected = reduce(designs, measured, LOSS, method)
    shuffled = reduce([designs[i] for i in wells], [measured[i] for i in order], LOSS, method)
    assert shuffled.designs == expected.designs
    for column in ("X", "Y", "loss", "error", "counts", "rounds"):
        np.testing.assert_array_equal(getattr(shuffled, column), getattr(expected, column))


def test_excluded_replicates_are_not_used_and_outliers_are():
    measured = replicates("a", 0.1, 0.1, 0.2, 0.2, 0.3, 9.0)
    assert outliers(np.array([m.outcome[0] for m in measured]))[-1]
    assert reduce([design("a")], measured, LOSS).counts[0] == 6
    measured[-1] = replace(measured[-1], quality=Quality.EXCLUDED)
    data = reduce([design("a")], measured, LOSS)
    assert (data.counts[0], data.loss[0]) == (5, 0.2)


@pytest.mark.parametrize("state", list(DesignState))
def test_wells_that_ended_without_data_do_not_appear(state):
    data = reduce([design("a", state=state), design("b", well=2)], replicates("a", 1.0) + replicates("b", 2.0), LOSS)
    assert ("a" in data.designs) == (state not in {"rejected", "failed", "abandoned"})
    assert "b" in data.designs


def test_a_rejected_well_does_not_touch_the_errors_of_the_others():
    kept = [design("b", well=2)], replicates("b", 0.1, 0.2, 0.4)
    wild = [design("a", state=DesignState.REJECTED), *kept[0]], replicates("a", 0.0, 50.0, 100.0) + kept[1]
    assert reduce(*wild, LOSS).error[0] == reduce(*kept, LOSS).error[0]


@pytest.mark.parametrize("measured", [[], replicates("a", 1.0, quality=Quality.EXCLUDED)])
def test_wells_without_a_usable_replicate_do_not_appear(measured):
    data = reduce([design("a")], measured, LOSS)
    assert (len(data), data.X.shape, data.Y.shape) == (0, (0, 2), (0, 1))
    assert data.counts.dtype == data.rounds.dtype == np.int64


def test_no_wells_at_all_are_an_empty_dataset():
    assert len(reduce([], [], LOSS)) == 0


def test_a_campaign_without_repeats_has_unknown_errors():
    data = reduce([design("a"), design("b", well=2)], replicates("a", 1.0) + replicates("b", 2.0), LOSS)
    assert np.isnan(data.error).all()


def test_a_measurement_of_an_unknown_well_is_refused():
    with pytest.raises(InvalidInput, match="ghost"):
        reduce([design("a")], replicates("ghost", 1.0), LOSS)


@pytest.mark.parametrize("outcome", [[1.0, 2.0], []])
def test_an_outcome_of_another_length_is_refused(outcome):
    with pytest.raises(InvalidInput) as caught:
        reduce([design("a")], replicates("a", 1.0, outcome), LOSS)
    assert caught.value.where == ("outcome",)


def test_the_inputs_are_not_changed():
    measured = replicates("a", 0.3, 0.1, 0.2)
    reduce([design("a")], measured, LOSS)
    assert [m.outcome[0] for m in measured] == [0.3, 0.1, 0.2]
