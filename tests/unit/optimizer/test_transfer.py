"""Prior tasks in the model of the loss: which wells count, and what is said."""

from dataclasses import replace

import numpy as np

from optimizer import transfer
from optimizer.loop import next_step
from optimizer.objective import Minimize
from optimizer.rules.proposals import Start
from optimizer.space import Continuous, SearchSpace
from optimizer.state import CampaignState, PriorTask
from optimizer.surrogate import fit_loss_model
from optimizer.types import Batch, Dataset, StopSettings

SPACE = SearchSpace((Continuous("a", 0, 10), Continuous("b", -1, 1)))


def dataset(count: int, seed: int, scale: float = 1.0) -> Dataset:
    X = SPACE.sample(count, np.random.default_rng(seed))
    loss = scale * ((SPACE.to_unit(X) - 0.3) ** 2).sum(axis=1)
    ones, names = np.ones(count, np.int64), tuple(f"w{i}" for i in range(count))
    return Dataset(names, X, loss[:, None], loss, np.full(count, np.nan), loss, ones, ones)


def state(*priors: PriorTask) -> CampaignState:
    return CampaignState(SPACE, Minimize("loss"), dataset(12, 0), np.empty((0, 2)), 1, stop=StopSettings(), priors=priors)


def test_without_priors_nothing_is_said() -> None:
    known = state()
    model = fit_loss_model(known, known.data)
    assert "priors" not in model.card()
    assert model.warnings == ()


def test_a_large_task_is_cut_to_its_best_wells_and_those_that_fill_the_space() -> None:
    task = PriorTask("past", dataset(transfer.MOST + 50, 1, scale=40.0))
    used = transfer.chosen(task, SPACE)
    assert len(used) == transfer.MOST
    assert set(np.sort(task.data.loss)[:50]) <= set(used.loss)
    known = state(task)
    model = fit_loss_model(known, known.data)
    assert f"{transfer.MOST} of its {transfer.MOST + 50} wells" in model.warnings[-1]
    [told] = model.card()["priors"]
    assert (told["campaign"], told["wells"]) == ("past", transfer.MOST)
    assert told["correlation"] > 0.99


def test_the_order_of_a_tasks_wells_is_irrelevant() -> None:
    data = dataset(60, 1)
    order = np.random.default_rng(2).permutation(60)
    turned = replace(data, X=data.X[order], Y=data.Y[order], loss=data.loss[order])
    means = [fit_loss_model(known, known.data).predict(data.X) for known in (state(PriorTask("p", data)), state(PriorTask("p", turned)))]
    np.testing.assert_allclose(means[0], means[1], rtol=1e-3, atol=1e-3)


def test_the_incumbent_is_that_of_the_present_task() -> None:
    known = state(PriorTask("past", dataset(60, 1)))
    start = Start.of(known, known.data, 3, np.random.default_rng(0))
    assert start.best == fit_loss_model(known, known.data).latent(known.data.X)[0].min()


def test_the_first_round_is_the_initial_design_and_later_ones_use_the_prior() -> None:
    prior = PriorTask("past", dataset(60, 1))
    first = replace(state(prior), last_round=0)
    batches = [next_step(s) for s in (first, replace(first, priors=()), state(prior), state())]
    assert all(isinstance(batch, Batch) for batch in batches)
    rows = [np.array([p.x for p in batch.proposals]) for batch in batches]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[2], rows[3])
