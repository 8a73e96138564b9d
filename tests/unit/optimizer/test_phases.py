"""The state machine of a campaign: every transition from hand-made histories, and what never moves it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer import hindsight, loop
from optimizer.loop import next_step
from optimizer.objective import SpectrumMatch
from optimizer.per_batch import PerBatch
from optimizer.phases import accuracy_rounds, decide, gain_leg, lead_leg
from optimizer.plates import misfit
from optimizer.space import Continuous, LinearConstraint, SearchSpace
from optimizer.state import CampaignState
from optimizer.switch import Advance, Phase, Switch
from optimizer.types import Batch, Dataset, InvalidInput, Leg, Spectrum, Strategy

AXIS = np.linspace(380, 800, 22)
SPACE = SearchSpace((Continuous("a", 0, 10, step=0.5), Continuous("b", 0, 10)))
OBJECTIVE = SpectrumMatch("absorbance", AXIS, Spectrum(AXIS, np.exp(-(((AXIS - 600) / 60) ** 2))))
NEVER = Switch("composite", to_both=None, to_network=None)
SEED_TELLING = Switch(to_both=Advance(5), to_network=None)
PAPER_TELLING = Switch(to_both=Advance(4), to_network=Advance(0))
FILE_TELLING = Switch(to_both=Advance(7), to_network=Advance(0))

losses = st.floats(0.0, 1.0)


def bands(X):
    return 0.9 * np.exp(-(((AXIS - 500 - 20 * X[:, :1]) / (40 + 5 * X[:, 1:])) ** 2))


def history(*rounds, phase=Phase.BO, since=1, switch=NEVER, **settings):
    """A campaign whose rounds hold pairs of origin and loss."""
    wells = [(r, origin, loss) for r, pairs in enumerate(rounds, 1) for origin, loss in pairs]
    names = tuple(f"w{i}" for i in range(len(wells)))
    X, n = SPACE.sample(len(wells), np.random.default_rng(0)), len(wells)
    loss = np.array([w[2] for w in wells])
    numbers = np.array([w[0] for w in wells], np.int64)
    data = Dataset(names, X, bands(X), loss, np.zeros(n), loss, np.ones(n, np.int64), numbers)
    origins = dict(zip(names, (w[1] for w in wells), strict=True))
    strategy = Strategy(rule="lp_ei")
    about = {"switch": switch, "phase": phase, "phase_since": since, "origins": origins, "strategy": strategy, **settings}
    return CampaignState(SPACE, OBJECTIVE, data, np.empty((0, 2)), len(rounds), **about)


def alone(count, loss=0.5):
    return [[("lp_ei", loss)]] * count


def versus(*pairs):
    """Side-by-side rounds, each a pair of the best loss of the first rule and of the network."""
    return [[("lp_ei", first), ("composite", second)] for first, second in pairs]


def after(state, foreseen=None):
    return decide(state, foreseen or {}).after


# Forward


def test_data_lead_from_the_first_round_to_bayesian_optimization_with_evidence():
    report = decide(history(*alone(1), phase=Phase.INITIAL, since=0, switch=None), {})
    assert (report.before, report.after, report.round) == (Phase.INITIAL, Phase.BO, 1)
    assert [(row.leg, row.met) for row in report.evidence] == [("data", True)]
    assert "initial -> bo" in report.reason


def test_one_rule_stays_one_rule():
    report = decide(history(*alone(9), switch=None), {})
    assert (report.after, report.evidence) == (Phase.BO, ())


@pytest.mark.parametrize(("switch", "expected"), [(SEED_TELLING, "bo" * 5), (PAPER_TELLING, "bo" * 4), (FILE_TELLING, "bo" * 7)])
def test_all_tellings_of_the_published_campaign_can_be_run(switch, expected):
    phase, since, told = Phase.INITIAL, 0, []
    for last in range(1, 11):
        report = decide(history(*alone(last), phase=phase, since=since, switch=switch), {})
        if report.after is not phase:
            phase, since = report.after, last
        told.append(phase)
    second = Phase.BOTH if switch is SEED_TELLING else Phase.NETWORK
    assert "".join(p for p in told if p is Phase.BO) == expected
    assert told[len(expected) // 2 :] == [second] * (10 - len(expected) // 2)


def test_rounds_are_counted_from_the_beginning_of_the_phase():
    switch = replace(NEVER, to_both=Advance(2))
    assert [after(history(*alone(r), since=3, switch=switch)) for r in (3, 4, 5)] == ["bo", "bo", "both"]


@pytest.mark.parametrize(
    ("error", "rounds", "expected"), [(0.0, 1, Phase.BOTH), (0.0, 2, Phase.BOTH), (0.0, 3, Phase.BO), (1.0, 1, Phase.BO)]
)
def test_curves_foretold_lead_to_both(error, rounds, expected):
    state = history(*alone(3), switch=replace(NEVER, to_both=Advance(0, Leg(0.01, rounds))))
    assert accuracy_rounds(state) == list(range(max(2, 4 - rounds), 4))
    curves = {r: state.data.Y[state.data.rounds == r] for r in accuracy_rounds(state)}
    report = decide(state, {r: (1 - error) * Y for r, Y in curves.items()})
    assert report.after is expected
    assert {row.leg for row in report.evidence} == {"rounds", "accuracy"}


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(0.3, 0.2), (0.3, 0.2)], Phase.NETWORK),
        ([(0.3, 0.3), (0.2, 0.2)], Phase.NETWORK),
        ([(0.3, 0.2)], Phase.BOTH),
        ([(0.3, 0.2), (0.2, 0.3)], Phase.BOTH),
        ([(0.2, 0.3), (0.3, 0.2)], Phase.BOTH),
    ],
)
def test_a_network_that_is_ahead_takes_over(pairs, expected):
    switch = replace(NEVER, to_network=Advance(0, Leg(0.0, 2)))
    assert after(history(*alone(1), *versus(*pairs), phase=Phase.BOTH, since=1, switch=switch)) is expected


def test_a_round_with_wells_of_one_method_only_is_no_comparison():
    switch = replace(NEVER, to_network=Advance(0, Leg(0.0)))
    lonely = [[("composite", 0.1), ("person", 0.9)]]
    assert after(history(*alone(1), *lonely, phase=Phase.BOTH, since=1, switch=switch)) is Phase.BOTH


def test_rounds_before_the_phase_are_no_comparison():
    switch = replace(NEVER, to_network=Advance(0, Leg(0.0)))
    assert after(history(*versus((0.9, 0.1)), phase=Phase.BOTH, since=1, switch=switch)) is Phase.BOTH


def test_several_steps_at_once_leave_the_evidence_of_each():
    report = decide(history(*alone(1), phase=Phase.INITIAL, since=0, switch=Switch(to_both=Advance(), to_network=Advance())), {})
    assert (report.before, report.after) == (Phase.INITIAL, Phase.NETWORK)
    assert [row.leg for row in report.evidence] == ["data", "rounds", "rounds"]


# Back


@pytest.mark.parametrize(
    ("found", "expected"), [([0.4, 0.3], Phase.BOTH), ([0.2, 0.3], Phase.NETWORK), ([0.3, 0.2], Phase.NETWORK), ([0.4], Phase.NETWORK)]
)
def test_a_network_that_gains_nothing_goes_back_beside_the_other_rule(found, expected):
    rounds = [[("composite", loss)] for loss in found]
    switch = replace(NEVER, to_network=Advance(), back=Leg(0.0, 2))
    assert after(history(*alone(2, 0.25), *rounds, phase=Phase.NETWORK, since=2, switch=switch)) is expected


@pytest.mark.parametrize("phase", [Phase.BO, Phase.BOTH, Phase.NETWORK])
def test_what_was_known_when_a_person_set_the_phase_does_not_undo_it(phase):
    switch = Switch("composite", "each", Advance(1, Leg(2.0)), Advance(1, Leg(1.0)), Leg(1.0))
    state = history(*versus(*[(0.5, 0.1)] * 4), phase=phase, since=4, switch=switch)
    assert after(state, dict.fromkeys(accuracy_rounds(state), np.zeros((2, 22)))) is phase


# Properties


@given(st.lists(st.tuples(losses, losses), min_size=1, max_size=6), losses, losses, st.integers(1, 3))
def test_looser_conditions_lead_on_no_later(pairs, threshold, looser, rounds):
    def passed(threshold, rounds):
        switch = replace(NEVER, to_network=Advance(0, Leg(threshold, rounds)))
        return after(history(*versus(*pairs), phase=Phase.BOTH, since=0, switch=switch)) is Phase.NETWORK

    assert passed(threshold - 0.5 + looser, max(1, rounds - 1)) or not passed(threshold - 0.5, rounds)


@given(st.lists(st.tuples(losses, losses), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_wells_does_not_matter(pairs, random):
    switch = replace(NEVER, to_network=Advance(0, Leg(0.0, 2)))
    rounds = [[*wells, ("lp_ei", 0.9), ("composite", 0.8)] for wells in versus(*pairs)]
    shuffled = [random.sample(wells, len(wells)) for wells in rounds]
    about = {"phase": Phase.BOTH, "since": 0, "switch": switch}
    assert decide(history(*shuffled, **about), {}) == decide(history(*rounds, **about), {})


@given(st.dictionaries(st.integers(1, 6), losses), st.dictionaries(st.integers(1, 6), losses))
def test_a_lead_changes_sign_with_the_sides(first, second):
    there, back = (lead_leg(*sides, Leg(0.0)) for sides in ((first, second), (second, first)))
    assert [row.value for row in there] == [-row.value for row in back]


def test_a_gain_needs_something_known_before():
    assert gain_leg({3: 0.1}, 2, Leg(0.0)) == ()


def test_rounds_cannot_be_negative():
    with pytest.raises(InvalidInput, match="negative"):
        Advance(-1)


# The loop


def stepped(state):
    batch = next_step(state)
    assert isinstance(batch, Batch)
    return batch


def test_without_a_switch_the_phase_changes_no_batch():
    state = history(*[[("lp_ei", 0.1 * k)] for k in range(1, 9)], switch=None, batch_size=3)
    plain = stepped(replace(state, phase=Phase.INITIAL, phase_since=0, origins={}))
    assert [p.x.tolist() for p in stepped(state).proposals] == [p.x.tolist() for p in plain.proposals]


@pytest.mark.parametrize("together", ["each", "split"])
def test_side_by_side_keeps_to_shared_values_and_budgets(together):
    space = SearchSpace(
        (Continuous("a", 0, 10, step=0.5), Continuous("b", 0, 10)), per_batch=PerBatch(("a",), (LinearConstraint({"b": 1}, 24),))
    )
    rounds = [[("lp_ei", 0.1 * k)] for k in range(1, 9)]
    switch = replace(NEVER, together=together)
    state = replace(history(*rounds, phase=Phase.BOTH, switch=switch, batch_size=4), space=space)
    batch = stepped(state)
    rows = np.array([p.x for p in batch.proposals])
    assert len(rows) == (8 if together == "each" else 4)
    assert misfit(space, rows[:-1], rows[-1]) == ""
    assert space.apart(rows[1:], rows[:1]).all()
    assert batch.model["budgets"][0]["used"] <= 24 + 1e-9


def test_the_stop_legs_ask_the_network_once_it_takes_part(monkeypatch):
    asked = []

    class Told(hindsight.Hindsight):
        def curves(self, rule, last_round, X):
            asked.append(rule)
            return bands(X)

    monkeypatch.setattr(loop, "Hindsight", Told)
    legs = loop.stopping.StopSettings(stability=Leg(0.0), accuracy=Leg(1e-9))
    for phase, rule in ((Phase.BO, "composite"), (Phase.BOTH, "spectral_grid"), (Phase.NETWORK, "spectral_grid")):
        report = loop.check_stop(history(*alone(3), phase=phase, switch=Switch(), stop=legs))
        assert {row.leg for row in report.evidence} == {"stability", "accuracy"}
        assert report.stop
        assert set(asked) == {rule}
        asked.clear()


def test_a_model_of_the_past_is_fitted_once_and_knows_no_later_round(monkeypatch):
    fitted, state = [], history(*[[("lp_ei", 0.5)] * 4] * 3)
    past = hindsight.Hindsight(state)
    real = hindsight.Hindsight._fitted

    def counted(self, rule, last_round):
        fitted.append((rule, last_round))
        return real(self, rule, last_round)

    monkeypatch.setattr(hindsight.Hindsight, "_fitted", counted)
    X = SPACE.sample(5, np.random.default_rng(1))
    first, again = (past.curves("composite", 2, X) for _ in range(2))
    assert np.array_equal(first, again)
    assert fitted == [("composite", 2)]
    short = hindsight.Hindsight(replace(state, data=state.data.until(2)))
    assert np.array_equal(first, short.curves("composite", 2, X))


@pytest.mark.parametrize("rule", ["composite", "spectral_grid"])
def test_curves_that_are_all_equal_are_foretold(rule, monkeypatch):
    from models.nets import NetworkSettings
    from optimizer.rules import spectral_grid

    monkeypatch.setattr(spectral_grid, "SETTINGS", NetworkSettings((8,), members=2, folds=0, epochs=5))
    state = history(*alone(3))
    flat = replace(state, data=replace(state.data, Y=np.ones_like(state.data.Y)))
    foretold = hindsight.Hindsight(flat).curves(rule, 2, state.data.X)
    assert np.isfinite(foretold).all()
