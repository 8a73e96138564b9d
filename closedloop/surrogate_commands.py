"""The command ``closedloop surrogate``: models that a service trains and keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from closedloop import report, study_commands, study_report, tools
from closedloop.bench import rich_table
from closedloop.client import Client
from closedloop.errors import ClosedLoopError
from closedloop.study_commands import Id
from closedloop.study_report import judged
from closedloop.surrogates import Answer, Surrogate
from closedloop.watching import watch

app = typer.Typer(help="Models: trained on data sets, kept with a card, asked for predictions.", no_args_is_help=True)
study_commands.add_to(app)

Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    dataset: Annotated[str, typer.Option(help="Data set to train on.")],
    inputs: Annotated[str, typer.Option(help="Fields that the model sees, with commas between; NAME:log for logarithms.")],
    targets: Annotated[str, typer.Option(help="Fields that it tells; NAME:log, or NAME:shares for a distribution.")],
    learner: Annotated[str, typer.Option(help="Kind of learner.")] = "ridge",
    settings: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file: settings of the learner.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Version of the data set; the newest when left out.")] = None,
    group: Annotated[str | None, typer.Option(help="Field whose equal values are held out together.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of the splits and of the learner.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="Repetitions of both splits.")] = 3,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
) -> None:
    """Train a model on a data set, and show how good it is."""
    uses = [_uses(part) for part in (inputs, targets)]
    given = tools.read_json(settings) or {}
    with Client(url, key) as client:
        made = client.train_surrogate(
            name, dataset, *uses, learner, version=version, learner_settings=given, group=group, seed=seed, seeds=seeds
        )
        watch(client.follow_training(made["id"]))
        _show(client.surrogate(made["id"]), json_file)


def _uses(names: str) -> list[dict[str, Any]]:
    ways: dict[str, dict[str, Any]] = {"": {}, "log": {"scale": "log"}, "shares": {"shares": True}}
    found = []
    for entry in names.split(","):
        name, _, way = entry.strip().partition(":")
        if way not in ways:
            raise typer.BadParameter(f"{entry!r}: a name is followed by :log, :shares or nothing")
        found.append({"name": name, **ways[way]})
    return found


@app.command("list")
def list_all(
    state: Annotated[str | None, typer.Option(help="Only candidate, promoted or retired ones.")] = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
) -> None:
    """List models."""
    with Client(url, key) as client:
        lines = list(client.surrogates(state))  # type: ignore[arg-type]
    rows = [
        [
            x["id"],
            x["state"],
            "yes" if x["trained"] else "no",
            x["learner"],
            ", ".join(x["targets"]),
            f"{x['dataset']} {x['dataset_version']}",
        ]
        for x in lines
    ]
    tools.console.print(rich_table("Surrogates", ["surrogate", "state", "trained", "learner", "targets", "data set"], rows))
    tools.write_json(json_file, lines)


@app.command()
def show(
    surrogate: Id,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the trained model here, as ZIP.")] = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
    report_folder: tools.Report = None,
) -> None:
    """Show the card of a model: how good it is, and where."""
    with Client(url, key) as client:
        found = client.surrogate(surrogate)
        if output is not None:
            client.surrogate_files(surrogate, output)
        _show(found, json_file)
        if report_folder is not None:
            print(report.write(report_folder, study_report.card_page(found, client.surrogate_figures(surrogate))))


@app.command()
def predict(
    surrogate: Id,
    rows: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON file: a list of samples, each an object by field.")],
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: tools.Json = None,
) -> None:
    """Ask a model; curves are shown by their ends and peak, all points go to --json."""
    samples = tools.read_json(rows)
    if not (isinstance(samples, list) and all(isinstance(sample, dict) for sample in samples)):
        raise ClosedLoopError(f"{rows} holds no list of samples; each is an object from field to value")
    with Client(url, key) as client:
        found = client.predict(surrogate, samples)
    names = [target["name"] for target in found["targets"]]
    cells = [[str(k), *(_told(row["answers"][name]) for name in names), judged(row["validity"])] for k, row in enumerate(found["rows"])]
    title = f"{surrogate}: predictions, with intervals that hold {found['level']:.0%} of new outcomes"
    tools.console.print(rich_table(title, ["row", *names, "validity"], cells))
    tools.write_json(json_file, found)


@app.command()
def promote(surrogate: Id, reason: Reason, url: tools.Url = None, key: tools.Key = None) -> None:
    """Say that a model is fit for use."""
    with Client(url, key) as client:
        print(f"{surrogate} is {client.promote_surrogate(surrogate, reason)['state']}")


@app.command()
def retire(surrogate: Id, reason: Reason, url: tools.Url = None, key: tools.Key = None) -> None:
    """Say that a model is no longer fit for use."""
    with Client(url, key) as client:
        print(f"{surrogate} is {client.retire_surrogate(surrogate, reason)['state']}")


def _show(surrogate: Surrogate, json_file: Path | None) -> None:
    card, job = surrogate["card"], surrogate["job"]
    data = f"{surrogate['dataset']} {surrogate['dataset_version']}"
    print(f"{surrogate['id']}: {surrogate['learner']}, {surrogate['state']}, on {data} (SHA-256 {surrogate['sha256'][:12]})")
    if card is None:
        print(f"Not trained: the job is {job['state']}{': ' + job['error'] if job['error'] else ''}")
    else:
        tools.console.print(rich_table(*study_report.held_out(card)))
        for warning in card["warnings"]:
            print(f"Warning: {warning}")
    tools.write_json(json_file, surrogate)


def _told(answer: Answer) -> str:
    if "best" in answer:
        return f"{answer['best']} ({answer['probabilities'][answer['best']]:.0%})"
    mean = answer["mean"]
    if isinstance(mean, list):
        return f"{mean[0]:.3g} to {mean[-1]:.3g}, peak {max(mean):.3g}"
    return f"{mean:.4g} ({answer['low']:.4g} to {answer['high']:.4g})"
