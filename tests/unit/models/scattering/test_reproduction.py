"""The published programme in small: its trials, and the rows, tables and figures that are made of them."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from models.corruption import Range
from models.figures import robustness
from models.scattering import gallery, reproduction, trials
from models.scattering.curves import WIDE, Sample, simulate
from models.scattering.dataset import MISSING, TARGETS, table
from models.scattering.figures import curves
from models.scattering.reproduction import Line, cube
from models.scattering.shapes import SHAPES
from models.scattering.trials import BOUNDS, CORRUPTIONS, QUICK, Result, Trial, run

q = np.concatenate([np.arange(1, 40) / 100, np.arange(40, 2000, 20) / 100, [19.99]])


@pytest.fixture(scope="module")
def done():
    """Results of all trials of a quick run on a small table, each as a file gives it back."""
    samples = [Sample(shape, n, ((element, 1.0),)) for shape in SHAPES for n in (2, 3) for element in ("Ag", "Cu", "Pt")]
    small = {zeros: table(samples, simulate(samples, q), q, zeros=zeros) for zeros in ((), MISSING)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "_table", lambda data, quick: small[MISSING if data == "zeros" else ()])
        trials._invariant.cache_clear()
        found = {trial: Result(**json.loads(json.dumps(asdict(run(trial))))) for trial in trials.trials(quick=True)}
    trials._invariant.cache_clear()
    return found


def test_a_figure_is_met_or_not_or_not_wanted():
    assert [Line("x", None, 0.5, target).met for target in (None, 0.4, 0.5, 0.6)] == [None, True, True, False]


def test_the_cube_agrees_to_six_digits():
    (line,) = cube()
    assert line.met


def test_all_figures_are_rows_of_one_form(done):
    rows = reproduction.lines(done)
    assert {tuple(row) for row in rows} == {("name", "seed", "ours", "target", "met")}
    assert len({row["name"] for row in rows}) == len(rows)
    seeds = {row["name"]: row["seed"] for row in rows}
    assert seeds["ridge log_n_Atoms, all angles: Q2"] == 0.999
    assert seeds["ridge sqrt_log_eq_radius, three shapes at 0, small angles: Q2"] == 0.1170
    assert seeds["logistic shape, wide angles: accuracy"] == 0.90
    assert seeds["small CNN size, small angles: accuracy of whole sizes"] == 0.86
    assert seeds["published CNN shape, bounds 0.3 to 8, predict only: accuracy"] == 0.17
    json.dumps(rows, allow_nan=False)


def test_figures_are_those_of_the_trials(done):
    ours = {row["name"]: row["ours"] for row in reproduction.lines(done)}
    ridge = done[Trial("part", "ridge", over="wide angles", quick=True)].scores["log_n_Atoms"]
    assert ours["ridge log_n_Atoms, wide angles: Q2"] == ridge["r2"] > 0.9
    assert ours["ridge log_n_Atoms, wide angles: MSE"] == pytest.approx(ridge["variance"] * (1 - ridge["r2"]), rel=1e-6)
    unseen = done[Trial("unseen element", "reduced", inputs=("reduced",), quick=True)].scores["shape"]["accuracy"]
    assert ours["logistic shape, unseen elements, published, by reduced: accuracy, mean of 1 splits"] == unseen > 0.9


def test_zeros_are_of_the_radius_alone(done):
    with_zeros, without = (done[Trial("part", "ridge", data, quick=True)].scores for data in ("zeros", "published"))
    assert with_zeros["sqrt_log_eq_radius"]["variance"] > 3 * without["sqrt_log_eq_radius"]["variance"]
    assert with_zeros["Size_parameter_1"]["variance"] == without["Size_parameter_1"]["variance"]


def test_the_programme_has_a_line_per_corruption_and_mode(done):
    header, lines = reproduction.programme(done, quick=True)
    assert len(lines) == 1 + 2 * len(QUICK)
    assert header[4] == "ridge for noise, log_n_Atoms"
    assert lines[0][:4] == ["", "", "clean", ""]
    assert [line[3] for line in lines if line[1] == "0.3 to 8"] == ["64%", ""]
    assert all(None not in line for line in lines)


def test_published_figures_are_drawn_beside_ours(done):
    told = reproduction.robust(done)
    drawn = robustness(told, "shape", "accuracy")
    names = {trace["name"] for trace in drawn["data"]}
    assert {"CNN, seed, predict only", "small CNN, train and predict"} <= names
    labels = {row.level for row in told["CNN, seed"]}
    assert labels == {"", *(one.label for one in CORRUPTIONS[-5:-3]), "0.3 to 8"}
    assert isinstance(CORRUPTIONS[-4], Range)
    assert CORRUPTIONS[-4].low == WIDE > CORRUPTIONS[-5].high


def test_parity_confusion_and_importance(done):
    assert set(reproduction.parity(done, "Size_parameter_1")) == {"ridge", "two-stage", "small CNN"}
    assert set(reproduction.parity(done, "sqrt_log_eq_radius")) == {"ridge", "small CNN"}
    assert np.sum(reproduction.confusion(done, "logistic")) == 11
    regions, targets, values = reproduction.importance(done, "ridge for noise")
    assert values.shape == (len(regions), len(targets)) == (8, 3)
    assert targets == list(TARGETS[1:])
    assert regions[0].endswith("1/Angstrom")
    assert values[:, 0].max() > 0


def test_other_bounds_are_told():
    assert reproduction._told() == len(BOUNDS)


def test_curves_are_drawn_on_logarithmic_axes():
    drawn = curves(gallery.shapes())
    assert [drawn["layout"][axis]["type"] for axis in ("xaxis", "yaxis")] == ["log", "log"]
    assert len({(trace["line"]["color"], trace["line"]["dash"]) for trace in drawn["data"]}) == 9
    assert {len(x) for x, _ in gallery.corrupted().values()} == {1999, 100, 160, 771}
    atoms = [int(name.split()[-2]) for name in gallery.shapes()]
    assert 200 < min(atoms) < max(atoms) < 500
