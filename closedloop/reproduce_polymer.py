"""``closedloop reproduce polymer``: the published study on inverse design of polymers, made once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from closedloop import data, runs
from closedloop.report import Cells, Page
from closedloop.reproduce_table import cells, kept, text

_FILES = ("conversion90.csv", "mmd_70C_1M_20mM_3600s.csv")
_NOTES = """Seed: the published figure, empty where none was published. Ours: measured by this command.
The published workbook is not public: all learners learn from our simulator, on the published grid of 432 recipes at 12 times.
The published data come from a stochastic simulation and hold its noise; ours hold none.
As published: single rows are held out, though twelve share a recipe, and scalers know all rows. Honest: recipes are held out.
MSE: the mean over squares of mol/L, C and s, as published; it is a quarter of the MSE of the time, and nothing else.
R2 of a recipe says little: several recipes give one polymer. So every answer is simulated back, and several are given.
The simulator is also what made the data: this measures the inversion, not the error against a real reactor.
Density of recipes: a network that tells how likely recipes are, learnt from simulations off the grid, with noise on them.
The straight ramp of the published distribution below log10 M 2.96 comes from its digitisation, and is left out of the RMSE.
The search for the settings of the forests sees 1000 rows and grows a tenth of the trees; the forests themselves are whole.
The recipe of the candidates is one of the published study; the bars are 90 % intervals."""


def polymer(_seeds: int, jobs: int, console: Console, *, quick: bool = False, fresh: bool = False) -> tuple[dict[str, Any], Page]:
    """The study of inverse design: its figures as ``--json`` writes them, and the report.

    Args:
        _seeds: Of no use here: the study has one split, with the published seed.
        jobs: Fits at once.
        console: Shows how far it is.
        quick: A small version, to see it work.
        fresh: Make every fit anew, also those that are kept.

    Raises:
        ClosedLoopError: A fit failed.
    """
    from models.polymer import figures_of_merit, study
    from models.polymer.coefficients import published

    folder, missing = _published()
    if missing:
        console.print(missing)
    depends = {"coefficients": repr(published()), "scikit-learn": version("scikit-learn")}
    trials = study.trials(quick)
    made = kept(trials, study.run, jobs, console, fresh=fresh, depends=depends)
    done = {trial: study.Result(**result) for trial, result in zip(trials, made, strict=True)}
    with console.status("Simulating"):
        others = [*study.other_rows(done), *figures_of_merit.forward(folder)]
        drawn, answers = _figures(done, folder)
    summary = {"rows": [*study.learner_rows(done), *others]}
    both = "Published study, ours as published, ours honest", ["figure", "seed", "as published", "honest"], _texts(study.side_by_side(done))
    facts = {"code": runs.code(), "versions": runs.versions(), "settings": _settings(done)}
    notes = [*_NOTES.splitlines(), *([missing] if missing else [])]
    subtitle = f"{len(trials)} fits{', quick' if quick else ''}; {date.today()}"
    return summary, Page("Recipes of polymers, reproduced", subtitle, [both, cells(others), answers], drawn, notes, facts)


def _published() -> tuple[Path | None, str]:
    """The folder of the published files, and what to say where they are missing."""
    for folder in data.folders():
        if all((folder / "polymer" / name).is_file() for name in _FILES):
            return folder / "polymer", ""
    wanted = " and ".join(f"polymer/{name}" for name in _FILES)
    return None, f"Left out: the figures that need {wanted}; put both into a folder and set CLOSEDLOOP_DATA to it."


def _figures(done: Mapping[Any, Any], folder: Path | None) -> tuple[dict[str, tuple[str, Any]], Cells]:
    """All figures, and the table of the candidates that two of them draw."""
    import numpy as np

    from models import figures as common
    from models.polymer import figures, study
    from models.polymer.coefficients import RECIPE

    wanted, answers = study.candidates()
    drawn = {
        "overlay": ("The published distribution, and the simulated one", figures.overlay(study.distributions(folder))),
        "coverage": ("Recipes that reach a conversion of 90 % in an hour", figures.coverage(*study.converting(folder))),
        "conversion": ("Conversion, 1 mol/L and 20 mmol/L", figures.conversion(*study.conversions())),
    }
    for j, label in enumerate(figures.LABELS):
        drawn[f"parity_{RECIPE[j]}"] = (f"Told and true: {label}", common.parity(study.parity(done, j), label))
    sizes, lines = study.learning_curve(done)
    drawn["learning_curve"] = ("How many rows a learner needs: R2, mean of the four variables", common.learning_curve(sizes, lines, "R2"))
    for what in ("network", "forest"):
        values = study.importance(done, what)
        bars = common.importance(list(values), figures.LABELS, np.array(list(values.values())), "fall of R2 once shuffled")
        drawn[f"importance_{what}"] = (f"What the honest {what} rests on", bars)
    drawn["candidates"] = ("Recipes for one distribution: what they give", figures.candidates(wanted, answers))
    drawn["candidate_recipes"] = ("Recipes for one distribution: what they are", figures.candidate_recipes(answers, *study.bounds()))
    return drawn, _candidate_cells(answers)


def _candidate_cells(answers: Sequence[Any]) -> Cells:
    header = ["candidate", "mol/L BA", "mol/L AIBN", "C", "s", "conversion", "Mn", "Mw", "overlap", "at bound", "status"]
    body = []
    for k, one in enumerate(answers, 1):
        numbers = [
            *(f"{value:.4g}" for value in one.recipe),
            f"{one.conversion:.3f}",
            f"{one.Mn:.0f}",
            f"{one.Mw:.0f}",
            f"{one.overlap:.5f}",
        ]
        body.append([str(k), *numbers, ", ".join(one.active), one.status])
    return "Recipes for the distribution of 1 mol/L, 20 mmol/L, 70 C, one hour; the shortest first", header, body


def _texts(lines: Sequence[Sequence[Any]]) -> list[list[str]]:
    return [[name, *(text(float(value)) for value in values)] for name, *values in lines]


def _settings(done: Mapping[Any, Any]) -> dict[str, Any]:
    """Settings of the learners that know all rows."""
    whole = {trial: result for trial, result in done.items() if result.settings and trial.share == 1}
    return {f"{trial.what}, {trial.seen}, by {trial.held}": result.settings for trial, result in whole.items()}
