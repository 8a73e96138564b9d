"""``closedloop reproduce psd``: the published study on size distributions from image stacks, made once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Any

from rich.console import Console

from closedloop import data, runs
from closedloop.errors import ClosedLoopError
from closedloop.report import Cells, Page
from closedloop.reproduce_table import cells, kept, text

MINUTES = 60.0
_DEADLINE_S = 7 * 24 * 3600.0
_SIZES = {"Methods": ("full", "unseen", "passes"), "Published study": ("subset", "full", "unseen", "epochs", "long", "seeds")}
"""Parts of the study, and what of ``psd_study.Size`` tells how large they are."""
_NOTES = """Seed: the published figure, empty where none was published. Ours: measured by this command.
The published images are not public: stacks are rendered, with distributions of 32 bins, number-weighted unless told otherwise.
So published and our RMSE do not compare: the published distributions have more bins, most of them empty.
That is also why the published Spearman coefficients are low where all else is near 1: empty bins tie, and a network that tells
a little of everything ranks them by chance. The Wasserstein distance and D10, D50 and D90 do not suffer from it.
One factor at a time: every metric stars the setting of best mean over the seeds; most stars are the choice, the default in a tie.
Published networks: a quarter as wide as the published ones, without augmentation but where it is told.
Images have 64 pixels along a side, those of watershed and Hough 128, of the same field of view of 1024 um.
Errors of D10, D50 and D90 are medians over the stacks: a mark within the gap between two modes jumps for a hair.
Unseen: other suspensions, not other images of the same ones. Every particle measured perfectly: what the images hold at most.
Long training: a fifth of the small set is held out. Grokking: its loss rises to twice its least, and later falls below that.
Sizes of the study follow from the time that it may take; what is smaller than as published is told above."""


def psd(
    _seeds: int,
    jobs: int,
    console: Console,
    *,
    quick: bool = False,
    fresh: bool = False,
    budget: float = MINUTES,
    dask: str | None = None,
) -> tuple[dict[str, Any], Page]:
    """The study of size distributions: its figures as ``--json`` writes them, and the report.

    Args:
        _seeds: Of no use here: the sweep has four seeds, as published, or two where time is short.
        jobs: Trainings at once.
        console: Shows how far it is.
        quick: The smallest study, to see it work.
        fresh: Make every training anew, also those that are kept.
        budget: Minutes that all of it may take, about.
        dask: Address of a Dask scheduler that trains instead of own processes.

    Raises:
        ClosedLoopError: A training failed, or the scheduler must not be used.
    """
    from models.psd import study
    from optimizer import psd_study

    if quick:
        small = large = psd_study.QUICK
    else:
        with console.status("Measuring the speed"):
            large, small = psd_study.within(budget, jobs)
    scaled = _scaled(large, small)
    console.print(*scaled, sep="\n")
    with _executor(dask) as executor:

        def done(trials: Mapping[str, Any]) -> dict[str, Any]:
            work = partial(study.run, folder=data.cache() / "psd")
            made = kept(list(trials.values()), work, jobs, console, fresh=fresh, executor=executor)
            return {name: study.Result(**result) for name, result in zip(trials, made, strict=True)}

        planned = psd_study.plan(small)
        methods = done(psd_study.methods(large))
        swept = done({run.key: psd_study.swept(run, small) for run in planned.runs})
        factors = psd_study.concluded(planned, swept)
        following = done(psd_study.following(psd_study.chosen(factors), small))
    return _told(large, methods, factors, following, scaled)


def _scaled(large: Any, small: Any) -> list[str]:
    """What is smaller than of a whole study, in words."""
    lines = []
    for (name, fields), size in zip(_SIZES.items(), (large, small), strict=True):
        known = [(field, getattr(size, field), getattr(type(size)(), field)) for field in fields]
        less = [f"{field} {ours:.3g} of {whole:g}" for field, ours, whole in known if ours != whole]
        lines.append(f"{name}: {', '.join(less) or 'whole'}.")
    return lines


@contextmanager
def _executor(dask: str | None) -> Iterator[Any]:
    """The Dask cluster at an address; None for own processes."""
    if dask is None:
        yield None
        return
    from app.executor import DaskExecutor
    from app.settings import check_dask
    from optimizer.types import InvalidInput

    try:
        check_dask(dask)
        with closing(DaskExecutor(dask, _DEADLINE_S)) as executor:
            yield executor
    except InvalidInput as error:
        raise ClosedLoopError(f"{error}; {error.remedy}") from error
    except OSError as error:
        raise ClosedLoopError(f"no Dask scheduler answers at {dask}: {error}") from error


def _told(
    large: Any, methods: Mapping[str, Any], factors: Sequence[Any], following: Mapping[str, Any], scaled: Sequence[str]
) -> tuple[dict[str, Any], Page]:
    from optimizer import psd_rows

    rows = [*psd_rows.sweep_rows(factors), *psd_rows.following_rows(following), *psd_rows.method_rows(methods)]
    tables = [cells(rows), *map(_factor_cells, factors)]
    for name, result in (("encoder", methods["encoder"]), ("chosen settings, spheres", following["spheres"])):
        header, body = psd_rows.class_cells(result)
        tables.append((f"By class: {name}", header, [[text(value) for value in line] for line in body]))
    facts = {"code": runs.code(), "versions": runs.versions(), "methods": asdict(large), "scaled": scaled}
    subtitle = f"{' '.join(scaled)} {date.today()}"
    figures = _figures(large.unseen, methods, factors, following)
    page = Page("Size distributions from images, reproduced", subtitle, tables, figures, _NOTES.splitlines(), facts)
    return {"rows": rows, "scaled": scaled}, page


def _factor_cells(factor: Any) -> Cells:
    """Means and standard deviations of a factor, the winners starred."""
    names = list(factor.winners)
    body = [
        [
            text(level.value),
            *(f"{level.mean[name]:.4g} ± {level.std[name]:.2g}{' *' * (level.value in factor.winners[name])}" for name in names),
            str(level.runs),
        ]
        for level in factor.levels
    ]
    title = f"{factor.name}: {text(list(factor.chosen))} by most metrics, default {text(factor.default)}"
    return title, [factor.name, *names, "trainings"], body


def _figures(unseen: int, methods: Mapping[str, Any], factors: Sequence[Any], following: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    import numpy as np

    from models import figures as common
    from models.psd import figures, study
    from models.psd.bins import EDGES
    from models.psd.distribution import Distribution, percentiles
    from models.study import BETTER
    from optimizer import psd_study, sweep_figures

    table, encoder = study.stacks(unseen, study.UNSEEN, 1), methods["encoder"]
    truth, told = ([Distribution(EDGES, row, "number") for row in rows] for rows in (table["psd"].values, np.array(encoder.told)))
    errors = {name: np.array(result.errors["unseen"]) for name, result in methods.items() if "volume" not in name}
    middle = int(np.argsort(errors["encoder"])[len(truth) // 2])
    medians = [percentiles(EDGES, np.array([one.shares for one in some]), (50,))[:, 0] for some in (truth, told)]
    distance = "Wasserstein distance over ln d"
    lengths = np.array([encoder.errors[f"{length} images"] for length in study.LENGTHS])
    worst = figures.worst_cases(table["images"].values[:, 0], truth, told, errors["encoder"], "W1")
    drawn = {
        "distribution": ("Encoder: a stack of median error", figures.distribution(told[middle], truth=truth[middle])),
        "parity": ("Encoder: told and true D50", figures.parity({"unseen": (medians[0], medians[1])}, "number")),
        "concentration": ("Errors by concentration", figures.error_by_concentration(table["phi"].values, errors, distance)),
        "stack": ("Encoder: errors by images of a stack", figures.error_by_stack(study.LENGTHS, {"encoder": lengths}, distance)),
        "worst": ("Encoder: worst cases", worst),
    }
    voting = {name: BETTER[name] for name in psd_study.METRICS}
    for one in factors:
        drawn[f"factor_{one.name}"] = (f"One factor at a time: {one.name}", sweep_figures.factor(one, voting))
    long = following["long"]
    epochs = range(1, len(long.train) + 1)
    drawn["long"] = ("A long training", common.training_curve(epochs, long.train, long.held_out, int(np.argmin(long.held_out)) + 1))
    return drawn
