"""What ``closedloop knowledge`` prints and reports: what matters, and what recipes should give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from closedloop import types
from closedloop.report import Cells, Page

_NOTES = """Shapley values share out the difference between the predicted loss of a well and the mean over all wells among the parameters.
They say what the model believes, not what causes what; recipes mixed from two wells may break constraints.
Maps show the lowest predicted loss that the other parameters allow, on a grid of feasible recipes; white is infeasible.
Bands are two standard deviations of the model to either side; inside, edge and outside say how near the recipe is to what was measured."""


def cells(knowledge: types.Knowledge) -> list[Cells]:
    """Titles, headers and rows of the importance of the parameters, and of predictions where any were asked for."""
    told = knowledge["explanation"]
    regions = told["outputs"][1:]
    ranked = [[entry["parameter"], *(f"{v:.3g}" for v in [entry["loss"], *entry["regions"].values()])] for entry in told["importance"]]
    accuracy = "exact" if told["exact"] else f"sampled, standard error {told['error']:.2g} at most"
    tables: list[Cells] = [(f"Mean |Shapley value| over {len(told['wells'])} wells, {accuracy}", ["parameter", "loss", *regions], ranked)]
    if knowledge["recipes"]:
        names = list(knowledge["recipes"][0]["recipe"])
        rows = [_predicted(made, names) for made in knowledge["recipes"]]
        tables.append(("Predictions", [*names, "loss", "std", "feasible", "validity"], rows))
    return tables


def _predicted(made: types.Prediction, names: list[str]) -> list[str]:
    verdict = made["validity"]
    status = "" if verdict is None else verdict["status"]
    if verdict and status != "inside":
        status += f" ({verdict['check']}, {verdict['variable']})"
    setting = [value if isinstance(value, str) else f"{value:g}" for value in map(made["recipe"].__getitem__, names)]
    return [*setting, f"{made['loss']:.3g}", f"{made['std']:.2g}", "yes" if made["feasible"] else "no", status]


def page(campaign: types.Campaign, knowledge: types.Knowledge, figures: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Page:
    """The report, with figures by name, each with its heading."""
    state = "" if knowledge["current"] else "; data, bounds or objective have changed since"
    moment = knowledge["made_at"][:16].replace("T", " ")
    subtitle = f"{len(knowledge['measured'])} wells; learnt in round {knowledge['round']}, {moment} UTC{state}"
    facts = {"campaign": campaign["id"], "objective": knowledge["objective"], "held": knowledge["held"], "warnings": knowledge["warnings"]}
    return Page(f"What {campaign['document']['name']} has taught", subtitle, cells(knowledge), figures, _NOTES.splitlines(), facts)
