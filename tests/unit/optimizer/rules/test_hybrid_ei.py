import numpy as np
import pytest
from scipy.spatial.distance import cdist

from optimizer.space import Categorical, Continuous, SearchSpace
from optimizer.state import CampaignState
from optimizer.surrogate import fit_loss_model
from optimizer.types import Batch
from tests.contracts.rules import RuleContract, random_rows, rows_of

NUMBERS = (Continuous("x", 0, 1), Continuous("y", 0, 1))


class Hybrid(RuleContract):
    name = "hybrid_ei"


RULE = Hybrid()


def settled(space: SearchSpace, seed: int = 0) -> CampaignState:
    """A campaign that has measured all over the space, and a lot around a minimum at (.6, .3) of the first category."""
    rng = np.random.default_rng(seed)
    near = np.zeros((25, space.dimension))
    near[:, :2] = np.clip([0.6, 0.3] + 0.05 * rng.standard_normal((25, 2)), 0, 1)
    X = np.vstack([random_rows(space, 25, seed), near])
    values = ((X[:, :2] - [0.6, 0.3]) ** 2).sum(axis=1) + 0.3 * (X[:, 2:] > 0).sum(axis=1) + 0.01 * rng.standard_normal(50)
    return RULE.state(space, X, values)


def halves(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    rows, penalized = rows_of(batch), [proposal.penalty is not None for proposal in batch.proposals]
    return rows[np.logical_not(penalized)], rows[penalized]


def test_the_larger_half_is_joint() -> None:
    joint, penalized = halves(RULE.ask(settled(SearchSpace(NUMBERS)), 7))
    assert (len(joint), len(penalized)) == (4, 3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_among_categories_the_penalized_half_keeps_its_distance(seed: int) -> None:
    state = settled(SearchSpace((*NUMBERS, Categorical("solvent", ("a", "b", "c")))), seed)
    model, (joint, penalized) = fit_loss_model(state, state.data), halves(RULE.ask(state, 15))
    assert cdist(model.whiten(penalized), model.whiten(joint)).min() > 0.4


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_among_numbers_it_may_come_close(seed: int) -> None:
    state = settled(SearchSpace(NUMBERS), seed)
    model, (joint, penalized) = fit_loss_model(state, state.data), halves(RULE.ask(state, 15))
    assert cdist(model.whiten(penalized), model.whiten(joint)).min() < 0.4
