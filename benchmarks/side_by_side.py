"""Our rules and other tools side by side: ``python -m benchmarks.side_by_side``.

Every tool gets the same first wells, the same noise and the same replicates, sees the median of the replicates, and
runs in an environment of its own on one thread. Runs are kept in a folder and are made once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import asks, peers, results, running, tables, targets
from benchmarks.peers import console
from benchmarks.results import Results
from closedloop import bench
from closedloop.errors import DataUnavailable
from optimizer.problems import NAMES, Problem
from optimizer.rules import RULES

Show = Callable[[tables.Cells], None]


def main(
    problems: Annotated[list[str] | None, typer.Argument(help="Problems of `closedloop bench`; all whose data are at hand.")] = None,
    rules: Annotated[str | None, typer.Option(help="Our rules, where they fit the problem; all of them.")] = None,
    asked: Annotated[str, typer.Option("--peers", help="Which peers.")] = ",".join(peers.PEERS),
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ...")] = 10,
    batches: Annotated[int, typer.Option(min=1, help="Batches of 15 after the first wells; tables compare after 3 and 5.")] = 5,
    limit: Annotated[float, typer.Option(min=1, help="CPU seconds that a peer may take for an ask.")] = peers.LIMIT_S,
    folder: Annotated[Path, typer.Option("--results", help="Folder of the kept runs.")] = results.FOLDER,
    table: Annotated[bool, typer.Option("--table", help="Run nothing: print all that is kept, and which targets are met.")] = False,
    ask: Annotated[bool, typer.Option("--ask", help="Run no campaigns: time one ask at 90 data of everybody.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print tables as Markdown.")] = False,
    against: Annotated[Path | None, typer.Option(help="Folder of earlier results: print now / then.")] = None,
    merge: Annotated[Path | None, typer.Option(help="Folder of other results: take over the runs that are missing here.")] = None,
) -> None:
    """Run our rules and the peers on problems, keep the runs, and compare them."""
    results.ours()  # before anything of it is loaded late
    show = _markdown if markdown else _text
    chosen, problems = _names(asked, peers.PEERS), _names(",".join(problems or NAMES), NAMES)
    if merge:
        _merge(folder, merge)
    if ask:
        problem = running.problem_of(asks.PROBLEM)
        show(tables.ask_cells(asks.measure(problem, _rules(rules, problem), chosen, folder, limit)))
    elif not (table or merge):
        for name in problems:
            _run(name, rules, chosen, seeds, batches, limit, folder)
    if not ask:
        _tables(folder, problems, show)
    for then in _kept(against, problems) if against else ():
        for now in _kept(folder, [then.facts["problem"]]):
            show(tables.against_cells(now, then))


def _rules(rules: str | None, problem: Problem) -> list[str]:
    wanted = RULES if rules is None else _names(rules, RULES)
    return [rule for rule in wanted if rule in running.fitting(problem)]


def _names(given: str, known: Collection[str]) -> list[str]:
    names = [name for name in given.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: not among {', '.join(known)}")
    return names


def _run(name: str, rules: str | None, chosen: list[str], seeds: int, batches: int, limit: float, folder: Path) -> None:
    try:
        problem = running.problem_of(name)
    except DataUnavailable as error:
        console.print(f"{name} is left out: {error}")
        return
    running.complete(problem, _rules(rules, problem), chosen, seeds, batches, folder, limit)


def _tables(folder: Path, problems: Sequence[str], show: Show) -> None:
    kept = _kept(folder, problems)
    for found in kept:
        show(tables.problem_cells(found))
    for curve in sorted({found.facts["curve"] for found in kept}):
        show(tables.overall_cells(kept, curve))
    file = folder / results.ASKS
    measured = json.loads(file.read_text()) if file.is_file() else None
    if measured:
        show(tables.ask_cells(measured))
    show(targets.target_cells(kept, measured))


def _kept(folder: Path, problems: Sequence[str]) -> list[Results]:
    paths = [folder / f"{name}.json" for name in problems]
    return [Results.read(path) for path in paths if path.is_file()]


def _merge(folder: Path, other: Path) -> None:
    for found in _kept(other, NAMES):
        name = found.facts["problem"]
        console.print(f"{name}: {results.merge(folder / f'{name}.json', found)} runs taken over")


def _text(cells: tables.Cells) -> None:
    console.print(bench.rich_table(*cells))


def _markdown(cells: tables.Cells) -> None:
    print(tables.markdown(cells))


if __name__ == "__main__":
    typer.run(main)
