"""One batch by two rules: each well keeps its rule, and the second rule stays clear of the wells of the first one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.per_batch import PerBatch
from optimizer.plates import Plate
from optimizer.rules import get_rule
from optimizer.space import SearchSpace
from optimizer.state import CampaignState
from optimizer.switch import Switch
from optimizer.types import Batch, FloatArray


def side_by_side(state: CampaignState, switch: Switch, rng: np.random.Generator) -> Batch:
    """The wells of the first rule, then those of the second, which takes the first ones for pending.

    Where the wells of a batch share values, the first rule chooses them; budgets are divided by the number of wells.

    Raises:
        NotEnoughPoints: Fewer distinct feasible wells exist than both need.
    """
    names, n = (state.strategy.rule, switch.rule), state.batch_size
    sizes = (n, n) if switch.together == "each" else ((n + 1) // 2, n // 2)
    shares = [size / sum(sizes) for size in sizes]
    first = get_rule(names[0])(replace(state, space=_portion(state.space, shares[0])), state.data, sizes[0], rng)
    rows = np.array([proposal.x for proposal in first.proposals])
    rest = replace(state, space=_portion(state.space, shares[1], rows[0]), pending=np.vstack([state.pending, rows]))
    second = get_rule(names[1])(rest, state.data, sizes[1], rng)
    model = dict(zip(names, (first.model, second.model), strict=True))
    return Batch(first.proposals + second.proposals, warnings=first.warnings + second.warnings, model=model)


def _portion(space: SearchSpace, share: float, mate: FloatArray | None = None) -> SearchSpace:
    """The space with a share of its budgets, and on the plate of a well of the batch where one is given."""
    if not space.per_batch:
        return space
    budgets = tuple(replace(budget, bound=share * budget.bound) for budget in space.per_batch.budgets)
    portion = replace(space, per_batch=PerBatch(space.per_batch.shared, budgets))
    return Plate.of(portion, mate) if mate is not None and space.per_batch.shared else portion
