"""The commands of ``closedloop surrogate`` that study trained models: inverse, explain, robustness, sweep."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from closedloop import report, study_report, tools
from closedloop.bench import rich_table
from closedloop.client import Client
from closedloop.errors import ClosedLoopError
from closedloop.studies import Kind
from closedloop.watching import watch

Id = Annotated[str, typer.Argument(metavar="SURROGATE", help="The model.")]
Request = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file: the request, for all that has no option.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**31 - 1, help="Of all that is random.")]
Split = Annotated[str | None, typer.Option(help="How rows are held out: random or grouped.")]


def add_to(app: typer.Typer) -> None:
    """Make these commands part of an application."""
    for command in (inverse, explain, robustness, sweep):
        app.command()(command)


def inverse(
    surrogate: Id,
    target: Annotated[str | None, typer.Argument(help="Field that is wanted; in the request when left out.")] = None,
    value: Annotated[str | None, typer.Argument(help="A number, or a JSON file with the points of a curve.")] = None,
    fix: Annotated[list[str] | None, typer.Option(help="NAME=VALUE: an input that is set; again for others.")] = None,
    bounds: Annotated[list[str] | None, typer.Option(help="NAME=LOW:HIGH: range of an input; again for others.")] = None,
    levels: Annotated[list[str] | None, typer.Option(help="NAME=A,B,C: listed settings of an input; again for others.")] = None,
    log: Annotated[list[str] | None, typer.Option(help="NAME: search the logarithm; again for others.")] = None,
    small: Annotated[str | None, typer.Option(help="Input that is to be small, among equally good answers.")] = None,
    large: Annotated[str | None, typer.Option(help="Input that is to be large.")] = None,
    distance: Annotated[str | None, typer.Option(help="mse, weighted, cosine or wasserstein.")] = None,
    ok: Annotated[float | None, typer.Option(help="Distance of an answer that is ok.")] = None,
    count: Annotated[int | None, typer.Option(min=1, max=20, help="Candidates at most.")] = None,
    simulate: Annotated[bool | None, typer.Option(help="Refine on the simulator that built the data.")] = None,
    seed: Seed = None,
    request: Request = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
    report_folder: tools.Report = None,
) -> None:
    """Find inputs that should lead to a wanted number or curve."""
    body = _request(request)
    if target is not None:
        body["target"] = {"name": target, "value": _wanted(value)}
    if small and large:
        raise typer.BadParameter("--small and --large are two second objectives; give one")
    ranges = {name: dict(zip(("low", "high"), _numbers(given, ":", 2), strict=True)) for name, given in _pairs(bounds)}
    given = {
        "fixed": {name: _cell(value) for name, value in _pairs(fix)},
        "bounds": ranges,
        "levels": {name: [_cell(value) for value in values.split(",")] for name, values in _pairs(levels)},
        "log": list(log or ()),
        "second": {"input": small or large, "better": "low" if small else "high"} if small or large else None,
        "distance": distance,
        "ok": ok,
        "count": count,
        "simulate": simulate,
        "seed": seed,
    }
    _run("inverse", surrogate, body | _told(given), url, key, json_file, report_folder)


def explain(
    surrogate: Id,
    rows: Annotated[int | None, typer.Option(min=1, max=100, help="Rows held out that are explained.")] = None,
    background: Annotated[int | None, typer.Option(min=1, max=100, help="Training rows that they are compared with.")] = None,
    regions: Annotated[int | None, typer.Option(min=1, max=40, help="Parts of the axes of curves.")] = None,
    cuts: Annotated[list[str] | None, typer.Option(help="NAME=A,B,C: where the axis of a curve is cut instead; again for others.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="TARGET=METRIC that importance is measured in; again for others.")] = None,
    split: Split = None,
    seed: Seed = None,
    request: Request = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
    report_folder: tools.Report = None,
) -> None:
    """Find out what a model looks at: Shapley values, and permutation importance on rows held out."""
    given = {
        "rows": rows,
        "background": background,
        "regions": regions,
        "cuts": {name: _numbers(values, ",") for name, values in _pairs(cuts)},
        "metrics": dict(_pairs(metric)),
        "split": split,
        "seed": seed,
    }
    _run("explain", surrogate, _request(request) | _told(given), url, key, json_file, report_folder)


def robustness(
    surrogate: Id,
    noise: Annotated[str | None, typer.Option(help="Standard deviations, with commas between.")] = None,
    missing: Annotated[str | None, typer.Option(help="Shares of missing points, with commas between.")] = None,
    step: Annotated[str | None, typer.Option(help="Factors of the step of curves, with commas between.")] = None,
    cut: Annotated[str | None, typer.Option(help="LOW:HIGH of the axis, with commas between.")] = None,
    half: Annotated[str | None, typer.Option(help="lower, upper or both with a comma between.")] = None,
    mode: Annotated[list[str] | None, typer.Option(help="predict only, or train and predict; both when left out.")] = None,
    split: Split = None,
    seed: Seed = None,
    request: Request = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
    report_folder: tools.Report = None,
) -> None:
    """Find out how a model stands bad inputs; a programme that suits them when no corruption is named."""
    ranges = [dict(zip(("low", "high"), _numbers(ends, ":", 2), strict=True)) for ends in _listed(cut)]
    named: list[tuple[str, list[Any]]] = [
        ("noise", [_number(level) for level in _listed(noise)]),
        ("missing points", [_number(level) for level in _listed(missing)]),
        ("step", [_cell(level) for level in _listed(step)]),
        ("range", ranges),
        ("half", _listed(half)),
    ]
    corruptions = [{"kind": kind, "levels": levels} for kind, levels in named if levels]
    given = {"corruptions": corruptions, "modes": list(mode or ()), "split": split, "seed": seed}
    _run("robustness", surrogate, _request(request) | _told(given), url, key, json_file, report_folder)


def sweep(
    surrogate: Id,
    factor: Annotated[list[str] | None, typer.Option(help="NAME=A,B,C: values of a setting, one at a time; again for others.")] = None,
    search: Annotated[
        list[str] | None, typer.Option(help="NAME=LOW:HIGH, LOW:HIGH:log, LOW:HIGH:whole or A,B,C: a setting that the loop searches.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Target that is judged by; the first when left out.")] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics that vote, with commas between; the first is the loop's score.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=10, help="Trainings of each setting.")] = None,
    batches: Annotated[int | None, typer.Option(min=0, max=20, help="Batches of the loop after the first one.")] = None,
    size: Annotated[int | None, typer.Option(min=2, max=20, help="Settings in a batch of the loop.")] = None,
    split: Split = None,
    seed: Seed = None,
    request: Request = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
    report_folder: tools.Report = None,
) -> None:
    """Find the best settings of a learner on the data of a model: one at a time, or by the loop of the campaigns."""
    given = {
        "method": "loop" if search else None,
        "factors": {name: [_cell(value) for value in values.split(",")] for name, values in _pairs(factor)},
        "search": [_searched(name, text) for name, text in _pairs(search)],
        "target": target,
        "metrics": _listed(metrics),
        "seeds": seeds,
        "batches": batches,
        "size": size,
        "split": split,
        "seed": seed,
    }
    _run("sweep", surrogate, _request(request) | _told(given), url, key, json_file, report_folder)


def _run(
    kind: Kind, id: str, request: dict[str, Any], url: str | None, key: str | None, json_file: Path | None, report_folder: Path | None
) -> None:
    """Ask, watch, print, and write what is asked for."""
    with Client(url, key) as client:
        watch(client.follow_job(client.request_study(id, kind, request)))
        found = client.study(id, kind)
        for cells in study_report.cells(kind, found):
            tools.console.print(rich_table(*cells))
        tools.write_json(json_file, found)
        if report_folder is not None:
            print(report.write(report_folder, study_report.page(client.surrogate(id), kind, found)))


# Options


def _told(given: dict[str, Any]) -> dict[str, Any]:
    """What was given; the others are left to the request and to the service."""
    return {name: value for name, value in given.items() if value not in (None, [], {})}


def _request(path: Path | None) -> dict[str, Any]:
    found = tools.read_json(path)
    if found is not None and not isinstance(found, dict):
        raise ClosedLoopError(f"{path} holds no request, which is an object")
    return found or {}


def _wanted(value: str | None) -> Any:
    """A number, or the points of a curve in a file."""
    if value is None:
        raise typer.BadParameter("give a value after the target: a number, or a JSON file with the points of a curve")
    path = Path(value)
    return tools.read_json(path) if path.is_file() else _number(value)


def _pairs(given: Iterable[str] | None) -> list[tuple[str, str]]:
    pairs = [(name, value) for name, found, value in (entry.partition("=") for entry in given or ()) if found and name]
    if len(pairs) < len(list(given or ())):
        raise typer.BadParameter(f"{', '.join(given or ())}: write a name, = and a value")
    return pairs


def _listed(given: str | None) -> list[str]:
    return [entry.strip() for entry in given.split(",")] if given else []


def _cell(value: str) -> Any:
    """A number, a flag or null as JSON writes them; a name otherwise."""
    try:
        return json.loads(value, parse_constant=str)
    except ValueError:
        return value


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} is no number, and no file") from error


def _numbers(given: str, separator: str, count: int | None = None) -> list[float]:
    found = [_number(value) for value in given.split(separator)]
    if count is not None and len(found) != count:
        raise typer.BadParameter(f"{given!r}: write {count} numbers with {separator} between")
    return found


def _searched(name: str, given: str) -> dict[str, Any]:
    """A setting that the loop searches."""
    if ":" not in given:
        return {"name": name, "values": [_cell(value) for value in given.split(",")]}
    low, high, *way = given.split(":")
    if way not in ([], ["log"], ["whole"]):
        raise typer.BadParameter(f"{given!r}: LOW:HIGH is followed by :log, :whole or nothing")
    return {"name": name, "low": _number(low), "high": _number(high), **dict.fromkeys(way, True)}
