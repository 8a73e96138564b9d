"""Export of a campaign: nothing that was stored is left out of JSON and ZIP; CSV and XLSX are flat views."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

from app import priors, views
from app.schemas.flow import EventOut
from app.tables_io import write_csv, write_xlsx
from app.views import Campaign
from db import store
from db.engine import Session

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
Table = tuple[list[str], list[list[Any]]]


def export(session: Session, campaign: Campaign, format: str) -> bytes:
    """A campaign as a file: ``csv`` (one row per replicate), ``xlsx`` (wells and replicates), ``json`` or ``zip`` (everything)."""
    if format == "csv":
        return write_csv(*_replicates(campaign)).encode()
    if format == "xlsx":
        return write_xlsx({"replicates": _replicates(campaign), "wells": _wells(campaign)})
    whole = json.dumps(_everything(session, campaign), indent=1, allow_nan=False).encode()
    return whole if format == "json" else _zipped(campaign, whole)


def _zipped(campaign: Campaign, whole: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("campaign.json", whole)
        archive.writestr("replicates.csv", write_csv(*_replicates(campaign)))
        archive.writestr("wells.csv", write_csv(*_wells(campaign)))
    return out.getvalue()


def _replicates(campaign: Campaign) -> Table:
    axis = campaign.objective.axis
    names, outcome = list(campaign.space.names), campaign.objective.outcome
    header = ["round", "design", "state", *names, "replicate", "measured_at", "quality", "computed_loss", "loss_reason"]
    header += [outcome] if axis is None else [repr(point) for point in axis.tolist()]
    recipes = {row.id: campaign.space.recipe(store.from_blob(row.executed)) for row in campaign.designs}
    rows = []
    for design in campaign.designs:
        for row in campaign.by_design[design.id]:
            loss, reason = campaign.losses.get((design.id, row.replicate), ("", ""))
            recipe = [recipes[design.id][name] for name in names]
            facts = [row.replicate, row.measured_at.isoformat(), row.quality, loss, reason]
            rows.append([design.round, design.id, design.state, *recipe, *facts, *store.from_blob(row.outcome).tolist()])
    return header, rows


def _wells(campaign: Campaign) -> Table:
    names = list(campaign.space.names)
    batches = {batch.round: batch for batch in campaign.batches}
    header = ["round", "phase", "label", "well", "design", "state", "origin", "reason"]
    header += [f"planned {name}" for name in names] + [f"executed {name}" for name in names]
    header += ["replicates", "loss", "standard error", "predicted loss", "predicted std"]
    rows = []
    for row in campaign.designs:
        well = views.design_out(campaign, row)
        predicted = (well.proposal.mean, well.proposal.std) if well.proposal else (None, None)
        recipes = [well.planned[name] for name in names] + [well.executed[name] for name in names]
        batch = batches[well.round]
        facts = [well.round, batch.phase, batch.label, well.well, well.id, well.state, well.origin, well.reason]
        rows.append([*facts, *recipes, well.summary.n, well.summary.loss, well.summary.error, *predicted])
    return header, rows


def _everything(session: Session, campaign: Campaign) -> dict[str, Any]:
    id = campaign.row.id
    log = [
        EventOut(id=e.id, at=e.at, actor=e.actor, action=e.action, detail=e.detail)
        for e in store.events(session, id, 0, np.iinfo(np.int32).max)
    ]
    known = store.knowledge(session, id)
    return {
        "campaign": views.campaign_out(campaign).model_dump(mode="json"),
        "objectives": [entry.model_dump(mode="json") for entry in views.objectives_out(campaign)],
        "batches": [{**views.batch_out(campaign, row).model_dump(mode="json"), "info": row.info} for row in campaign.batches],
        "priors": [{**views.prior_out(row).model_dump(mode="json"), **priors.arrays(row)} for row in campaign.priors],
        "replicates": [views.replicate_out(campaign, row).model_dump(mode="json") for row in campaign.replicates],
        "phases": views.phases_out(campaign.row, campaign.phases).model_dump(mode="json"),
        "stop_checks": [views.stop_check_out(row).model_dump(mode="json") for row in store.stop_checks(session, id)],
        "knowledge": known and {"made_at": known.made_at.isoformat(), "round": known.round, "basis": known.basis, **known.content},
        "events": [event.model_dump(mode="json") for event in log],
    }
