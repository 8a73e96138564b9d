"""``closedloop demo``: a whole campaign over HTTP against the simulated lab, until a stop condition fires."""

from __future__ import annotations

import math
import sys
import threading
from pathlib import Path

from rich.console import Console
from rich.table import Table

from closedloop.client import Client
from closedloop.errors import ClosedLoopError
from closedloop.lab import Lab
from closedloop.local import LocalService, local_service
from closedloop.simulate import campaign_document, measure
from closedloop.types import Batch, StopChecks

MOST_ROUNDS = 10


class NoEnd(ClosedLoopError):
    """The demo's campaign has not stopped after the most rounds that it may take."""


def run(folder: Path, port: int, seed: int, console: Console) -> None:
    """Run the demo; in a terminal, keep the service afterwards until Ctrl-C.

    Args:
        folder: Where the service keeps its data.
        port: Port of the service; any free one when 0.
        seed: Seed of the campaign and of the lab.
        console: Where to print.

    Raises:
        NoEnd: No stop condition has fired.
    """
    console.print(f"Starting a service in {folder} ...")
    with local_service(folder, port) as service, Client(service.url, service.key) as client:
        document = campaign_document(seed)
        campaign, threshold = client.create_campaign(document)["id"], document["stop"]["loss"]["threshold"]
        console.print(f"Campaign {campaign}: 15 wells a round, 4 replicate spectra each, until the best loss is at most {threshold:g}.")
        rounds = _rounds(client, campaign, seed, console)
        console.print(_table(rounds, client.stop_checks(campaign)))
        _conclude(client, campaign, service, console)


def _rounds(client: Client, campaign: str, seed: int, console: Console) -> list[Batch]:
    """Each round as it ended."""
    lab, done = Lab(measure, seed), list[Batch]()
    while len(done) < MOST_ROUNDS:
        with console.status(f"Round {len(done) + 1}: waiting for the wells"):
            batch = client.wait_for_batch(campaign)
        if batch is None:
            return done
        with console.status(f"Round {batch['round']}: measuring"):
            posted = lab.run_round(client, campaign, batch)
        done.append(client.batch(campaign, batch["round"]))
        console.print(f"Round {batch['round']}: {posted['created']} replicates posted, {posted['unchanged']} of them twice")
    if client.wait_for_batch(campaign) is not None:
        client.stop(campaign, f"the demo ends after {MOST_ROUNDS} rounds")
        raise NoEnd(f"no stop condition has fired in {MOST_ROUNDS} rounds; try another --seed")
    return done


def _table(rounds: list[Batch], stop: StopChecks) -> Table:
    table = Table(title="The campaign, round by round")
    for heading in ("round", "origin", "wells", "replicates", "outliers", "best loss", "best so far", "stop check"):
        table.add_column(heading, justify="left" if heading in ("origin", "stop check") else "right")
    evidence = {check["round"]: check["evidence"] for check in stop["checks"]}
    best = math.inf
    for batch in rounds:
        wells, loss = batch["designs"], math.nan if batch["best_loss"] is None else batch["best_loss"]
        best, failed = min(best, loss), sum(well["state"] == "failed" for well in wells)
        newest = [row for row in evidence[batch["round"]] if row["round"] == batch["round"]]
        table.add_row(
            str(batch["round"]),
            batch["rule"],
            f"{len(wells)} ({failed} failed)" if failed else str(len(wells)),
            str(sum(well["summary"]["n"] for well in wells)),
            str(sum(len(well["summary"]["outliers"]) for well in wells)),
            f"{loss:.3f}",
            f"{best:.3f}",
            ", ".join(f"{row['leg']} {row['value']:.3f} {'<=' if row['met'] else '>'} {row['threshold']:g}" for row in newest),
        )
    return table


def _conclude(client: Client, campaign: str, service: LocalService, console: Console) -> None:
    best, stop = client.campaign(campaign)["best"], client.stop_checks(campaign)
    console.print(stop["checks"][-1]["reason"].capitalize())
    if best:
        recipe = ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in best["recipe"].items())
        console.print(f"Best well: {best['design']}, loss {best['loss']:.3f}: {recipe}")
    console.print(f"Swagger page: {service.url}/docs  (press Authorize and paste the key {service.key})", soft_wrap=True)
    if sys.stdin.isatty() and sys.stdout.isatty():
        console.print("The service keeps running; Ctrl-C ends it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            console.print("Ended.")
    else:
        again = f"closedloop serve --database {service.database}"
        console.print(f"The service ends with this command; `{again}` opens it again.", soft_wrap=True)
