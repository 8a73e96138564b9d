"""Our rules and other tools on one problem, in one run on one machine: ``python -m benchmarks.side_by_side PROBLEM``.

Every tool gets the same first wells, the same noise and the same replicates, sees the median of the replicates, and
runs in an environment of its own on one thread. What a peer proposes is executed as it is, off the grid of the lab too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console

from closedloop import bench
from optimizer import scores
from optimizer.harness import Ask, Run, Task, run
from optimizer.problems import Problem, get_problem
from optimizer.space import Categorical, Continuous, SearchSpace
from optimizer.state import CampaignState
from optimizer.tabulated import SOURCES
from optimizer.types import Batch, Proposal

HERE = Path(__file__).resolve().parent
ADAPTERS = HERE / "adapters"
PEERS = {
    "optuna_tpe": ("optuna", ("optuna_peer.py", "tpe")),
    "optuna_gp": ("optuna", ("optuna_peer.py", "gp")),
    "gpyopt_lp": ("gpyopt", ("gpyopt_peer.py",)),
    "emukit_lp": ("emukit", ("emukit_peer.py",)),
    "botorch_qlognei": ("ax", ("botorch_peer.py",)),
    "ax": ("ax", ("ax_peer.py",)),
    "baybe": ("baybe", ("baybe_peer.py",)),
}
"""Name -> environment, and what runs in it."""
NUMBERS_ONLY = {"gpyopt_lp", "emukit_lp", "botorch_qlognei"}
console = Console(width=None if sys.stdout.isatty() else 140)


class PeerFailed(Exception):
    """A peer gave no answer; its run is left out, the others go on."""


def environment(name: str) -> Path:
    """The Python of a peer's environment, made when it is not there yet."""
    folder = HERE / ".environments" / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        console.print(f"Installing the environment {name} ...")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)  # noqa: S603
        install = [python, "-m", "pip", "install", "--quiet", "--prefer-binary", "-r", HERE / "requirements" / f"{name}.txt"]
        subprocess.run(install, check=True)  # noqa: S603
        (folder / "ready").touch()
    return python


@contextmanager
def asking(peer: str) -> Iterator[Ask]:
    """A peer's process, to be asked for batches."""
    name, arguments = PEERS[peer]
    command = [str(environment(name)), *arguments]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, cwd=ADAPTERS, env=one_thread, **pipes) as process:  # noqa: S603

        def ask(state: CampaignState) -> tuple[Batch, tuple[float, float]]:
            with suppress(BrokenPipeError):
                print(json.dumps(request(state)), file=process.stdin, flush=True)
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise PeerFailed(f"{peer} ended with status {process.wait()}; ask its adapter by hand to see why")
            answer = json.loads(line)
            return batch_of(state, peer, answer["recipes"]), (answer["cpu_s"], answer["wall_s"])

        try:
            yield ask
        finally:
            process.kill()
            with suppress(BrokenPipeError):  # closing flushes what a dead process did not take
                if process.stdin:
                    process.stdin.close()


def request(state: CampaignState) -> dict[str, Any]:
    """A campaign as the adapters read it."""
    space = state.space
    rows = zip(state.data.X, state.data.loss.tolist(), strict=True)
    names = set(space.names)
    return {
        "parameters": [_parameter(parameter) for parameter in space.parameters],
        "constraints": [{"coefficients": dict(c.coefficients), "bound": c.bound} for c in space.all_constraints],
        "data": [{"recipe": {k: v for k, v in space.recipe(x).items() if k in names}, "loss": loss} for x, loss in rows],
        "n": state.batch_size,
        "seed": 1000 * state.seed + state.last_round,
    }


def _parameter(parameter: Any) -> dict[str, Any]:
    if isinstance(parameter, Categorical):
        return {"kind": "categorical", "name": parameter.name, "categories": list(parameter.categories)}
    step = parameter.step if isinstance(parameter, Continuous) else None
    return {"kind": "continuous", "name": parameter.name, "low": parameter.low, "high": parameter.high, "step": step}


def batch_of(state: CampaignState, peer: str, recipes: list[dict[str, Any]]) -> Batch:
    """A peer's recipes as a batch; rounding beyond a bound is taken back."""
    space = state.space
    rows = [space.row(recipe).clip(space.low, space.high) for recipe in recipes]
    return Batch(tuple(Proposal(row, rank, peer, (state.seed, state.last_round + 1)) for rank, row in enumerate(rows, 1)))


def takes(peer: str, space: SearchSpace) -> bool:
    """Whether a peer can be asked in this space."""
    return peer not in NUMBERS_ONLY or not any(isinstance(p, Categorical) for p in space.parameters)


def compare(problem: Problem, rules: list[str], peers: list[str], seeds: int, batches: int) -> list[tuple[Task, Run]]:
    """Run everything, seed by seed."""
    done = []
    for seed in range(seeds):
        for rule in rules:
            done.append((task := Task(problem, rule, seed, batches), run(task)))
        for peer in peers:
            try:
                with asking(peer) as ask:
                    done.append((task := Task(problem, peer, seed, batches), run(task, ask)))
            except PeerFailed as error:
                console.print(f"seed {seed}: {error}")
                continue
            console.print(f"seed {seed}, {peer}: regret {done[-1][1].regret[-1]:.3g}, {median(done[-1][1].cpu_s):.3g} CPU s a batch")
    return done


def ratios(summary: dict[str, Any], ours: str, peers: list[str]) -> None:
    """Print our costs and regrets as shares of the peers'."""
    mine = summary["rules"][ours]
    for peer in [peer for peer in peers if peer in summary["rules"]]:
        theirs = summary["rules"][peer]
        cpu = median(mine["cpu_s"]) / median(theirs["cpu_s"])
        final = [scored["normalised_geometric_mean"][-1] for scored in (mine, theirs)]
        console.print(f"{ours} / {peer}: CPU {cpu:.3g}, normalised regret after the last batch {final[0] / final[1]:.3g}")


def versions(peers: list[str]) -> dict[str, str]:
    """The packages of the peers' environments, as pip lists them."""
    found = {}
    for name in sorted({PEERS[peer][0] for peer in peers}):
        listed = subprocess.run([environment(name), "-m", "pip", "freeze"], capture_output=True, text=True, check=True)  # noqa: S603
        wanted = {line.split("=")[0].lower() for line in (HERE / "requirements" / f"{name}.txt").read_text().split()}
        found[name] = "; ".join(line for line in listed.stdout.split() if line.split("==")[0].lower() in wanted)
    return found


def main(
    name: Annotated[str, typer.Argument(metavar="PROBLEM", help="A problem of `closedloop bench`.")],
    rules: Annotated[str, typer.Option(help="Our rules; the first is put in ratio to the peers.")] = "lp_ei,greedy_ei,random",
    peers: Annotated[str, typer.Option(help="Which peers.")] = ",".join(PEERS),
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ...")] = 10,
    batches: Annotated[int, typer.Option(min=1, help="Batches of 15 after the first wells.")] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="Keep the result here, with versions and date.")] = None,
) -> None:
    """Compare rules and peers on one problem."""
    problem = get_problem(name, bench.read_table(SOURCES[name].path) if name in SOURCES else None)
    asked = [peer for peer in peers.split(",") if takes(peer, problem.space)]
    summary = scores.summary(problem, compare(problem, rules.split(","), asked, seeds, batches))
    for table in bench.comparison(summary):
        console.print(table)
    ratios(summary, rules.split(",")[0], asked)
    if json_file is not None:
        kept = {**summary, "date": datetime.now(UTC).date().isoformat(), "versions": versions(asked)}
        json_file.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
