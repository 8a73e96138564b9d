"""What is learnt from and what is held out: at random, or by whole groups.

A random split tells how well a learner fills gaps between samples like those that it knows. Where several samples stem from
one recipe, one particle or one batch it is too kind: the others of a held-out sample's group give its answer away. A grouped
split holds out whole groups, and tells how well a learner does on new ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.surrogate import BoolArray, FloatArray, IntArray
from models.table import BadTable, Table


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of a table, in order, each on one side.

    Attributes:
        train: Numbers of the rows to learn from, one at least.
        test: Numbers of the rows held out, one at least.
    """

    train: IntArray
    test: IntArray


def random_split(rows: int, test_fraction: float, seed: int) -> Split:
    """Hold out single rows: the nearest whole number to the fraction, one at least, and not all.

    Raises:
        BadTable: There is one row, or none.
        ValueError: The fraction does not lie between 0 and 1.
    """
    _check(rows, test_fraction)
    count = int(np.clip(round(rows * test_fraction), 1, rows - 1))
    held = np.zeros(rows, dtype=bool)
    held[np.random.default_rng(seed).permutation(rows)[:count]] = True
    return _split(held)


def grouped_split(groups: IntArray, test_fraction: float, seed: int) -> Split:
    """Hold out whole groups: in random order, those that bring the rows held out nearer to the fraction.

    One group at least is on either side; where every group is larger than the fraction by far, the smallest is held out.

    Args:
        groups: Of each row, any whole numbers, shape (n,).
        test_fraction: Share of the rows to hold out.
        seed: Of the order.

    Raises:
        BadTable: All rows belong to one group, or there are no two rows.
        ValueError: The fraction does not lie between 0 and 1.
    """
    _check(len(groups), test_fraction)
    names, codes, sizes = _counted(groups)
    wanted, held, chosen = len(groups) * test_fraction, 0, np.zeros(len(names), dtype=bool)
    for group in np.random.default_rng(seed).permutation(len(names)):
        nearer = abs(held + sizes[group] - wanted) < abs(held - wanted)
        if nearer and chosen.sum() < len(names) - 1:
            chosen[group], held = True, held + sizes[group]
    if not chosen.any():
        chosen[np.argmin(sizes)] = True
    return _split(chosen[codes])


def random_folds(rows: int, folds: int, seed: int) -> tuple[Split, ...]:
    """Hold out every row once: that many folds of sizes that differ by one at most, or one per row where there are fewer rows.

    Raises:
        BadTable: There is one row, or none.
        ValueError: Fewer than two folds are asked for.
    """
    _check(rows, folds=folds)
    fold = np.random.default_rng(seed).permutation(rows) % min(folds, rows)
    return tuple(_split(fold == number) for number in range(fold.max() + 1))


def grouped_folds(groups: IntArray, folds: int, seed: int) -> tuple[Split, ...]:
    """Hold out every group once: that many folds, or one per group where there are fewer groups.

    The largest group comes first, each goes to the fold with the fewest rows, so that folds are of like size; groups of one
    size come in random order.

    Raises:
        BadTable: All rows belong to one group, or there are no two rows.
        ValueError: Fewer than two folds are asked for.
    """
    _check(len(groups), folds=folds)
    names, codes, sizes = _counted(groups)
    filled, fold = np.zeros(min(folds, len(names)), dtype=int), np.empty(len(names), dtype=int)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold[group] = np.argmin(filled)
        filled[fold[group]] += sizes[group]
    return tuple(_split(fold[codes] == number) for number in range(len(filled)))


def groups_of(table: Table) -> IntArray:
    """Numbers from 0 on, shape (n,): rows that are equal in every field of the table have the same one."""
    columns = [np.unique(_flat(field.values), axis=0, return_inverse=True)[1].reshape(len(table)) for field in table.fields]
    return np.asarray(np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].reshape(len(table)))


def _flat(values: FloatArray | IntArray) -> FloatArray | IntArray:
    return values.reshape(len(values), -1)


def _counted(groups: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Names of the groups (g,), the position of each row's group among them (n,), and their rows (g,)."""
    names, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise BadTable("all rows belong to one group", remedy="group by a field that differs, or add data of other groups")
    return names, codes, sizes


def _check(rows: int, test_fraction: float = 0.5, folds: int = 2) -> None:
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction has to lie between 0 and 1, not at {test_fraction:g}")
    if folds < 2:
        raise ValueError(f"folds have to be two at least, not {folds}")
    if rows < 2:
        raise BadTable("one row cannot be both learnt from and held out", remedy="add rows: two are the least, dozens make sense")


def _split(held: BoolArray) -> Split:
    return Split(np.flatnonzero(~held), np.flatnonzero(held))
