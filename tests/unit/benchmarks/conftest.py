"""A small peer of our own stands for the other tools."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import peers, results

TOY = """
import random, sys
sys.path.insert(0, {adapters!r})
from protocol import feasible, serve

def propose(request):
    print("noise of a library")
    draw = random.Random(request["seed"])
    recipes = []
    while len(recipes) < request["n"]:
        recipe = {{p["name"]: draw.uniform(p["low"], p["high"]) for p in request["parameters"]}}
        if feasible(request, recipe):
            recipes.append(recipe)
    assert len(request["data"]) >= 15
    {more}
    return recipes

serve(propose)
"""


@pytest.fixture(autouse=True)
def _fresh_versions() -> None:
    results.ours.cache_clear()


@pytest.fixture(name="peer")
def _peer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Add a peer with this program, or one that proposes wells at random and does something more first."""

    def add(program: str | None = None, more: str = "", version: str = "1") -> str:
        script = tmp_path / "peer.py"
        script.write_text(program or TOY.format(adapters=str(peers.ADAPTERS), more=more))
        monkeypatch.setitem(peers.PEERS, "toy", peers.Peer("toy", (str(script),)))
        monkeypatch.setattr(peers, "environment", lambda name: Path(sys.executable))
        monkeypatch.setattr(peers, "versions", lambda name: {"toy": version})
        return "toy"

    return add


@pytest.fixture(name="made")
def _made() -> Callable[..., results.Record]:
    """Make a record out of regrets."""

    def make(rule: str, seed: int, *regret: float, tool: str = "t", date: str = "2026-11-21T00:00+00:00", **more: object) -> results.Record:
        each = len(regret)
        run = results.Run(1.0, regret, regret, (1.0,) * each, (1.0,) * each, (15,) * each, (15,) * each, ())
        return results.Record(rule, seed, tool, "a processor", date, **{"run": run, **more})

    return make


@pytest.fixture(name="facts")
def _facts() -> dict[str, object]:
    return {"problem": "hills", "curve": False, "optimum": 0.0, "wells": 15, "replicates": 1, "card": {}, "lab": "a"}
