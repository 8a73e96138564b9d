"""Tables of the polymerization: the published grid of recipes, Latin hypercubes, and the workbook of the published study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.box import Box
from models.polymer.chains import LOG_M
from models.polymer.coefficients import RECIPE, BadPolymer
from models.polymer.kinetics import Simulator
from models.surrogate import FloatArray
from models.table import BadTable, Field, Table

UNITS = ("mol/L", "mol/L", "C", "s")
"""Of ``coefficients.RECIPE``."""
LOW, HIGH = np.array([0.5, 0.0025, 60.0, 300.0]), np.array([3.0, 0.02, 80.0, 3600.0])
"""The ranges of the published study (Fiosina et al., 2023), columns ``coefficients.RECIPE``."""
OUTCOMES: Mapping[str, str] = {"cBA_time": "mol/L", "Mn": "g/mol", "Mw": "g/mol"}
"""Numbers that a recipe gives, and their units."""
SHEETS = ("compuesta", "mmd_raw_data")
"""Of the workbook: with the numbers of ``OUTCOMES``, and without."""
_CURVE = tuple(f"MMD{j}" for j in range(1, len(LOG_M) + 1))
_TEMPERATURES = (60, 63, 65, 68, 70, 73, 75, 78, 80)


def published_recipes() -> FloatArray:
    """The 432 recipes of the published study at 12 times, shape (5184, 4), times innermost."""
    columns = np.array(_TEMPERATURES, float), np.arange(1, 7) * 0.5, np.arange(1, 9) * 0.0025, np.arange(1, 13) * 300.0
    temp, monomer, initiator, time = (column.ravel() for column in np.meshgrid(*columns, indexing="ij"))
    return np.column_stack([monomer, initiator, temp, time])


def box(low: FloatArray = LOW, high: FloatArray = HIGH, fixed: Mapping[str, float] | None = None) -> Box:
    """Where recipes are drawn from or looked for: even in the logarithms of concentrations and time, and in temperature.

    Args:
        low: Lower bounds (4,), columns ``coefficients.RECIPE``.
        high: Upper bounds (4,).
        fixed: Columns that are set, by name, and to what.

    Raises:
        BadPolymer: A name is unknown, or bounds are not above 0 or the wrong way round, or a value lies outside.
    """
    fixed = fixed or {}
    for name in fixed:
        if name not in RECIPE:
            raise BadPolymer("no recipe has such a column", name, f"name one of: {', '.join(RECIPE)}")
    for name, below, above in zip(RECIPE, low, high, strict=True):
        if not 0 < below <= above < np.inf:
            raise BadPolymer(f"bounds {below:g} to {above:g}", name, "give increasing bounds above 0")
        if name in fixed and not below <= fixed[name] <= above:
            raise BadPolymer(f"{fixed[name]:g} is outside {below:g} to {above:g}", name, "set it inside, or widen the bounds")
    return Box(low, high, {RECIPE.index(name): value for name, value in fixed.items()}, log=frozenset({0, 1, 3}))


def latin_hypercube(rows: int, seed: int, within: Box) -> FloatArray:
    """Recipes (rows, 4) of a Latin hypercube in a box."""
    # Late, like all of scipy: the web process imports this module, but never computes.
    from scipy.stats import qmc

    return within.inputs(qmc.LatinHypercube(len(RECIPE), rng=np.random.default_rng(seed)).random(rows))


def published_table(simulator: Simulator | None = None) -> Table:
    """The published recipes and times with the outcomes of our simulator; rows of a recipe share the category ``recipe``."""
    X = published_recipes()
    return simulated(X, simulator or Simulator())


def built(rows: int | None, seed: int, design: Literal["latin_hypercube", "published"]) -> Table:
    """The table of a design of recipes, of as many rows as the published one has, or as are asked for.

    Raises:
        ValueError: Rows or their number are missing, or not to be chosen.
    """
    if (rows is None) != (design == "published"):
        raise ValueError("rows: give their number for a Latin hypercube, and only there")
    return published_table() if rows is None else polymer_table(rows, seed)


def distributions(X: FloatArray) -> FloatArray:
    """Distributions (n, 100) of recipes (n, 4), columns ``coefficients.RECIPE``; NaN where the coefficients do not hold."""
    simulator, made = Simulator(), np.full((len(X), len(LOG_M)), np.nan)
    low, high = np.array([simulator.coefficients.ranges[name] for name in RECIPE]).T
    known = ((low <= X) & (high >= X)).all(axis=1)
    if known.any():
        made[known] = simulator.attempt(X[known]).mmd
    return made


def polymer_table(rows: int, seed: int, simulator: Simulator | None = None) -> Table:
    """Outcomes of a Latin hypercube of recipes, each at one time.

    Raises:
        ValueError: Less than two rows.
    """
    if rows < 2:
        raise ValueError(f"rows: {rows} are no set; ask for 2 at least")
    return simulated(latin_hypercube(rows, seed, box()), simulator or Simulator())


def simulated(X: FloatArray, simulator: Simulator) -> Table:
    """The table of recipes (n, 4), of two at least, and what they give."""
    made = simulator(X)
    return table(X, {name: getattr(made, name) for name in OUTCOMES}, made.mmd)


def table(X: FloatArray, outcomes: Mapping[str, FloatArray], mmd: FloatArray) -> Table:
    """Fields ``recipe``, a category to group by; the recipe; the outcomes; and ``mmd`` over log10 M."""
    mixtures, group = np.unique(X[:, :3], axis=0, return_inverse=True)
    names = Field("recipe", group.ravel(), classes=tuple(f"r{j:04d}" for j in range(1, len(mixtures) + 1)))
    inputs = tuple(Field(name, X[:, j], UNITS[j]) for j, name in enumerate(RECIPE))
    numbers = tuple(Field(name, values, OUTCOMES[name]) for name, values in outcomes.items())
    return Table((names, *inputs, *numbers, Field("mmd", mmd, "1", LOG_M, "log10(g/mol)")))


def read_workbook(path: Path, sheet: str = SHEETS[0]) -> Table:
    """A sheet of the workbook of the published study; its distributions stay as they are.

    Raises:
        BadTable: The sheet or a column is missing, or a cell is no number.
    """
    header, body = _cells(path, sheet)
    numbers = tuple(OUTCOMES) if sheet == SHEETS[0] else ()
    wanted = (*numbers, *_CURVE, *RECIPE)
    for name in wanted:
        if name not in header:
            raise BadTable(f"the sheet {sheet!r} has no such column", name, "name the columns as in the published workbook")
    values = np.column_stack([_numbers(name, [row[header.index(name)] for row in body]) for name in wanted])
    split = len(numbers)
    X, mmd = values[:, -len(RECIPE) :], values[:, split : split + len(_CURVE)]
    return table(X, {name: values[:, j] for j, name in enumerate(numbers)}, mmd)


def _cells(path: Path, sheet: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names of the columns, and the rows below that are not empty."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        if sheet not in book.sheetnames:
            raise BadTable(f"the workbook has no such sheet, but: {', '.join(book.sheetnames)}", sheet, f"name one of: {', '.join(SHEETS)}")
        header, *body = book[sheet].iter_rows(values_only=True)
    finally:
        book.close()
    filled = [row for row in body if any(cell is not None for cell in row)]
    if not filled:
        raise BadTable("the sheet has no rows", sheet, "export the data again")
    return [str(cell).strip() for cell in header], filled


def _numbers(name: str, cells: list[Any]) -> FloatArray:
    for row, cell in enumerate(cells):
        if isinstance(cell, bool) or not isinstance(cell, int | float):
            raise BadTable(f"row {row + 2} holds {cell!r}, which is no number", name, "correct the cell or drop the row")
    return np.array(cells, float)
