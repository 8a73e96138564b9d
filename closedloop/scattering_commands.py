"""The command ``closedloop scattering``: measured curves read by models, and curves and structures of particles simulated."""

from __future__ import annotations

import csv
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from closedloop import report, tools
from closedloop.bench import rich_table
from closedloop.client import Client
from closedloop.scattering import Estimate, Reading, Scattered

app = typer.Typer(help="X-ray scattering: sizes and shapes of nanoparticles from measured curves.", no_args_is_help=True)
_NOTES = """Intervals hold 90 % of new outcomes like those that the model was trained on; what follows from a number takes its interval on.
Circumscribed: of the sphere through the centres of the outermost atoms. Volume-equivalent: of the sphere of the volume of all atoms.
Gyration: of the model's particle; Guinier's law tells the same from the beginning of the curve alone.
The factor of a curve is free unless intensities are absolute: the residual is of the logarithms, the factor aside.
Coverage: share of the range of the model that was not measured. Noise: relative. Library: residual of the nearest known curve.
Inside, edge and outside say how near the curve is to what the model was trained on; outside, look at the curve before the numbers."""
_NAMES = {"circumscribed": "circumscribed radius", "volume_equivalent": "volume-equivalent radius", "gyration": "radius of gyration"}


class UnitName(StrEnum):
    """Units of q."""

    angstrom = "1/Angstrom"
    nm = "1/nm"


class Structure(StrEnum):
    """Kinds of structure files."""

    xyz = "xyz"
    cif = "cif"


@app.callback()
def scattering() -> None:
    """X-ray scattering: sizes and shapes of nanoparticles from measured curves."""


@app.command()
def read(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="Text with columns q, I and, where known, sigma and resolution; or NXcanSAS."),
    ],
    model: Annotated[str, typer.Option(help="Surrogate that was trained on scattering curves.")],
    unit: Annotated[UnitName | None, typer.Option(help="Of q, where the file does not tell it.")] = None,
    composition: Annotated[str | None, typer.Option(help="What the particles are made of: Au, Au3Ag, Au0.7Ag0.3.")] = None,
    absolute: Annotated[bool, typer.Option("--absolute", help="Intensities are in squared electrons per particle.")] = False,
    missing: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the model's q range that may not have been measured.")] = 0.0,
    nearest: Annotated[int, typer.Option(min=1, max=50, help="Known curves to tell of.")] = 5,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
    report_folder: tools.Report = None,
) -> None:
    """Read a measured curve with a model: shape, atoms, size, radii, and how far they can be trusted."""
    wanted = {"absolute": absolute, "missing": missing, "nearest": nearest} | ({} if composition is None else {"composition": composition})
    with Client(url, key) as client:
        found = client.read_curve_file(model, file, unit and unit.value, **wanted)
    for table in cells(found):
        tools.console.print(rich_table(*table))
    for flag in found["flags"]:
        tools.console.print(f"Note: {flag}")
    tools.write_json(json_file, found)
    if report_folder is not None:
        print(report.write(report_folder, page(found, file.name, wanted)))


@app.command()
def simulate(
    shape: Annotated[str, typer.Argument(help="Such as icosahedron; a wrong one is answered with all nine.")],
    size: Annotated[int, typer.Argument(min=1, help="Bonds or atoms along an edge, or shells.")],
    composition: Annotated[str, typer.Argument(help="Au, Au3Ag, Au0.7Ag0.3.")],
    biso: Annotated[float, typer.Option(help="Displacement factor, square Angstrom.")] = 0.3,
    strain: Annotated[float, typer.Option(help="Relative change of distances.")] = 0.0,
    size_spread: Annotated[float, typer.Option(help="Standard deviation of sizes, relative.")] = 0.0,
    noise: Annotated[float, typer.Option(help="Relative noise of intensities.")] = 0.0,
    low: Annotated[float, typer.Option(help="First q, 1/Angstrom.")] = 0.01,
    high: Annotated[float, typer.Option(help="Last q, 1/Angstrom.")] = 19.99,
    step: Annotated[float, typer.Option(help="Between points, 1/Angstrom.")] = 0.01,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise, and of which atom of an alloy is which.")] = 0,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the curve here, as text that `read` reads.")] = None,
    structure: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the atoms here: .xyz or .cif.")] = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
) -> None:
    """Simulate what nanoparticles scatter, and write down their atoms."""
    if structure is not None and structure.suffix[1:] not in list(Structure):
        raise typer.BadParameter(f"{structure} has to end in .xyz or .cif", param_hint="--structure")
    sample = {"shape": shape, "size": size, "composition": composition, "biso": biso}
    sample |= {"strain": strain, "size_spread": size_spread, "noise": noise}
    with Client(url, key) as client:
        made = client.simulate_scattering([sample], {"low": low, "high": high, "step": step}, seed)
        if structure is not None:
            client.structure(sample, Structure(structure.suffix[1:]).value, seed, structure)
    particle = made["particles"][0]
    lengths = [f"{particle[name]:.4g}" for name in ("distance", "circumscribed", "gyration")]  # type: ignore[literal-required]
    header = ["atoms", "distance, Angstrom", "circumscribed radius, Angstrom", "radius of gyration, Angstrom"]
    tools.console.print(rich_table(f"{shape} {size} of {composition}", header, [[str(particle["atoms"]), *lengths]]))
    if output is not None:
        _write(output, made)
    tools.write_json(json_file, made)


def _write(path: Path, made: Scattered) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write("# q (1/Angstrom), I (electrons^2)\n")
        csv.writer(file).writerows(zip(made["axis"], made["particles"][0]["intensity"], strict=True))


def cells(found: Reading) -> list[report.Cells]:
    """The tables of an answer: numbers, shapes, checks, and known curves."""
    validity = found["validity"]
    checks = [[one["name"], one["status"], f"{one['value']:.3g}", f"{one['limit']:.3g}"] for one in validity["checks"]]
    model = validity["model"]
    checks.append([f"model ({model['check']})", model["status"], f"{model['value']:.3g}", f"{model['limit']:.3g}"])
    tables: list[report.Cells] = [("What the particles are like", ["", "value", "low", "high", "from"], _numbers(found))]
    if found["shape"] is not None:
        shares = sorted(found["shape"]["probabilities"].items(), key=lambda entry: -entry[1])
        tables.append(("Shapes", ["shape", "probability"], [[name, f"{share:.3f}"] for name, share in shares]))
    tables.append((f"Validity: {validity['status']}", ["check", "status", "value", "limit"], checks))
    known = [[str(one["row"]), *_known(one["fields"]), f"{one['residual']:.3g}", f"{one['factor']:.3g}"] for one in found["nearest"]]
    tables.append(("Nearest known curves", ["row", "structure", "element", "residual", "factor"], known))
    return tables


def page(found: Reading, name: str, wanted: dict[str, object]) -> report.Page:
    """The report."""
    best = found["shape"]["best"] if found["shape"] else found["nearest"][0]["fields"].get("structure", "")
    subtitle = f"{name}: {best}; {found['validity']['status']} of what {found['surrogate']} was trained on"
    figures = report.figures_of(found["figures"])
    facts = {"surrogate": found["surrogate"], "measured": found["measured"], "distance": found["distance"], "asked": wanted}
    return report.Page("A measured scattering curve", subtitle, cells(found), figures, [*found["flags"], *_NOTES.splitlines()], facts)


def _numbers(found: Reading) -> list[list[str]]:
    rows = [_row(name, found[key], "{:.0f}" if key == "atoms" else "{:.2f}") for name, key in (("atoms N", "atoms"), ("size n", "size"))]  # type: ignore[literal-required]
    for one in found["radii"]:
        rows.append(_row(f"{_NAMES[one['kind']]}, {one['unit']}", one, "{:.2f}" if one["unit"] == "Angstrom" else "{:.3f}"))
    law = found["guinier"]
    if law is not None:
        source = f"Guinier, q to {law['high']:.3g} 1/Angstrom, R2 {law['linearity']:.4f}"
        for unit, scale, digits in (("Angstrom", 1.0, 2), ("nm", 0.1, 3)):
            ends = [law["rg"] - 1.645 * law["rg_std"], law["rg"] + 1.645 * law["rg_std"]]
            numbers = [f"{scale * value:.{digits}f}" for value in (law["rg"], *ends)]
            rows.append([f"radius of gyration, {unit}", *numbers, source])
    return rows


def _row(name: str, told: Estimate | None, how: str) -> list[str]:
    if told is None:
        return [name, "", "", "", "not told"]
    return [name, *(how.format(value) for value in (told["value"], told["low"], told["high"])), told["source"]]


def _known(fields: dict[str, float | str]) -> list[str]:
    return [str(fields.get(name, "")) for name in ("structure", "element")]
