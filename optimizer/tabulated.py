"""Problems made of published tables of replicates: an emulator of the medians, and noise out of the real residuals.

The tables are those of Liang et al., npj Comput. Mater. 7, 188 (2021), https://github.com/PV-Lab/Benchmarking (MIT licence).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.emulator import Emulator, cross_validated_r2
from optimizer.objective import Maximize, Minimize
from optimizer.space import Continuous, Discrete, LinearConstraint, Mixture, SearchSpace
from optimizer.types import FloatArray, InvalidInput

_NEAR = 5
"""Measured conditions near a well whose residuals it borrows."""
_FEWEST = 20
"""Rows that make a table."""


@dataclass(frozen=True)
class Source:
    """A published table: one column per parameter, one for the balance of a mixture, the outcome last; a replicate a row.

    Attributes:
        path: Where it lies in a data folder.
        space: Makes the space: its parameters, in order of the columns.
        objective: What is minimised.
        replicates: Replicates per well.
        cite: What to cite beside Liang et al.
    """

    path: str
    space: Callable[[], SearchSpace]
    objective: Minimize | Maximize
    replicates: int
    cite: str


@dataclass(frozen=True, eq=False)
class EmulatedTruth:
    """The emulator in rows of the space."""

    space: SearchSpace
    emulator: Emulator

    def __call__(self, X: FloatArray) -> FloatArray:
        """Noise-free outcomes of rows (n, d), shape (n, 1)."""
        return self.emulator.predict(_inputs(self.space, X))[:, None]


@dataclass(frozen=True, eq=False)
class ResidualNoise:
    """Draws from the residuals of the measured conditions nearest to a well.

    Attributes:
        space: Scales the distance.
        inputs: Measured conditions, shape (c, d), scaled.
        residuals: Those of each condition, shape (r,) each, empty where it has one replicate.
    """

    space: SearchSpace
    inputs: FloatArray
    residuals: tuple[FloatArray, ...]

    def __call__(self, truth: FloatArray, x: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
        """Replicates of a well; no noise where no condition was measured twice."""
        distance = np.linalg.norm(self.inputs - _inputs(self.space, x[None, :]), axis=1)
        repeated = [i for i in np.argsort(distance, kind="stable") if len(self.residuals[i])][:_NEAR]
        pool = np.concatenate([self.residuals[i] for i in repeated]) if repeated else np.zeros(1)
        return np.asarray(truth + rng.choice(pool, (k, 1)))


def tabulated(source: Source, table: str) -> tuple[EmulatedTruth, ResidualNoise, dict[str, Any]]:
    """Truth, noise and card of a problem, out of the text of its table.

    Raises:
        InvalidInput: The table has other columns, a cell that is no finite number, or too few conditions.
    """
    space = source.space()
    rows = parse(source.path, table, space.dimension + (space.mixture is not None) + 1)
    X, condition = np.unique(rows[:, : space.dimension], axis=0, return_inverse=True)
    groups = [rows[condition.reshape(-1) == i, -1] for i in range(len(X))]
    y, inputs = np.array([np.median(group) for group in groups]), _inputs(space, X)
    card = {
        "table": source.path,
        "sha256": hashlib.sha256(table.encode()).hexdigest(),
        "conditions": len(X),
        "measurements": len(rows),
        "r2_5fold": cross_validated_r2(inputs, y),
        "cite": f"{source.cite}; Liang et al., npj Comput. Mater. 7, 188 (2021)",
    }
    noise = ResidualNoise(space, inputs, tuple(_residuals(group) for group in groups))
    return EmulatedTruth(space, Emulator.fit(inputs, y)), noise, card


def parse(path: str, table: str, width: int) -> FloatArray:
    """The numbers of a table with a header, shape (rows, width).

    Raises:
        InvalidInput: The table has other columns, a cell that is no finite number, or too few rows.
    """
    lines = [line.split(",") for line in table.splitlines()[1:] if line.strip()]
    try:
        rows = np.array(lines, float)
    except ValueError as error:
        raise InvalidInput(f"{path}: {error}", where=("table",), remedy="use the file as it was published") from error
    if rows.ndim != 2 or rows.shape[1] != width or not np.isfinite(rows).all() or len(rows) < _FEWEST:
        shape = " x ".join(map(str, rows.shape))
        raise InvalidInput(
            f"{path}: {width} columns and {_FEWEST} rows or more of finite numbers were expected, not {shape}",
            where=("table",),
            remedy="use the file as it was published",
        )
    return rows


def _inputs(space: SearchSpace, X: FloatArray) -> FloatArray:
    return (X - space.low) / (space.high - space.low)


def _residuals(group: FloatArray) -> FloatArray:
    """Residuals of one condition about its median, widened for the degree of freedom that the median took."""
    k = len(group)
    return np.asarray((group - np.median(group)) * np.sqrt(k / (k - 1))) if k > 1 else np.empty(0)


def silver_space() -> SearchSpace:
    """The silver campaign: the box that the published search of the network covered, and the limit of the flows."""
    flows = {"QAgNO3": (4.0, 45.0), "Qpva": (10.0, 40.0), "Qtsc": (0.5, 30.0), "Qseed": (0.5, 20.0)}
    parameters = tuple(Continuous(name, low, high, "%", 0.1) for name, (low, high) in flows.items())
    return SearchSpace((*parameters, Continuous("Qtot", 200, 1000, "uL/min", 1)), (LinearConstraint(dict.fromkeys(flows, 1.0), 90.0),))


def _barrel() -> SearchSpace:
    struts = Discrete("n", (6, 8, 10, 12))
    return SearchSpace(
        (struts, Continuous("theta", 0, 200, "deg", 1), Continuous("r", 1.5, 2.5, "mm", 0.01), Continuous("t", 0.7, 1.4, "mm", 0.01))
    )


def _perovskite() -> SearchSpace:
    parts = ("CsPbI", "FAPbI")
    return SearchSpace(tuple(Continuous(name, 0, 1, "", 0.01) for name in parts), mixture=Mixture("MAPbI", parts, 1))


def _p3ht() -> SearchSpace:
    ranges = {"P3HT": (15, 97), "D1": (0, 60), "D2": (0, 70), "D6": (0, 85)}
    parameters = tuple(Continuous(name, low, high, "%", 0.1) for name, (low, high) in ranges.items())
    return SearchSpace(parameters, mixture=Mixture("D8", tuple(ranges), 100, 0, 75))


def _printing() -> SearchSpace:
    return SearchSpace(
        (
            Continuous("prime delay", 0, 5),
            Continuous("print speed", 0.1, 10),
            Continuous("x offset", -1, 1),
            Continuous("y offset", -1, 1),
        )
    )


SOURCES = {
    "agnp_loss": Source(
        "agnp/AgNP_dataset.csv", silver_space, Minimize("loss"), 15, "Mekki-Berrada et al., npj Comput. Mater. 7, 55 (2021)"
    ),
    "crossed_barrel": Source(
        "crossed_barrel/Crossed barrel_dataset.csv", _barrel, Maximize("toughness", "J"), 3, "Gongora et al., Sci. Adv. 6, eaaz1708 (2020)"
    ),
    "perovskite": Source("perovskite/Perovskite_dataset.csv", _perovskite, Minimize("instability"), 2, "Sun et al., Matter 4, 1305 (2021)"),
    "p3ht": Source(
        "p3ht/P3HT_dataset.csv", _p3ht, Maximize("conductivity", "S/cm"), 2, "Bash et al., Adv. Funct. Mater. 31, 2102606 (2021)"
    ),
    "autoam": Source("autoam/AutoAM_dataset.csv", _printing, Maximize("score"), 1, "Deneault et al., MRS Bull. 46, 566 (2021)"),
}
"""Name of a problem -> its published table."""
