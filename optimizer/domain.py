"""Whether proposed wells lie where the campaign has data: the verdict of ``models.validity`` in the names of the space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.validity import Domain
from optimizer.space import Categorical, SearchSpace
from optimizer.types import Batch, Dataset, FloatArray, ValidityVerdict


def judge(
    space: SearchSpace, data: Dataset, X: FloatArray, sigma: tuple[FloatArray, FloatArray] | None = None
) -> tuple[ValidityVerdict, ...]:
    """How far rows are backed by the measured wells.

    Args:
        space: Names the parameters, and gives the constraints.
        data: The measured wells.
        X: Rows, shape (n, d).
        sigma: Standard deviation of the model at each measured well when held out, shape (len(data),), and at the rows, (n,).

    Returns:
        A verdict each; nothing where fewer than two different wells were measured.
    """
    if len(data) < 2 or (data.X[0] == data.X).all():
        return ()
    # One entry per model input: the parameter that it belongs to. Constraints name numbers only, which have one input each.
    owner = np.repeat(np.arange(space.dimension), [len(p.categories) if isinstance(p, Categorical) else 1 for p in space.parameters])
    A, b, _ = space.matrix
    held, at = sigma or (None, None)
    domain = Domain.of(space.encode(data.X), ((A * (space.high - space.low))[:, owner], b - A @ space.low), held)
    found = domain.judge(space.encode(X), at)
    return tuple(ValidityVerdict(v.status, space.names[owner[v.variable]], v.check, v.value, v.limit) for v in found)


def judged(space: SearchSpace, data: Dataset, batch: Batch) -> Batch:
    """The batch, its predictions with how far they are to be trusted; wells without a prediction are left as they are.

    So are those that their rule has judged, which knows the spread of its model.
    """
    verdicts = judge(space, data, np.array([p.x for p in batch.proposals]))
    told = (
        replace(p, validity=verdict) if p.mean is not None and p.validity is None else p
        for p, verdict in zip(batch.proposals, verdicts, strict=True)
    )
    return replace(batch, proposals=tuple(told)) if verdicts else batch
