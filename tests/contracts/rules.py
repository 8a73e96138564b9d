"""What every batch rule promises: subclass `RuleContract`, name the rule, and the tests run."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from optimizer.objective import Minimize, Objective
from optimizer.per_batch import PerBatch
from optimizer.plates import misfit
from optimizer.rules import get_rule
from optimizer.space import Categorical, Continuous, Discrete, LinearConstraint, Mixture, SearchSpace
from optimizer.state import CampaignState, PriorTask
from optimizer.types import Batch, Dataset, GPSettings, NotEnoughPoints, Strategy

FLOWS = ("QAgNO3", "Qpva", "Qtsc", "Qseed")
SILVER = SearchSpace(
    (
        *(Continuous(name, 10 if name == "Qpva" else 0.5, 40 if name == "Qpva" else 80, "%", 0.1) for name in FLOWS),
        Continuous("Qtot", 200, 1000, "uL/min", 1),
    ),
    (LinearConstraint(dict.fromkeys(FLOWS, 1.0), 90),),
)


def box(d: int, low: float = 0.0, high: float = 1.0, step: float | None = None) -> SearchSpace:
    return SearchSpace(tuple(Continuous(f"x{j}", low, high, step=step) for j in range(d)))


SPACES = {
    "one parameter": box(1),
    "tiny box": box(3, 5.0, 5.0 + 1e-6),
    "far box": box(2, 1e9, 1e9 + 1),
    "coarse grid": box(2, step=0.125),
    "category and continuous": SearchSpace((Categorical("solvent", tuple("abcdefghijklmn")), Continuous("T", 20, 90))),
    "category alone": SearchSpace((Categorical("solvent", tuple(f"s{k}" for k in range(40))),)),
    "discrete and category": SearchSpace((Discrete("pH", (2, 3, 5, 7, 8, 11)), Categorical("c", ("a", "b", "c")))),
    "silver": SILVER,
    "mixture": SearchSpace(
        tuple(Continuous(n, 0, 60, "%", 0.5) for n in "abc"), mixture=Mixture("water", ("a", "b", "c"), low=10, high=30)
    ),
    "strict": SearchSpace(
        (Continuous("a", 0, 1, step=0.1), Continuous("b", 0, 1, step=0.1)), (LinearConstraint({"a": 1, "b": 1}, 0.6, False),)
    ),
    "thinner than the resolution": SearchSpace(box(2).parameters, (LinearConstraint({"x0": -1, "x1": -1}, -1.9995),)),
}
PER_BATCH = {
    "one flow rate, two budgets": replace(
        SILVER, per_batch=PerBatch(("Qtot",), (LinearConstraint({"Qseed": 1}, 60), LinearConstraint({"QAgNO3": 1, "Qtsc": 0.5}, 100)))
    ),
    "one solvent, a budget that binds": replace(
        SPACES["category and continuous"], per_batch=PerBatch(("solvent",), (LinearConstraint({"T": 1}, 150),))
    ),
    "one stepless component of a mixture": replace(
        SearchSpace(tuple(Continuous(n, 0, 60, "%") for n in "abc"), mixture=Mixture("water", ("a", "b", "c"), low=10, high=30)),
        per_batch=PerBatch(("a",), (LinearConstraint({"b": 1}, 120),)),
    ),
    "the cheapest wells of a grid": replace(
        box(2, step=0.25), per_batch=PerBatch(budgets=(LinearConstraint({"x0": 1, "x1": 1}, 4, False),))
    ),
}


def quadratic(U: np.ndarray) -> np.ndarray:
    """A bowl over the unit cube."""
    return ((U - np.linspace(0.2, 0.7, U.shape[1])) ** 2).sum(axis=1)


def random_rows(space: SearchSpace, n: int, seed: int = 1) -> np.ndarray:
    return space.sample(n, np.random.default_rng(seed))


def rows_of(batch: Batch) -> np.ndarray:
    return np.array([p.x for p in batch.proposals])


class RuleContract:
    """One class of tests over all rules.

    A rule that needs another kind of outcome overrides `objective` and `outcomes`.
    """

    name: ClassVar[str]
    modelled: ClassVar[bool] = True
    """Whether the rule predicts: every figure of a proposal but the penalty is then finite, else none is given."""
    penalized: ClassVar[bool] = False
    """Whether proposals carry a penalty."""
    objective: Objective = Minimize("loss")
    rng_seed = 5

    def outcomes(self, values: np.ndarray) -> np.ndarray:
        """Outcomes (n, width) that stand for values (n,), the lower the better."""
        return values[:, None]

    def state(self, space: SearchSpace, X: np.ndarray, values: np.ndarray, pending: np.ndarray | None = None, **changes) -> CampaignState:
        n, Y = len(X), self.outcomes(values)
        loss, ones = self.objective.losses(Y).loss, np.ones(n, np.int64)
        data = Dataset(tuple(f"w{i}" for i in range(n)), X, Y, loss, np.full(n, 0.02), loss, 3 * ones, ones)
        return CampaignState(space, self.objective, data, np.empty((0, space.dimension)) if pending is None else pending, 1, **changes)

    def ask(self, state: CampaignState, n: int = 6, seed: int = rng_seed) -> Batch:
        return get_rule(self.name)(state, state.data, n, np.random.default_rng(seed))

    def check(self, state: CampaignState, n: int = 6) -> Batch:
        """Ask for n wells: distinct, feasible, settable, none pending, and told about honestly."""
        batch = self.ask(state, n)
        X = rows_of(batch)
        assert X.shape == (n, state.space.dimension)
        assert len(np.unique(X, axis=0)) == n
        assert state.space.contains(X).all()
        assert misfit(state.space, X[1:], X[0]) == ""
        assert not any((state.pending == row).all(axis=1).any() for row in X)
        assert [p.rank for p in batch.proposals] == list(range(1, n + 1))
        for p in batch.proposals:
            assert (p.rule, p.seed) == (self.name, (state.seed, state.last_round + 1))
            assert p.why
            assert (p.penalty is not None) == self.penalizes(p.rank, n)
            assert p.penalty is None or 0 <= p.penalty <= 1
            if self.modelled:
                assert np.isfinite([p.mean, p.std, p.score, p.acquisition]).all()
                assert min(p.std, p.acquisition) >= 0
            else:
                assert p.mean is p.std is p.score is p.acquisition is None
        assert all(isinstance(warning, str) and warning for warning in batch.warnings)
        return batch

    def penalizes(self, rank: int, n: int) -> bool:
        """Whether the well of a rank in a batch of n was kept away from others by a penalty."""
        return self.penalized

    def smooth(self, space: SearchSpace, count: int, pending: int = 0, **changes) -> CampaignState:
        X = random_rows(space, count + pending)
        return self.state(space, X[:count], quadratic(space.to_unit(X[:count])), X[count:], **changes)

    def test_the_rule_is_named_like_its_file(self) -> None:
        module = inspect.getmodule(get_rule(self.name))
        assert module.NAME == self.name == Path(module.__file__).stem

    @pytest.mark.parametrize("where", SPACES)
    def test_every_space_gets_a_full_batch(self, where: str) -> None:
        self.check(self.smooth(SPACES[where], 10, pending=2))

    @pytest.mark.parametrize("where", PER_BATCH)
    def test_wells_share_values_and_keep_to_budgets(self, where: str) -> None:
        self.check(self.smooth(PER_BATCH[where], 10, pending=2))

    @pytest.mark.parametrize("where", ["one parameter", "category and continuous", "discrete and category"])
    def test_one_datum_is_enough(self, where: str) -> None:
        assert bool(self.check(self.smooth(SPACES[where], 1)).warnings) == self.modelled

    def test_constant_outcomes_give_a_warning(self) -> None:
        space = box(2)
        batch = self.check(self.state(space, random_rows(space, 8), np.full(8, 0.5)))
        assert bool(batch.warnings) == self.modelled

    def test_repeated_rows_and_rows_outside_the_space(self) -> None:
        X = np.repeat(np.array([[0.2, 0.3], [1.4, -0.2], [0.9, 0.9]]), 4, axis=0)
        self.check(self.state(box(2), X, np.arange(12) * 0.1))

    @pytest.mark.parametrize("outlier", [1e9, -1e9])
    def test_a_huge_outlier_is_survived(self, outlier: float) -> None:
        space = box(2)
        X = random_rows(space, 14)
        values = quadratic(X)
        values[3] = outlier
        self.check(self.state(space, X, values))

    @pytest.mark.parametrize("gp", [GPSettings(0.5), GPSettings(1.5, isotropic=True), GPSettings(noise="replicates")])
    def test_every_setting_of_the_surrogate(self, gp: GPSettings) -> None:
        self.check(self.smooth(box(2), 12, strategy=Strategy(gp=gp)), 3)

    def test_prior_tasks_are_learned_from_and_told_of(self) -> None:
        state, past = self.smooth(SILVER, 15, pending=2), self.smooth(SILVER, 40).data
        alone = past.where(np.arange(40) == 7)
        batch = self.check(replace(state, priors=(PriorTask("past", past), PriorTask("one well", alone))), 4)
        told = batch.model.get("priors", [])
        assert [entry["campaign"] for entry in told] == ["past", "one well"] * self.modelled
        assert all(np.isfinite([entry["correlation"], entry["effect"]]).all() for entry in told)

    def test_a_grid_may_be_used_up_to_its_last_well(self) -> None:
        space = box(2, step=0.25)
        X = space.points(25)
        state = self.state(space, X[:2], quadratic(X[:2]), X[:10])
        self.check(state, 15)
        with pytest.raises(NotEnoughPoints) as caught:
            self.ask(state, 16)
        assert (caught.value.available, caught.value.wanted) == (15, 16)

    def test_measured_wells_come_last_and_are_announced(self) -> None:
        space = box(2, step=0.25)
        X = space.points(25)
        state = self.state(space, X[:20], quadratic(X[:20]))
        batch = self.check(state, 8)
        assert any("again" in warning for warning in batch.warnings)
        assert {tuple(row) for row in rows_of(batch)[:5]} == {tuple(row) for row in X[20:]}

    def test_wells_keep_a_full_step_from_each_other_and_from_known_ones(self) -> None:
        space = box(2, step=0.1)
        state = self.smooth(space, 10)
        pending = np.array([[0.23, 0.71], [0.5, 0.5]])
        X = rows_of(self.check(replace(state, pending=pending), 10))
        assert space.apart(X, np.vstack([pending, state.data.X])).all()
        assert all(space.apart(X[k : k + 1], X[:k]).all() for k in range(len(X)))

    def test_same_random_numbers_same_batch(self) -> None:
        state = self.smooth(SILVER, 15)
        first, second, other = self.ask(state), self.ask(state), self.ask(state, seed=1)
        assert rows_of(first).tobytes() == rows_of(second).tobytes()
        assert first.proposals[0].score == second.proposals[0].score
        assert not np.array_equal(rows_of(first), rows_of(other))

    def test_the_order_of_the_data_is_irrelevant(self) -> None:
        space = box(2, step=0.05)
        state = self.smooth(space, 15)
        order = np.random.default_rng(0).permutation(15)
        shuffled = self.state(space, state.data.X[order], quadratic(space.to_unit(state.data.X[order])))
        np.testing.assert_array_equal(rows_of(self.ask(state)), rows_of(self.ask(shuffled)))

    def test_inputs_stay_untouched(self) -> None:
        state = self.smooth(box(2), 12, pending=2)
        arrays = (state.data.X, state.data.Y, state.data.loss, state.data.error, state.pending)
        before = [array.copy() for array in arrays]
        for array in arrays:
            array.flags.writeable = False
        self.check(state)
        assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))
