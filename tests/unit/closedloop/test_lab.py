"""The lab script: the same seed measures the same, posting is what a real lab does, and a round can be run again."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from closedloop import EditedMeanwhile
from closedloop.lab import Lab

WELLS, REPLICATES = 15, 5
CREATED = "2026-01-01T00:00:00Z"


def instrument(recipe: Mapping[str, float], k: int, rng: np.random.Generator) -> np.ndarray:
    return recipe["silver"] + rng.standard_normal((k, 3))


class Recorder:
    """Takes the place of a client, and of the service behind it."""

    def __init__(self) -> None:
        self.posted, self.edited, self.stored = [], [], {}

    def post_measurements(self, campaign: str, items: Iterable[Mapping]) -> dict:
        created = 0
        for item in items:
            key, values = (item["design"], item["replicate"]), item["values"].tolist()
            created += key not in self.stored
            assert self.stored.setdefault(key, values) == values
            self.posted.append(key)
        return {"created": created, "unchanged": len(items) - created, "measured": []}

    def edit_design(self, campaign: str, design: str, *, state: str, reason: str) -> None:
        self.edited.append((design, state, reason))


LAB = Lab(instrument, 1, REPLICATES, late=0.1, lost=0.1)


def batch(round: int, **states: str) -> dict:
    wells = [
        {"id": f"w{n}", "well": n, "state": states.get(f"w{n}", "approved"), "planned": {"silver": 10.0 + n}} for n in range(1, WELLS + 1)
    ]
    return {"round": round, "created_at": CREATED, "designs": wells}


def run(lab: Lab, round: int = 1, **states: str) -> tuple[Recorder, dict]:
    recorder = Recorder()
    return recorder, lab.run_round(recorder, "c", batch(round, **states))


def test_the_same_seed_measures_the_same_and_another_does_not():
    first, again, other = (run(replace(LAB, seed=seed))[0] for seed in (1, 1, 2))
    assert first.posted == again.posted
    assert first.stored == again.stored
    assert not {key for key in first.stored.keys() & other.stored.keys() if first.stored[key] == other.stored[key]}


def test_what_a_well_measures_does_not_depend_on_the_mishaps():
    neat = run(Lab(instrument, 1, REPLICATES))[0].stored
    assert len(neat) == WELLS * REPLICATES
    assert all(neat[key] == values for key, values in run(LAB)[0].stored.items())


def test_everything_is_posted_out_of_order_and_some_of_it_twice():
    recorder, posted = run(Lab(instrument, 1, REPLICATES, doubled=0.1))
    assert Counter(Counter(recorder.posted).values()) == {1: 68, 2: 7}
    assert (posted["created"], posted["unchanged"]) == (75, 7)
    assert list(recorder.stored) != sorted(recorder.stored)


def test_approved_wells_are_claimed_before_anything_is_posted():
    recorder, _ = run(Lab(instrument, 1, REPLICATES))
    assert recorder.edited == [(f"w{n}", "running", "claimed") for n in range(1, WELLS + 1)]


def test_some_replicates_are_late_some_lost_and_their_wells_are_closed_without_them():
    recorder, posted = run(LAB)
    assert posted["created"] == 75 - 7 - 7
    short = {design for design, count in Counter(design for design, _ in recorder.stored).items() if count < REPLICATES}
    assert {design for design, state, _ in recorder.edited if state == "measured"} == short
    prompt = set(recorder.stored)
    assert LAB.post_late(recorder, "c", batch(1)) == {"created": 7, "unchanged": 0, "measured": []}
    assert len(recorder.stored) == 68
    assert {design for design, _ in set(recorder.stored) - prompt} <= short


def test_every_well_has_a_prompt_replicate():
    recorder, _ = run(replace(LAB, replicates=2, late=0.3, lost=0.2))
    assert {design for design, _ in recorder.stored} == {f"w{n}" for n in range(1, WELLS + 1)}


def test_every_second_round_a_well_fails_with_a_reason_and_is_not_measured():
    recorder, posted = run(LAB, 2)
    [design] = [design for design, state, reason in recorder.edited if (state, reason) == ("failed", "channel clogged")]
    assert design not in {name for name, _ in recorder.stored}
    assert len(posted["measured"]) == 14
    assert "failed" not in {state for _, state, _ in run(LAB, 3)[0].edited}


@pytest.mark.parametrize("round", [1, 2])
def test_an_interrupted_round_is_run_again_to_the_same_end(round: int):
    recorder, _ = run(LAB, round)
    stored, states = dict(recorder.stored), {design: state for design, state, _ in recorder.edited}
    recorder.edited.clear()
    assert LAB.run_round(recorder, "c", batch(round, **states))["created"] == 0
    assert recorder.stored == stored
    assert recorder.edited == []


def test_wells_that_are_not_to_be_run_are_left_alone():
    recorder, _ = run(LAB, **{f"w{n}": "rejected" for n in range(1, 8)})
    assert {design for design, _ in recorder.stored} == {f"w{n}" for n in range(8, WELLS + 1)}
    nothing, posted = run(LAB, 2, **{f"w{n}": "rejected" for n in range(1, WELLS + 1)})
    assert nothing.posted == nothing.edited == posted["measured"] == []


@pytest.mark.parametrize(("found", "fine"), [("running", True), ("rejected", False)])
def test_an_edit_whose_answer_was_lost_is_looked_up(found: str, fine: bool):
    class Restarted(Recorder):
        def edit_design(self, campaign: str, design: str, **changes: str) -> None:
            raise EditedMeanwhile(412, "Edited meanwhile", "another version")

        def design(self, campaign: str, design: str) -> dict:
            return {"state": found}

    lab = Lab(instrument)
    if fine:
        assert lab.run_round(Restarted(), "c", batch(1))["created"] == WELLS * 4
    else:
        with pytest.raises(EditedMeanwhile):
            lab.run_round(Restarted(), "c", batch(1))
