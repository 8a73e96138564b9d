"""Recipes by name: what the learner sees of them is what a table with the same values shows it."""

import numpy as np
import pytest

from models import metrics
from models.recipes import Recipes
from models.study import BETTER, METRICS
from models.table import Field, Table
from models.task import Block, Head

FIELDS = (
    Field("flow", np.array([1.0, 10.0, 100.0]), "uL/min"),
    Field("solvent", np.array([1, 0, 2]), classes=("water", "ethanol", "toluene")),
    Field("share", np.array([0.1, 0.2, 0.3]), "%"),
)
BLOCKS = (Block.of(FIELDS[0], "log"), Block.of(FIELDS[1]), Block.of(FIELDS[2]))


def test_columns_are_those_of_a_table():
    table, recipes = Table(FIELDS), Recipes(BLOCKS)
    x = np.column_stack([field.values for field in FIELDS]).astype(float)
    assert np.array_equal(recipes.X(x), np.hstack([block.columns(table[block.name]) for block in BLOCKS]))
    assert recipes.told(x[2]) == {"flow": 100.0, "solvent": "toluene", "share": 0.3}
    assert np.array_equal(recipes.only(x, ["share", "flow"]), x[:, [2, 0]])


def test_a_curve_is_no_part_of_a_recipe():
    curve = Field("band", np.ones((3, 4)), "", np.arange(4.0), "nm")
    with pytest.raises(ValueError, match="band: a curve"):
        Recipes((*BLOCKS, Block.of(curve)))


@pytest.mark.parametrize("kind", list(METRICS))
def test_the_metrics_of_a_kind_are_told_as_numbers(kind):
    truth = np.array([[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]]) if kind == "distribution" else np.array([[1.0, 0], [0, 1], [1, 0]])
    size = 1 if kind == "number" else 2
    found = metrics.score(Head(kind, size), truth[:, :size], np.full((3, size), 0.5) + truth[:, :size] / 9)
    assert set(METRICS[kind]) <= set(found)
    assert set(METRICS[kind]) == {name for name in found if name in BETTER}
