"""Imports go one way: app -> db -> optimizer -> models; `closedloop` stands aside and reaches the others late, where it starts them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT, package_files

MAY_IMPORT = {
    "app": {"app", "db", "optimizer", "models"},
    "db": {"db", "optimizer.types"},
    "optimizer": {"optimizer", "models"},
    "models": {"models"},
    "closedloop": {"closedloop"},
}
LATE = {
    "closedloop/cli.py",
    "closedloop/polymer_commands.py",
    "closedloop/race.py",
    "closedloop/reproduce.py",
    "closedloop/reproduce_polymer.py",
    "closedloop/reproduce_psd.py",
    "closedloop/reproduce_scattering.py",
}
"""Modules that may import the others, inside functions: the commands that start the service, and those that simulate a lab."""
ONLY_DB = {"sqlalchemy", "alembic"}


def imports(tree: ast.AST, package: list[str], late: bool = False) -> Iterator[tuple[str, bool]]:
    """Every imported name in full, and whether it is imported late: inside a function, or for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield from ((".".join([*base, *filter(None, [node.module]), alias.name]), late) for alias in node.names)
        else:
            yield from imports(node, package, late or is_late(node))


def is_late(node: ast.AST) -> bool:
    """Whether what the node holds is not run when the module is imported."""
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    return function or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")


def violations(path: Path, source: str) -> list[str]:
    home = path.parts[0]
    allowed = MAY_IMPORT[home] | (ONLY_DB if home == "db" else set())
    return [
        name
        for name, late in imports(ast.parse(source), list(path.parent.parts))
        if name.split(".")[0] in ONLY_DB.union(PACKAGES)
        and not any(f"{name}.".startswith(f"{there}.") for there in allowed)
        and not (late and path.as_posix() in LATE and name.split(".")[0] in PACKAGES)
    ]


@pytest.mark.parametrize("path", [path for path in package_files() if path.suffix == ".py"], ids=str)
def test_imports_follow_the_order(path: Path):
    assert violations(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("models/gp.py", "from optimizer.types import Dataset"),
        ("models/psd/net.py", "from ...optimizer import types"),
        ("optimizer/loop.py", "import db.store"),
        ("optimizer/loop.py", "def late():\n    from db import store"),
        ("db/store.py", "from optimizer.loop import next_step"),
        ("db/store.py", "import optimizer"),
        ("db/store.py", "import app.main"),
        ("app/service.py", "from sqlalchemy.orm import Session"),
        ("app/service.py", "from closedloop.client import Client"),
        ("closedloop/cli.py", "from app.main import create_app"),
        ("closedloop/cli.py", "def late():\n    import sqlalchemy"),
        ("closedloop/client.py", "def late():\n    from optimizer import space"),
    ],
)
def test_a_violation_is_caught(path: str, source: str):
    assert len(violations(Path(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("models/psd/net.py", "from ..surrogate import Posterior\nfrom . import data"),
        ("optimizer/loop.py", "from models.gp import GaussianProcess\nfrom .types import Design"),
        ("db/store.py", "import sqlalchemy as sa\nfrom optimizer.types import Design\nfrom optimizer import types"),
        ("app/service.py", "import db.store\nimport optimizer.loop\nfrom models import artifacts"),
        ("closedloop/cli.py", "import httpx\n\ndef serve():\n    from app.main import create_app"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str):
    assert violations(Path(path), source) == []
