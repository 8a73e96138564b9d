"""Heavy libraries load when they are needed, not when a module is imported."""

import subprocess
import sys

import pytest

from tests.house.tree import ROOT

LEARNING = {"torch", "botorch", "gpytorch", "sklearn", "pyarrow"}
SERVER = {"sqlalchemy", "alembic", "fastapi"}


def loaded_by(module: str) -> set[str]:
    """The top-level modules in memory after a new interpreter imported one module."""
    program = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("app.main", LEARNING), ("closedloop", LEARNING | SERVER), ("closedloop.cli", LEARNING | SERVER)],
)
def test_importing_loads_nothing_heavy(module: str, heavy: set[str]):
    assert loaded_by(module) & heavy == set()


def test_a_heavy_import_is_seen():
    assert "fastapi" in loaded_by("fastapi")
