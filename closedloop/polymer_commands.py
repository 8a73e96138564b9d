"""The command ``closedloop polymer``: recipes for a wanted molar mass distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from closedloop import report, tools
from closedloop.bench import rich_table
from closedloop.client import Client
from closedloop.errors import ClosedLoopError
from closedloop.polymer import Found, Recipes

app = typer.Typer(help="Polymers: recipes for a wanted molar mass distribution.", no_args_is_help=True)
_UNITS = {"cBA_0": "mol/L", "cAIBN_0": "mol/L", "temp": "C", "time": "s"}
_NOTES = """Overlap: the area that the distribution of a recipe shares with the wanted one, of 1.
Every recipe was simulated back: agreement with our own simulator says nothing about a reactor. Run the recipe, and refit.
Behind a variable: its 90 % interval, given the noise of the target and the bounds.
At: the bounds that a recipe lies at; wider ones may give more."""


class Rank(StrEnum):
    """What comes first of equally good recipes."""

    time = "time"
    initiator = "initiator"
    temperature = "temperature"
    conversion = "conversion"


@app.callback()
def polymer() -> None:
    """Polymers: recipes for a wanted molar mass distribution."""


@app.command()
def recipes(
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="SEC file, CSV or .gpc; or a target as JSON (AnyTarget at /docs).")
    ] = None,
    schulz_zimm: Annotated[str | None, typer.Option(metavar="MN,D", help="Instead of a file: averages, such as 20000,2.")] = None,
    log_normal: Annotated[str | None, typer.Option(metavar="MN,D", help="The same, of a log-normal distribution.")] = None,
    noise: Annotated[float, typer.Option(help="Standard deviation of the target as a share of its peak.")] = 0.01,
    broadening: Annotated[float, typer.Option(help="Width in decades by which the column spread the target.")] = 0.0,
    cba_time: Annotated[float | None, typer.Option(help="Wanted monomer left, mol/L.")] = None,
    mn: Annotated[float | None, typer.Option(help="Wanted number average, g/mol.")] = None,
    mw: Annotated[float | None, typer.Option(help="Wanted mass average, g/mol.")] = None,
    fix: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Set a variable, such as temp=70.")] = None,
    bound: Annotated[list[str] | None, typer.Option(metavar="NAME=LOW:HIGH", help="Bound one, such as time=300:1800.")] = None,
    rank: Annotated[Rank, typer.Option(help="What comes first of equally good recipes.")] = Rank.time,
    count: Annotated[int, typer.Option(min=1, max=20, help="Recipes, at most.")] = 6,
    screened: Annotated[int, typer.Option(min=100, max=10_000, help="Recipes that are simulated first.")] = 6000,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
    report_folder: tools.Report = None,
) -> None:
    """Find recipes for a wanted molar mass distribution, each simulated back."""
    target = _target(file, {"schulz_zimm": schulz_zimm, "log_normal": log_normal})
    numbers = {name: value for name, value in {"cBA_time": cba_time, "Mn": mn, "Mw": mw}.items() if value is not None}
    fixed = {name: _number(value) for name, value in _pairs(fix)}
    bounds = {name: _range(value) for name, value in _pairs(bound)}
    wanted = {"noise": noise, "broadening": broadening, "fixed": fixed, "bounds": bounds, "count": count, "screened": screened}
    with Client(url, key) as client:
        found = client.polymer_recipes(target, rank=rank.value, **wanted, **numbers)
    for warning in found["warnings"]:
        tools.console.print(f"Warning: {warning}")
    tools.console.print(rich_table(*cells(found["recipes"])))
    tools.write_json(json_file, found)
    if report_folder is not None:
        print(report.write(report_folder, page(found, {"target": target, "rank": rank.value, **wanted, **numbers})))


def cells(found: Sequence[Found]) -> report.Cells:
    """The table of recipes."""
    header = [*(f"{name} ({unit})" for name, unit in _UNITS.items()), "conversion", "Mn", "Mw", "overlap", "status", "at"]
    return "Recipes, what is reached best first", header, [_row(answer) for answer in found]


def page(found: Recipes, facts: Mapping[str, Any]) -> report.Page:
    """The report."""
    from models.polymer.recipe_figures import achieved, times

    answers = found["recipes"]
    drawn = {
        "overlay": ("Wanted and achieved distributions", achieved(found)),
        "times": ("Time and overlap of the recipes", times(answers)),
    }
    best = f"{len(answers)} recipes; the first one is {answers[0]['status']}, overlap {answers[0]['overlap']:.4f}"
    return report.Page(
        "Recipes for a molar mass distribution", best, [cells(answers)], drawn, [*_NOTES.splitlines(), *found["warnings"]], facts
    )


def _row(answer: Found) -> list[str]:
    parts: list[Mapping[str, Any]] = [answer["recipe"], answer["low"], answer["high"]]
    variables = ["{:.4g} ({:.4g} to {:.4g})".format(*(part[name] for part in parts)) for name in _UNITS]
    numbers = [f"{answer['conversion']:.3f}", f"{answer['Mn']:.0f}", f"{answer['Mw']:.0f}", f"{answer['overlap']:.4f}"]
    return [*variables, *numbers, answer["status"], ", ".join(answer["active"])]


def _target(file: Path | None, formulas: Mapping[str, str | None]) -> dict[str, Any]:
    given = {kind: text for kind, text in formulas.items() if text is not None}
    if (file is not None) + len(given) != 1:
        raise typer.BadParameter("give one target: a FILE, --schulz-zimm or --log-normal")
    for kind, text in given.items():
        Mn, _, dispersity = text.partition(",")
        return {"kind": kind, "Mn": _number(Mn), "dispersity": _number(dispersity)}
    assert file is not None  # noqa: S101
    if file.suffix.lower() == ".json":
        target = tools.read_json(file)
        if not isinstance(target, dict):
            raise ClosedLoopError(f"{file} holds no target; it is an object with a kind")
        return target
    try:
        return {"kind": "sec", "name": file.name[-80:], "text": file.read_text("utf-8-sig")}
    except UnicodeDecodeError as error:
        raise ClosedLoopError(f"{file} is no UTF-8 text (byte {error.start}); save it as CSV, UTF-8") from error


def _pairs(given: Sequence[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for text in given or ():
        name, mark, value = text.partition("=")
        if not mark:
            raise typer.BadParameter(f"{text!r}: write NAME=VALUE, or NAME=LOW:HIGH")
        pairs.append((name.strip(), value))
    return pairs


def _range(text: str) -> dict[str, float]:
    low, mark, high = text.partition(":")
    if not mark:
        raise typer.BadParameter(f"{text!r}: write bounds as LOW:HIGH")
    return {"low": _number(low), "high": _number(high)}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no number") from error
