"""The command ``closedloop psd``: sizes of particles read from images by a model, and pictures of suspensions simulated."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from closedloop import report, tools
from closedloop.bench import rich_table
from closedloop.client import Client
from closedloop.errors import ClosedLoopError
from closedloop.psd import SizeReading

app = typer.Typer(help="Sizes of particles from images.", no_args_is_help=True)
_MARKS = ("D10", "D50", "D90", "span")
_MEANS = ("D[1,0]", "D[3,2]", "D[4,3]")
_FORMATS = {".tif": "tiff", ".tiff": "tiff", ".zip": "zip", ".npz": "npz"}
_NOTES = """Number (q0) counts particles, volume (q3) their volume; diameters are those of spheres of the same volume.
D10, D50, D90: a tenth, half, nine tenths lie below; span: (D90 - D10) / D50; D[1,0], D[3,2], D[4,3]: mean diameters (ISO 9276-2).
Band: what another choice of images would have told in 90 % of the cases; it does not tell what the model gets wrong.
Interval of a bin: holds 90 % of new suspensions like those that the model was trained on.
Inside, edge and outside say how near brightness, contrast and detail of the images are to what the model was trained on.
A conversion between number and volume grows errors: a model that was trained on the wanted shares avoids it."""


class WeightingName(StrEnum):
    """What shares count."""

    number = "number"
    volume = "volume"


@app.callback()
def psd() -> None:
    """Sizes of particles from images."""


@app.command()
def read(
    path: Annotated[Path, typer.Argument(exists=True, help="Multi-page TIFF, PNG, or a zip file or folder of TIFF and PNG.")],
    um_per_pixel: Annotated[float, typer.Option(help="Edge of a pixel in the suspension, um, as calibrated.")],
    model: Annotated[str | None, typer.Option(help="Surrogate that tells size distributions; the only one, or the promoted one.")] = None,
    flat_field: Annotated[Path | None, typer.Option(exists=True, help="The same without particles.")] = None,
    bootstrap: Annotated[int, typer.Option(min=0, max=1000, help="Stacks that are drawn for a 90 % band; 0 for none.")] = 200,
    weighting: Annotated[WeightingName | None, typer.Option(help="What shares shall count; as the model was trained.")] = None,
    url: tools.Url = None,
    key: tools.Key = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write the distribution here.")] = None,
    json_file: tools.Json = None,
    report_folder: tools.Report = None,
) -> None:
    """Read the size distribution of a suspension from images of it."""
    with Client(url, key) as client:
        wanted = {"bootstrap": bootstrap, "weighting": weighting and weighting.value}
        found = client.read_images(model or only_model(client), path, um_per_pixel, flat_field=flat_field, **wanted)  # type: ignore[arg-type]
    for table in cells(found):
        tools.console.print(rich_table(*table))
    for flag in found["flags"]:
        tools.console.print(f"Note: {flag}")
    if csv_file is not None:
        _write_csv(csv_file, found)
    tools.write_json(json_file, found)
    if report_folder is not None:
        print(report.write(report_folder, page(found, path.name, {"um_per_pixel": um_per_pixel, **wanted})))


@app.command()
def simulate(
    output: Annotated[Path, typer.Argument(dir_okay=False, help="The file: .tif, .zip (PNG and the distribution as CSV) or .npz.")],
    mode: Annotated[list[str] | None, typer.Option(metavar="MEDIAN,SIGMA[,SHARE]", help="A log-normal mode; may be repeated.")] = None,
    phi: Annotated[float, typer.Option(help="Projected area fraction.")] = 0.15,
    aspect: Annotated[str | None, typer.Option(metavar="LOW:HIGH", help="Aspect ratios of spheroids; spheres when left out.")] = None,
    images: Annotated[int, typer.Option(min=1, max=100, help="Of the stack.")] = 5,
    pixels: Annotated[int, typer.Option(min=16, max=1024, help="Along either side of 1024 um.")] = 128,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of particles and noise.")] = 0,
    url: tools.Url = None,
    key: tools.Key = None,
) -> None:
    """Take pictures of a suspension of known size distribution, for `read` to read."""
    format = _FORMATS.get(output.suffix.lower())
    if format is None:
        raise typer.BadParameter(f"{output} has to end in {', '.join(_FORMATS)}")
    suspension = {"modes": [_mode(text) for text in mode or ["100,0.2"]], "phi": phi}
    if aspect is not None:
        suspension["aspect"] = _numbers(aspect, ":", (2,))
    with Client(url, key) as client:
        size = client.simulate_psd_file([suspension], output, format, images=images, pixels=pixels, seed=seed)  # type: ignore[arg-type]
    print(f"{output}: {size} bytes, {1024 / pixels:g} um per pixel")


def only_model(client: Client) -> str:
    """The model that tells size distributions: the only promoted one, or the only one.

    Raises:
        ClosedLoopError: There is none, or more than one.
    """
    known = [line for line in client.surrogates() if line["trained"] and line["state"] != "retired" and _tells_sizes(client, line["id"])]
    chosen = [line["id"] for line in known if line["state"] == "promoted"] or [line["id"] for line in known]
    if len(chosen) != 1:
        told = f"models that tell size distributions from images: {', '.join(chosen) or 'none'}"
        raise ClosedLoopError(f"{told}; {'name one by --model' if chosen else 'train one, see the guide on particle sizes'}")
    return chosen[0]


def _tells_sizes(client: Client, id: str) -> bool:
    box = (client.surrogate(id)["card"] or {})["box"]
    return any(str(told.get("unit")).endswith("um/pixel") for told in box.values())


def cells(found: SizeReading) -> list[report.Cells]:
    """The tables of a reading: figures, bins, and how far they can be trusted."""
    band, validity = found["bootstrap"], found["validity"]
    unit = {"span": ""}
    rows = []
    for name in (*_MARKS, *_MEANS):
        ends = band["marks"].get(name) if band else None
        rows.append([name, f"{found[name]:.3g} {unit.get(name, 'um')}".rstrip(), *([f"{end:.3g}" for end in ends] if ends else ["", ""])])  # type: ignore[literal-required]
    title = f"Sizes by {found['weighting']}, {found['images']['count']} images, {found['surrogate']}"
    verdict = [validity["status"], f"{validity['variable']} {validity['figure']}", f"{validity['value']:.3g}", f"{validity['limit']:.3g}"]
    tables: list[report.Cells] = [(title, ["", "value", "low", "high"], rows)]
    return [*tables, ("Validity", ["status", "figure", "value", "limit"], [verdict])]


def page(found: SizeReading, name: str, asked: Mapping[str, Any]) -> report.Page:
    """The report."""
    subtitle = f"{name}: D50 {found['D50']:.3g} um by {found['weighting']}; {found['validity']['status']} of what the model was trained on"
    figures = report.figures_of(found["figures"])
    facts = {"surrogate": found["surrogate"], "images": found["images"], "conversion": found["conversion"], "asked": dict(asked)}
    bins = ("Bins", ["from, um", "to, um", "share", "low", "high"], _bins(found))
    return report.Page("Sizes of particles", subtitle, [*cells(found), bins], figures, [*found["flags"], *_NOTES.splitlines()], facts)


def _bins(found: SizeReading) -> list[list[str]]:
    band = found["bootstrap"]
    low, high = band["shares"] if band else (found["low"], found["high"])
    empty = [None] * len(found["shares"])
    rows = zip(found["edges"][:-1], found["edges"][1:], found["shares"], low or empty, high or empty, strict=True)
    return [["" if value is None else f"{value:.4g}" for value in row] for row in rows]


def _write_csv(path: Path, found: SizeReading) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["bin_low_um", "bin_high_um", "fraction", "weighting"])
        writer.writerows([*row, found["weighting"]] for row in zip(found["edges"][:-1], found["edges"][1:], found["shares"], strict=True))


def _mode(text: str) -> dict[str, float]:
    return dict(zip(("median", "sigma", "share"), _numbers(text, ",", (2, 3)), strict=False))


def _numbers(text: str, mark: str, counts: Sequence[int]) -> list[float]:
    try:
        values = [float(part) for part in text.split(mark)]
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}") from error
    if len(values) not in counts:
        raise typer.BadParameter(f"{text!r} has {len(values)} numbers with {mark!r} between, not {' or '.join(map(str, counts))}")
    return values
