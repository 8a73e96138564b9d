"""The greedy loop of local penalization, common to our variant and to the textbook's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer import acquisition
from optimizer.candidates import Picks
from optimizer.rules.proposals import Start
from optimizer.types import FloatArray, Proposal


@dataclass(frozen=True)
class Balls:
    """The balls around wells that are taken.

    Attributes:
        start: Gives the model.
        minimum: M on the model's scale.
        slope: L per unit of the scaled coordinates.
        scales: Units of the model inputs in which distances count, shape (model inputs,) or one number.
        floor: Least radius.
    """

    start: Start
    minimum: float
    slope: float
    scales: FloatArray | float
    floor: float

    def log_penalty(self, X: FloatArray, taken: FloatArray) -> FloatArray:
        """Sum of log penalties of rows (m, d) by the wells taken (j, d), shape (m,)."""
        if not len(taken):
            return np.zeros(len(X))
        mean, std = self.start.model.latent(taken)
        radii = acquisition.radius(mean, self.minimum, self.slope, self.floor)
        encode = self.start.state.space.encode
        return acquisition.log_penalty(encode(X) / self.scales, encode(taken) / self.scales, radii, std / self.slope)


@dataclass(frozen=True)
class Penalized:
    """A finished batch.

    Attributes:
        proposals: The wells.
        warnings: What had to be eased.
        coincident: Picks whose largest score lay on a well taken before.
    """

    proposals: tuple[Proposal, ...]
    warnings: tuple[str, ...]
    coincident: int


def penalize(rule: str, balls: Balls, n: int, rng: np.random.Generator) -> Penalized:
    """Pick ``n`` wells one by one by log expected improvement plus log penalties, each refined.

    Args:
        rule: Name of the rule.
        balls: The penalties; pending wells are penalized like picks.
        n: Wells to pick.
        rng: Source of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: Fewer than ``n`` distinct feasible wells exist beside the pending ones.
    """
    picks = balls.start.picks()
    scores, penalties, coincident = pick(balls, picks, n, rng)
    told = balls.start.proposals(rule, picks.rows, scores, whys(n), penalties)
    return Penalized(told, picks.warnings, coincident)


def pick(balls: Balls, picks: Picks, n: int, rng: np.random.Generator) -> tuple[list[float], list[float], int]:
    """Add ``n`` wells to a batch: their scores, the products of their penalties, and how many coincided with a well taken before.

    Args:
        balls: The penalties.
        picks: The batch; all that it has taken is penalized.
        n: Wells to pick.
        rng: Source of the neighbours that refine each pick.

    Raises:
        NotEnoughPoints: There are fewer.
    """
    start, X = balls.start, balls.start.X
    base = start.gains + balls.log_penalty(X, picks.taken)

    def score(rows: FloatArray) -> FloatArray:
        return start.log_ei(rows) + balls.log_penalty(rows, picks.taken)

    scores, penalties, coincident = [], [], 0
    for _ in range(n):
        taken, favourite = picks.taken, X[base.argmax()][None, :]
        on_taken = len(taken) > 0 and score(taken).max() >= base.max()
        coincident += int(on_taken or not start.state.space.apart(favourite, taken)[0])
        row = picks.take(base, score, rng)[None, :]
        penalty = float(balls.log_penalty(row, taken)[0])
        scores.append(float(start.log_ei(row)[0]) + penalty)
        penalties.append(float(np.exp(penalty)))
        base = base + balls.log_penalty(X, row)
    return scores, penalties, coincident


def whys(n: int, before: int = 0) -> list[str]:
    """What sets ``n`` wells apart that are picked after others of the batch."""
    return [f"the largest one outside the balls around {k} earlier picks" if k else "the largest one" for k in range(before, before + n)]
