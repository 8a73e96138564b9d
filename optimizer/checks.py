"""Guards: what a person should look at after a round. Pure functions; each figure is evidence, flagged or not.

Notation: n wells, d parameters; X executed rows (n, d) in units of the parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

import numpy as np

from optimizer.parameters import TOLERANCE, Continuous, Parameter
from optimizer.space import SearchSpace
from optimizer.types import Design, DesignState, FloatArray
from optimizer.widening import Extension, Side, extension

PILE_UP = 0.5
"""Share of a round's wells at a bound above which they pile up there."""
COLLAPSE = 0.1
"""Share of the distances of a spread-out design below which a batch has collapsed."""
_AT_BOUND = 0.01
"""Share of the range within which a well lies at a bound; half a step where that is more."""
_SAME = 0.5
"""Share of the resolution within which two wells are the same: a step apart by plan, both may be off by a quarter."""
_FEWEST = 4
"""Wells below which a round says nothing about its spread or its bounds, and plates that speak for a shared value."""
_DRAWS = 8
"""Spread-out designs whose distances are averaged."""


@dataclass(frozen=True)
class GuardEvidence:
    """One checked figure of a round.

    Attributes:
        guard: ``bounds``, ``collapse`` or ``duplicates``.
        what: What was measured, in words.
        round: The round it speaks of.
        value: The figure.
        threshold: What it is held against.
        flagged: Whether a person should look: above the threshold, or below it for ``collapse``.
        parameter: The parameter that it speaks of, None for the whole well.
        side: The bound that it speaks of.
        extension: Where the wells pile up: a wider range to approve, None where there is no room or it is wider already.
        pairs: The wells that repeat another, each with that other.
    """

    guard: Literal["bounds", "collapse", "duplicates"]
    what: str
    round: int
    value: float
    threshold: float
    flagged: bool
    parameter: str | None = None
    side: Side | None = None
    extension: Extension | None = None
    pairs: tuple[tuple[str, str], ...] = ()


def check_rounds(
    designs: Sequence[Design], spaces: Mapping[int, SearchSpace], present: SearchSpace, rounds: Collection[int] | None = None
) -> tuple[GuardEvidence, ...]:
    """All guards on the executed rows of wells that are measured, or may still be.

    Args:
        designs: Wells of all rounds, in order.
        spaces: The space under which each round was planned; one object for rounds that share it saves time.
        present: The space of today, which extensions start from.
        rounds: Rounds to look at, all when None.

    Returns:
        Evidence in order of the rounds.
    """
    kept = [design for design in designs if design.state.pending or design.state is DesignState.MEASURED]
    usual: dict[tuple[int, int], float] = {}
    plates = _plates(kept, spaces)
    evidence: list[GuardEvidence] = []
    for number in sorted({design.round for design in kept} & set(spaces if rounds is None else rounds)):
        space, wells = spaces[number], [design for design in kept if design.round == number]
        X = np.array([well.executed for well in wells])
        evidence += pile_up(space, number, X, present)
        evidence += plates_pile_up(number, plates, spaces, present)
        if len(X) >= _FEWEST:
            key = (id(space), len(X))
            if key not in usual:
                usual[key] = usual_distance(space, len(X))
            evidence.append(collapse(space, number, X, usual[key]))
        evidence.append(duplicates(space, number, wells, [design for design in kept if design.round < number]))
    return tuple(evidence)


def pile_up(space: SearchSpace, round_number: int, X: FloatArray, present: SearchSpace) -> tuple[GuardEvidence, ...]:
    """Whether wells pile up at a bound, where the optimum may lie beyond it.

    A well is at a bound within 1 % of the range or half a step, whichever is more, on either side of it:
    a well that a person sent far outside is not held by the bound. Only continuous parameters of three
    settings and more are looked at, and rounds of four wells and more. Values that the wells of a round
    share are left to ``plates_pile_up``.

    Args:
        space: The space under which the round was planned.
        round_number: The round.
        X: Its executed rows.
        present: The space of today.

    Returns:
        A row per parameter and side.
    """
    if len(X) < _FEWEST:
        return ()
    return tuple(
        _pile_up(parameter, side, round_number, X[:, j], present, "wells")
        for j, parameter in enumerate(space.parameters)
        if _extends(parameter) and parameter.name not in space.per_batch.shared
        for side in _SIDES
    )


def plates_pile_up(
    round_number: int, plates: Mapping[int, FloatArray], spaces: Mapping[int, SearchSpace], present: SearchSpace
) -> tuple[GuardEvidence, ...]:
    """Whether values that all wells of a round share pile up at a bound: they are one choice, however many wells follow it.

    The round and the three newest ones before it that shared the parameter within the same range are counted; fewer say nothing.

    Args:
        round_number: The round.
        plates: The values that stand for each round, shape (d,).
        spaces: The space under which each round was planned.
        present: The space of today.

    Returns:
        A row per shared parameter and side.
    """
    space, evidence = spaces[round_number], list[GuardEvidence]()
    for j, parameter in enumerate(space.parameters):
        if not _extends(parameter) or parameter.name not in space.per_batch.shared:
            continue
        alike = [r for r in sorted(plates) if r <= round_number and _shares(spaces[r], parameter)]
        if len(alike) >= _FEWEST:
            x = np.array([plates[r][j] for r in alike[-_FEWEST:]])
            evidence += [_pile_up(parameter, side, round_number, x, present, "plates") for side in _SIDES]
    return tuple(evidence)


def _shares(space: SearchSpace, parameter: Parameter) -> bool:
    return parameter.name in space.per_batch.shared and parameter in space.parameters


def _plates(designs: Sequence[Design], spaces: Mapping[int, SearchSpace]) -> dict[int, FloatArray]:
    """The median executed values of each round of which the space is known and shares values."""
    rounds: dict[int, list[FloatArray]] = {}
    for design in designs:
        if design.round in spaces and spaces[design.round].per_batch.shared:
            rounds.setdefault(design.round, []).append(design.executed)
    return {number: np.median(rows, axis=0) for number, rows in rounds.items()}


def _extends(parameter: Parameter) -> TypeGuard[Continuous]:
    """Whether a parameter has bounds that may be moved, and settings between them."""
    return isinstance(parameter, Continuous) and (parameter.levels is None or len(parameter.levels) > 2)


_SIDES: tuple[Side, Side] = ("low", "high")


def _pile_up(parameter: Continuous, side: Side, round_number: int, x: FloatArray, present: SearchSpace, units: str) -> GuardEvidence:
    bound = _bound(parameter, side)
    tolerance = max(_AT_BOUND * (parameter.high - parameter.low), 0.5 * (parameter.step or 0.0)) + TOLERANCE * max(1.0, abs(bound))
    count = int((np.abs(x - bound) <= tolerance).sum())
    today = present.parameters[present.names.index(parameter.name)]
    share, wider = count / len(x), None
    if share > PILE_UP and isinstance(today, Continuous) and _bound(today, side) == bound:
        wider = extension(present, today, side)
    what = f"share of {units} at the {side} bound {bound:g} of {parameter.name}: {count} of {len(x)}"
    return GuardEvidence("bounds", what, round_number, share, PILE_UP, share > PILE_UP, parameter.name, side, wider)


def _bound(parameter: Continuous, side: Side) -> float:
    """The outermost setting of a side."""
    if side == "low":
        return parameter.low
    return parameter.high if parameter.levels is None else float(parameter.levels[-1])


def collapse(space: SearchSpace, round_number: int, X: FloatArray, usual: float) -> GuardEvidence:
    """Whether the wells of a round, two at least, crowd at one place.

    Args:
        space: The space under which the round was planned.
        round_number: The round.
        X: Its executed rows.
        usual: What ``usual_distance`` gives for as many wells.
    """
    value, threshold = _distance(space, X), COLLAPSE * usual
    what = f"median distance to the nearest well of the round, in the unit cube; {usual:.2g} for spread-out wells"
    return GuardEvidence("collapse", what, round_number, value, threshold, value < threshold)


def usual_distance(space: SearchSpace, n: int) -> float:
    """Median distance to the nearest of n spread-out feasible wells in the unit cube; the same on every call."""
    return float(np.mean([_distance(space, space.sample(n, np.random.default_rng(seed))) for seed in range(_DRAWS)]))


def _distance(space: SearchSpace, X: FloatArray) -> float:
    # Late, here and below: scipy takes over a second to load, and most requests never need it.
    from scipy.spatial import KDTree

    if len(X) < 2:
        return 0.0
    U = space.to_unit(X)
    return float(np.median(KDTree(U).query(U, k=2)[0][:, 1]))


def duplicates(space: SearchSpace, round_number: int, wells: Sequence[Design], earlier: Sequence[Design]) -> GuardEvidence:
    """Whether wells of a round repeat a well of an earlier round, or one before them in their own.

    Two wells are the same when no parameter differs by more than half of its resolution (a step, or a
    thousandth of the range): their executed values stand for one setting.

    Args:
        space: The space under which the round was planned.
        round_number: The round.
        wells: Its wells, in order.
        earlier: Wells of earlier rounds that are measured, or may still be.
    """
    from scipy.spatial import KDTree

    known = [*earlier, *wells]
    scaled = np.array([well.executed for well in known]) / (space.resolution * (space.high - space.low))
    near = KDTree(scaled).query_ball_point(scaled[len(earlier) :], _SAME * (1 + 1e-6), p=np.inf, return_sorted=True)
    pairs = tuple(
        (well.id, known[j].id) for i, (well, found) in enumerate(zip(wells, near, strict=True), len(earlier)) for j in found if j < i
    )
    value = len({well for well, _ in pairs})
    return GuardEvidence("duplicates", "wells that repeat another", round_number, value, 0.0, value > 0, pairs=pairs)
