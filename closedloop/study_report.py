"""What ``closedloop surrogate`` prints and reports of cards and studies: tables, and pages with figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from closedloop.bench import text
from closedloop.report import Cells, Page, figures_of
from closedloop.studies import Figure, Kind, Study
from closedloop.surrogates import Surrogate, Verdict

_TITLES: Mapping[Kind, str] = {
    "inverse": "inputs of a wanted outcome",
    "explain": "what it looks at",
    "robustness": "how it stands bad inputs",
    "sweep": "which settings are best",
}
_NOTES: Mapping[Kind, str] = {
    "inverse": """Outcomes rarely tell their inputs: candidates are as different as the count and the least distance allow.
Distances are those of the simulator where there is one, else of the model; ok and approximate are the limits below.
Inside, edge and outside say how near the inputs are to what the model was trained on.
Bounds and constraints that are reached say that better answers may lie beyond.""",
    "explain": """Shapley values share out the difference between a prediction and its mean over the background among the inputs.
They say what the model believes, not what causes what.
Permutation importance is by how much a metric gets worse on rows held out when an input is shuffled among them; the model is \
one that was not trained on these rows.""",
    "robustness": """Predict only: trained on clean data, asked about corrupted ones, brought back onto the axis of the model.
Train and predict: trained on corrupted data and asked about such, on the axis that is left of them.
Extrapolated: the largest share of an input curve that lay beyond what was left, and had to be made up.
Rows are held out as in the training of the card.""",
    "sweep": """One at a time: the other settings stay as they are; every metric stars the setting of best mean over the seeds.
The choice is the mode of the starred settings, several where they tie.
By the loop: batches of settings proposed by the rule that campaigns use; the best is the one expected to score best again.""",
}
_CARD_NOTES = """Random split: single rows are held out; grouped split: all rows of a group, which tells how a model does on what is new.
Metrics are means over the seeds, with their standard deviation; figures show the first seed, and at most 500 values.
Confusion: rows by true class and told class."""


# Cards


def held_out(card: Mapping[str, Any]) -> Cells:
    """The metrics of both splits."""
    rows = [
        row
        for name, split in card["splits"].items()
        for target, figures in split["metrics"].items()
        for row in _metric_rows(name, target, figures, split["spread"][target])
    ]
    return "Held out: mean over the seeds ± spread", ["split", "target", "metric", "value"], rows


def _metric_rows(split: str, target: str, figures: Mapping[str, Any], spread: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from ([split, target, f"{name} of {label}", _figure(part, spread[name][label])] for label, part in value.items())
        elif not isinstance(value, list):
            yield [split, target, name, _figure(value, spread[name])]


def _figure(value: float | None, spread: float | None) -> str:
    return text(value) if spread is None else f"{text(value)} ± {spread:.2g}"


def card_page(surrogate: Surrogate, figures: Sequence[Figure]) -> Page:
    """The report of a trained model."""
    card = surrogate["card"] or {}
    facts = {name: card[name] for name in ("data", "spec", "box", "intervals", "warnings", "versions", "cpu_s")}
    return Page(surrogate["name"], _of(surrogate), [held_out(card)], figures_of(figures), _CARD_NOTES.splitlines(), facts)


def _of(surrogate: Surrogate) -> str:
    seen, told = ", ".join(surrogate["inputs"]), ", ".join(surrogate["targets"])
    return f"{surrogate['learner']} from {seen} to {told}; {surrogate['state']}, on {surrogate['dataset']} {surrogate['dataset_version']}"


# Studies


def page(surrogate: Surrogate, kind: Kind, study: Study) -> Page:
    """The report of a study."""
    title = f"{surrogate['name']}: {_TITLES[kind]}"
    subtitle = f"{_of(surrogate)}; {study['made_at'][:16].replace('T', ' ')} UTC"
    facts = {"surrogate": study["surrogate"], "sha256": study["sha256"], "data": surrogate["sha256"], "request": _short(study["request"])}
    return Page(title, subtitle, cells(kind, study), figures_of(study["figures"]), _NOTES[kind].splitlines(), facts)


def _short(value: Any) -> Any:
    """A request without the points of curves."""
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    return f"{len(value)} numbers" if isinstance(value, list) and len(value) > 20 else value


def cells(kind: Kind, study: Study) -> list[Cells]:
    """The tables of a study."""
    return _CELLS[kind](study["result"])


def _inverse(told: Mapping[str, Any]) -> list[Cells]:
    judge = told["simulator"] or "the model"
    limits = f"ok to {told['ok']:.3g}, approximate to {told['approximate']:.3g}"
    title = f"{told['target']}: {told['status']}; {told['distance']} by {judge}, {limits}"
    names = list(told["candidates"][0]["inputs"])
    rows = [
        [
            str(number),
            *(value if isinstance(value, str) else f"{value:.4g}" for value in one["inputs"].values()),
            f"{one['distance']:.3g}",
            one["status"],
            "; ".join(one["bounds"] + one["constraints"]),
            judged(one["validity"]),
        ]
        for number, one in enumerate(told["candidates"], 1)
    ]
    return [(title, ["candidate", *names, "distance", "status", "at", "validity"], rows)]


def judged(verdict: Verdict) -> str:
    """A verdict in a word, and what is at fault."""
    return verdict["status"] if verdict["status"] == "inside" else f"{verdict['status']} ({verdict['check']}, {verdict['variable']})"


def _explain(told: Mapping[str, Any]) -> list[Cells]:
    values = told["shapley"]
    accuracy = "exact" if values["error"] is None else f"sampled, standard error {values['error']:.2g} at most"
    rows = [[group, *map(text, row)] for group, row in zip(values["groups"], values["importance"], strict=True)]
    shapley = (f"Mean |Shapley value| over {len(values['rows'])} rows, {accuracy}", ["input", *values["outputs"]], rows)
    parts = told["permutation"]
    worse = [
        [group, *(f"{text(part['importance'][k])} ± {part['spread'][k]:.2g}" for part in parts)] for k, group in enumerate(values["groups"])
    ]
    header = ["input", *(f"{part['target']}, {part['metric']} ({text(part['base'])})" for part in parts)]
    return [shapley, (f"Worse by, when shuffled among {told['held_out']} rows held out ({told['split']} split)", header, worse)]


def _robustness(told: Mapping[str, Any]) -> list[Cells]:
    found = []
    for target in dict.fromkeys(row["target"] for row in told["rows"]):
        own = [row for row in told["rows"] if row["target"] == target]
        names = list(dict.fromkeys(row["metric"] for row in own))
        lines: dict[tuple[str, ...], dict[str, float]] = {}
        for row in own:
            made_up = f"{row['extrapolated']:.0%}" if row["extrapolated"] else ""
            lines.setdefault((row["corruption"], row["level"], row["mode"], made_up), {})[row["metric"]] = row["value"]
        rows = [[*line, *(text(figures.get(name)) for name in names)] for line, figures in lines.items()]
        title = f"{target}: {told['learner']}, {told['train']} rows to learn from, {told['test']} held out"
        found.append((title, ["corruption", "level", "mode", "extrapolated", *names], rows))
    return found


def _sweep(told: Mapping[str, Any]) -> list[Cells]:
    names = list(told["metrics"])
    if told["method"] == "loop":
        searched = [name for name in told["default"] if len({str(trial["settings"][name]) for trial in told["trials"]}) > 1]
        rows = [[str(t["round"]), *(text(t["settings"][name]) for name in searched), text(t["score"]), t["rule"]] for t in told["trials"]]
        title = f"{told['target']}, {names[0]}: {len(rows)} settings, {_best(told, searched)}"
        return [(title, ["batch", *searched, names[0], "rule"], rows)]
    found = []
    for factor in told["factors"]:
        chosen = ", ".join(map(_setting, factor["chosen"])) or "none"
        rows = [
            [_setting(level["value"]), *(_voted(factor, level, name) for name in names), str(level["runs"])] for level in factor["levels"]
        ]
        title = f"{told['target']}: {factor['name']} {chosen} by most metrics, default {_setting(factor['default'])}"
        found.append((title, [factor["name"], *(f"{name} ({told['metrics'][name]})" for name in names), "trainings"], rows))
    return found


def _best(told: Mapping[str, Any], searched: Sequence[str]) -> str:
    if told["best"] is None:
        return "all of which failed"
    settings = told["best"]["settings"]
    return "best " + ", ".join(f"{name} {text(settings[name])}" for name in searched)


def _voted(factor: Mapping[str, Any], level: Mapping[str, Any], metric: str) -> str:
    star = " *" if level["value"] in factor["winners"][metric] else ""
    return f"{_figure(level['mean'][metric], level['std'][metric])}{star}"


def _setting(value: Any) -> str:
    return "null" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else text(value)


_CELLS: Mapping[Kind, Callable[[Mapping[str, Any]], list[Cells]]] = {
    "inverse": _inverse,
    "explain": _explain,
    "robustness": _robustness,
    "sweep": _sweep,
}
