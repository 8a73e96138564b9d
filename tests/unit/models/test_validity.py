import numpy as np
import pytest
from scipy.stats import qmc

from models.validity import Domain, Validity


def spread(n: int, seed: int) -> np.ndarray:
    return qmc.LatinHypercube(5, seed=seed).random(n)


def clustered(n: int, seed: int) -> np.ndarray:
    """Fifteen spread wells, and the rest around three of the better places, as an optimizer leaves them."""
    rng = np.random.default_rng(seed)
    centres = 0.2 + 0.6 * rng.random((3, 5))
    return np.vstack([spread(15, seed), np.clip(centres[rng.integers(3, size=n - 15)] + 0.06 * rng.standard_normal((n - 15, 5)), 0, 1)])


@pytest.mark.parametrize("data", [spread, clustered])
def test_few_held_out_points_are_flagged_and_all_of_a_shifted_box(data) -> None:
    flagged, seeds = [], range(12)
    for seed in seeds:
        X = data(90, seed)[np.random.default_rng(seed).permutation(90)]
        domain = Domain.of(X[18:])
        flagged += [verdict.status != "inside" for verdict in domain.judge(X[:18])]
        shifted = np.random.default_rng(seed).random((100, 5))
        shifted[:, seed % 5] += 1.25
        verdicts = domain.judge(shifted)
        assert all(verdict.status != "inside" for verdict in verdicts)
        assert {verdict.variable for verdict in verdicts if verdict.check == "box"} <= {seed % 5}
    assert np.mean(flagged) < 0.05


def test_the_middle_is_inside_and_a_far_point_outside() -> None:
    domain = Domain.of(spread(60, 0))
    middle, far = domain.judge(np.array([[0.5] * 5, [0.5, 0.5, -3.0, 0.5, 0.5]]))
    assert middle.status == "inside"
    assert (far.status, far.check, far.variable) == ("outside", "box", 2)
    assert far.value == pytest.approx(3, abs=0.1)
    assert far.value > far.limit


def test_a_hole_in_the_data_is_seen_by_the_distance() -> None:
    X = np.random.default_rng(0).random((400, 2))
    X = X[np.linalg.norm(X - 0.5, axis=1) > 0.35]
    (hole,) = Domain.of(X).judge(np.array([[0.5, 0.5]]))
    assert (hole.status, hole.check) == ("outside", "distance")


def test_a_combination_that_never_occurred_is_seen_by_leverage_or_distance() -> None:
    t = np.linspace(0, 1, 60)
    X = np.column_stack([t, t + 0.01 * np.random.default_rng(0).standard_normal(60)])
    (odd,) = Domain.of(X).judge(np.array([[0.2, 0.8]]))
    assert odd.status == "outside"
    assert odd.check in {"leverage", "distance"}


def test_violated_constraints_are_outside_and_name_the_variable() -> None:
    domain = Domain.of(spread(60, 1) * 0.4, (np.array([[1.0, 1, 0, 0, 0]]), np.array([0.6])))
    fine, wrong = domain.judge(np.array([[0.2, 0.2, 0.2, 0.2, 0.2], [0.39, 0.25, 0.2, 0.2, 0.2]]))
    assert fine.status == "inside"
    assert (wrong.status, wrong.check, wrong.variable, wrong.limit) == ("outside", "slack", 0, 0)


def test_a_large_standard_deviation_is_flagged_only_where_the_usual_one_is_known() -> None:
    X, Q = spread(60, 2), np.full((1, 5), 0.5)
    domain = Domain.of(X, sigma=np.linspace(0.01, 0.02, 60))
    assert domain.judge(Q, np.array([0.015]))[0].status == "inside"
    assert domain.judge(Q, np.array([0.025]))[0] == Validity("edge", "sigma", domain.judge(Q, np.array([0.025]))[0].variable, 0.025, 0.02)
    assert domain.judge(Q, np.array([0.1]))[0].status == "outside"
    assert Domain.of(X).judge(Q, np.array([0.1]))[0].status == "inside"


def test_verdicts_do_not_depend_on_units() -> None:
    X, Q = spread(60, 3), 1.6 * spread(40, 4) - 0.3
    scale, shift = np.array([1e-3, 1, 50, 1e4, 7]), np.array([5, -3, 0, 1e3, 2])
    plain, scaled = Domain.of(X).judge(Q), Domain.of(X * scale + shift).judge(Q * scale + shift)
    assert [(v.status, v.check, v.variable) for v in plain] == [(v.status, v.check, v.variable) for v in scaled]


def test_a_constant_column_and_repeated_rows_are_survived() -> None:
    X = np.column_stack([np.repeat(np.linspace(0, 1, 10), 2), np.ones(20)])
    same, other = Domain.of(X).judge(np.array([[0.5, 1.0], [0.5, 2.0]]))
    assert (same.status, other.status) == ("inside", "outside")
    assert other.variable == 1


@pytest.mark.parametrize(
    ("X", "constraints", "sigma"),
    [
        (np.ones((1, 2)), None, None),
        (np.ones(4), None, None),
        (np.array([[0.0, np.nan], [1, 1]]), None, None),
        (np.eye(2), (np.ones((1, 3)), np.ones(1)), None),
        (np.eye(3), None, np.ones(2)),
        (np.ones((3, 2)), None, None),
    ],
)
def test_bad_data_are_refused(X, constraints, sigma) -> None:
    with pytest.raises(ValueError, match="a domain needs"):
        Domain.of(X, constraints, sigma)
