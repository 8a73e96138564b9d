"""Past campaigns as prior tasks: their data are frozen when a campaign is created, and scored under its own objective."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from app import views
from app.schemas.base import located
from app.schemas.campaign import CampaignDocument
from app.views import Campaign
from db import store
from db.engine import Session
from db.tables import PriorRow
from optimizer import replicates
from optimizer.objective import Objective
from optimizer.space import SearchSpace
from optimizer.state import PriorTask
from optimizer.types import Dataset, Design, DesignState, FloatArray, InvalidInput, Measurement, Spectrum


def frozen(session: Session, campaign_id: str, document: CampaignDocument) -> list[PriorRow]:
    """The present data of every campaign that a document names as a prior, not yet added to the session.

    Raises:
        InvalidInput: A prior is unknown, named twice or without data, or its data do not fit the campaign.
    """
    space, objective = document.space.domain(), document.objective.domain()
    rows = []
    for position, id in enumerate(document.priors):
        with located("priors", position):
            if id in document.priors[:position]:
                raise InvalidInput(f"campaign {id!r} is named twice", remedy="name every prior once")
            source = store.campaign(session, id)
            if source is None:
                raise InvalidInput(f"there is no campaign {id!r}", remedy="GET /api/v1/campaigns lists them")
            rows.append(_frozen(campaign_id, position, views.load(session, source), space, objective))
    return rows


def _frozen(campaign_id: str, position: int, source: Campaign, space: SearchSpace, objective: Objective) -> PriorRow:
    designs = [store.domain_design(row) for row in source.designs]
    wells, outcomes, counts = replicates.used(designs, [store.domain_measurement(row) for row in source.replicates])
    if not wells:
        raise InvalidInput(f"campaign {source.row.id!r} has no measured well", remedy="name campaigns with data, or import theirs first")
    X, Y = _rows(source, wells, space), _outcomes(source, np.array(outcomes), objective)
    blobs = {"executed": store.to_blob(X), "counts": store.to_blob(counts.astype(float)), "outcomes": store.to_blob(Y)}
    return PriorRow(
        campaign_id=campaign_id,
        position=position,
        source=source.row.id,
        round=max(well.round for well in wells),
        wells=len(wells),
        replicates=len(outcomes),
        digest=hashlib.sha256(b"".join(blobs.values())).hexdigest(),
        taken_at=store.now(),
        **blobs,
    )


def _rows(source: Campaign, wells: list[Design], space: SearchSpace) -> FloatArray:
    """Executed rows of past wells, in units and order of the present space."""
    _check_units(source, space)
    recipes = [source.space.recipe(well.executed) for well in wells]
    balance = space.mixture and space.mixture.balance
    for name in sorted(recipes[0].keys() - {*space.names, balance}):
        if len({recipe[name] for recipe in recipes}) > 1:
            remedy = f"make {name} a parameter, or import the wells of one setting into a campaign of their own and name that one"
            raise InvalidInput(f"campaign {source.row.id!r} varied {name}, which is no parameter here", where=(name,), remedy=remedy)
    return np.array([space.row({name: recipe[name] for name in space.names if name in recipe}) for recipe in recipes])


def _check_units(source: Campaign, space: SearchSpace) -> None:
    units = {parameter.name: parameter.unit for parameter in source.space.parameters}
    for parameter in space.parameters:
        theirs = units.get(parameter.name, parameter.unit)
        if theirs != parameter.unit:
            message = (
                f"campaign {source.row.id!r} gives {parameter.name} in {theirs or 'no unit'}, here it is in {parameter.unit or 'none'}"
            )
            remedy = "import its data, converted, into a campaign with the unit used here, and name that one"
            raise InvalidInput(message, where=(parameter.name,), remedy=remedy)


def _outcomes(source: Campaign, outcomes: FloatArray, objective: Objective) -> FloatArray:
    """Outcomes of past replicates as the present objective takes them; curves on its axis."""
    theirs = source.objective
    if (theirs.axis is None) != (objective.axis is None):
        kinds = ("a number", "a curve") if theirs.axis is None else ("a curve", "a number")
        message = f"campaign {source.row.id!r} measured {kinds[0]}, here the outcome is {kinds[1]}"
        raise InvalidInput(message, remedy="name campaigns whose raw outcomes are of the same kind: they are scored anew")
    if theirs.unit != objective.unit:
        message = f"campaign {source.row.id!r} measured in {theirs.unit or 'no unit'}, here the unit is {objective.unit or 'none'}"
        raise InvalidInput(message, remedy="import its data, converted, into a campaign with the unit used here, and name that one")
    if theirs.axis is None or objective.axis is None or np.array_equal(theirs.axis, objective.axis):
        return outcomes
    return np.array([Spectrum(theirs.axis, curve).resample(objective.axis).values for curve in outcomes])


def arrays(row: PriorRow) -> dict[str, Any]:
    """The frozen data as lists: executed rows, replicates of each, and outcomes of the replicates."""
    return {
        "executed": store.from_blob(row.executed).reshape(row.wells, -1).tolist(),
        "counts": [int(count) for count in store.from_blob(row.counts)],
        "outcomes": store.from_blob(row.outcomes).reshape(row.replicates, -1).tolist(),
    }


def tasks(campaign: Campaign) -> tuple[PriorTask, ...]:
    """The priors of a campaign as the science sees them."""
    return tuple(PriorTask(row.source, _dataset(campaign, row)) for row in campaign.priors)


def _dataset(campaign: Campaign, row: PriorRow) -> Dataset:
    counts = store.from_blob(row.counts).astype(int)
    X = store.from_blob(row.executed).reshape(row.wells, -1)
    names = [f"{row.source}/{i}" for i in range(row.wells)]
    designs = [Design(name, row.round, i, x, x, "prior", DesignState.MEASURED) for i, (name, x) in enumerate(zip(names, X, strict=True))]
    owners = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    outcomes = store.from_blob(row.outcomes).reshape(row.replicates, -1)
    measurements = [Measurement(name, k, outcome, row.taken_at) for k, (name, outcome) in enumerate(zip(owners, outcomes, strict=True))]
    return replicates.reduce(designs, measurements, campaign.objective, campaign.document.aggregate)
