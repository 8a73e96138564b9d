"""Other tools as peers of our rules: each runs in an environment of its own on one thread, and is asked over a pipe.

What a peer proposes is executed as it is, off the grid of the lab too.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from optimizer.harness import Ask
from optimizer.space import Categorical, Continuous, SearchSpace
from optimizer.state import CampaignState
from optimizer.types import Batch, Proposal

HERE = Path(__file__).resolve().parent
ADAPTERS = HERE / "adapters"
LIMIT_S = 300.0
"""CPU seconds that an ask may take."""
console = Console(width=None if sys.stdout.isatty() else 160)


@dataclass(frozen=True)
class Peer:
    """How a tool is asked.

    Attributes:
        environment: Name of its requirements file, and of the folder they are installed in.
        command: Adapter and its arguments.
        numbers_only: Whether it is asked only where no parameter is a category.
    """

    environment: str
    command: tuple[str, ...]
    numbers_only: bool = False


PEERS = {
    "gpyopt_lp": Peer("gpyopt", ("gpyopt_peer.py",), numbers_only=True),
    "optuna_tpe": Peer("optuna", ("optuna_peer.py", "tpe")),
    "optuna_gp": Peer("optuna", ("optuna_peer.py", "gp")),
    "hebo": Peer("hebo", ("hebo_peer.py",)),
    "botorch_qlognei": Peer("ax", ("botorch_peer.py",), numbers_only=True),
    "emukit_lp": Peer("emukit", ("emukit_peer.py",), numbers_only=True),
    "baybe": Peer("baybe", ("baybe_peer.py",)),
    "ax": Peer("ax", ("ax_peer.py",)),
}
"""Every peer, cheap ones first."""


class PeerFailed(Exception):
    """A peer gave no answer; its run is left out, the others go on."""


class PeerTimedOut(PeerFailed):
    """A peer did not answer in time."""


def takes(peer: str, space: SearchSpace) -> bool:
    """Whether a peer can be asked in this space."""
    return not (PEERS[peer].numbers_only and any(isinstance(p, Categorical) for p in space.parameters))


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


def versions(peer: str) -> dict[str, str]:
    """What a peer's answers depend on: its main packages, its Python, and a checksum of its adapter."""
    name, adapter = PEERS[peer].environment, ADAPTERS / PEERS[peer].command[0]
    program = "import importlib.metadata as m, json, platform, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    wanted = [line.partition("=")[0].partition("<")[0] for line in (HERE / "requirements" / f"{name}.txt").read_text().split()]
    python = environment(name)
    found = subprocess.run([python, "-c", program, *wanted], capture_output=True, text=True, check=True)  # noqa: S603
    adapted = hashlib.sha256(adapter.read_bytes()).hexdigest()[:16]
    return {"python": _python(python), **json.loads(found.stdout), "adapter": adapted}


def _python(python: Path) -> str:
    return subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]  # noqa: S603


def one_thread() -> dict[str, str]:
    """The environment variables of a process that computes on one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@contextmanager
def asking(peer: str, limit_s: float = LIMIT_S) -> Iterator[Ask]:
    """A peer's process, to be asked for batches; an ask may take that many CPU seconds."""
    command = [str(environment(PEERS[peer].environment)), *PEERS[peer].command]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603
            command, cwd=ADAPTERS, env=one_thread(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):

        def ask(state: CampaignState) -> tuple[Batch, tuple[float, float]]:
            with suppress(BrokenPipeError):
                print(json.dumps({**request(state), "limit_s": limit_s}), file=process.stdin, flush=True)
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise _failure(process.wait(), limit_s, errors)
            answer = json.loads(line)
            return batch_of(state, peer, answer["recipes"]), (answer["cpu_s"], answer["wall_s"])

        try:
            yield ask
        finally:
            process.kill()
            with suppress(BrokenPipeError):  # closing flushes what a dead process did not take
                if process.stdin:
                    process.stdin.close()


def _failure(status: int, limit_s: float, errors: IO[str]) -> PeerFailed:
    """Why a process that has ended gave no answer."""
    if status == -signal.SIGPROF:
        return PeerTimedOut(f"no answer within {limit_s:g} CPU s")
    errors.seek(0)
    last = [line for line in errors.read().splitlines() if line.strip()][-1:]
    return PeerFailed(": ".join([f"ended with status {status}", *last]))


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
