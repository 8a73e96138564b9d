"""The command ``closedloop dataset``: data to learn from, at a service."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from closedloop import tools
from closedloop.bench import rich_table
from closedloop.client import Client
from closedloop.datasets import Dataset, DatasetField
from closedloop.errors import ClosedLoopError

app = typer.Typer(help="Data to learn from: stored in versions, known by a hash of their content.", no_args_is_help=True)

Name = Annotated[str, typer.Option(help="Name of the data set; new content under a known name is its next version.")]
Json = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the figures here too.")]


class Simulator(StrEnum):
    """What builds data sets."""

    nanoparticle = "nanoparticle"
    polymer = "polymer"
    scattering = "scattering"
    psd = "psd"


class Design(StrEnum):
    """Recipes or samples of a built data set."""

    latin_hypercube = "latin_hypercube"
    random = "random"
    published = "published"


class Content(StrEnum):
    """Kinds of files that a data set is taken out as."""

    npz = "npz"
    csv = "csv"


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX, parquet, or NPZ without pickles; a sample a row.")],
    name: Name,
    fields: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="JSON file: a list of what is in the file (fields of DatasetIn at /docs).")
    ],
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: Json = None,
) -> None:
    """Store a file as a data set: all of its rows, or nothing."""
    declared = tools.read_json(fields)
    if not (isinstance(declared, list) and all(isinstance(field, dict) for field in declared)):
        raise ClosedLoopError(f"{fields} holds no list of fields; each is an object with name, kind and unit")
    with Client(url, key) as client:
        _show(client.upload_dataset(file, name, declared), json_file)


@app.command()
def build(
    simulator: Annotated[Simulator, typer.Argument(help="The simulator.")],
    name: Name,
    rows: Annotated[int | None, typer.Option(min=2, help="Samples; 200 when left out, or all of a published design.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of the samples and their noise.")] = 0,
    replicates: Annotated[
        int | None, typer.Option(min=1, max=500, help="Noisy replicates of each recipe; one noise-free spectrum when left out.")
    ] = None,
    design: Annotated[
        Design | None,
        typer.Option(help="Polymer: latin_hypercube, or the published grid of 432 recipes at 12 times; scattering: random, or published."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file: further settings of the simulator (BuildIn at /docs).")
    ] = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: Json = None,
) -> None:
    """Let a simulator make a data set; the same options make the same one."""
    given = tools.read_json(settings) or {}
    if not isinstance(given, dict) or given.keys() & {"name", "simulator", "rows", "seed"}:
        raise ClosedLoopError(f"{settings} holds no further settings; it is an object from name to value, without those that are options")
    chosen = {"replicates": replicates, "design": design and design.value}
    count = rows or (None if design == Design.published else 200)
    with Client(url, key) as client:
        further = given | {k: value for k, value in chosen.items() if value is not None}
        made = client.build_dataset(name, simulator.value, count, seed, **further)
    _show(made, json_file)


@app.command("list")
def list_all(url: tools.Url = None, key: tools.Key = None, json_file: Json = None) -> None:
    """List the newest version of every data set."""
    with Client(url, key) as client:
        lines = list(client.datasets())
    rows = [[line["id"], str(line["version"]), str(line["rows"]), ", ".join(line["fields"]), line["created_at"][:16]] for line in lines]
    tools.console.print(rich_table("Data sets", ["data set", "version", "rows", "fields", "stored"], rows))
    tools.write_json(json_file, lines)


@app.command()
def show(
    dataset: Annotated[str, typer.Argument(help="The data set.")],
    version: Annotated[int | None, typer.Option(min=1, help="The newest when left out.")] = None,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="Write its content here: NPZ, or CSV by --format.")] = None,
    format: Annotated[Content, typer.Option(help="Kind of the file that --output writes.")] = Content.npz,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: Json = None,
) -> None:
    """Tell what a data set holds, field by field, and what to look at; take it out by --output."""
    with Client(url, key) as client:
        found = client.dataset(dataset, version)
        if output is not None:
            client.dataset_content(dataset, format.value, found["version"], output)
    _show(found, json_file)


def _show(dataset: Dataset, json_file: Path | None) -> None:
    title = f"{dataset['id']}, version {dataset['version']} of {dataset['newest']}: {dataset['rows']} rows"
    rows = [_told(field) for field in dataset["fields"]]
    tools.console.print(rich_table(title, ["field", "kind", "unit", "shape", "min", "median", "max", "more"], rows))
    for warning in dataset["warnings"]:
        tools.console.print(f"Warning: {warning}")
    tools.console.print(f"SHA-256 {dataset['sha256']}")
    tools.write_json(json_file, dataset)


def _told(field: DatasetField) -> list[str]:
    figures = ["" if value is None else f"{value:.4g}" for value in (field["min"], field["median"], field["max"])]
    more = ""
    if field["axis"]:
        more = f"over {field['axis'][0]:g} to {field['axis'][-1]:g} {field['axis_unit']}"
    if field["classes"]:
        most = sorted(field["classes"].items(), key=lambda entry: -entry[1])
        more = ", ".join(f"{name} {count}" for name, count in most[:5]) + (f", and {len(most) - 5} more" if len(most) > 5 else "")
    return [field["name"], field["kind"], field["unit"] or "", " x ".join(map(str, field["shape"])), *figures, more]
