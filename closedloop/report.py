"""Reports: a page that needs no network, its figures as JSON, and for a benchmark the table as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from closedloop.bench import cost_cells, regret_cells

if TYPE_CHECKING:
    from closedloop.studies import Figure

_COLUMNS = ("rule", "seed", "batch", "regret", "visited_regret", "normalised", "cpu_s", "wall_s", "distinct", "feasible")
_TITLES = {
    "regret": "Simple regret",
    "cost": "CPU time",
    "distinct": "Distinct wells",
}
_NOTES = """Simple regret: noise-free loss of the well that measured best, less the optimum.
Best visited: the same of the best of all wells, whether or not it measured best; median over the seeds.
Normalised regret: as a share of the one after the first wells, not below 0.001; geometric mean over the seeds.
AF, acceleration factor: wells that random search needs for its lowest median regret, by those that the rule needs for it.
EF, enhancement factor: by how much the rule, after the same wells, is better than the median recipe, by how much random search is.
Both after Liang et al., npj Comput. Mater. 7, 188 (2021), from medians over the seeds, along straight lines between batches.
All rules start from the same wells and meet the same noise."""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; display: block; overflow-x: auto }}
caption {{ text-align: left; padding: 1rem 0 .3rem }}
th, td {{ padding: .2rem .8rem; border-bottom: 1px solid #ccc; text-align: right; white-space: nowrap }}
th:first-child, td:first-child {{ text-align: left }}
figure {{ margin: 1rem 0 }} figure > div {{ min-height: 26rem }}
</style>
<h1>{title}</h1>
<p>{subtitle}</p>
{tables}
{figures}
<h2>How to read it</h2>
<ul>{notes}</ul>
<h2>What was run</h2>
{facts}
<script>{plotly}</script>
<script>
const figures = {data};
for (const [name, figure] of Object.entries(figures))
  Plotly.newPlot(name, figure.data, figure.layout, {{responsive: true, displaylogo: false}});
</script>
</html>
"""

Cells = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, header and rows of a table."""


@dataclass(frozen=True)
class Page:
    """What a report shows.

    Attributes:
        title: Its heading.
        subtitle: What was done, in one line.
        tables: In order.
        figures: Heading and Plotly figure, by the name of the figure's file.
        notes: How to read it, a sentence or two each.
        facts: What was run, as JSON knows it.
    """

    title: str
    subtitle: str
    tables: Sequence[Cells]
    figures: Mapping[str, tuple[str, Mapping[str, Any]]]
    notes: Sequence[str]
    facts: Mapping[str, Any]


def figures_of(answered: Sequence[Figure]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Figures as the service answers them, as a page shows them."""
    return {one["name"]: (one["title"], one["figure"]) for one in answered}


def write(folder: Path, page: Page) -> Path:
    """Write ``report.html`` and one JSON file per figure; the path of the page.

    Args:
        folder: Where; made if need be.
        page: What it shows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.html"
    path.write_text(_html(page), encoding="utf-8")
    for name, (_, figure) in page.figures.items():
        (folder / f"{name}.json").write_text(json.dumps(figure) + "\n", encoding="utf-8")
    return path


def write_bench(folder: Path, summary: Mapping[str, Any], figures: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the report of a benchmark, and ``table.csv``; the path of the page.

    Args:
        folder: Where; made if need be.
        summary: What ``closedloop bench --json`` writes.
        figures: Plotly figures by name.
    """
    shape = (
        f"{summary['wells']} first wells and {summary['batches']} batches of {summary['wells']}, {summary['replicates']} replicates a well"
    )
    tables = [regret_cells(summary), cost_cells(summary)]
    facts = {name: summary[name] for name in ("problem", "optimum", "typical_loss", "card", "versions", "date")}
    drawn = {name: (_TITLES.get(name, name), figure) for name, figure in figures.items()}
    path = write(
        folder, Page(f"Batch rules on {summary['problem']}", f"{shape}; {summary['date']}", tables, drawn, _NOTES.splitlines(), facts)
    )
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([_COLUMNS, *_rows(summary)])
    return path


def _html(page: Page) -> str:
    drawn = (f'<figure><h2>{escape(heading)}</h2><div id="{escape(name)}"></div></figure>' for name, (heading, _) in page.figures.items())
    return _PAGE.format(
        title=escape(page.title),
        subtitle=escape(page.subtitle),
        tables="\n".join(_table(*cells) for cells in page.tables),
        figures="\n".join(drawn),
        notes="".join(f"<li>{escape(note)}</li>" for note in page.notes),
        facts=f"<pre>{escape(json.dumps(page.facts, indent=1))}</pre>",
        plotly=files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8"),
        data=json.dumps({name: figure for name, (_, figure) in page.figures.items()}).replace("</", "<\\/"),
    )


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(title)}</caption>\n<tr>{head}</tr>\n{body}\n</table>"


def _rows(summary: Mapping[str, Any]) -> list[list[Any]]:
    """One row per rule, seed and batch."""
    rows = []
    for rule, scores in summary["rules"].items():
        for k, seed in enumerate(scores["seeds"]):
            asks = range(k * summary["batches"], (k + 1) * summary["batches"])
            costs = [[scores[kind][ask] for ask in asks] for kind in ("cpu_s", "wall_s")]
            columns = (
                scores["regret"][k],
                scores["visited_regret"][k],
                scores["normalised"][k],
                *costs,
                scores["distinct"][k],
                scores["feasible"][k],
            )
            rows += [[rule, seed, b, *values] for b, values in enumerate(zip(*columns, strict=True), 1)]
    return rows
