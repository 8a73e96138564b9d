"""The commands that talk HTTP: import, export, demo, simulate, and published data."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from closedloop import data, demo, importing, race, report
from closedloop.bench import rich_table
from closedloop.client import Client
from closedloop.errors import ClosedLoopError
from closedloop.local import local_service

# No markup: names that people choose may hold brackets.
console = Console(width=None if sys.stdout.isatty() else 120, markup=False, emoji=False, highlight=False)
datasets = typer.Typer(help="Published data sets.", no_args_is_help=True)

Url = Annotated[str | None, typer.Option(envvar="CLOSEDLOOP_URL", help="Address of the service.")]
Key = Annotated[str | None, typer.Option(envvar="CLOSEDLOOP_KEY", help="API key.")]
Json = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write everything here too.")]
Report = Annotated[Path | None, typer.Option("--report", file_okay=False, help="Write a page and its figures here.")]


class System(StrEnum):
    """Virtual labs."""

    nanoparticle = "nanoparticle"
    polymer = "polymer"
    crystallization = "crystallization"


class Published(StrEnum):
    """Published systems that are made once more."""

    nanoparticle = "nanoparticle"
    polymer = "polymer"
    scattering = "scattering"
    psd = "psd"


class Format(StrEnum):
    """Kinds of export."""

    csv = "csv"
    xlsx = "xlsx"
    json = "json"
    zip = "zip"


def add_to(app: typer.Typer) -> None:
    """Make these commands part of an application."""
    app.command("import")(import_file)
    app.command()(export)
    app.command("demo")(run_demo)
    app.command()(simulate)
    app.add_typer(datasets, name="data")


def import_file(
    file: Annotated[
        str, typer.Argument(metavar="FILE|agnp", help="CSV or XLSX file with one replicate a row, or the published data set agnp.")
    ],
    mapping: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file: which column is what (ImportMapping at /docs).")
    ] = None,
    document: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file: the campaign to create (CampaignDocument at /docs).")
    ] = None,
    campaign: Annotated[str | None, typer.Option(help="Campaign to import into; one is created when left out.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the campaign that is created.")] = None,
    propose: Annotated[bool, typer.Option("--propose", help="Wait for the next batch and print it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check, and say what would be imported.")] = False,
    url: Url = None,
    key: Key = None,
    json_file: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the figures here too.")] = None,
) -> None:
    """Import past measurements into a new campaign, or into an existing one.

    Without --url the import runs in a private service that ends with the command.
    """
    if campaign and not url:
        raise typer.BadParameter("--campaign needs the --url of the service that has it")
    job = importing.planned(file, mapping, document, name, create=campaign is None)
    # A campaign that is created only to be checked must not stay behind.
    where = None if dry_run and campaign is None else url
    with importing.connected(where, key, console) as client:
        write_json(json_file, importing.run(client, job, campaign, console, propose=propose, dry_run=dry_run))


def export(
    campaign: Annotated[str, typer.Argument(help="The campaign.")],
    format: Annotated[Format, typer.Option(help="CSV and XLSX hold the replicates, JSON and ZIP everything.")] = Format.csv,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="The file; CAMPAIGN.FORMAT when left out.")] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Write a campaign to a file."""
    path = output or Path(f"{campaign}.{format.value}")
    with Client(url, key) as client:
        size = len(client.export(campaign, format.value, path))
    print(f"{path}: {size} bytes")


def run_demo(
    folder: Annotated[Path, typer.Option(file_okay=False, help="Where the service keeps its data.")] = Path(".demo"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the service; 0 for any free one.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the campaign and of the lab.")] = 3,
) -> None:
    """Run a whole campaign over HTTP against a small simulated lab, until a stop condition fires."""
    demo.run(folder, port, seed, console)


def simulate(
    system: Annotated[System, typer.Argument(help="The virtual lab.")],
    rules: Annotated[
        str | None, typer.Option(help="Batch rules, or switch for one after another; a campaign each. Left out, what suits the lab.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the campaigns and of the lab.")] = 0,
    rounds: Annotated[int | None, typer.Option(min=1, max=100, help="Rounds of each campaign, the first design included.")] = None,
    replicates: Annotated[int | None, typer.Option(min=1, max=1000, help="Replicate curves of every well.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Loss at or below which a well lies in the target region.")] = None,
    model: Annotated[str | None, typer.Option(help="Crystallization: surrogate that reads the pictures; trained when left out.")] = None,
    url: Url = None,
    key: Key = None,
    folder: Annotated[Path, typer.Option(file_okay=False, help="Without --url: where a service of its own keeps its data.")] = Path(
        ".simulation"
    ),
    json_file: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the figures here too.")] = None,
    report_folder: Annotated[Path | None, typer.Option("--report", file_okay=False, help="Write a page and its figure here.")] = None,
) -> None:
    """Act as a lab on a service: run a campaign for each rule on a virtual lab over HTTP, and say who reached the target region first.

    Replicates come out of order, some late, twice or never, and wells fail. The same command takes up where it was interrupted.
    """
    given = {"rules": rules and tuple(dict.fromkeys(rules.split(","))), "rounds": rounds, "replicates": replicates, "threshold": threshold}
    if model and system is not System.crystallization:
        raise typer.BadParameter(f"the {system.value} lab takes no pictures that a model would read", param_hint="--model")
    lab = getattr(race, system.value)(*([model] if model else []))
    task = replace(lab.usual, seed=seed, **{name: value for name, value in given.items() if value is not None})
    with _connected(url, key, folder) as client:
        summary = race.run(client, lab, task, console)
    for cells in race.cells(summary):
        console.print(rich_table(*cells))
    for line in race.verdict(summary):
        console.print(line)
    write_json(json_file, summary)
    if report_folder is not None:
        print(report.write(report_folder, race.page(summary)))


@contextmanager
def _connected(url: str | None, key: str | None, folder: Path) -> Iterator[Client]:
    """A client of the service at an address, or else of one that ends with the block and keeps its data in a folder."""
    with ExitStack() as stack:
        if not url:
            console.print(f"Starting a service in {folder} ...")
            service = stack.enter_context(local_service(folder))
            url, key = service.url, service.key
        yield stack.enter_context(Client(url, key))


@datasets.command()
def fetch(name: Annotated[str, typer.Argument(help=f"One of: {', '.join(data.DATASETS)}.")]) -> None:
    """Fetch a published data set into the cache, and check it."""
    path = data.fetch(name)
    dataset = data.DATASETS[name]
    print(path)
    print(f"Licence: {dataset.licence}. Please cite: {'; '.join(dataset.citations)}.")


def write_json(path: Path | None, content: Any) -> None:
    """Write figures to a file, where one is asked for."""
    if path is not None:
        path.write_text(json.dumps(content, indent=1) + "\n")


def read_json(path: Path | None) -> Any:
    """What a file holds, None where none is given.

    Raises:
        ClosedLoopError: It is no JSON.
    """
    try:
        return None if path is None else json.loads(path.read_bytes())
    except ValueError as error:
        raise ClosedLoopError(f"{path} holds no JSON: {error}") from error
