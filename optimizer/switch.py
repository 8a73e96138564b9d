"""Phases of a campaign in two steps, and what leads from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from optimizer.types import Evidence, InvalidInput, Leg


class Phase(StrEnum):
    """Who proposes: the initial design, Bayesian optimization, it and a network side by side, the network; or nobody any more."""

    INITIAL = "initial"
    BO = "bo"
    BOTH = "both"
    NETWORK = "network"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Advance:
    """What leads to the next phase; all of it must be met.

    Attributes:
        after_rounds: Rounds of the present phase that it takes.
        leg: A condition on the figure of the present phase, None for none.
    """

    after_rounds: int = 0
    leg: Leg | None = None

    def __post_init__(self) -> None:
        if self.after_rounds < 0:
            raise InvalidInput("after_rounds cannot be negative", where=("strategy", "switch"), remedy="use 0 to go on at once")


@dataclass(frozen=True)
class Switch:
    """How a second rule, which learns whole curves, takes over from the first one.

    Attributes:
        rule: Name of the second rule.
        together: Side by side, whether each rule proposes a batch of its own or they split one.
        to_both: From the first rule to both; its leg is on 1 - cosine between the measured curves of a round and those that the
            model of the second rule predicted before. None for never.
        to_network: From both to the second rule; its leg is on the lowest loss of the second rule in a round less that of the
            first. None for never.
        back: From the second rule back to both: on what the lowest loss of a round gains over the lowest one before the phase.
            None for never.
    """

    rule: str = "spectral_grid"
    together: Literal["each", "split"] = "each"
    to_both: Advance | None = Advance(4)
    to_network: Advance | None = Advance(0, Leg(0.0, 2))
    back: Leg | None = None


@dataclass(frozen=True)
class PhaseReport:
    """In which phase the next round is proposed.

    Attributes:
        before: Phase of the rounds up to now.
        after: Phase of the next round.
        round: Last round that was looked at.
        evidence: Every figure behind it.
        reason: One sentence for people.
    """

    before: Phase
    after: Phase
    round: int
    evidence: tuple[Evidence, ...]
    reason: str
