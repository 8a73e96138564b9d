"""``closedloop reproduce scattering``: the published programme on size and shape from X-ray scattering, made once more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from typing import Any

from rich.console import Console

from closedloop import runs
from closedloop.report import Cells, Page
from closedloop.reproduce_table import cells, kept, text

_NOTES = """Seed: the published figure, empty where none was published. Ours: measured by this command.
Curves are simulated, ours as well as the published ones. Learners see their logarithms; a random split holds out a fifth.
Q2: 1 less the mean squared error over the variance of the data held out. MSE: in units of the target.
Three shapes at 0: the published figures of the radius are those of a table in which it reads 0 for a third of the shapes; see docs.
Predict only: learnt from clean curves. Missing points and coarser steps are interpolated; a range that is cut off goes on constant.
Made up: how much of the axis that is. In use such a curve is refused, or flagged where that much is allowed.
Train and predict: learnt from curves as corrupted, on the axis that is left.
Ridge for noise: its penalty is chosen for noise of 15 %; the small CNN meets such noise on clean curves while it learns.
Unseen: whole elements, or whole structures (shape and size), are held out; published: 81 structures, library: 126 of sizes 2 to 15.
Reduced: the curve over the mean squared form factor, over q d; the composition has to be known.
Form and structure factor: the same per I(0) over q Rg, and per atom over q d; Rg and I(0) come from the curve.
Importance: the fall of Q2 or accuracy once a region of q is shuffled among the curves held out."""

_RANGE = {"accuracy": [0, 1.05], "r2": [-1, 1.1]}
"""Of axes: a Q2 below -1 is as good as any other."""


def scattering(_seeds: int, jobs: int, console: Console, *, quick: bool = False, fresh: bool = False) -> tuple[dict[str, Any], Page]:
    """The programme on scattering: its figures as ``--json`` writes them, and the report.

    Args:
        _seeds: Of no use here: splits have seeds of their own.
        jobs: Trainings at once.
        console: Shows how far it is.
        quick: Few elements, small sizes and short trainings, to see it work.
        fresh: Make every training anew, also those that are kept.

    Raises:
        ClosedLoopError: A training failed.
    """
    from models.scattering import reproduction, trials

    planned = trials.trials(quick)
    depends = {name: version(name) for name in ("scikit-learn", "periodictable")}
    made = kept(planned, trials.run, jobs, console, fresh=fresh, depends=depends)
    done = {trial: trials.Result(**result) for trial, result in zip(planned, made, strict=True)}
    rows = reproduction.lines(done)
    header, body = reproduction.programme(done, quick)
    robust: Cells = "Robustness: accuracy of the shape, Q2 of the numbers", header, [[text(cell) for cell in line] for line in body]
    facts = {"code": runs.code(), "versions": runs.versions(), "cpu_s": round(sum(result.cpu_s for result in done.values()))}
    subtitle = f"{len(planned)} trainings{', quick' if quick else ''}; {date.today()}"
    page = Page("Size and shape from scattering, reproduced", subtitle, [cells(rows), robust], _figures(done), _NOTES.splitlines(), facts)
    return {"rows": rows}, page


def _figures(done: Mapping[Any, Any]) -> dict[str, tuple[str, Any]]:
    import numpy as np

    from models import figures as common
    from models.scattering import gallery, reproduction
    from models.scattering.dataset import TARGETS
    from models.scattering.figures import curves
    from models.scattering.shapes import SHAPES

    drawn: dict[str, tuple[str, Any]] = {
        "shapes": ("Curves of silver particles of all shapes, 200 to 500 atoms", curves(gallery.shapes())),
        "corruptions": ("One curve as corruptions leave it", curves(gallery.corrupted())),
    }
    for learner in ("logistic", "small CNN"):
        counts = np.array(reproduction.confusion(done, learner))
        drawn[f"confusion_{_file(learner)}"] = (f"Shapes, true and told: {learner}", common.confusion(counts, list(SHAPES)))
    for target in TARGETS[1:]:
        drawn[f"parity_{target}"] = (f"Told and true: {target}", common.parity(reproduction.parity(done, target), target))
    robust = reproduction.robust(done)
    for target in TARGETS:
        metric = "accuracy" if target == "shape" else "r2"
        some = {name: rows for name, rows in robust.items() if any(row.target == target for row in rows)}
        figure = common.robustness(some, target, metric)
        figure["layout"]["yaxis"]["range"] = _RANGE[metric]
        drawn[f"robustness_{target}"] = (f"What corruptions do: {target}", figure)
    for learner in ("ridge for noise", "logistic", "small CNN"):
        regions, targets, values = reproduction.importance(done, learner)
        bars = common.importance(regions, targets, values, "fall of Q2 or accuracy once shuffled")
        drawn[f"importance_{_file(learner)}"] = (f"Which q matter: {learner}", bars)
    return drawn


def _file(learner: str) -> str:
    return learner.replace(" ", "_")
