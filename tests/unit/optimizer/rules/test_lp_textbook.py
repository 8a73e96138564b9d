import numpy as np

from tests.contracts.rules import RuleContract, box, quadratic, random_rows, rows_of


class Textbook(RuleContract):
    name, penalized = "lp_textbook", True


RULE = Textbook()


def test_its_collapse_is_counted_and_cured() -> None:
    """Where the model predicts below the best datum, the published rule picks one well again and again."""
    space = box(5)
    X = random_rows(space, 60)
    far = X[quadratic(X) > 0.15]
    batch = RULE.check(RULE.state(space, far, quadratic(far)), 15)
    [warning] = [w for w in batch.warnings if "coincided" in w]
    assert int(warning.split()[0]) >= 5
    assert space.apart(rows_of(batch)[1:], rows_of(batch)[:1]).all()


def test_minimum_and_incumbent_are_the_best_datum() -> None:
    state = RULE.smooth(box(2), 20)
    model = RULE.ask(state).model
    np.testing.assert_allclose([model["M"], model["incumbent"]], state.data.loss.min())


def test_a_batch_that_does_not_collapse_is_not_announced() -> None:
    state = RULE.smooth(box(2), 6)
    assert not any("coincided" in warning for warning in RULE.ask(state, 1).warnings)
