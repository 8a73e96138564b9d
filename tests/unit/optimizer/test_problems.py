"""The benchmark problems: known optima, determinism, noise, and emulators of published tables."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from models import testbeds
from optimizer.objective import Minimize
from optimizer.problems import NAMES, CurveNoise, Problem, get_problem
from optimizer.space import Continuous, Mixture, SearchSpace
from optimizer.tabulated import SOURCES, ResidualNoise, Source, tabulated
from optimizer.types import InvalidInput

FORMULAS = [name for name in NAMES if name not in SOURCES]
HARTMANN6_BEST = (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)
BEST = {
    "hartmann6": HARTMANN6_BEST,
    "ackley5": (0, 0, 0, 0, 0),
    "mixture": testbeds.MIXTURE_BEST,
    "coupling": testbeds.COUPLING_BEST,
}


@pytest.fixture(scope="module", params=FORMULAS)
def problem(request: pytest.FixtureRequest) -> Problem:
    return get_problem(request.param)


@pytest.mark.parametrize("name", BEST)
def test_known_optima_are_feasible_and_reach_the_stated_loss(name: str):
    problem, x = get_problem(name), np.array([BEST[name]], float)
    assert problem.space.contains(x).all()
    assert problem.losses(x)[0] == pytest.approx(problem.optimum, abs=1e-6)


def test_nothing_is_better_than_the_optimum(problem: Problem):
    losses = problem.losses(problem.space.sample(4000, np.random.default_rng(9)))
    assert problem.optimum <= losses.min()
    assert losses.min() < problem.typical < losses.max()


def test_the_same_problem_comes_again_also_in_another_process(problem: Problem):
    again = pickle.loads(pickle.dumps(get_problem(problem.name)))
    X = problem.space.sample(20, np.random.default_rng(1))
    np.testing.assert_array_equal(problem.truth(X), again.truth(X))
    assert (problem.optimum, problem.typical) == (again.optimum, again.typical)


def test_replicates_scatter_about_the_truth_and_repeat_by_seed(problem: Problem):
    x = problem.space.sample(1, np.random.default_rng(2))[0]
    first, same, other = (problem.measure(x, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert first.shape == (problem.replicates, problem.objective.width)
    assert (first != other).any(axis=1).all()
    many = problem.noise(problem.truth(x[None])[0], x, 4000, np.random.default_rng(3))
    np.testing.assert_allclose(np.median(many, axis=0), problem.truth(x[None])[0], atol=0.1)


def test_a_bubble_lifts_a_curve():
    curves = CurveNoise(0, 0, bubbles=1)(np.array([0.0, 1.0]), np.zeros(1), 2, np.random.default_rng(0))
    np.testing.assert_allclose(curves, [[0.5, 0.9]] * 2)


def test_an_unknown_problem_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match="unknown problem") as failure:
        get_problem("hartmann7")
    assert "hartmann6" in failure.value.remedy


def test_a_published_table_must_be_given():
    with pytest.raises(InvalidInput, match="published table"):
        get_problem("agnp_loss")


# Tables


def table(rows: int = 30, replicates: int = 3) -> str:
    """Two components, the balance and an outcome, each condition measured a few times."""
    rng, lines = np.random.default_rng(4), ["a,b,c,outcome"]
    for a, b in rng.uniform(0, 0.5, (rows, 2)):
        value = (a - 0.3) ** 2 + np.sin(4 * b)
        lines += [f"{a:.6f},{b:.6f},{1 - a - b:.6f},{value + 0.01 * rng.standard_normal():.6f}" for _ in range(replicates)]
    return "\r\n".join(lines) + "\r\n"


def mixture_source() -> Source:
    parts = tuple(Continuous(name, 0, 0.5) for name in "ab")
    return Source("t/table.csv", lambda: SearchSpace(parts, mixture=Mixture("c", ("a", "b"), 1)), Minimize("outcome"), 4, "nobody")


def test_an_emulator_follows_its_table():
    truth, noise, card = tabulated(mixture_source(), table())
    assert card["conditions"] == 30
    assert card["measurements"] == 90
    assert card["r2_5fold"] > 0.95
    x = np.array([0.3, 0.1])
    assert truth(x[None])[0, 0] == pytest.approx(np.sin(0.4), abs=0.03)
    assert noise(truth(x[None])[0], x, 4000, np.random.default_rng(0)).std() == pytest.approx(0.01, rel=0.5)


def test_a_well_borrows_the_residuals_of_the_nearest_repeated_conditions():
    space = SearchSpace((Continuous("a", 0, 1),))
    inputs = np.linspace(0, 1, 11)[:, None]
    noise = ResidualNoise(space, inputs, tuple(np.full(k % 2, float(k)) for k in range(11)))
    drawn = noise(np.zeros(1), np.array([0.12]), 2000, np.random.default_rng(0))
    assert set(drawn[:, 0]) == {1, 3, 5, 7, 9}
    silent = ResidualNoise(space, inputs, (np.empty(0),) * 11)
    assert (silent(np.ones(1), np.array([0.5]), 5, np.random.default_rng(0)) == 1).all()


@pytest.mark.parametrize(
    "wrong",
    [
        "a,b,c,outcome\n" + "0.1,0.2,0.7\n" * 30,
        "a,b,c,outcome\n" + "0.1,0.2,0.7,x\n" * 30,
        "a,b,c,outcome\n" + "0.1,0.2,0.7,nan\n" * 30,
        "a,b,c,outcome\n0.1,0.2,0.7,1\n0.1,0.2\n",
        "a,b,c,outcome\n0.1,0.2,0.7,1\n",
        "",
    ],
)
def test_another_table_is_refused(wrong: str):
    with pytest.raises(InvalidInput, match=r"table\.csv") as failure:
        tabulated(mixture_source(), wrong)
    assert "published" in failure.value.remedy


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_makes_a_space(name: str):
    space = SOURCES[name].space()
    assert space.contains(space.sample(50, np.random.default_rng(0))).all()


def test_the_silver_emulator_explains_its_data(agnp_csv: Path):
    problem = get_problem("agnp_loss", agnp_csv.read_text())
    assert problem.card["conditions"] == 164
    assert problem.card["measurements"] == 3295
    assert problem.card["r2_5fold"] > 0.9
    assert 0 < problem.optimum < 0.135  # the best measured median
    assert problem.measure(problem.space.sample(1, np.random.default_rng(0))[0], np.random.default_rng(0)).shape == (15, 1)
