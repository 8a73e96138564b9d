"""Published figures of the silver campaign beside ours: those of its file of measured losses, and those that need no data.

Every figure of ours is measured here, by the code of the service: loss, guards, grid, networks and rules.

Sources: Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021) and its code AgBONN; the file, Liang et al., npj Comput. Mater. 7,
188 (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from models.nanoparticle.growth import published
from models.nets import AGBONN
from optimizer import nanoparticle
from optimizer.checks import collapse, pile_up, usual_distance
from optimizer.grid import CHUNK, Grid
from optimizer.grid_speed import LEVELS, published_space
from optimizer.loop import next_step
from optimizer.objective import Minimize
from optimizer.replicates import outliers
from optimizer.space import SearchSpace
from optimizer.state import CampaignState
from optimizer.tabulated import SOURCES, parse, silver_space
from optimizer.two_step import Plan, first_box, with_ranges
from optimizer.types import Batch, Dataset, FloatArray, Strategy

REGION = 0.2
"""Loss at or below which a well lies in the target region."""
BEST = (0.587, 0.587, 0.443, 0.256, 0.290, 0.245, 0.247, 0.167, 0.234, 0.306, 0.135)
"""Lowest median loss of each block of the file: eight of Bayesian optimization, three of the network."""
_FLAGGED = {4: ["Qseed low"], 5: ["QAgNO3 high", "Qseed low", "Qtsc low"]}
_FIRST = ("Qseed", "QAgNO3")
_BLOCK, _FULL = 15, 90.0
_AT_BOUND = {(4, "Qseed low"): 11, (5, "QAgNO3 high"): 13, (5, "Qseed low"): 13, (5, "Qtsc low"): 8, (5, "Qpva high"): 7}
"""Block and side of the first box -> wells of the block that lie there."""


@dataclass(frozen=True)
class Row:
    """A published figure beside ours.

    Attributes:
        name: What it is.
        seed: The published one, None where none was published.
        ours: The measured one.
        target: What ours has to be, or to reach; None where there is no target.
        met: Whether it is.
    """

    name: str
    seed: Any
    ours: Any
    target: Any = None
    met: bool | None = None

    @classmethod
    def fact(cls, name: str, seed: Any, ours: Any, tolerance: float = 0.0) -> Row:
        """A figure that must come out as it was published, numbers to within a tolerance."""
        return cls(name, seed, ours, seed, bool(abs(ours - seed) <= tolerance) if isinstance(seed, int | float) else ours == seed)


@dataclass(frozen=True, eq=False)
class Measured:
    """The file of measured losses.

    Attributes:
        X: Conditions in the order of the file, shape (n, 5).
        losses: Replicate losses of each condition.
    """

    X: FloatArray
    losses: tuple[FloatArray, ...]

    @classmethod
    def parse(cls, table: str) -> Measured:
        """The file's content.

        Raises:
            InvalidInput: It is another file.
        """
        rows = parse(SOURCES["agnp_loss"].path, table, 6)
        X, first, condition = np.unique(rows[:, :5], axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)
        return cls(X[order], tuple(rows[condition.reshape(-1) == i, 5] for i in order))

    @property
    def medians(self) -> FloatArray:
        """Median loss of each condition, shape (n,)."""
        return np.array([np.median(losses) for losses in self.losses])

    def block(self, number: int) -> FloatArray:
        """Conditions of a block, numbered from 1."""
        return self.X[_BLOCK * (number - 1) : _BLOCK * number]


def extended_box() -> SearchSpace:
    """The box to which the laboratory extended the first one."""
    return with_ranges(first_box(), dict.fromkeys(("QAgNO3", "Qtsc", "Qseed"), (0.5, 80.0)))


def file_rows(measured: Measured) -> list[Row]:
    """What the file holds."""
    y, losses = measured.medians, measured.losses
    best = [float(y[k : k + _BLOCK].min()) for k in range(0, len(y), _BLOCK)]
    spread = float(np.median([values.std(ddof=1) for values in losses]))
    counts = [len(values) for values in losses]
    skewed = sum(bool(abs(values.mean() - np.median(values)) > 0.02) for values in losses)
    beyond = 100 * sum(int(outliers(values).sum()) for values in losses) / sum(counts)
    return [
        Row.fact("conditions in the file", 164, len(y)),
        Row.fact("replicates in the file", 3295, sum(counts)),
        Row.fact("replicates of a condition, median", 21.5, float(np.median(counts))),
        Row.fact("standard deviation of the replicates of a condition, median", 0.022, spread, 5e-4),
        Row.fact("conditions whose mean and median differ by more than .02", 27, skewed),
        Row.fact("replicates beyond 3.5 MAD, %", 3.3, beyond, 0.05),
        *(Row.fact(f"best median loss, block {k}", seed, ours, 5e-4) for k, (seed, ours) in enumerate(zip(BEST, best, strict=True), 1)),
        Row.fact(f"blocks whose best median is at most {REGION:g}", [8, 11], [k for k, loss in enumerate(best, 1) if loss <= REGION]),
        *_guard_rows(measured),
    ]


def _guard_rows(measured: Measured) -> list[Row]:
    """What the guards say of the file's blocks."""
    box, wide = first_box(), extended_box()
    strata = _BLOCK * box.to_unit(measured.block(1)) - 0.5
    centred = int((np.abs(strata - np.round(strata)) < 0.05).sum())
    found = {
        (number, f"{figure.parameter} {figure.side}"): (round(_BLOCK * figure.value), figure.flagged)
        for number in (4, 5)
        for figure in pile_up(box, number, measured.block(number), box)
    }
    flagged = {number: sorted(side for (block, side), (_, flag) in found.items() if flag and block == number) for number in (4, 5)}
    spread_out, crowded = (collapse(space, k, measured.block(k), usual_distance(space, _BLOCK)) for k, space in ((1, box), (7, wide)))
    return [
        Row.fact("values of block 1 on the centres of the strata, of 75", 75, centred),
        *(
            Row.fact(f"wells of block {number} at the bound {side}", seed, found[number, side][0])
            for (number, side), seed in _AT_BOUND.items()
        ),
        *(Row.fact(f"bounds flagged in block {number}", sides, flagged[number]) for number, sides in _FLAGGED.items()),
        Row.fact("median distance to the nearest well, block 1", 0.51, spread_out.value, 5e-3),
        Row.fact("median distance to the nearest well, block 7", 0.013, crowded.value, 5e-4),
        Row.fact("blocks of these two flagged as collapsed", [7], [found.round for found in (spread_out, crowded) if found.flagged]),
    ]


def batch_rows(measured: Measured, told: Callable[[str], None]) -> list[Row]:
    """How many wells of a batch are distinct that a rule proposes after each of the first eight blocks.

    Args:
        measured: The file.
        told: Told what is being done.
    """
    counts = {}
    for rule in ("lp_textbook", "lp_ei"):
        told(f"{rule} after every block of the file")
        counts[rule] = [_distinct(measured, rule, block) for block in range(1, 9)]
    textbook = [min(counts["lp_textbook"]), max(counts["lp_textbook"])]
    fewest = min(counts["lp_ei"])
    return [
        Row("distinct picks of 15, published rule, fewest and most of eight blocks", [2, 15], textbook, [2, 15]),
        Row("distinct picks of 15, our rule, fewest of eight blocks", None, fewest, _BLOCK, fewest == _BLOCK),
    ]


def _distinct(measured: Measured, rule: str, block: int) -> int:
    """Picks of a batch after a block that did not fall on one before."""
    n = min(_BLOCK * block, len(measured.X))
    y, counts = measured.medians[:n], np.array([len(losses) for losses in measured.losses[:n]])
    data = Dataset(tuple(map(str, range(n))), measured.X[:n], y[:, None], y, np.full(n, np.nan), y, counts, 1 + np.arange(n) // _BLOCK)
    space = extended_box()
    state = CampaignState(space, Minimize("loss"), data, np.empty((0, space.dimension)), block, Strategy(rule=rule))
    batch = next_step(state)
    if not isinstance(batch, Batch):
        raise TypeError(f"a campaign without stop conditions or open wells got {batch!r} instead of a batch")
    return _BLOCK - int(batch.model["coincident"])


def grid_rows() -> list[Row]:
    """The grid that the network is searched on, and the network's size."""
    grid = Grid.of(published_space(), LEVELS)
    numbers = [np.arange(first, min(first + CHUNK, grid.size)) for first in range(0, grid.size, CHUNK)]
    # In plain floating point as upstream; 1 300 points more lie on the limit to within rounding, which belongs to the space.
    below = sum(int((grid.at(part)[:, :4].sum(axis=1) < _FULL).sum()) for part in numbers)
    widths = (5, *AGBONN.hidden, 421)
    weights = sum((a + 1) * b for a, b in pairwise(widths))
    return [
        Row.fact("points of the grid", 3_200_000, grid.size),
        Row.fact("points of the grid with flows below 90 %", 2_488_800, below),
        Row.fact("weights of the published network", 337_021, weights),
    ]


def lab_rows(measured: Measured) -> list[Row]:
    """How well the virtual lab follows the measured losses."""
    found = nanoparticle.agreement(nanoparticle.losses(measured.X, published()), measured.medians)["pearson"]
    return [Row("correlation of simulated and measured median losses", 0.92, found, 0.92, found >= 0.92)]


def replay_rows(plan: Plan, replays: Sequence[Mapping[str, Any]]) -> list[Row]:
    """What replays came to.

    Args:
        plan: What was replayed, with any seed.
        replays: For each seed its ``Replay`` as a mapping.
    """
    seeds = [replay["runs"] for replay in replays]
    alone = sum(len(run["medians"]) for run in seeds[0] if run["run"] <= plan.alone)
    flagged = sum(any(run["flagged"] for run in runs if run["run"] <= plan.alone) for runs in seeds) / len(seeds)
    return [
        Row.fact("runs of the replay", 9, plan.alone + plan.beside),
        Row.fact("wells of a run and method", 15, plan.wells),
        Row.fact("wells before the network", 90, alone),
        Row("replicates of a well", [10, 20], plan.replicates, [10, 20], 10 <= plan.replicates <= 20),
        Row("share of seeds in which wells piled up at a bound of the first box, which was extended", 1.0, flagged, 1.0, flagged == 1),
        *_best_rows(plan, seeds),
        *_reach_rows(plan, seeds),
        *(_importance_row(what, [replay["importance"][what] for replay in replays]) for what in ("spectrum", "loss")),
        *_cosine_rows([run for runs in seeds for run in runs if run["method"] == plan.rules[1]], plan.alone + 1),
    ]


def _best_rows(plan: Plan, replays: Sequence[Sequence[Mapping[str, Any]]]) -> list[Row]:
    """Best performer of each run, median over the seeds, beside that of the block of the file with the same method and turn."""
    rows = []
    last = plan.alone + plan.beside
    for rule, start, blocks in ((plan.rules[0], 1, BEST[:8]), (plan.rules[1], plan.alone + 1, BEST[8:])):
        for number in range(start, last + 1):
            best = [min(run["medians"]) for runs in replays for run in _arm(plan, runs, rule) if run["run"] == number]
            seed = blocks[number - start] if number - start < len(blocks) else None
            rows.append(Row(f"best median loss, run {number} of {rule}, median of the seeds", seed, float(np.median(best))))
    return rows


def _arm(plan: Plan, runs: Sequence[Mapping[str, Any]], rule: str) -> list[Mapping[str, Any]]:
    """The runs of an arm, the common ones first."""
    return [run for run in runs if run["run"] <= plan.alone or run["method"] == rule]


def reached(plan: Plan, runs: Sequence[Mapping[str, Any]], rule: str) -> float:
    """The first run of an arm with a well in the target region, by noise-free loss; infinity where there is none."""
    return next((float(run["run"]) for run in _arm(plan, runs, rule) if min(run["truths"]) <= REGION), np.inf)


def _reach_rows(plan: Plan, replays: Sequence[Sequence[Mapping[str, Any]]]) -> list[Row]:
    pairs = [tuple(reached(plan, runs, rule) for rule in plan.rules) for runs in replays]
    later = [(bo, network) for bo, network in pairs if min(bo, network) > plan.alone]
    share = sum(network <= bo and network < np.inf for bo, network in pairs) / len(pairs)
    held = sum(network <= bo and network < np.inf for bo, network in later)
    return [
        Row("share of seeds in which the network reaches the target region in no more runs", None, share, 0.8, share >= 0.8),
        Row("of them, of those not in it before the network", None, f"{held} of {len(later)}"),
        *(
            Row(f"last run by {rule}: lowest noise-free loss so far, median of the seeds", None, _lowest(plan, replays, rule))
            for rule in plan.rules
        ),
    ]


def _lowest(plan: Plan, replays: Sequence[Sequence[Mapping[str, Any]]], rule: str) -> float:
    return float(np.median([min(min(run["truths"]) for run in _arm(plan, runs, rule)) for runs in replays]))


def _importance_row(what: str, importances: Sequence[Sequence[float]]) -> Row:
    """The parameters that matter most to the network, by the mean over the seeds of their share of the Shapley values."""
    shares = np.mean([np.divide(values, np.sum(values)) for values in importances], axis=0)
    first = [silver_space().names[j] for j in np.argsort(-shares, kind="stable")[:2]]
    return Row(f"first two parameters by Shapley value, {what}", [*_FIRST], first, [*_FIRST], set(first) == set(_FIRST))


def _cosine_rows(runs: Sequence[Mapping[str, Any]], first: int) -> list[Row]:
    """How well a network foretells the spectra of the network's proposals."""
    cosines = {name: [c for run in part for c in run["cosines"]] for name, part in (("first", _of(runs, first)), ("all", runs))}
    name = "cosine of foretold and measured spectra on the network's proposals"
    mean = float(np.mean(cosines["first"]))
    return [
        Row(f"{name}, its first run, mean", None, mean, 0.98, mean >= 0.98),
        Row(f"{name}, its first run, median", None, float(np.median(cosines["first"]))),
        Row(f"{name}, all its runs, mean", None, float(np.mean(cosines["all"]))),
    ]


def _of(runs: Sequence[Mapping[str, Any]], number: int) -> list[Mapping[str, Any]]:
    return [run for run in runs if run["run"] == number]
