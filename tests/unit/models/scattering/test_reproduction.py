"""The published programme in small, and the row of a figure."""

import numpy as np
import pytest

from models.scattering import reproduction
from models.scattering.curves import Sample, simulate
from models.scattering.dataset import TARGETS, table
from models.scattering.presets import with_noise
from models.scattering.reproduction import Row, cube, linear, noisy, scores
from models.scattering.shapes import SHAPES
from models.splits import random_split

q = np.arange(5, 1000, 25) / 100


@pytest.fixture(scope="module")
def small():
    samples = [Sample(shape, n, ((element, 1.0),)) for shape in SHAPES for n in (2, 3) for element in ("Ag", "Cu", "Pt")]
    return table(samples, simulate(samples, q), q)


def test_a_figure_is_met_or_not_or_not_wanted():
    assert [Row("x", None, 0.5, target).met for target in (None, 0.4, 0.5, 0.6)] == [None, True, True, False]


def test_the_cube_agrees_to_six_digits():
    (row,) = cube()
    assert row.met


def test_linear_figures_stand_beside_the_published_ones(small):
    rows = {row.name: row for row in linear(small, seed=0)}
    assert len(rows) == 15
    assert rows["ridge log_n_Atoms, all angles: Q2"].seed == 0.999
    assert rows["ridge sqrt_log_eq_radius, small angles: Q2"].seed == 0.1170
    assert rows["logistic shape, wide angles: accuracy"].seed == 0.90
    assert rows["ridge log_n_Atoms, all angles: Q2"].ours > 0.9
    assert rows["two-stage size, small angles: Q2"].target is None


def test_other_curves_can_be_asked_about(small):
    split = random_split(len(small), 0.2, 0)
    clean, same, noisier = (scores(small, split, "ridge", TARGETS[1:], 0, asked=asked) for asked in (None, small, with_noise(small, 5.0)))
    assert clean == same
    assert noisier["log_n_Atoms"] < clean["log_n_Atoms"]
    assert [row.target for row in noisy(small, seed=0)] == [0.7, 0.7, 0.7, None, None]


def test_all_figures_are_rows_of_one_form(small, monkeypatch):
    monkeypatch.setattr(reproduction, "published_table", lambda divided=False: small)
    monkeypatch.setattr(reproduction, "_SPLITS", 1)
    told = []
    rows = reproduction.figures(watch=lambda share, what: told.append(share))
    assert {tuple(row) for row in rows} == {("name", "seed", "ours", "target", "met")}
    assert len(rows) == 1 + 15 + 5 + 4
    assert (told[0], told[-1]) == (0, 1)
