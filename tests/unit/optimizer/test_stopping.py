"""Stop legs and the verdict: known limits, history that is too short, and what never counts as met."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.objective import Minimize
from optimizer.replicates import reduce
from optimizer.stopping import (
    accuracy_leg,
    cosines,
    curve_accuracy_leg,
    curve_stability_leg,
    loss_leg,
    rounds_needed,
    stability_leg,
    verdict,
)
from optimizer.types import AccuracyLeg, Evidence, InvalidInput, Leg, StopSettings
from tests.agnp import read_agnp

PUBLISHED = (0.587, 0.587, 0.443, 0.256, 0.290, 0.245, 0.247, 0.167, 0.234, 0.306, 0.135)
BEST = dict(enumerate(PUBLISHED, start=1))
NAN = float("nan")

histories = st.dictionaries(st.integers(1, 12), st.floats(0.0, 1.0), max_size=8)


def figures(evidence):
    return [(row.round, row.value, row.met) for row in evidence]


def judge_loss(best, last_round, *, threshold=0.2, rounds=1, reopened_after=0):
    leg = Leg(threshold, rounds)
    return verdict(last_round, loss_leg(best, leg), StopSettings(loss=leg), reopened_after)


def surfaces(*levels):
    return {r: np.full(4, level) for r, level in enumerate(levels, start=1)}


# Loss


@pytest.mark.parametrize("last_round", range(1, 12))
def test_the_published_campaign_reaches_a_fifth_in_rounds_8_and_11_only(last_round):
    assert judge_loss(BEST, last_round).stop == (last_round in (8, 11))


def test_the_published_file_gives_the_same_verdicts(agnp_csv):
    data = reduce(*read_agnp(agnp_csv), Minimize("loss"))
    best = {int(r): float(data.loss[data.rounds == r].min()) for r in np.unique(data.rounds)}
    assert [r for r in best if judge_loss(best, r).stop] == [8, 11]


def test_the_loss_leg_speaks_of_each_round_in_order():
    assert figures(loss_leg({2: 0.1, 1: 0.3}, Leg(0.1))) == [(1, 0.3, False), (2, 0.1, True)]


def test_rounds_running_must_be_consecutive_and_newest():
    best = {1: 0.1, 2: 0.3, 3: 0.1, 4: 0.1, 5: 0.3}
    assert [r for r in best if judge_loss(best, r, rounds=2).stop] == [4]


def test_a_round_without_evidence_breaks_the_run():
    assert not judge_loss({1: 0.1, 3: 0.1}, 3, rounds=2).stop
    assert not judge_loss({1: 0.1}, 2).stop


# Stability


def test_stability_compares_consecutive_rounds():
    predictions = {1: np.array([0.0, 0.0]), 2: np.array([0.3, 0.4]), 3: np.array([0.3, 0.4])}
    rows = stability_leg(predictions, {1: 0.5, 2: 0.3, 3: 0.4}, Leg(0.1))
    assert [row.round for row in rows] == [2, 2, 3, 3]
    np.testing.assert_allclose([row.value for row in rows], [np.sqrt(0.125), 0.2, 0.0, 0.0], atol=1e-12)
    assert [row.met for row in rows] == [False, False, True, True]


@pytest.mark.parametrize(
    ("levels", "best", "stop"),
    [
        ((0.5, 0.5), {1: 0.3, 2: 0.3}, True),
        ((0.5, 0.6), {1: 0.3, 2: 0.3}, False),
        ((0.5, 0.5), {1: 0.3, 2: 0.2}, False),
        ((0.5, 0.5), {1: 0.3, 2: 0.9}, True),
    ],
)
def test_both_figures_of_stability_must_be_met(levels, best, stop):
    leg = Leg(0.05)
    assert verdict(2, stability_leg(surfaces(*levels), best, leg), StopSettings(stability=leg)).stop is stop


def test_the_best_so_far_counts_rounds_before_the_first_prediction():
    rows = stability_leg({4: np.zeros(2), 5: np.zeros(2)}, {1: 0.1, 4: 0.5, 5: 0.3}, Leg(0.1))
    assert rows[1].value == 0.0


@pytest.mark.parametrize("predictions", [{}, surfaces(0.5), {1: np.zeros(4), 3: np.zeros(4)}])
def test_stability_with_too_little_history_has_no_evidence_and_is_not_met(predictions):
    leg = Leg(1.0)
    rows = stability_leg(predictions, {1: 0.3, 2: 0.3, 3: 0.3}, leg)
    assert rows == ()
    assert not verdict(max(predictions, default=1), rows, StopSettings(stability=leg)).stop


@pytest.mark.parametrize("best", [{1: 0.3}, {2: 0.3}])
def test_a_round_without_wells_has_no_stability(best):
    assert stability_leg(surfaces(0.5, 0.5), best, Leg(1.0)) == ()


def test_probe_sets_of_different_size_are_refused():
    with pytest.raises(InvalidInput, match="shape"):
        stability_leg({1: np.zeros(3), 2: np.zeros(4)}, {1: 0.1, 2: 0.1}, Leg(1.0))


# Accuracy


def test_accuracy_is_the_root_mean_square_error_of_each_batch():
    rows = accuracy_leg({2: np.array([0.1, 0.5]), 3: np.array([0.2])}, {2: np.array([0.4, 0.9]), 3: np.array([0.2])}, Leg(0.1))
    assert figures(rows) == [(2, pytest.approx(np.sqrt(0.125)), False), (3, 0.0, True)]


def test_accuracy_needs_both_sides_and_a_well():
    assert accuracy_leg({2: np.zeros(1), 4: np.zeros(0)}, {1: np.zeros(1), 3: np.zeros(1), 4: np.zeros(0)}, Leg(1.0)) == ()


def test_predictions_of_other_wells_are_refused():
    with pytest.raises(InvalidInput, match="shape"):
        accuracy_leg({2: np.zeros((3, 1))}, {2: np.zeros(3)}, Leg(1.0))


# Curves

CURVES = np.array([[1.0, 0.0], [1.0, 1.0]])
TURNED = np.array([[0.0, 1.0], [2.0, 2.0]])


def test_stability_of_curves_is_one_less_their_mean_cosine():
    rows = curve_stability_leg({1: CURVES, 2: TURNED, 3: TURNED, 5: CURVES}, Leg(0.1))
    assert figures(rows) == [(2, pytest.approx(0.5), False), (3, pytest.approx(0.0, abs=1e-12), True)]


def test_accuracy_of_curves_has_a_cosine_and_where_asked_a_squared_error():
    rows = curve_accuracy_leg({2: CURVES, 3: CURVES}, {2: TURNED, 3: CURVES, 4: CURVES}, AccuracyLeg(0.6, 1, 0.5))
    assert figures(rows) == [
        (2, pytest.approx(0.5), True),
        (2, pytest.approx(1.0), False),
        (3, pytest.approx(0.0, abs=1e-12), True),
        (3, 0.0, True),
    ]
    assert len(curve_accuracy_leg({2: CURVES}, {2: TURNED}, AccuracyLeg(0.6))) == 1
    assert curve_accuracy_leg({2: CURVES[:0]}, {2: CURVES[:0]}, AccuracyLeg(0.6)) == ()


def test_both_figures_of_the_accuracy_of_curves_must_be_met():
    for mse, stop in ((0.5, False), (1.0, True)):
        leg = AccuracyLeg(0.6, 1, mse)
        assert verdict(2, curve_accuracy_leg({2: CURVES}, {2: TURNED}, leg), StopSettings(accuracy=leg)).stop is stop


def test_curves_of_other_wells_are_refused():
    with pytest.raises(InvalidInput, match="shape"):
        curve_accuracy_leg({2: CURVES}, {2: CURVES[:1]}, Leg(1.0))
    with pytest.raises(InvalidInput, match="shape"):
        curve_stability_leg({1: CURVES, 2: CURVES[:, :1]}, Leg(1.0))


def test_curves_of_zeros_are_like_each_other_and_like_nothing_else():
    zeros = np.zeros((2, 2))
    assert cosines(zeros, zeros).tolist() == [1.0, 1.0]
    assert cosines(zeros, CURVES).tolist() == [0.0, 0.0]


@given(st.lists(st.lists(st.floats(-9, 9), min_size=3, max_size=3), min_size=1, max_size=4), st.floats(0.1, 9))
def test_cosines_do_not_depend_on_scale_or_side(curves, scale):
    a, b = np.array(curves), np.roll(np.array(curves), 1, axis=1) + 0.5
    np.testing.assert_allclose(cosines(scale * a, b), cosines(b, a), atol=1e-12)
    assert (np.abs(cosines(a, b)) <= 1).all()


# Verdict


def rows_of(leg, met, last_round=3):
    return Evidence(leg, "figure", last_round, 0.1 if met else 0.9, 0.5, met)


@pytest.mark.parametrize("combine", ["any", "all"])
@pytest.mark.parametrize("met", [(True, True), (True, False), (False, False)])
def test_legs_are_combined(combine, met):
    stop = StopSettings(loss=Leg(0.5), accuracy=Leg(0.5), combine=combine)
    report = verdict(3, [rows_of("loss", met[0]), rows_of("accuracy", met[1])], stop)
    assert report.stop is (any(met) if combine == "any" else all(met))
    assert report.legs == {"loss": met[0], "accuracy": met[1]}


@pytest.mark.parametrize("combine", ["any", "all"])
def test_without_a_leg_a_campaign_goes_on(combine):
    report = verdict(3, [], StopSettings(combine=combine))
    assert (report.stop, report.legs, report.evidence) == (False, {}, ())
    assert report.reason == "no stop condition is set"


def test_evidence_of_a_leg_that_is_not_set_does_not_stop():
    assert not verdict(3, [rows_of("loss", True)], StopSettings(accuracy=Leg(0.5))).stop


def test_rounds_before_a_reopening_do_not_count():
    best = {1: 0.1, 2: 0.1, 3: 0.1, 4: 0.1}
    assert [r for r in best if judge_loss(best, r, rounds=2, reopened_after=2).stop] == [4]
    assert not judge_loss(best, 2, reopened_after=2).stop
    assert {row.round for row in judge_loss(best, 4, reopened_after=2).evidence} == {3, 4}


def test_a_verdict_does_not_look_ahead():
    report = judge_loss({1: 0.9, 2: 0.1}, 1)
    assert not report.stop
    assert [row.round for row in report.evidence] == [1]


@pytest.mark.parametrize(
    "rows",
    [
        loss_leg({1: 0.1, 2: NAN}, Leg(1.0)),
        loss_leg({2: math.inf}, Leg(1.0)),
        stability_leg({1: np.zeros(2), 2: np.array([0.0, NAN])}, {1: 0.1, 2: 0.1}, Leg(1.0)),
        stability_leg({1: np.zeros(2), 2: np.zeros(2)}, {1: 0.1, 2: NAN}, Leg(1.0)),
        stability_leg({1: np.zeros(2), 2: np.zeros(2)}, {1: NAN, 2: 0.1}, Leg(1.0)),
        accuracy_leg({2: np.array([NAN, 0.0])}, {2: np.zeros(2)}, Leg(1.0)),
    ],
)
def test_what_is_no_number_is_never_met(rows):
    leg = Leg(1.0)
    assert any(row.round == 2 and not row.met for row in rows)
    assert not verdict(2, rows, StopSettings(leg, leg, leg)).stop


def test_the_threshold_itself_is_met():
    assert judge_loss({1: 0.2}, 1).stop


@pytest.mark.parametrize(("best", "words"), [(0.135, ("stop after round 1", "0.135", "<= 0.2")), (0.3, ("go on", "0.3", "is not <= 0.2"))])
def test_the_reason_tells_the_figure_and_the_threshold(best, words):
    reason = judge_loss({1: best}, 1).reason
    assert all(word in reason for word in words)


def test_the_reason_says_when_there_is_no_evidence_yet():
    assert "no evidence" in judge_loss({}, 1).reason


@given(histories, st.integers(1, 12), st.integers(1, 4), st.floats(0.0, 1.0), st.integers(0, 12))
def test_a_looser_threshold_and_a_shorter_run_stop_no_later(best, last_round, rounds, threshold, reopened_after):
    strict = judge_loss(best, last_round, threshold=threshold, rounds=rounds, reopened_after=reopened_after)
    loose = judge_loss(best, last_round, threshold=threshold + 0.1, rounds=max(1, rounds - 1), reopened_after=reopened_after)
    assert loose.stop or not strict.stop


@given(histories, st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_order_of_history_and_evidence_does_not_matter(best, last_round, random):
    shuffled = list(best.items())
    random.shuffle(shuffled)
    assert judge_loss(dict(shuffled), last_round) == judge_loss(best, last_round)


# History that the legs need


@pytest.mark.parametrize(
    ("stop", "needed"),
    [
        (StopSettings(), 0),
        (StopSettings(loss=Leg(0.2, 5)), 0),
        (StopSettings(stability=Leg(0.1, 1)), 2),
        (StopSettings(accuracy=Leg(0.1, 3)), 4),
        (StopSettings(stability=Leg(0.1, 2), accuracy=Leg(0.1, 1)), 3),
    ],
)
def test_rounds_needed(stop, needed):
    assert rounds_needed(stop) == needed


@given(st.integers(1, 4))
def test_the_needed_surrogates_suffice_and_one_less_does_not(rounds):
    leg, last = Leg(0.1, rounds), 6
    stop = StopSettings(stability=leg)
    best = dict.fromkeys(range(1, last + 1), 0.3)

    def stops(count):
        predictions = {r: np.zeros(3) for r in range(last - count + 1, last + 1)}
        return verdict(last, stability_leg(predictions, best, leg), stop).stop

    assert stops(rounds_needed(stop))
    assert not stops(rounds_needed(stop) - 1)
