from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from optimizer.parameters import CATEGORY
from optimizer.space import Categorical, Continuous, Discrete, LinearConstraint, Mixture, Parameter, SearchSpace, distinct
from optimizer.types import InvalidInput, NotEnoughPoints

relaxed = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
finite = st.floats(-1e4, 1e4, allow_nan=False).map(lambda x: round(x, 3))


@st.composite
def continuous(draw: st.DrawFn) -> Continuous:
    low, width = draw(finite), draw(st.sampled_from([0.5, 1.0, 90.0, 1e4]))
    step = draw(st.sampled_from([None, width, width / 2, width / 3, width / 10, width / 800]))
    return Continuous("x", low, low + width, step=step)


@st.composite
def discrete(draw: st.DrawFn) -> Discrete:
    return Discrete("x", tuple(sorted(draw(st.sets(finite, min_size=2, max_size=8)))))


categorical = st.integers(2, 14).map(lambda k: Categorical("x", tuple(f"c{i}" for i in range(k))))


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """One to five parameters; often a constraint that the low or the high corner satisfies."""
    parts = draw(st.lists(st.one_of(continuous(), discrete(), categorical), min_size=1, max_size=5))
    parameters = tuple(renamed(part, f"p{j}") for j, part in enumerate(parts))
    numeric = [p for p in parameters if not isinstance(p, Categorical)]
    if not numeric or not draw(st.booleans()):
        return SearchSpace(parameters)
    share, sign = draw(st.floats(0.05, 1.0)), draw(st.sampled_from([1.0, -1.0]))
    weights = {p.name: sign / (p.high - p.low) for p in numeric}
    start = sum(weights[p.name] * (p.low if sign > 0 else lattice_high(p)) for p in numeric)
    return SearchSpace(parameters, (LinearConstraint(weights, start + share, draw(st.booleans())),))


def lattice_high(parameter: Parameter) -> float:
    return parameter.high if parameter.levels is None else float(parameter.levels[-1])


def renamed(part: Parameter, name: str) -> Parameter:
    if isinstance(part, Continuous):
        return Continuous(name, part.low, part.high, part.unit, part.step)
    return Discrete(name, part.values) if isinstance(part, Discrete) else Categorical(name, part.categories)


def grid(*steps: float, constraints: tuple[LinearConstraint, ...] = ()) -> SearchSpace:
    return SearchSpace(tuple(Continuous("abcdef"[j], 0, 1, step=step) for j, step in enumerate(steps)), constraints)


def brute_force(space: SearchSpace) -> set[tuple[float, ...]]:
    rows = np.array(list(product(*(p.levels for p in space.parameters if p.levels is not None))))
    return {tuple(row) for row in rows[space.feasible(rows)]}


seeds = st.integers(0, 2**32 - 1)


@relaxed
@given(spaces(), seeds)
def test_snap_is_idempotent_and_lands_on_the_nearest_setting(space: SearchSpace, seed: int) -> None:
    span = space.high - space.low
    X = space.low + span * np.random.default_rng(seed).uniform(-0.2, 1.2, (20, space.dimension))
    snapped = space.snap(X)
    np.testing.assert_array_equal(space.snap(snapped), snapped)
    assert ((snapped >= space.low) & (snapped <= space.high)).all()
    for j, parameter in enumerate(space.parameters):
        if parameter.levels is not None:
            nearest = np.abs(X[:, j, None] - parameter.levels).min(axis=1)
            np.testing.assert_allclose(np.abs(X[:, j] - snapped[:, j]), nearest, atol=1e-12 * max(1, abs(space.high[j])))


@relaxed
@given(spaces(), seeds)
def test_the_unit_cube_and_back(space: SearchSpace, seed: int) -> None:
    X = space.snap(space.from_unit(np.random.default_rng(seed).random((20, space.dimension))))
    U = space.to_unit(X)
    assert ((U >= 0) & (U <= 1)).all()
    np.testing.assert_allclose(space.snap(space.from_unit(U)), X, rtol=1e-9, atol=1e-9)


@relaxed
@given(spaces(), seeds)
def test_every_category_and_listed_value_owns_an_equal_share_of_the_unit_interval(space: SearchSpace, seed: int) -> None:
    U = (np.arange(840)[:, None] + 0.5) / 840 + np.zeros(space.dimension)
    X = space.from_unit(U)
    for j, parameter in enumerate(space.parameters):
        if not isinstance(parameter, Continuous):
            counts = np.unique(X[:, j], return_counts=True)[1]
            assert len(counts) == len(parameter.levels)
            assert counts.max() - counts.min() <= 1


@relaxed
@given(spaces(), seeds)
def test_model_inputs_lie_in_the_unit_cube_and_name_one_category(space: SearchSpace, seed: int) -> None:
    X = space.from_unit(np.random.default_rng(seed).random((20, space.dimension)))
    encoded = space.encode(X)
    assert ((encoded >= -1e-9) & (encoded <= 1 + 1e-9)).all()
    start = 0
    for parameter in space.parameters:
        width = len(parameter.categories) if isinstance(parameter, Categorical) else 1
        if width > 1:
            assert (encoded[:, start : start + width].sum(axis=1) == CATEGORY).all()
        start += width
    assert encoded.shape == (20, start)


@relaxed
@given(spaces(), st.integers(1, 60), seeds)
def test_samples_are_distinct_feasible_settings_and_as_many_as_there_can_be(space: SearchSpace, n: int, seed: int) -> None:
    X = space.sample(n, np.random.default_rng(seed))
    assert len(distinct(X)) == len(X) <= n
    assert space.contains(X).all()
    if space.finite and np.prod([len(p.levels) for p in space.parameters]) <= 20_000:
        assert len(X) == min(n, len(brute_force(space)))
    elif not space.finite:
        assert len(X) == n
    np.testing.assert_array_equal(X, space.sample(n, np.random.default_rng(seed)))


@relaxed
@given(spaces())
def test_points_are_those_of_brute_force(space: SearchSpace) -> None:
    assume(space.finite)
    assume(np.prod([len(p.levels) for p in space.parameters]) <= 5000)
    truth = brute_force(space)
    everything = space.points(len(truth))
    assert {tuple(row) for row in everything} == truth
    assert len(everything) == len(truth)
    assert len(space.points(len(truth) - 1)) == 0
    assert len(space.points(len(truth) - 1, cut=True)) == len(truth) - 1
    space.require(len(truth))
    with pytest.raises(NotEnoughPoints) as caught:
        space.require(len(truth) + 3)
    assert (caught.value.available, caught.value.wanted) == (len(truth), len(truth) + 3)


def test_samples_spread_over_the_space() -> None:
    X = SearchSpace((Continuous("a", -5, 5), Continuous("b", 0, 1e3))).sample(256, np.random.default_rng(0))
    cells = {(int(a), int(b)) for a, b in zip((X[:, 0] + 5) // 2.5, X[:, 1] // 250, strict=True)}
    assert len(cells) == 16


@pytest.mark.parametrize("inclusive", [True, False])
def test_strict_and_inclusive_bounds_are_exact_on_the_grid(inclusive: bool) -> None:
    space = grid(0.1, 0.1, 0.1, constraints=(LinearConstraint({"a": 1, "b": 1, "c": 1}, 0.3, inclusive),))
    assert len(space.points(100)) == (20 if inclusive else 10)
    assert space.feasible(np.array([[0.1, 0.1, 0.1]]))[0] == inclusive


def test_a_strict_bound_is_never_reached_without_steps() -> None:
    space = SearchSpace((Continuous("a", 0, 1), Continuous("b", 0, 1)), (LinearConstraint({"a": 1, "b": 1}, 0.01, inclusive=False),))
    X = space.sample(200, np.random.default_rng(0))
    assert len(X) == 200
    assert (X.sum(axis=1) < 0.01).all()


@pytest.mark.parametrize(
    ("parameters", "constraints"),
    [
        ((Continuous("a", 0, 1), Continuous("b", 0, 1)), [LinearConstraint({"a": 1, "b": 1}, -0.1)]),
        ((Continuous("a", 0, 1), Continuous("b", 0, 1)), [LinearConstraint({"a": 1, "b": 1}, 0.0, inclusive=False)]),
        (
            (Continuous("a", 0, 1, step=0.5), Continuous("b", 0, 1, step=0.5)),
            [LinearConstraint({"a": 1}, 0.4), LinearConstraint({"a": -1}, -0.1)],
        ),
        (
            (Discrete("a", (2, 4, 8)), Discrete("b", (2, 4))),
            [LinearConstraint({"a": 1, "b": 1}, 5), LinearConstraint({"a": -1, "b": -1}, -5)],
        ),
        ((Continuous("a", 0, 1, step=1), Continuous("b", 0, 1)), [LinearConstraint({"a": 1}, 0.6), LinearConstraint({"a": -1}, -0.4)]),
        ((Continuous("a", 0, 1), Continuous("b", 0, 1)), [LinearConstraint({"a": 1, "b": 1}, 1), LinearConstraint({"a": -1, "b": -1}, -1)]),
    ],
    ids=["empty", "strict corner", "between two steps", "between two values", "mixed, between two steps", "equality without steps"],
)
def test_spaces_without_room_are_refused(parameters: tuple[Parameter, ...], constraints: list[LinearConstraint]) -> None:
    with pytest.raises(InvalidInput, match="no recipe satisfies"):
        SearchSpace(parameters, tuple(constraints))


def test_an_equality_holds_on_a_grid_also_beside_a_stepless_parameter() -> None:
    equality = (LinearConstraint({"a": 1, "b": 1}, 1), LinearConstraint({"a": -1, "b": -1}, -1))
    assert len(grid(0.1, 0.1, constraints=equality).points(100)) == 11
    space = SearchSpace((*grid(0.1, 0.1).parameters, Continuous("T", 20, 90)), equality)
    X = space.sample(15, np.random.default_rng(0))
    assert len(distinct(X)) == 15
    np.testing.assert_allclose(X[:, :2].sum(axis=1), 1)


@pytest.mark.parametrize("d", [2, 5, 9])
def test_a_thin_corner_is_filled(d: int) -> None:
    names = [f"x{j}" for j in range(d)]
    space = SearchSpace(tuple(Continuous(name, 0, 1) for name in names), (LinearConstraint(dict.fromkeys(names, -1.0), 0.03 - d),))
    X = space.sample(300, np.random.default_rng(1))
    assert len(distinct(X)) == 300
    assert space.contains(X).all()
    assert (X.std(axis=0) > 0.001).all()


def test_a_thin_slice_of_a_fine_grid_is_filled() -> None:
    names = ("a", "b", "c", "d")
    low, high = LinearConstraint(dict.fromkeys(names, -1.0), -99.9), LinearConstraint(dict.fromkeys(names, 1.0), 100.0)
    space = SearchSpace(tuple(Continuous(n, 0.5, 80, step=0.1) for n in names), (low, high))
    X = space.sample(50, np.random.default_rng(0))
    assert len(distinct(X)) == 50
    assert space.contains(X).all()


def test_a_barren_first_corner_of_a_large_grid_does_not_hide_the_rest() -> None:
    parts = tuple(Continuous(n, 0, 80, step=0.1) for n in "abcd")
    constraints = (LinearConstraint({"b": 1, "c": 1, "d": 1}, 10), LinearConstraint({"a": -100, "b": -1, "c": -2, "d": -3}, -31))
    space = SearchSpace(parts, constraints)
    assert len(space.sample(40, np.random.default_rng(0))) == 40
    space.require(40)


def test_a_mixture_gets_its_balance() -> None:
    space = SearchSpace(
        tuple(Continuous(n, 0, 60, "%", 0.5) for n in "ab"), mixture=Mixture("water", ("a", "b"), total=100, low=30, high=60)
    )
    X = space.sample(200, np.random.default_rng(0))
    balances = np.array([space.recipe(row)["water"] for row in X])
    np.testing.assert_allclose(balances, 100 - X.sum(axis=1))
    assert ((balances >= 30) & (balances <= 60)).all()
    assert balances.min() < 33
    assert balances.max() > 57


def test_a_recipe_and_back() -> None:
    space = SearchSpace((Continuous("T", 20, 90), Categorical("s", ("a", "b")), Discrete("n", (1, 2))), mixture=Mixture("w", ("T",)))
    row = space.row({"T": 25.5, "s": "b", "n": 2, "w": 74.5})
    np.testing.assert_array_equal(row, [25.5, 1, 2])
    assert space.recipe(row) == {"T": 25.5, "s": "b", "n": 2.0, "w": 74.5}


@pytest.mark.parametrize(
    "recipe", [{"T": 25}, {"T": 25, "s": "c"}, {"T": float("nan"), "s": "a"}, {"T": "hot", "s": "a"}, {"T": 25, "s": "a", "z": 1}]
)
def test_recipes_that_do_not_fit(recipe: dict) -> None:
    with pytest.raises(InvalidInput) as caught:
        SearchSpace((Continuous("T", 20, 90), Categorical("s", ("a", "b")))).row(recipe)
    assert caught.value.where[0] in {"T", "s", "z"}


def test_outside_allows_half_a_step() -> None:
    space = SearchSpace((Continuous("a", 0, 10, step=1), Continuous("b", 0, 10), Discrete("c", (1, 2))))
    assert space.outside(np.array([10.5, 10.0, 2.0])) == ()
    assert space.outside(np.array([10.6, 10.1, 2.1])) == ("a", "b", "c")
    assert space.outside(np.array([-0.6, 5.0, 1.0])) == ("a",)


def test_contains_wants_a_setting() -> None:
    space = grid(0.1, 0.25)
    np.testing.assert_array_equal(space.contains(np.array([[0.3, 0.5], [0.35, 0.5], [0.3, 0.6], [1.1, 0.5]])), [True, False, False, False])


def test_apart_means_a_full_step_in_one_parameter() -> None:
    space = SearchSpace((Continuous("a", 0, 1, step=0.1), Continuous("b", 0, 5)))
    others = np.array([[0.5, 2.0], [0.9, 4.0]])
    X = np.array([[0.5, 2.0], [0.6, 2.0], [0.55, 2.004], [0.5, 2.005], [0.9, 3.999], [0.0, 0.0]])
    np.testing.assert_array_equal(space.apart(X, others), [False, True, False, True, False, True])
    assert space.apart(X, others[:0]).all()


@relaxed
@given(spaces(), seeds)
def test_apart_is_what_all_pairs_say(space: SearchSpace, seed: int) -> None:
    X, others = (space.from_unit(np.random.default_rng([seed, k]).random((12, space.dimension))) for k in (0, 1))
    steps = np.abs(X[:, None] - others[None]) / (space.resolution * (space.high - space.low))
    clear = np.abs(steps.max(axis=2) - 1) > 1e-3
    assume(clear.all())
    np.testing.assert_array_equal(space.apart(X, others), (steps.max(axis=2) >= 1).all(axis=1))


@relaxed
@given(continuous())
def test_levels_start_low_stay_in_range_and_keep_the_step(parameter: Continuous) -> None:
    assume(parameter.step is not None)
    levels = parameter.levels
    assert levels[0] == pytest.approx(parameter.low, abs=1e-12)
    assert levels[-1] <= parameter.high
    assert parameter.high - levels[-1] < parameter.step * (1 + 1e-6)
    np.testing.assert_allclose(np.diff(levels), parameter.step, rtol=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Continuous("a", 1, 1),
        lambda: Continuous("a", 0, np.inf),
        lambda: Continuous("a", 0, 1, step=0),
        lambda: Continuous("a", 0, 1, step=2),
        lambda: Continuous("a", 0, 1, step=1e-9),
        lambda: Discrete("a", (1,)),
        lambda: Discrete("a", (2, 1)),
        lambda: Categorical("a", ("x", "x")),
        lambda: SearchSpace(()),
        lambda: SearchSpace((Continuous("a", 0, 1), Continuous("a", 0, 1))),
        lambda: SearchSpace((Continuous("a", 0, 1),), (LinearConstraint({"b": 1}, 1),)),
        lambda: SearchSpace((Categorical("a", ("x", "y")),), (LinearConstraint({"a": 1}, 1),)),
        lambda: SearchSpace((Continuous("a", 0, 1),), (LinearConstraint({}, 1),)),
        lambda: SearchSpace((Continuous("a", 0, 1),), (LinearConstraint({"a": np.nan}, 1),)),
        lambda: SearchSpace((Continuous("a", 0, 1),), mixture=Mixture("a", ("a",))),
    ],
)
def test_parts_that_make_no_sense(make: object) -> None:
    with pytest.raises(InvalidInput):
        make()


def test_bounds_are_real_numbers_where_they_were_given_as_whole_ones() -> None:
    space = SearchSpace((Continuous("a", 0, 1), Discrete("n", (1, 2, 3))))
    assert (space.low.dtype, space.high.dtype) == (np.float64, np.float64)
