"""A lab script: takes the wells of a batch, measures them and posts the replicates over HTTP, with the habits of a real lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from closedloop.client import Client
from closedloop.errors import EditedMeanwhile

if TYPE_CHECKING:
    from closedloop.types import Batch, Design, Posted

FloatArray = NDArray[np.float64]
Instrument = Callable[[Mapping[str, Any], int, np.random.Generator], FloatArray]
"""Measures so many replicates of a recipe: their curves, one per row."""
Advance = Callable[[int], None]
"""Told how many replicates have just been posted."""

_TOGETHER = 10
"""Replicates in one message."""
_NOT_RUN = ("proposed", "rejected", "abandoned")


def _silently(count: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class _Plan:
    """What happens in a round: replicates are pairs of a well and a number.

    Attributes:
        wells: Wells that are run, the failing one included.
        failed: The well that fails.
        prompt: Replicates in the order in which they are posted.
        doubled: Those that are posted once more.
        late: Those that come only after the next batch.
        short: Wells whose replicates are not all prompt.
    """

    wells: list[Design]
    failed: Design | None
    prompt: list[tuple[Design, int]]
    doubled: list[tuple[Design, int]]
    late: list[tuple[Design, int]]
    short: list[Design]


@dataclass(frozen=True)
class Lab:
    """Measures batches and posts them as a real lab does.

    In no order, some replicates twice, some late, some never; and a well may fail. The same seed measures the same curves and
    has the same mishaps, so that a round that was interrupted can be run again: what is stored already changes nothing.

    Attributes:
        instrument: Measures.
        seed: Seed of everything random.
        replicates: Replicates per well.
        doubled: Share of the replicates that are posted twice.
        late: Share of the replicates that come only after the next batch.
        lost: Share of the replicates that never come.
        fails_every: Every so many rounds a well fails; 0 for never.
    """

    instrument: Instrument
    seed: int = 0
    replicates: int = 4
    doubled: float = 0.1
    late: float = 0.0
    lost: float = 0.0
    fails_every: int = 2

    def run_round(self, client: Client, campaign: str, batch: Batch, advance: Advance = _silently) -> Posted:
        """Claim, measure and post the wells of a batch, and close those that stay short of replicates.

        Returns:
            What became of all replicates, as a bulk upload would say.
        """
        plan = self._plan(batch)
        for well in plan.wells:
            if well["state"] == "approved":
                _move(client, campaign, well, "running", "claimed")
        if plan.failed and plan.failed["state"] != "failed":
            _move(client, campaign, plan.failed, "failed", "channel clogged")
        *most, last = [plan.prompt[k : k + _TOGETHER] for k in range(0, len(plan.prompt), _TOGETHER)] or [[]]
        answers = [self._post(client, campaign, batch, part, advance) for part in [*most, plan.doubled, last]]
        for well in plan.short:
            if well["state"] != "measured":
                _move(client, campaign, well, "measured", "some replicates were lost, or are late")
        return {
            "created": sum(answer["created"] for answer in answers),
            "unchanged": sum(answer["unchanged"] for answer in answers),
            "measured": [well["id"] for well in plan.wells if well is not plan.failed],
        }

    def post_late(self, client: Client, campaign: str, batch: Batch) -> Posted:
        """Post the late replicates of an earlier batch."""
        return self._post(client, campaign, batch, self._plan(batch).late, _silently)

    def _plan(self, batch: Batch) -> _Plan:
        rng = np.random.default_rng([self.seed, batch["round"]])
        wells = [well for well in batch["designs"] if well["state"] not in _NOT_RUN]
        fails = bool(wells) and self.fails_every > 0 and batch["round"] % self.fails_every == 0
        failed = wells[int(rng.integers(len(wells)))] if fails else None
        outcomes = [(well, number) for number in range(1, self.replicates + 1) for well in wells if well is not failed]
        first = sum(number == 1 for _, number in outcomes)  # a well without any replicate could not be closed
        held = int(self.late * len(outcomes)), int(self.lost * len(outcomes))
        order = first + rng.permutation(len(outcomes) - first)
        late, lost, rest = np.split(order, np.cumsum(held))
        prompt = rng.permutation(np.r_[np.arange(first), rest])
        doubled = rng.choice(prompt[:-1], int(self.doubled * len(prompt)), replace=False)
        short = {outcomes[k][0]["id"]: outcomes[k][0] for k in sorted([*late, *lost])}
        chosen = ([outcomes[k] for k in part] for part in (prompt, doubled, late))
        return _Plan(wells, failed, *chosen, list(short.values()))

    def _post(self, client: Client, campaign: str, batch: Batch, part: Sequence[tuple[Design, int]], advance: Advance) -> Posted:
        if not part:
            return {"created": 0, "unchanged": 0, "measured": []}
        items = [
            {"design": well["id"], "replicate": number, "values": self._curve(batch, well, number), "measured_at": batch["created_at"]}
            for well, number in part
        ]
        answer = client.post_measurements(campaign, items)
        advance(len(items))
        return answer

    def _curve(self, batch: Batch, well: Design, number: int) -> FloatArray:
        """A replicate of a well; all that are measured of it are measured together."""
        rng = np.random.default_rng([self.seed, batch["round"], well["well"]])
        return self.instrument(well["planned"], self.replicates, rng)[number - 1]


def _move(client: Client, campaign: str, well: Design, state: str, reason: str) -> None:
    """Set the state of a well."""
    try:
        client.edit_design(campaign, well["id"], state=state, reason=reason)
    except EditedMeanwhile:
        # The edit may have been made, and its answer lost with the service that made it.
        if client.design(campaign, well["id"])["state"] != state:
            raise
