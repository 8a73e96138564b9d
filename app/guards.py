"""Guards over stored rounds, and the extension of bounds that a person approves."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from app.problems import Conflict, NotFound
from app.schemas.campaign import CampaignDocument, ContinuousShape, SpaceShape, document_of
from app.schemas.checks import ChecksOut, ExtensionIn, GuardOut
from app.security import Principal
from db import store
from db.engine import Session
from db.tables import CampaignRow
from optimizer.checks import check_rounds
from optimizer.parameters import Continuous
from optimizer.space import SearchSpace
from optimizer.types import InvalidInput
from optimizer.widening import aligned_low, is_aligned


def checks(session: Session, row: CampaignRow, round: int | None) -> ChecksOut:
    """All guards, on every round or on one.

    Raises:
        NotFound: There is no such round.
    """
    planned_under = _spaces(session, row)
    if round is not None and round not in planned_under:
        raise NotFound(f"campaign {row.id!r} has no round {round}; it has {len(planned_under)}")
    designs = [store.domain_design(design) for design in store.designs(session, row.id)]
    present = document_of(row.document).space.domain()
    evidence = check_rounds(designs, planned_under, present, None if round is None else {round})
    return ChecksOut(flagged=sum(e.flagged for e in evidence), evidence=[GuardOut.model_validate(asdict(e)) for e in evidence])


def _spaces(session: Session, row: CampaignRow) -> dict[int, SearchSpace]:
    """The space under which each round was planned or imported; rounds that share one share the object."""
    made: dict[str, SearchSpace] = {}
    spaces = {}
    for batch in store.batches(session, row.id):
        text = json.dumps(batch.info["space"], sort_keys=True)
        if text not in made:
            made[text] = SpaceShape.model_validate(batch.info["space"]).domain()
        spaces[batch.round] = made[text]
    return spaces


def extend_bounds(session: Session, who: Principal, row: CampaignRow, body: ExtensionIn) -> None:
    """Widen the range of a continuous parameter for the rounds to come; past rounds keep their plans.

    Raises:
        InvalidInput: There is no such parameter, it is not continuous, or the new low is off the grid.
        Conflict: The new range does not hold the present one, or is no wider.
    """
    document = document_of(row.document)
    index, before = _parameter(document, body.parameter)
    after = _widened(before, body)
    parameters = list(document.space.parameters)
    parameters[index] = parameters[index].model_copy(update={"low": after.low, "high": after.high})
    edited = document.model_copy(update={"space": document.space.model_copy(update={"parameters": parameters})})
    edited.check()
    row.document, row.version = edited.model_dump(mode="json"), row.version + 1
    store.record(
        session,
        who.name,
        "bounds extended",
        row.id,
        parameter=before.name,
        old=[before.low, before.high],
        new=[after.low, after.high],
        after_round=store.last_round(session, row.id),
        reason=body.reason,
    )


def _parameter(document: CampaignDocument, name: str) -> tuple[int, Continuous]:
    """Position and domain type of a continuous parameter."""
    continuous = {p.name: (i, p.domain()) for i, p in enumerate(document.space.parameters) if isinstance(p, ContinuousShape)}
    if name not in continuous:
        known = name in [p.name for p in document.space.parameters]
        fault = f"{name!r} has a list of settings, and no range to extend" if known else f"there is no parameter {name!r}"
        use = f"use one of the continuous parameters: {', '.join(continuous)}" if continuous else "the campaign has no continuous parameter"
        remedy = f"{use}; for a longer list, create a campaign and import the data" if known else use
        raise InvalidInput(fault, where=("parameter",), remedy=remedy)
    return continuous[name]


def _widened(before: Continuous, body: ExtensionIn) -> Continuous:
    low = before.low if body.low is None else body.low
    high = before.high if body.high is None else body.high
    if low > before.low or high < before.high:
        raise Conflict(
            f"bounds only widen, since wells were planned in {before.low:g} to {before.high:g}: give low <= {before.low:g} "
            f"and high >= {before.high:g}, or leave one out; to search a smaller box, create a campaign and import the data"
        )
    if low == before.low and high == before.high:
        raise Conflict(f"{before.name} already reaches from {before.low:g} to {before.high:g}: give a lower low or a higher high")
    aligned = _on_grid(before, low)
    try:
        return replace(before, low=aligned, high=high)
    except InvalidInput as error:  # too many steps: what is wrong is the new bound, not the old step
        raise InvalidInput(str(error), where=("low" if body.high is None else "high",), remedy="extend it by less") from error


def _on_grid(before: Continuous, low: float) -> float:
    if low == before.low:
        return low
    if not is_aligned(before, low):
        message = f"{low:g} is not a whole number of steps of {before.step:g} below {before.low:g}"
        raise InvalidInput(message, where=("low",), remedy=f"use {aligned_low(before, low):.12g}: then every setting so far stays one")
    return aligned_low(before, low)
