"""The repository as the house tests see it."""

import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = ("app", "closedloop", "db", "models", "optimizer")
UNPACKAGED = {"benchmarks", "docs", "tests"}
"""Top-level folders that may hold Python code and are not installed."""


def repository_files() -> list[Path]:
    """The files that git tracks or would track, relative to the root."""
    # The setting lets git answer where the clone belongs to another user, as in many CI machines.
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [Path(name) for name in sorted(listed) if (ROOT / name).is_file()]


def python_files() -> list[Path]:
    return [path for path in repository_files() if path.suffix == ".py"]


def package_files() -> list[Path]:
    return [path for path in repository_files() if path.parts[0] in PACKAGES]
