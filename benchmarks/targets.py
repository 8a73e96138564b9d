"""Whether kept runs and asks reach the project's targets, and by how much they miss them.

A target is a ratio that may not exceed a bound; of all places where it applies the worst is told. Comparisons are made on
the seeds that both rules ran. An aim is a target that goes further than what is promised; its row says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.peers import PEERS
from benchmarks.results import Results
from benchmarks.tables import CHECKED, CURVES, DEFAULT, NONE, Cells, ask_of, ask_share, common, number, own_rule, regrets, share
from optimizer.scores import FLOOR, REFERENCE
from optimizer.types import FloatArray

AIMED = 2
"""Batches after which curves are aimed to be where peers are after the last one; numbers are aimed to be after the first of ``CHECKED``."""
PENALIZED, PENALIZING_PEERS = "lp_ei", ("gpyopt_lp", "emukit_lp")
ASK_SHARES = {False: {"botorch_qlognei": 0.5}, True: {"botorch_qlognei": 0.1}}
"""With and without a constraint: peer -> share of its cost that ours may have."""
ASK_SHARE_OF_OTHERS = {"baybe": 0.2, "emukit_lp": 0.2, "ax": 0.2}


@dataclass(frozen=True)
class Verdict:
    """How a target was reached.

    Attributes:
        target: In words.
        places: Where it applies -> ratio reached there.
        bound: Highest ratio allowed.
        aim: Whether it is aimed at, not promised.
    """

    target: str
    places: Mapping[str, float]
    bound: float = 1.0
    aim: bool = False

    @property
    def row(self) -> list[str]:
        """The worst place, in text."""
        target = f"aim: {self.target}" if self.aim else self.target
        if not self.places:
            return [target, NONE, number(self.bound), "no runs yet", NONE]
        where, value = max(self.places.items(), key=lambda place: place[1])
        missed = [f"{place} {number(ratio)}" for place, ratio in self.places.items() if ratio > self.bound]
        verdict = "yes" if not missed else f"missed by {value / self.bound:.3g} times ({', '.join(missed)})"
        return [target, number(value), number(self.bound), f"{where}; {len(self.places)} places", verdict]


def target_cells(kept: Sequence[Results], measured: Mapping[str, Any] | None) -> Cells:
    """Every target: worst ratio, bound, where, and whether it is met."""
    scalar, curves = [found for found in kept if not found.facts["curve"]], [found for found in kept if found.facts["curve"]]
    early, late = CHECKED
    promised = [*_scalar(scalar), *_every_run(kept), *_penalized(kept), *_asks(measured), _curves(curves, early, late)]
    verdicts = [*promised, _scalar_aim(scalar, early, late), replace(_curves(curves, AIMED, late), aim=True)]
    return "targets", ["target", "worst", "bound", "where", "met"], [verdict.row for verdict in verdicts]


def _scalar(kept: Sequence[Results]) -> Iterable[Verdict]:
    for batch in CHECKED:
        shares = {peer: share(kept, DEFAULT, peer, batch, batch) for peer in PEERS}
        best = {peer: ratio for peer, ratio in shares.items() if ratio is not None}
        yield Verdict(f"{DEFAULT} / peer on scalar problems, normalised regret after {batch}", best)
    for batch in CHECKED:
        places = dict(place for found in kept if (place := _within_quartiles(found, batch)))
        yield Verdict(f"median of {DEFAULT} / upper quartile of the best peer after {batch}", places)


def _within_quartiles(found: Results, batch: int) -> tuple[str, float] | None:
    """Our median as a share of the upper quartile of the peer whose median is lowest."""
    pairs = {peer: common(found, DEFAULT, peer) for peer in PEERS}
    ran = {peer: pair for peer, pair in pairs.items() if len(pair[0])}
    if not ran:
        return None
    best = min(ran, key=lambda peer: float(np.median(ran[peer][1][:, batch])))
    ours, theirs = ran[best]
    ratio = _ratio(np.median(ours[:, batch]), np.quantile(theirs[:, batch], 0.75), ours)
    return f"{found.facts['problem']} ({best})", ratio


def _every_run(kept: Sequence[Results]) -> Iterable[Verdict]:
    places = {}
    for found in kept:
        ours, reference = _matrix(found, own_rule(found)), _matrix(found, REFERENCE)
        if len(ours) and len(reference):
            places[found.facts["problem"]] = _ratio(ours[:, -1].max(), np.median(reference[:, -1]), ours)
    yield Verdict(f"worst run of {DEFAULT} ({CURVES} on curves) / median of {REFERENCE}", places)


def _penalized(kept: Sequence[Results]) -> Iterable[Verdict]:
    shortfall, places = {}, {}
    for found in kept:
        runs = [record.run for record in found.of(PENALIZED) if record.run]
        if runs:
            fewest = min(min(*run.distinct, *run.feasible) for run in runs)
            shortfall[found.facts["problem"]] = found.facts["wells"] / fewest if fewest else float("inf")
        for peer in PENALIZING_PEERS:
            ours, theirs = common(found, PENALIZED, peer)
            if len(ours):
                places[f"{found.facts['problem']} ({peer})"] = _ratio(np.median(ours[:, -1]), np.median(theirs[:, -1]), ours)
    yield Verdict(f"wells asked / fewest distinct and feasible of {PENALIZED}", shortfall)
    yield Verdict(f"median of {PENALIZED} / that of {' and '.join(PENALIZING_PEERS)}", places)


def _asks(measured: Mapping[str, Any] | None) -> Iterable[Verdict]:
    for constraint, shares in ASK_SHARES.items():
        for peer, bound in (shares | ASK_SHARE_OF_OTHERS).items():
            name = f"CPU of an ask, {DEFAULT} / {peer}{', with a constraint' if constraint else ''}"
            ratio = ask_share(measured, peer, constraint) if measured and _asked(measured, peer) else None
            unanswered = " (no answer in time)" if ratio and measured and ask_of(measured, peer, constraint)["failure"] else ""
            yield Verdict(name, {} if ratio is None else {f"{peer}{unanswered}": ratio}, bound)


def _asked(measured: Mapping[str, Any], rule: str) -> bool:
    return any(ask["rule"] == rule for ask in measured["asks"])


def _scalar_aim(kept: Sequence[Results], ours: int, theirs: int) -> Verdict:
    shares = {peer: share(kept, DEFAULT, peer, ours, theirs) for peer in PEERS}
    target = f"{DEFAULT} after {ours} / peer after {theirs} on scalar problems, normalised regret"
    return Verdict(target, {peer: ratio for peer, ratio in shares.items() if ratio is not None}, aim=True)


def _curves(kept: Sequence[Results], early: int, late: int) -> Verdict:
    places = {}
    for found in kept:
        for peer in PEERS:
            ours, theirs = common(found, CURVES, peer)
            if len(ours):
                places[f"{found.facts['problem']} ({peer})"] = _ratio(np.median(ours[:, early]), np.median(theirs[:, late]), ours)
    return Verdict(f"median of {CURVES} after {early} / that of a peer after {late} on curves", places)


def _matrix(found: Results, rule: str) -> FloatArray:
    return np.array(list(regrets(found, rule).values()))


def _ratio(ours: Any, theirs: Any, R: FloatArray) -> float:
    """A ratio of regrets, neither below what counts as none: a share of the median regret after the first wells of R."""
    least = FLOOR * np.median(R[:, 0])
    return float(max(ours, least) / max(theirs, least))
