"""``closedloop import``: a file of past measurements into a campaign, and on request the next batch."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from closedloop.client import Client
from closedloop.data import fetch
from closedloop.local import local_service
from closedloop.types import Batch, Imported

_SHARES = {"QAgNO3": (0.5, 80), "Qpva": (10, 40), "Qtsc": (0.5, 80), "Qseed": (0.5, 80)}

AGNP_DOCUMENT: dict[str, Any] = {
    "name": "Silver nanoprisms (AgNP)",
    "space": {
        "parameters": [
            *(
                {"kind": "continuous", "name": name, "low": low, "high": high, "unit": "%", "step": 0.1}
                for name, (low, high) in _SHARES.items()
            ),
            {"kind": "continuous", "name": "Qtot", "low": 200, "high": 1000, "unit": "uL/min", "step": 1},
        ],
        "constraints": [{"coefficients": dict.fromkeys(_SHARES, 1), "bound": 90}],
    },
    "objective": {"kind": "minimize", "outcome": "loss"},
    "replicates": 20,
}
"""The system of Mekki-Berrada et al. (2021): flows of a droplet reactor in the file's column order, water makes up the rest."""

AGNP_MAPPING: dict[str, Any] = {
    "parameters": {
        **{name: {"column": f"{name}(%)", "unit": "%"} for name in _SHARES},
        "Qtot": {"column": "Qtot(uL/min)", "unit": "uL/min"},
    },
    "outcome": "loss",
    "wells_per_round": 15,
}


@dataclass(frozen=True)
class Import:
    """What is imported.

    Attributes:
        path: The file.
        mapping: Which column is what.
        document: The campaign to create for it; None where it goes into an existing one.
    """

    path: Path
    mapping: Mapping[str, Any]
    document: Mapping[str, Any] | None


def planned(file: str, mapping: Path | None, document: Path | None, name: str | None, *, create: bool) -> Import:
    """What a command line asks for.

    Args:
        file: Path of the file, or ``agnp`` for the published data with its campaign and mapping.
        mapping: JSON file.
        document: JSON file.
        name: Name of the campaign, instead of the document's.
        create: Whether a campaign is to be created.

    Raises:
        BadParameter: Something is missing or no JSON.
    """
    known = file == "agnp"
    columns = _json(mapping, "--mapping", AGNP_MAPPING if known else None)
    created = _json(document, "--document", AGNP_DOCUMENT if known else None) if create else None
    if created and name:
        created = {**created, "name": name}
    path = fetch(file) if known else Path(file)
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {file!r}; give a CSV or XLSX file, or agnp")
    return Import(path, columns, created)


def _json(path: Path | None, option: str, default: dict[str, Any] | None) -> dict[str, Any]:
    if path is None:
        if default is None:
            raise typer.BadParameter(f"{option} is missing; only agnp brings its own")
        return default
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise typer.BadParameter(f"{option} {path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise typer.BadParameter(f"{option} {path} holds no JSON object")
    return content


@contextmanager
def connected(url: str | None, key: str | None, console: Console) -> Iterator[Client]:
    """A client of the service at an address, or else of a private one that ends with the block."""
    if url:
        with Client(url, key) as client:
            yield client
        return
    console.print("Using a private, temporary service: nothing is kept. Give --url to import into a service of yours.")
    with (
        tempfile.TemporaryDirectory(prefix="closedloop-") as folder,
        local_service(folder) as service,
        Client(service.url, service.key) as client,
    ):
        yield client


def run(client: Client, job: Import, campaign: str | None, console: Console, *, propose: bool, dry_run: bool) -> dict[str, Any]:
    """Import, print what came of it, and return the figures.

    Args:
        client: Where to.
        job: What.
        campaign: The campaign, where none is created.
        console: Where to print.
        propose: Whether to wait for the next batch.
        dry_run: Only say what would be done.
    """
    into = campaign or client.create_campaign(job.document or {})["id"]
    imported = client.import_file(into, job.path, job.mapping, dry_run)
    console.print(_best(into, imported))
    best = imported["best_per_round"]
    return {
        "conditions": imported["conditions"],
        "replicates": imported["replicates"],
        "best_median_per_round": [best[round] for round in sorted(best, key=int)],
        "proposed": _propose(client, into, console) if propose and not dry_run else [],
    }


def _propose(client: Client, campaign: str, console: Console) -> list[list[float | str]]:
    with console.status("Waiting for the next batch"):
        batch = client.wait_for_batch(campaign)
    if batch is None:
        console.print(f"No batch: the campaign has stopped. {client.stop_checks(campaign)['checks'][-1]['reason']}")
        return []
    console.print(_wells(batch))
    return [list(well["planned"].values()) for well in batch["designs"]]


def _best(campaign: str, imported: Imported) -> Table:
    verb = "Would be imported" if imported["dry_run"] else "Imported"
    counts = f"{imported['conditions']} wells, {imported['replicates']} replicates, {imported['rounds']} rounds"
    outside = f"; {imported['outside']} wells lie outside the box, kept and flagged" if imported["outside"] else ""
    table = Table("round", "best aggregated loss", title=f"{verb} into {campaign}: {counts}{outside}")
    for round, loss in sorted(imported["best_per_round"].items(), key=lambda item: int(item[0])):
        table.add_row(round, f"{loss:.3f}")
    return table


def _wells(batch: Batch) -> Table:
    wells = batch["designs"]
    table = Table("well", *wells[0]["planned"], "predicted loss", "std", title=f"Round {batch['round']}, proposed by {batch['rule']}")
    for well in wells:
        figures = [well["proposal"]["mean"], well["proposal"]["std"]] if well["proposal"] else [None, None]
        recipe = [f"{value:g}" if isinstance(value, float | int) else value for value in well["planned"].values()]
        table.add_row(well["id"], *recipe, *("" if figure is None else f"{figure:.3f}" for figure in figures))
    return table
