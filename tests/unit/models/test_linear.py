import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as Reference

from models.linear import ALPHAS, Logistic, LogisticSettings, Ridge, RidgeSettings, ridge
from models.task import Head

SHAPES = (Head("category", 3),)


def patterns(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Smooth, collinear curves of many points, and the size that they tell."""
    size = np.random.default_rng(seed).uniform(1, 3, (n, 1))
    return 2 + np.cos(np.linspace(0, 3, 200) * size), size


def standardised(X: np.ndarray) -> np.ndarray:
    return (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize(("n", "d"), [(40, 5), (10, 30)])
def test_ridge_is_that_of_scikit_learn(n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(3, 2, (n, d)), rng.normal(5, 1, (n, 2))
    expected = Reference(alpha=0.3).fit(standardised(X), Y).predict(standardised(X))
    np.testing.assert_allclose(Ridge(RidgeSettings(alpha=0.3)).fit(X, Y).predict(X), expected, rtol=1e-10)


def test_a_linear_law_is_found_and_the_largest_penalty_leaves_the_mean() -> None:
    rng = np.random.default_rng(1)
    X = rng.random((50, 3))
    Y = X @ [[1.0], [-2.0], [0.0]] + 4
    free, tied = Ridge().fit(X, Y), Ridge(RidgeSettings(alpha=1e12)).fit(X, Y)
    np.testing.assert_allclose(free.predict(2 * X), 2 * Y - 4, atol=1e-5)
    np.testing.assert_allclose(tied.predict(X), np.full((50, 1), Y.mean()), atol=1e-8)
    assert (free.card["alpha"], free.warnings) == (ALPHAS[0], ())


def test_inputs_that_tell_nothing_are_warned_of() -> None:
    rng = np.random.default_rng(1)
    model = Ridge().fit(rng.random((60, 5)), rng.random((60, 1)))
    assert "next to nothing" in model.warnings[0]


def test_coefficients_shrink_as_the_penalty_grows() -> None:
    X, Y = patterns(30)
    sizes = [np.linalg.norm(B) for B in ridge(X - X.mean(axis=0), Y - Y.mean(), ALPHAS)]
    assert (np.diff(sizes) < 0).all()


def test_additive_noise_asks_for_a_penalty_of_its_variance_times_the_data() -> None:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((600, 4))
    Y = X @ rng.standard_normal((4, 1))
    chosen = Ridge(RidgeSettings(noise=0.3, noise_kind="additive")).fit(X, Y).card["alpha"]
    assert 480 * 0.3**2 / 4 < chosen < 480 * 0.3**2 * 4


@pytest.mark.parametrize("kind", ["multiplicative", "additive"])
def test_a_penalty_chosen_for_noise_stands_it_where_a_tiny_one_collapses(kind: str) -> None:
    X, Y = patterns(200)
    clean, size = patterns(200, 1)
    noise = 0.15 * np.random.default_rng(9).standard_normal(clean.shape)
    noisy = clean + noise if kind == "additive" else clean * (1 + noise)

    def q2(settings: RidgeSettings) -> float:
        return 1 - ((Ridge(settings).fit(X, Y).predict(noisy) - size) ** 2).mean() / size.var()

    assert q2(RidgeSettings(alpha=1e-6)) < 0
    assert q2(RidgeSettings(noise=0.15, noise_kind=kind)) > 0.9


def test_units_of_inputs_and_outputs_do_not_matter() -> None:
    X, Y = patterns(60)
    model, scaled = Ridge(RidgeSettings(noise=0.1)).fit(X, Y), Ridge(RidgeSettings(noise=0.1)).fit(1e6 * X, 1e-3 * Y)
    assert model.card["alpha"] == scaled.card["alpha"]
    np.testing.assert_allclose(scaled.predict(1e6 * X), 1e-3 * model.predict(X), rtol=1e-6)


def test_few_data_keep_a_penalty_of_one() -> None:
    X, Y = patterns(3)
    model = Ridge().fit(X, Y)
    assert model.card["alpha"] == 1
    assert any("too few to choose alpha" in warning for warning in model.warnings)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_is_that_of_scikit_learn(classes: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, (80, 4))
    codes = np.digitize(X[:, 0] + 0.5 * X[:, 1], [3, 6][: classes - 1])
    expected = LogisticRegression(C=2).fit(standardised(X), codes).predict_proba(standardised(X))
    told = Logistic(LogisticSettings(C=2), [Head("category", classes)]).fit(X, np.eye(classes)[codes]).predict(X)
    np.testing.assert_allclose(told, expected, atol=2e-3)
    np.testing.assert_allclose(told.sum(axis=1), 1)


def test_a_class_without_rows_has_no_probability() -> None:
    X = np.random.default_rng(0).random((30, 2))
    told = Logistic(heads=SHAPES).fit(X, np.eye(3)[2 * (X[:, 0] > 0.5)]).predict(X)
    assert (told[:, 1] == 0).all()
    assert ((told[:, 2] > 0.5) == (X[:, 0] > 0.5)).mean() > 0.9


def test_one_class_only_is_told_with_certainty_and_a_warning() -> None:
    X = np.random.default_rng(0).random((9, 2))
    model = Logistic(heads=SHAPES).fit(X, np.tile([0.0, 1.0, 0.0], (9, 1)))
    np.testing.assert_array_equal(model.predict(X), np.tile([0.0, 1.0, 0.0], (9, 1)))
    assert "the same category" in model.warnings[0]


def test_a_fit_that_is_not_done_says_so() -> None:
    X = np.random.default_rng(0).random((50, 5))
    model = Logistic(LogisticSettings(C=1e6, max_steps=2), SHAPES).fit(X, np.eye(3)[(3 * X[:, 0]).astype(int)])
    assert any("raise it" in warning for warning in model.warnings)


@pytest.mark.parametrize(
    ("settings", "given", "named"),
    [
        (RidgeSettings, {"alpha": 0.0}, "alpha"),
        (RidgeSettings, {"alpha": float("inf")}, "alpha"),
        (RidgeSettings, {"noise": -0.1}, "noise"),
        (RidgeSettings, {"noise": 0.1, "alpha": 1.0}, "leave out"),
        (RidgeSettings, {"noise_kind": "pink"}, "noise_kind"),
        (LogisticSettings, {"C": 0.0}, "C has"),
        (LogisticSettings, {"max_steps": 0}, "max_steps"),
    ],
)
def test_wrong_settings_are_refused(settings: type, given: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        settings(**given)


@pytest.mark.parametrize("heads", [(), SHAPES * 2])
def test_logistic_tells_one_category(heads: tuple[Head, ...]) -> None:
    with pytest.raises(ValueError, match="one category"):
        Logistic(heads=heads)
