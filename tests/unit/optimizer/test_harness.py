"""Runs, scores and figures of the benchmark."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from optimizer import harness, scores
from optimizer.figures import figures
from optimizer.harness import Run, Task
from optimizer.objective import Minimize
from optimizer.problems import NormalNoise, Problem, get_problem
from optimizer.space import Continuous, SearchSpace
from optimizer.types import Dataset, InvalidInput


def bowl(X: np.ndarray) -> np.ndarray:
    return ((X - 0.37) ** 2).sum(axis=1, keepdims=True)


EASY = Problem("bowl", SearchSpace((Continuous("a", 0, 1), Continuous("b", 0, 1))), Minimize("y"), bowl, NormalNoise(0.001), 2, 0.0, 0.2)


@pytest.fixture(scope="module")
def runs() -> list[tuple[Task, Run]]:
    tasks = [Task(EASY, rule, seed, batches=2, wells=6) for rule in ("lp_ei", "random") for seed in range(3)]
    return [(task, harness.run(task)) for task in tasks]


def made(initial: float, regret: list[float]) -> Run:
    n = len(regret)
    return Run(initial, tuple(regret), tuple(regret), (1.0,) * n, (2.0,) * n, (6,) * n, (6,) * n, ())


def test_a_run_repeats_itself(runs: list[tuple[Task, Run]]):
    task, first = runs[0]
    again = harness.run(task)
    assert (again.initial, again.regret) == (first.initial, first.regret)


def test_rules_share_their_first_wells_and_seeds_differ(runs: list[tuple[Task, Run]]):
    ours, random = ([run.initial for task, run in runs if task.rule == rule] for rule in ("lp_ei", "random"))
    assert ours == random
    assert len(set(ours)) == 3


def test_the_noise_of_a_well_is_the_same_for_all_rules(monkeypatch: pytest.MonkeyPatch):
    states: dict[str, list] = {}

    def record(rule: str):
        def noise(truth, x, k, rng):
            states.setdefault(rule, []).append(rng.bit_generator.state["state"]["state"])
            return np.tile(truth, (k, 1))

        return noise

    for rule in ("lhs", "random"):
        harness.run(Task(replace(EASY, noise=record(rule)), rule, 0, batches=1, wells=6))
    assert states["lhs"] == states["random"]
    assert len(set(states["lhs"])) == 12


def test_every_well_is_counted(runs: list[tuple[Task, Run]]):
    for _, run in runs:
        assert run.distinct == run.feasible == (6, 6)
        assert len(run.regret) == len(run.cpu_s) == len(run.wall_s) == 2
        assert min(run.cpu_s) > 0
        assert all(visited <= regret for visited, regret in zip(run.visited, run.regret, strict=True))


def test_wells_nearer_than_the_resolution_are_not_distinct():
    X = np.array([[0.1, 0.1], [0.1, 0.1004], [0.1, 0.2], [0.1, 0.1]])
    assert harness._distinct(EASY.space, X) == 2


def test_a_model_beats_random_search_on_an_easy_problem(runs: list[tuple[Task, Run]]):
    rules = scores.summary(EASY, runs)["rules"]
    assert rules["lp_ei"]["normalised_geometric_mean"][-1] < 0.5 * rules["random"]["normalised_geometric_mean"][-1]
    assert rules["lp_ei"]["acceleration"] > 1
    assert rules["random"]["acceleration"] == 1
    assert rules["random"]["enhancement"] == [1.0, 1.0]


def test_the_score_is_the_truth_of_the_well_named_best():
    problem = get_problem("ackley5")
    rows = np.array([[1.0, 2, 3, 4, 5], [0, 0, 0, 0, 0.5]])
    ones = np.ones(2, np.int64)
    data = Dataset(("a", "b"), rows, np.zeros((2, 1)), np.array([1.0, 2.0]), np.zeros(2), np.array([1.0, 2.0]), ones, ones)
    assert harness._regrets(problem, data) == pytest.approx(tuple(problem.losses(rows)))


def test_an_unknown_rule_is_refused():
    with pytest.raises(InvalidInput, match="unknown rule"):
        harness.run(Task(EASY, "crystal_ball", 0, batches=1, wells=6))


def test_a_run_survives_json(runs: list[tuple[Task, Run]]):
    _, run = runs[0]
    assert Run.parse(json.loads(json.dumps(asdict(run)))) == run


def test_the_identity_tells_tasks_apart():
    task = Task(EASY, "random", 0)
    others = [replace(task, seed=1), replace(task, rule="lhs"), replace(task, batches=2), replace(task, wells=3)]
    others.append(replace(task, problem=replace(EASY, card={"sha256": "other"})))
    identities = [json.dumps(t.identity, sort_keys=True) for t in (task, *others)]
    assert len(set(identities)) == len(identities)


# Scores on curves made by hand: 10 wells a batch, regrets after the first wells and 4 batches.
RANDOM = np.array([[1.0, 0.8, 0.8, 0.5, 0.5]])
RULE = np.array([[1.0, 0.6, 0.4, 0.6, 0.1]])


def test_acceleration_of_known_curves():
    # Random search is first at 0.5 after 40 wells; the rule half way from 0.6 (20 wells) to 0.4 (30 wells).
    assert scores.acceleration(RULE, RANDOM, 10) == pytest.approx(40 / 25)
    assert scores.acceleration(RANDOM, RANDOM, 10) == 1
    assert scores.acceleration(np.array([[1.0, 0.9, 0.8, 0.7, 0.6]]), RANDOM, 10) is None
    assert scores.acceleration(np.array([[0.3, 0.3, 0.3, 0.3, 0.3]]), RANDOM, 10) == 4


def test_enhancement_of_known_curves():
    assert scores.enhancement(RULE, RANDOM, typical=2.0) == pytest.approx([1.4 / 1.2, 1.6 / 1.2, 1.6 / 1.5, 1.9 / 1.5])
    assert scores.enhancement(RULE, RANDOM, typical=0.8)[:2] == [None, None]


def test_normalised_regrets_are_shares_of_the_first_with_a_floor():
    np.testing.assert_allclose(scores.normalised(np.array([[2.0, 1.0, 0.0], [0.5, 0.5, 0.1]])), [[0.5, 1e-3], [1, 0.2]])
    assert scores.normalised(np.array([[0.0, 0.0]])) == [[1e-3]]
    assert scores.geometric_mean([0.1, 0.001]) == pytest.approx(0.01)


def test_the_summary_is_the_documented_json(runs: list[tuple[Task, Run]]):
    summary = json.loads(json.dumps(scores.summary(EASY, runs), allow_nan=False))
    assert summary["problem"] == "bowl"
    assert list(summary["rules"]) == ["lp_ei", "random"]
    for rule in summary["rules"].values():
        assert np.shape(rule["regret"]) == np.shape(rule["normalised"]) == np.shape(rule["distinct"]) == (3, 2)
        assert len(rule["cpu_s"]) == len(rule["wall_s"]) == 6
        assert rule["seeds"] == [0, 1, 2]


def test_without_random_search_there_are_no_factors():
    scored = scores.summary(EASY, [(Task(EASY, "lp_ei", 4, 2, 6), made(1, [0.5, 0.0]))])["rules"]["lp_ei"]
    assert (scored["acceleration"], scored["enhancement"]) == (None, None)
    assert scored["seeds"] == [4]


def test_figures_are_plain_dicts_with_every_rule(runs: list[tuple[Task, Run]]):
    drawn = figures(scores.summary(EASY, runs))
    assert list(drawn) == ["regret", "cost", "distinct"]
    for figure in drawn.values():
        assert {trace["name"] for trace in figure["data"] if "name" in trace} == {"lp_ei", "random"}
        assert json.loads(json.dumps(figure, allow_nan=False)) == figure


def test_the_band_holds_the_median_and_no_regret_is_lost_on_the_logarithmic_axis():
    done = [(Task(EASY, "lp_ei", seed, 2, 6), made(1, [0.5 / (seed + 1), 0.0])) for seed in range(3)]
    high, low, middle = (trace["y"] for trace in figures(scores.summary(EASY, done))["regret"]["data"])
    assert all(0 < a <= b <= c for a, b, c in zip(low, middle, high, strict=True))
    assert figures(scores.summary(EASY, done))["regret"]["data"][2]["x"] == [6, 12, 18]
