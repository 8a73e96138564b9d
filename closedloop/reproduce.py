"""``closedloop reproduce``: a published system, made once more and held beside what was published."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.console import Console

from closedloop import bench, data, runs
from closedloop.report import Page
from closedloop.reproduce_polymer import polymer
from closedloop.reproduce_psd import psd
from closedloop.reproduce_scattering import scattering
from closedloop.reproduce_table import cells, kept

__all__ = ["nanoparticle", "polymer", "psd", "scattering"]

_NOTES = """Seed: the published figure, empty where none was published. Ours: measured by this command.
Runs are replayed on the virtual silver lab: the spectra of the publication are not public, its file holds losses.
Run 1 is a Latin hypercube; Bayesian optimization goes on alone, then in one arm, with the network in another from the same data.
The box starts as in the first run; a side at which more than half of a run's wells pile up is extended.
Reached: by the noise-free loss, which only a virtual lab knows.
Foretold spectra: by a network that learnt from all runs before."""


def nanoparticle(seeds: int, jobs: int, console: Console, *, quick: bool = False, fresh: bool = False) -> tuple[dict[str, Any], Page]:
    """The silver campaign: its figures as ``--json`` writes them, and the report.

    Args:
        seeds: Replays, from seed 0 on.
        jobs: Replays at once.
        console: Shows how far it is.
        quick: A small version, to see it work.
        fresh: Make every replay anew, also those that are kept.

    Raises:
        ClosedLoopError: A replay failed, or there is no file of measured losses.
    """
    from optimizer import published
    from optimizer.figures import losses_per_run
    from optimizer.two_step import Plan, replay

    plans = [Plan(seed, alone=3, beside=1, replicates=3) if quick else Plan(seed) for seed in range(seeds)]
    measured = published.Measured.parse(bench.read_table(data.DATASETS["agnp"].path))
    replays = kept(plans, replay, jobs, console, fresh=fresh)
    with console.status("Measuring on the published file") as status:
        rows = [*published.file_rows(measured), *published.grid_rows(), *published.lab_rows(measured)]
        if not quick:
            rows += published.batch_rows(measured, status.update)
    rows += published.replay_rows(plans[0], replays)
    summary = {"rows": [vars(row) for row in rows]}
    figure = losses_per_run([run for one in replays for run in one["runs"]], published.REGION)
    subtitle = f"{seeds} replays of {plans[0].alone} and {plans[0].beside} runs of {plans[0].wells} wells; {date.today()}"
    facts = {"code": runs.code(), "versions": runs.versions(), "region": published.REGION}
    drawn = {"losses": ("Median losses of the wells of each run, all seeds", figure)}
    return summary, Page("The silver campaign, reproduced", subtitle, [cells(summary["rows"])], drawn, _NOTES.splitlines(), facts)
