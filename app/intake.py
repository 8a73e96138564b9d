"""Measurements in: parse, check the axis, store; that is the whole transaction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import service
from app.problems import Conflict
from app.schemas.base import located
from app.schemas.campaign import document_of
from app.schemas.wells import MeasurementIn, MeasurementsOut, Outcome, ReplicatePatch
from app.security import Principal
from db import store
from db.engine import Session
from db.tables import CampaignRow, DesignRow, ReplicateRow
from optimizer.objective import Objective
from optimizer.types import DesignState, FloatArray, InvalidInput, Measurement, Quality


def put_replicate(
    session: Session, who: Principal, campaign: CampaignRow, design: DesignRow, number: int, body: Outcome
) -> tuple[ReplicateRow, bool]:
    """Store one replicate under its natural key.

    Returns:
        The row, and whether it is new.

    Raises:
        Conflict: The replicate exists with other content.
        InvalidInput: The outcome does not fit the objective or its axis.
    """
    values = outcome_values(document_of(campaign.document).objective.domain(), body)
    row, created = _store(session, campaign, design, number, values, body)
    if created:
        store.record(session, who.name, "replicate stored", campaign.id, design=design.id, replicate=number)
        session.flush()
        if _settle(session, campaign, design):
            service.step_when_complete(session, who.name, campaign)
    return row, created


def post_measurements(session: Session, who: Principal, campaign: CampaignRow, items: Sequence[MeasurementIn]) -> MeasurementsOut:
    """Store many replicates: all, or none.

    Raises:
        NotFound, Conflict, InvalidInput: Names the first row at fault.
    """
    objective = document_of(campaign.document).objective.domain()
    designs = {row.id: row for row in store.designs(session, campaign.id)}
    created = 0
    for index, item in enumerate(items):
        if item.design not in designs:
            raise _at(index, InvalidInput(f"there is no design {item.design!r}", where=("design",), remedy="see the campaign's batches"))
        with located("measurements", index):
            values = outcome_values(objective, item)
        created += _store(session, campaign, designs[item.design], item.replicate, values, item, f"measurements.{index}: ")[1]
    session.flush()
    touched = dict.fromkeys(item.design for item in items)
    measured = [id for id in touched if _settle(session, campaign, designs[id])]
    if created:
        store.record(session, who.name, "measurements stored", campaign.id, created=created, designs=list(touched))
    if measured:
        service.step_when_complete(session, who.name, campaign)
    return MeasurementsOut(created=created, unchanged=len(items) - created, measured=measured)


def _at(index: int, error: InvalidInput) -> InvalidInput:
    error.where = ("measurements", index, *error.where)
    return error


def outcome_values(objective: Objective, body: Outcome) -> FloatArray:
    """The values of an outcome, checked against the objective.

    Raises:
        InvalidInput: A number where a curve is asked for or the reverse, a wrong length, or another axis.
    """
    if objective.axis is None:
        if body.value is None:
            raise InvalidInput("the objective asks for one number per replicate", where=("value",), remedy="send value instead of values")
        if body.axis is not None:
            raise InvalidInput("a number has no axis", where=("axis",), remedy="leave it out")
        return np.array([body.value])
    if body.values is None:
        raise InvalidInput("the objective asks for a curve per replicate", where=("values",), remedy="send values instead of value")
    _check_axis(objective.axis, body)
    if len(body.values) != objective.width:
        remedy = "measure on the campaign's axis, or resample onto it before posting"
        raise InvalidInput(f"the curve has {len(body.values)} values, the axis {objective.width}", where=("values",), remedy=remedy)
    return np.array(body.values)


def _check_axis(axis: FloatArray, body: Outcome) -> None:
    if body.axis is None:
        return
    given = np.array(body.axis)
    if (np.diff(given) <= 0).any():
        raise InvalidInput("the axis must increase strictly", where=("axis",), remedy="sort the curve by its axis and drop repeated points")
    if given.shape != axis.shape or not np.allclose(given, axis, rtol=1e-9, atol=0):
        spans = [f"{len(points)} points from {points[0]:g} to {points[-1]:g}" for points in (given, axis)]
        remedy = "measure on the campaign's axis, or resample onto it before posting"
        raise InvalidInput(f"the axis has {spans[0]}; the campaign's has {spans[1]}", where=("axis",), remedy=remedy)


def _store(
    session: Session, campaign: CampaignRow, design: DesignRow, number: int, values: FloatArray, body: Outcome, where: str = ""
) -> tuple[ReplicateRow, bool]:
    blob, existing = store.to_blob(values), store.replicate(session, campaign.id, design.id, number)
    if existing is not None:
        if existing.outcome != blob or (body.measured_at is not None and existing.measured_at != body.measured_at):
            raise Conflict(
                f"{where}replicate {number} of {design.id} is stored with other content; raw data are never overwritten: "
                "post it under a new number, and exclude the wrong one with a reason"
            )
        return existing, False
    row = store.new_replicate(campaign.id, Measurement(design.id, number, values, body.measured_at or store.now()))
    session.add(row)
    return row, True


def _settle(session: Session, campaign: CampaignRow, design: DesignRow) -> bool:
    """Let a well follow its data: running with the first replicate, measured with the last; True when it becomes measured.

    Data of a rejected, failed or abandoned well are kept, and used once a person sets it back.
    """
    if not DesignState(design.state).pending:
        return False
    done = store.replicate_count(session, campaign.id, design.id) >= campaign.document["replicates"]
    design.state = DesignState.MEASURED if done else DesignState.RUNNING
    design.version += 1
    return done


def patch_replicate(session: Session, who: Principal, campaign: CampaignRow, row: ReplicateRow, patch: ReplicatePatch) -> None:
    """Exclude a replicate from the aggregate, or take it back in; the raw values stay."""
    row.quality, row.reason, row.version = patch.quality, patch.reason, row.version + 1
    store.record(
        session,
        who.name,
        "replicate excluded" if patch.quality == Quality.EXCLUDED else "replicate taken back in",
        campaign.id,
        design=row.design_id,
        replicate=row.replicate,
        reason=patch.reason,
    )
