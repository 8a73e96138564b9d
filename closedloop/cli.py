"""The command ``closedloop``. What starts or tends a service imports the service, late; everything else talks HTTP."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from closedloop import data, dataset_commands, polymer_commands, psd_commands, scattering_commands, surrogate_commands, tools
from closedloop.errors import ClosedLoopError
from closedloop.threads import one_thread

app = typer.Typer(help="Closed-loop optimization of experiments.", no_args_is_help=True, pretty_exceptions_enable=False)
keys = typer.Typer(help="API keys of a service, managed at its database.", no_args_is_help=True)
app.add_typer(keys, name="key")
app.add_typer(dataset_commands.app, name="dataset")
app.add_typer(surrogate_commands.app, name="surrogate")
app.add_typer(polymer_commands.app, name="polymer")
app.add_typer(scattering_commands.app, name="scattering")
app.add_typer(psd_commands.app, name="psd")
tools.add_to(app)


def _usable_database(url: str | None) -> str | None:
    if url and not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise typer.BadParameter("a database is sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME")
    return _with_extra(url, "psycopg", "postgres") if url and url.startswith("postgresql") else url


def _usable_dask(address: str | None) -> str | None:
    return _with_extra(address, "distributed", "dask") if address else None


def _with_extra(value: str, module: str, extra: str) -> str:
    if find_spec(module) is None:
        raise typer.BadParameter(f"this needs more packages: pip install 'closedloop[{extra}]'")
    return value


DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="CLOSEDLOOP_DATABASE",
        callback=_usable_database,
        help="sqlite:///FILE or postgresql+psycopg://...; a file in ~/.closedloop when left out.",
    ),
]
Workers = Annotated[int | None, typer.Option(envvar="CLOSEDLOOP_WORKERS", min=0, max=256, help="Processes for jobs.")]
Dask = Annotated[
    str | None, typer.Option(envvar="CLOSEDLOOP_DASK", callback=_usable_dask, help="Address of a Dask scheduler that runs the jobs.")
]


class RoleName(StrEnum):
    """What a key may do."""

    viewer = "viewer"
    lab = "lab"
    chemist = "chemist"
    admin = "admin"


@app.command()
def serve(
    host: Annotated[str, typer.Option(envvar="CLOSEDLOOP_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="CLOSEDLOOP_PORT", min=0, max=65535, help="Port; 0 for any free one.")] = 8000,
    database: DatabaseUrl = None,
    workers: Workers = None,
    dask: Dask = None,
) -> None:
    """Run the service; --workers 0 leaves the jobs to `closedloop worker`."""
    one_thread()
    import uvicorn

    from app.main import create_app

    settings = _settings(database=database, workers=workers, dask=dask)
    with _open(settings):  # what is wrong with the database is said before the server starts
        service = create_app(settings)

    class Server(uvicorn.Server):
        async def shutdown(self, *arguments: Any, **options: Any) -> None:
            service.state.closing.set()  # ends the event streams, which the shutdown would wait for
            await super().shutdown(*arguments, **options)

    server = Server(uvicorn.Config(service, host=host, port=port, access_log=False, timeout_graceful_shutdown=10))
    listener = server.config.bind_socket()
    # Inherited by every connection; asyncio sets it only on sockets that it opens, and answers would wait 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if host not in ("127.0.0.1", "localhost", "::1"):
        _say(f"Warning: listening on {host}. Keys and data travel unencrypted: put TLS in front.")
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104
    print(f"Swagger page: http://{reachable}:{listener.getsockname()[1]}/docs", flush=True)
    server.run([listener])


@app.command()
def worker(database: DatabaseUrl = None, workers: Workers = None, dask: Dask = None) -> None:
    """Run jobs only, beside a service on the same database, until SIGTERM or Ctrl-C; unfinished jobs go back to the queue."""
    one_thread()
    from app.executor import open_executor
    from app.worker import Worker

    settings = _settings(database=database, workers=workers, dask=dask)
    slots = max(settings.workers, 1)
    with _open(settings) as opened:
        executor = open_executor(settings)
        working = Worker(opened, executor, slots, settings.lease_s, settings.unfinished)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: working.stop())
        print(f"Worker {working.name} takes jobs.", flush=True)
        working.run()
        executor.close()
    print("Stopped.", flush=True)


@app.command()
def migrate(database: DatabaseUrl = None) -> None:
    """Bring the database to the newest schema; `serve` and `worker` do that too."""
    from db.migrations import state_of

    with _open(_settings(database=database)) as opened:
        print(f"schema version {state_of(opened)[0]}")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Whose key it is; appears in the audit log.")],
    role: Annotated[RoleName, typer.Option(help="What it may do; each role includes the ones before it.")],
    database: DatabaseUrl = None,
) -> None:
    """Create a key and print it, this once."""
    from app.security import Role
    from app.security import create_key as create

    with _open(_settings(database=database)) as opened:
        print(create(opened, name, Role[role]))
    _say("Keep it now: only its digest is stored.")


@keys.command("list")
def list_keys(database: DatabaseUrl = None) -> None:
    """List keys: names, roles, dates."""
    from db.keys import every

    table = Table("name", "role", "created", "revoked")
    with _open(_settings(database=database)) as opened, opened.read() as session:
        for row in every(session):
            table.add_row(
                row.name, row.role, f"{row.created_at:%Y-%m-%d %H:%M}", f"{row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else ""
            )
    tools.console.print(table)


@keys.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="Name of the key.")], database: DatabaseUrl = None) -> None:
    """Make a key worthless, at once and for ever."""
    from db.keys import revoke

    with _open(_settings(database=database)) as opened, opened.write() as session:
        revoke(session, name)
    print(f"{name} is revoked")


@app.command()
def bench(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM|speed|grid|predict", help="A problem to compare rules on; or what to time.")],
    rules: Annotated[str, typer.Option(help="Names of batch rules, with commas between.")] = "hybrid_ei,random",
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Runs of each rule, from seed 0 on.")] = 10,
    batches: Annotated[int, typer.Option(min=1, max=100, help="Batches of 15 after the first 15 wells.")] = 5,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Runs at once; times are cleanest with 1.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the figures here too.")] = None,
    report_folder: Annotated[Path | None, typer.Option("--report", file_okay=False, help="Write a page, a table and figures here.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make every run anew, also those that are kept.")] = False,
    levels: Annotated[int, typer.Option(min=2, max=100, help="Of each parameter of the grid; 40 make 102 million points.")] = 20,
    dask: Annotated[bool, typer.Option("--dask", help="Search the grid in processes of a Dask cluster on this machine.")] = False,
) -> None:
    """Compare batch rules on a problem; or time the proposer and the start of the service (speed), the grid search, or predictions.

    Runs that end are kept in the cache: the same command takes up where it was interrupted.
    """
    if problem in ("speed", "predict"):
        (_bench_speed if problem == "speed" else _bench_predict)(json_file)
        return
    if problem == "grid":
        _bench_grid(jobs, levels, dask, json_file)
        return
    from closedloop import bench as shown
    from closedloop import report
    from optimizer.figures import figures

    summary, failures = _compared(problem, list(dict.fromkeys(rules.split(","))), range(seeds), batches, jobs, fresh)
    for table in shown.comparison(summary):
        tools.console.print(table)
    tools.write_json(json_file, summary)
    if report_folder is not None:
        print(report.write_bench(report_folder, summary, figures(summary)))
    if failures:
        raise ClosedLoopError(f"{len(failures)} runs failed, and are not in the figures: {'; '.join(failures)}")


@app.command()
def reproduce(
    system: Annotated[tools.Published, typer.Argument(help="The published system.")],
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Replays, from seed 0 on.")] = 10,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Replays at once.")] = 2,
    quick: Annotated[bool, typer.Option("--quick", help="Few runs and replicates, to see it work; the figures then say little.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the figures here too.")] = None,
    report_folder: Annotated[Path | None, typer.Option("--report", file_okay=False, help="Write a page and its figures here.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make every replay anew, also those that are kept.")] = False,
    budget: Annotated[float | None, typer.Option(min=1, help="Of psd: minutes it may take, about; 60 when left out.")] = None,
    dask: Annotated[str | None, typer.Option(callback=_usable_dask, help="Of psd: address of a Dask scheduler that trains.")] = None,
) -> None:
    """Replay a published campaign on the virtual lab, and print every published figure beside ours.

    Replays that end are kept in the cache: the same command takes up where it was interrupted.
    """
    from closedloop import bench, report, reproduce

    given = {name: value for name, value in {"budget": budget, "dask": dask}.items() if value is not None}
    if given and system is not tools.Published.psd:
        raise typer.BadParameter("only psd takes --budget and --dask")
    summary, page = getattr(reproduce, system.value)(seeds, jobs, tools.console, quick=quick, fresh=fresh, **given)
    for cells in page.tables:
        tools.console.print(bench.rich_table(*cells))
    tools.write_json(json_file, summary)
    if report_folder is not None:
        print(report.write(report_folder, page))


@app.command()
def knowledge(
    campaign: Annotated[str, typer.Argument(help="The campaign.")],
    recipes: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file: a list of recipes whose outcome is to be predicted.")
    ] = None,
    url: tools.Url = None,
    key: tools.Key = None,
    json_file: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write everything that was found here.")] = None,
    report_folder: Annotated[Path | None, typer.Option("--report", file_okay=False, help="Write a page and its figures here.")] = None,
) -> None:
    """Learn what a campaign has taught: which parameters matter, where the loss is low, what recipes should give."""
    from closedloop import bench, learnt, report
    from closedloop.client import Client
    from optimizer.knowledge_figures import figures

    with Client(url, key) as client:
        found, described = client.learn(campaign, tools.read_json(recipes) or ()), client.campaign(campaign)
    for cells in learnt.cells(found):
        tools.console.print(bench.rich_table(*cells))
    tools.write_json(json_file, found)
    if report_folder is not None:
        print(report.write(report_folder, learnt.page(described, found, figures(found))))


def _bench_speed(json_file: Path | None) -> None:
    from closedloop import bench
    from optimizer.benchmark import speed

    print("Measuring; this takes a minute or two.", flush=True)  # no spinner, whose thread would be measured too
    rows = [*speed(), *bench.service_rows()]
    tools.console.print(bench.table(rows))
    tools.write_json(json_file, {"rows": rows})


def _bench_predict(json_file: Path | None) -> None:
    from closedloop import bench
    from closedloop.prediction_speed import prediction_rows

    print("Measuring; a model is trained first, and another one meanwhile.", flush=True)
    rows = prediction_rows()
    tools.console.print(bench.table(rows))
    tools.write_json(json_file, {"rows": rows})


def _bench_grid(jobs: int, levels: int, dask: bool, json_file: Path | None) -> None:
    from closedloop import bench, runs
    from optimizer.grid_speed import grid_speed

    print("Measuring; a million points take some ten CPU seconds.", flush=True)
    with _dask_processes(jobs) if dask else runs.processes(jobs) as executor:
        rows = grid_speed(executor.submit, jobs, levels)
    tools.console.print(bench.table(rows))
    tools.write_json(json_file, {"rows": rows})


@contextmanager
def _dask_processes(count: int) -> Iterator[Any]:
    """Processes of a Dask cluster of this command's own, as an executor."""
    _with_extra("--dask", "distributed", "dask")
    from distributed import LocalCluster

    from app.executor import DaskExecutor
    from app.settings import Settings

    with (
        LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
        closing(DaskExecutor(cluster.scheduler_address, Settings().deadline_s)) as executor,
    ):
        yield executor


def _compared(name: str, rules: list[str], seeds: range, batches: int, jobs: int, fresh: bool) -> tuple[dict[str, Any], list[str]]:
    """What the rules did on a problem, and which runs failed."""
    from closedloop import bench, runs
    from optimizer.harness import Run, Task, run
    from optimizer.problems import NAMES, SOURCES, get_problem
    from optimizer.rules import RULES
    from optimizer.scores import summary

    _check_names("problem", [name], ["speed", "grid", "predict", *NAMES])
    _check_names("rule", rules, sorted(RULES))
    problem = get_problem(name, bench.read_table(SOURCES[name].path) if name in SOURCES else None)
    installed = {"versions": runs.versions(), "code": runs.code()}
    planned = [Task(problem, rule, seed, batches) for rule in rules for seed in seeds]
    tasks = {runs.key(task.identity | installed): task for task in planned}
    with runs.processes(min(jobs, len(tasks))) as executor:
        outcome = runs.compute(tasks, run, runs.Store(data.cache() / "bench.jsonl"), executor, tools.console, fresh=fresh)
    failures = [f"{tasks[key].rule}, seed {tasks[key].seed}: {reason}" for key, reason in outcome.failures.items()]
    if not outcome.results:
        raise ClosedLoopError(f"no run ended well: {'; '.join(failures)}")
    done = [(task, Run.parse(outcome.results[key])) for key, task in tasks.items() if key in outcome.results]
    return summary(problem, done) | installed | {"date": f"{date.today()}", "reused_runs": outcome.reused}, failures


def _check_names(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"there is no {kind} {name!r}; there are: {', '.join(known)}")


def _settings(**given: Any) -> Any:
    from app.settings import Settings

    return Settings(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def _open(settings: Any) -> Iterator[Any]:
    """The database, at the newest schema; what the service calls an error becomes one of ours."""
    from db.engine import open_database
    from db.migrations import migrate
    from optimizer.types import ClosedLoopError as ServiceFault

    try:
        settings.prepare()
        database = open_database(settings.database)
        try:
            with database.read() as session:
                session.connection()  # says what is wrong with the database; migrate() does not
            migrate(database)
            yield database
        finally:
            database.close()
    except ServiceFault as error:
        reason = getattr(error, "remedy", "") or str(error.__cause__ or "").partition("\n")[0]
        raise ClosedLoopError(f"{error}; {reason}" if reason else str(error)) from error
    except OSError as error:
        raise ClosedLoopError(str(error)) from error


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run the command; an expected error is one message and exit status 1."""
    # Unwinds, so that a private service does not outlive the command that started it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app(prog_name="closedloop")
    except ClosedLoopError as error:
        _say(f"Error: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
