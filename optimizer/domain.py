"""Whether proposed wells lie where the campaign has data: the verdict of ``models.validity`` in the names of the space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.validity import Domain
from optimizer.space import Categorical, SearchSpace
from optimizer.types import Batch, Dataset, FloatArray, ValidityVerdict


def judge(space: SearchSpace, data: Dataset, X: FloatArray) -> tuple[ValidityVerdict, ...]:
    """How far rows (n, d) are backed by the measured wells; nothing where fewer than two different wells were measured."""
    if len(data) < 2 or (data.X[0] == data.X).all():
        return ()
    # One entry per model input: the parameter that it belongs to. Constraints name numbers only, which have one input each.
    owner = np.repeat(np.arange(space.dimension), [len(p.categories) if isinstance(p, Categorical) else 1 for p in space.parameters])
    A, b, _ = space.matrix
    domain = Domain.of(space.encode(data.X), ((A * (space.high - space.low))[:, owner], b - A @ space.low))
    found = domain.judge(space.encode(X))
    return tuple(ValidityVerdict(v.status, space.names[owner[v.variable]], v.check, v.value, v.limit) for v in found)


def judged(space: SearchSpace, data: Dataset, batch: Batch) -> Batch:
    """The batch, its predictions with how far they are to be trusted; wells without a prediction are left as they are."""
    verdicts = judge(space, data, np.array([p.x for p in batch.proposals]))
    told = (replace(p, validity=verdict if p.mean is not None else None) for p, verdict in zip(batch.proposals, verdicts, strict=True))
    return replace(batch, proposals=tuple(told)) if verdicts else batch
