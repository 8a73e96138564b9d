"""Groups of columns, Shapley values of regions, and permutation importance against known answers."""

import numpy as np
import pytest

from models.explain import Groups, explain, permutation
from models.task import Block

TIME, SALT = Block("time", "number", 1), Block("salt", "category", 3, classes=("a", "b", "c"))
CURVE = Block("I", "curve", 6, axis=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0), axis_unit="1/nm")


def test_numbers_and_categories_are_groups_and_curves_fall_into_regions():
    groups = Groups.inputs((TIME, CURVE, SALT), regions=2)
    assert groups.names == ("time", "I 0 to 2 1/nm", "I 3 to 5 1/nm", "salt")
    assert groups.of.tolist() == [0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_as_outputs_classes_are_on_their_own_and_regions_are_means():
    groups = Groups.outputs((CURVE, SALT), regions=1)
    assert groups.names == ("I 0 to 5 1/nm", "salt a", "salt b", "salt c")
    assert (np.array([[1.0, 2, 3, 4, 5, 9, 0.2, 0.3, 0.5]]) @ groups.means).tolist() == [[4, 0.2, 0.3, 0.5]]


def test_a_cut_begins_a_region_and_regions_without_a_point_are_left_out():
    assert Groups.inputs((CURVE,), cuts={"I": [4.0]}).of.tolist() == [0, 0, 0, 0, 1, 1]
    assert Groups.inputs((CURVE,), cuts={"I": [2.2, 2.4, 9.0]}).of.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("blocks", "cuts", "match"), [((TIME,), {"time": [1.0]}, "is no curve"), ((CURVE,), {"q": [1.0]}, "name one of: I")]
)
def test_cuts_of_what_is_no_curve_are_refused(blocks, cuts, match):
    with pytest.raises(ValueError, match=match):
        Groups.inputs(blocks, cuts=cuts)


def test_pixels_are_not_explained():
    with pytest.raises(ValueError, match="pixels have no groups"):
        Groups.inputs((Block("images", "stack", 8, shape=(2, 2, 2)),))


def test_a_linear_model_of_a_curve_is_explained_region_by_region():
    rng = np.random.default_rng(0)
    slopes, X, background = rng.standard_normal((7, 6)), rng.random((4, 7)), rng.random((5, 7))
    groups, outputs = Groups.inputs((TIME, CURVE), regions=3), Groups.outputs((CURVE,), regions=2)
    found = explain(lambda Z: Z @ slopes, X, background, groups, outputs)
    moved = (X - background.mean(axis=0))[:, :, None] * (slopes @ outputs.means)
    expected = np.stack([moved[:, groups.of == group].sum(axis=1) for group in range(4)], axis=1)
    np.testing.assert_allclose(found.shapley.values, expected, atol=1e-12)
    np.testing.assert_allclose(found.shapley.base + found.shapley.values.sum(axis=1), found.predicted, atol=1e-12)
    assert (found.groups, found.outputs) == (groups.names, ("I 0 to 2 1/nm", "I 3 to 5 1/nm"))


def additive():
    """Terms of falling weight; the curve counts in its first half alone, and the category not at all."""
    X = np.random.default_rng(1).random((120, 10))
    weights = np.r_[3.0, 1, 0.5, 0.5, np.zeros(6)]
    return X, lambda Z: np.column_stack([Z @ weights, Z[:, 0]])


def test_permutation_importance_of_a_linear_model_is_twice_the_variance_of_each_term():
    X, predict = additive()
    groups, targets = Groups.inputs((TIME, CURVE, SALT), regions=2), (TIME, Block("yield", "number", 1))
    found = permutation(predict, X, predict(X), groups, targets, {"time": "rmse"}, repeats=40)
    terms = [X[:, :1] @ [3.0], X[:, 1:4] @ [1.0, 0.5, 0.5], 0 * X[:, 0], 0 * X[:, 0]]
    # E (s - s')^2 of two independent draws is twice the variance.
    np.testing.assert_allclose(found[0].importance ** 2, [2 * np.var(term) for term in terms], rtol=0.06)
    np.testing.assert_allclose(found[1].importance, [2, 0, 0, 0], rtol=0.06)
    assert (found[0].base, found[1].base, found[1].metric) == (0, 1, "r2")


def test_both_ways_rank_the_groups_of_an_additive_function_alike():
    X, predict = additive()
    groups = Groups.inputs((TIME, CURVE, SALT), regions=3)
    (shuffled,) = permutation(lambda Z: predict(Z)[:, :1], X, predict(X)[:, :1], groups, (TIME,))
    told = explain(lambda Z: predict(Z)[:, :1], X[:30], X[30:60], groups, Groups.outputs((TIME,)))
    for importance in (shuffled.importance, told.shapley.importance[:, 0]):
        assert np.argsort(-importance)[:3].tolist() == [0, 1, 2]
        assert importance[2] > 0.01
        np.testing.assert_allclose(importance[3:], 0, atol=1e-12)


def test_the_same_seed_gives_the_same_shuffles_and_inputs_stay_as_they_are():
    X, predict = additive()
    kept, Y = X.copy(), predict(X)[:, :1] + 0.1 * np.random.default_rng(2).standard_normal((120, 1))
    groups = Groups.inputs((TIME, CURVE, SALT))

    def asked(seed):
        found = permutation(lambda Z: predict(Z)[:, :1], X, Y, groups, (TIME,), seed=seed)
        return found[0].shuffled.tolist()

    assert asked(0) == asked(0) != asked(1)
    np.testing.assert_array_equal(X, kept)


def test_every_kind_of_target_has_a_usual_metric_and_worse_is_above_zero():
    rng = np.random.default_rng(4)
    X = rng.random((200, 1))
    classes = np.column_stack([X < 0.5, (X >= 0.5) & (X < 0.8), X >= 0.8]).astype(float)
    shares = np.column_stack([X, 1 - X])
    bins = Block("psd", "curve", 2, axis=(1.0, 2.0), shares=True)
    made = {SALT: 0.8 * classes + 0.2 / 3, bins: shares, TIME: X}

    def predict(Z):
        near = np.abs(Z - X.T).argmin(axis=1)
        return np.hstack([values[near] for values in made.values()])

    found = permutation(predict, X, np.hstack([classes, shares, X]), Groups.inputs((Block("x", "number", 1),)), tuple(made))
    assert [one.metric for one in found] == ["log_loss", "wasserstein", "r2"]
    assert all(one.importance[0] > 0.1 for one in found)


@pytest.mark.parametrize("by", ["f1", "confusion"])
def test_a_metric_has_to_be_one_of_the_target(by):
    X, predict = additive()
    with pytest.raises(ValueError, match=r"time: there is no metric .*: rmse, mae, r2, relative_mae"):
        permutation(lambda Z: predict(Z)[:, :1], X, predict(X)[:, :1], Groups.inputs((TIME, CURVE, SALT)), (TIME,), {"time": by})


def test_a_metric_that_is_not_defined_is_refused():
    X, predict = additive()
    with pytest.raises(ValueError, match="time: r2 is not defined"):
        permutation(lambda Z: predict(Z)[:, :1], X, np.ones((120, 1)), Groups.inputs((TIME, CURVE, SALT)), (TIME,))
