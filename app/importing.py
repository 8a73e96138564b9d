"""Import of a file of past measurements: all of it, or none."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from app import service
from app.problems import Conflict
from app.schemas.campaign import document_of
from app.schemas.flow import ImportMapping, ImportOut
from app.security import Principal
from app.tables_io import Cell, read_table
from db import store
from db.engine import Session
from db.tables import BatchRow, CampaignRow
from optimizer import replicates
from optimizer.objective import Objective
from optimizer.space import Categorical, SearchSpace
from optimizer.stopping import best_per_round
from optimizer.types import Design, DesignState, FloatArray, InvalidInput, Measurement


@dataclass(frozen=True)
class _Well:
    round: int
    x: FloatArray
    outcomes: list[FloatArray]


def import_file(
    session: Session, who: Principal, campaign: CampaignRow, content: bytes, mapping: ImportMapping, *, dry_run: bool
) -> ImportOut:
    """Turn the rows of a file into measured wells of new rounds.

    Values outside the box are taken as executed and flagged; nothing is snapped or repaired.

    Raises:
        InvalidInput: Names column, row and remedy; nothing is stored then.
        Conflict: The same file was imported before.
    """
    document = document_of(campaign.document)
    space, objective = document.space.domain(), document.objective.domain()
    digest = hashlib.sha256(content).hexdigest()
    if any(batch.info.get("file") == digest for batch in store.batches(session, campaign.id)):
        raise Conflict("this file was imported into this campaign before")
    wells = _wells(space, objective, mapping, *read_table(content))
    designs, measurements = _number_wells(wells, store.last_round(session, campaign.id), store.now())
    losses = replicates.reduce(designs, measurements, objective, document.aggregate)
    answer = ImportOut(
        dry_run=dry_run,
        conditions=len(designs),
        replicates=len(measurements),
        rounds=len({design.round for design in designs}),
        outside=sum(bool(space.outside(design.executed)) for design in designs),
        best_per_round=best_per_round(losses),
    )
    if not dry_run:
        _store(session, campaign, designs, measurements, digest)
        store.record(
            session, who.name, "file imported", campaign.id, file=digest, **answer.model_dump(mode="json", exclude={"best_per_round"})
        )
    return answer


def _wells(space: SearchSpace, objective: Objective, mapping: ImportMapping, header: list[str], rows: list[list[Cell]]) -> list[_Well]:
    columns = _parameter_columns(space, mapping, header)
    outcome = _outcome_columns(objective, mapping, header)
    round_column = _column(header, mapping.round, ("mapping", "round")) if mapping.round else None
    wells: dict[tuple[object, ...], _Well] = {}
    for number, row in enumerate(rows, 2):
        x = np.array([_parameter(space, j, row[column], header[column], number) for j, column in enumerate(columns)])
        labelled = _round(row[round_column], header[round_column], number) if round_column is not None else 0
        key = (labelled, *x)
        if key not in wells:
            wells[key] = _Well(labelled or 1 + len(wells) // (mapping.wells_per_round or len(rows)), x, [])
        wells[key].outcomes.append(np.array([_number(row[column], header[column], number) for column in outcome]))
    return list(wells.values())


def _parameter_columns(space: SearchSpace, mapping: ImportMapping, header: list[str]) -> list[int]:
    unknown = sorted(set(mapping.parameters) - set(space.names))
    if unknown:
        raise InvalidInput(
            f"{unknown[0]!r} is no parameter", where=("mapping", "parameters", unknown[0]), remedy=f"use: {', '.join(space.names)}"
        )
    columns = []
    for parameter in space.parameters:
        where = ("mapping", "parameters", parameter.name)
        if parameter.name not in mapping.parameters:
            raise InvalidInput(f"no column is given for {parameter.name}", where=where, remedy="map every parameter to a column")
        chosen = mapping.parameters[parameter.name]
        if chosen.unit != parameter.unit:
            message = f"the column's unit is {chosen.unit or 'missing'}, the parameter's {parameter.unit or 'none'}"
            raise InvalidInput(message, where=(*where, "unit"), remedy="convert the column, and state the parameter's unit")
        columns.append(_column(header, chosen.column, (*where, "column")))
    return columns


def _column(header: list[str], name: str, where: Sequence[str | int]) -> int:
    if name not in header:
        names = ", ".join(repr(h) for h in header[:20])
        raise InvalidInput(f"the file has no column {name!r}", where=tuple(where), remedy=f"its columns are: {names}")
    return header.index(name)


def _outcome_columns(objective: Objective, mapping: ImportMapping, header: list[str]) -> list[int]:
    if objective.axis is None:
        if mapping.outcome is None:
            raise InvalidInput(
                "no column is given for the outcome", where=("mapping", "outcome"), remedy="name the column of the measured number"
            )
        return [_column(header, mapping.outcome, ("mapping", "outcome"))]
    if mapping.outcome is not None:
        raise InvalidInput(
            "a curve has no single column", where=("mapping", "outcome"), remedy="leave it out; head the curve's columns by the axis"
        )
    used = {chosen.column for chosen in mapping.parameters.values()} | {mapping.round}
    found = [(float(name), index) for index, name in enumerate(header) if name not in used and _is_number(name)]
    axis = np.array([point for point, _ in found])
    if axis.size > 1 and (np.diff(axis) <= 0).any():
        raise InvalidInput(
            "the axis in the header must increase strictly", where=("file", "row 1"), remedy="sort the columns by their axis"
        )
    if axis.shape != objective.axis.shape or not np.allclose(axis, objective.axis, rtol=1e-9, atol=0):
        raise InvalidInput(
            f"the header has {len(axis)} axis columns, the campaign's axis {len(objective.axis)} points, and they must be the same",
            where=("file", "row 1"),
            remedy="head one column with each point of the campaign's axis",
        )
    return [index for _, index in found]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(cell: Cell, column: str, row: int) -> float:
    where = ("file", f"row {row}", column)
    try:
        value = float(cell) if isinstance(cell, str | int | float) and not isinstance(cell, bool) else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        shown = "empty" if cell in (None, "") else repr(str(cell)[:40])
        raise InvalidInput(
            f"row {row}, column {column!r}: {shown} is no finite number", where=where, remedy="correct the cell, or delete the row"
        )
    return value


def _parameter(space: SearchSpace, j: int, cell: Cell, column: str, row: int) -> float:
    parameter = space.parameters[j]
    if not isinstance(parameter, Categorical):
        return _number(cell, column, row)
    name = "" if cell is None else str(cell).strip()
    if name not in parameter.categories:
        message = f"row {row}, column {column!r}: {name[:40]!r} is no category of {parameter.name}"
        raise InvalidInput(message, where=("file", f"row {row}", column), remedy=f"use: {', '.join(parameter.categories)}")
    return float(parameter.categories.index(name))


def _round(cell: Cell, column: str, row: int) -> int:
    value = _number(cell, column, row)
    if value != int(value) or not 1 <= value <= 1_000_000:
        message = f"row {row}, column {column!r}: a round is a whole number from 1"
        raise InvalidInput(message, where=("file", f"row {row}", column), remedy="number the rounds 1, 2, 3, ...")
    return int(value)


def _number_wells(wells: list[_Well], last: int, moment: datetime) -> tuple[list[Design], list[Measurement]]:
    """Wells and replicates under their identifiers, in rounds that follow the last one."""
    numbers = {label: last + i for i, label in enumerate(sorted({well.round for well in wells}), 1)}
    position = Counter[int]()
    designs, measurements = [], []
    for well in wells:
        number = numbers[well.round]
        position[number] += 1
        id = store.design_name(number, position[number])
        designs.append(Design(id, number, position[number], well.x, well.x, "import", DesignState.MEASURED))
        measurements += [Measurement(id, k, values, moment) for k, values in enumerate(well.outcomes, 1)]
    return designs, measurements


def _store(session: Session, campaign: CampaignRow, designs: list[Design], measurements: list[Measurement], digest: str) -> None:
    moment = measurements[0].measured_at
    rounds = sorted({design.round for design in designs})
    info = {"file": digest, "space": campaign.document["space"]}
    session.add_all(BatchRow(campaign_id=campaign.id, round=r, rule="import", info=info, created_at=moment) for r in rounds)
    session.flush()
    session.add_all(service.new_design(campaign, d.round, d.well, d.planned, d.origin, d.state, {}) for d in designs)
    session.flush()
    session.add_all(store.new_replicate(campaign.id, measurement) for measurement in measurements)
