import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from models.array_learner import checked
from models.forest import Forest, ForestSettings, _outputs
from models.task import Head

AXIS = np.linspace(0, 1, 40)
NUMBERS = (Head("number", 1),) * 2


def inputs(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 5))


def numbers(X: np.ndarray) -> np.ndarray:
    return np.column_stack([np.sin(4 * X[:, 0]) + X[:, 1], 1000 * X[:, 2] ** 2])


def bands(X: np.ndarray) -> np.ndarray:
    return (0.5 + X[:, 1:2]) * np.exp(-(((AXIS - 0.3 - 0.3 * X[:, :1]) / 0.15) ** 2))


@pytest.mark.parametrize(
    ("settings", "theirs"),
    [
        (ForestSettings(30), {"n_estimators": 30}),
        (
            ForestSettings(23, 6, 5, 2, 0.5),
            {"n_estimators": 23, "max_depth": 6, "min_samples_split": 5, "min_samples_leaf": 2, "max_features": 0.5},
        ),
    ],
)
def test_predictions_are_those_of_scikit_learn(settings: ForestSettings, theirs: dict) -> None:
    X, Y, _ = checked(inputs(150), numbers(inputs(150)))
    new, (shift, basis) = inputs(80, 1), _outputs(Y, NUMBERS)
    # The scores to the last digit, which decides among splits that are alike.
    reference = RandomForestRegressor(**theirs, random_state=4).fit(X, (Y - shift) @ basis.T / (basis**2).sum(axis=1))
    told = Forest(settings, seed=4).fit(X, Y).posterior(new)
    np.testing.assert_allclose(told.mean, shift + reference.predict(new) @ basis, rtol=1e-12, atol=1e-12)
    trees = np.array([tree.predict(new) for tree in reference.estimators_])
    np.testing.assert_allclose(told.std, trees.std(axis=0) @ basis, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(basis, np.diag(Y.std(axis=0)))


def test_categories_are_those_of_the_classifier_of_scikit_learn() -> None:
    X, new = inputs(200), inputs(200, 1)
    codes = (3 * X[:, 0]).astype(int)
    told = Forest(ForestSettings(50), [Head("category", 3)]).fit(X, np.eye(3)[codes]).posterior(new)
    expected = RandomForestClassifier(50, random_state=1).fit(X, codes).predict_proba(new)
    assert told.std is None
    np.testing.assert_allclose(told.mean.sum(axis=1), 1)
    assert np.abs(told.mean - expected).mean() < 0.05
    assert (told.mean.argmax(axis=1) == (3 * new[:, 0]).astype(int)).mean() > 0.95


def test_curves_lose_nothing_that_matters_to_their_components() -> None:
    X, new = inputs(200), inputs(50, 1)
    Y = bands(X)
    forest = Forest(ForestSettings(30), [Head("curve", 40)]).fit(X, Y)
    components = len(forest.fitted.arrays["basis"])
    assert components < 15
    told = forest.posterior(new)
    in_full = Forest(ForestSettings(30), [Head("number", 1)] * 40).fit(X, Y)
    error, of_full = (((model.predict(new) - bands(new)) ** 2).mean() for model in (forest, in_full))
    assert error < 1.3 * of_full < 0.1 * bands(new).var(axis=0).mean()
    basis, scores = forest.fitted.arrays["basis"], [forest.fitted.arrays["value"][leaves] for leaves in forest._leaves(new.astype("f4"))]
    trees = np.concatenate(scores) @ basis
    np.testing.assert_allclose(told.std, trees.std(axis=0), atol=1e-6)


def test_shares_stay_shares_beside_numbers() -> None:
    X, new = inputs(100), inputs(50, 1)
    shares = np.exp(-(((AXIS - X[:, :1]) / 0.1) ** 2))
    shares /= shares.sum(axis=1, keepdims=True)
    told = Forest(ForestSettings(20), [Head("number", 1), Head("distribution", 40)]).fit(X, np.hstack([X[:, 1:2] * 1e6, shares]))
    posterior = told.posterior(new)
    assert posterior.mean[:, 1:].min() >= 0
    np.testing.assert_allclose(posterior.mean[:, 1:].sum(axis=1), 1)
    assert posterior.std is not None


def test_a_forest_never_leaves_the_range_of_its_data() -> None:
    X, Y = inputs(60), numbers(inputs(60))
    told = Forest(ForestSettings(10)).fit(X, Y).predict(5 * inputs(200, 2) - 2)
    assert (told >= Y.min(axis=0) - 1e-9).all()
    assert (told <= Y.max(axis=0) + 1e-9).all()


def test_a_monotone_scale_of_the_inputs_changes_no_answer_at_the_data() -> None:
    X, Y = np.round(inputs(80), 3), numbers(inputs(80))
    one, other = (Forest(ForestSettings(10, max_features=0.5)).fit(Z, Y).predict(Z) for Z in (X, X * 1024))
    np.testing.assert_allclose(one, other)


def test_many_inputs_are_answered_as_one_by_one() -> None:
    X = inputs(50)
    forest, new = Forest(ForestSettings(10)).fit(X, numbers(X)), inputs(2100, 1)
    told = forest.posterior(new)
    for row in (0, 1023, 1024, 2099):
        one = forest.posterior(new[row : row + 1])
        np.testing.assert_allclose(told.mean[row], one.mean[0], rtol=1e-12)
        np.testing.assert_allclose(told.std[row], one.std[0], rtol=1e-6, atol=1e-6)


def test_one_tree_knows_no_standard_deviation() -> None:
    X = inputs(20)
    assert Forest(ForestSettings(1)).fit(X, numbers(X)).posterior(X).std is None


def test_a_stump_splits_at_the_step() -> None:
    X = np.arange(40.0)[:, None]
    forest = Forest(ForestSettings(5, max_depth=1)).fit(X, (X > 19.5) * 3.0)
    assert forest.card["depth"] == 1
    np.testing.assert_allclose(forest.predict(np.array([[0.0], [39.0]])), [[0], [3]], atol=1e-12)


@pytest.mark.parametrize(
    "given",
    [{"trees": 0}, {"max_depth": 0}, {"min_samples_split": 1}, {"min_samples_leaf": 0}, {"max_features": 0.0}, {"max_features": 1.5}],
)
def test_wrong_settings_are_refused(given: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        ForestSettings(**given)
