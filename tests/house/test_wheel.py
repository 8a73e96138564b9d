"""The wheel holds the packages, whole, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house.tree import PACKAGES, PROJECT, ROOT, UNPACKAGED, package_files, python_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    # Built from a copy: setuptools leaves its build folder in the source tree.
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in [*package_files(), Path("pyproject.toml"), Path("README.md")]:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with ZipFile(next(target.glob("*.whl"))) as archive:
        yield archive


def test_wheel_holds_every_file_of_the_packages_and_no_other(wheel: ZipFile):
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert files == {path.as_posix() for path in package_files()}


def test_every_folder_with_code_is_listed():
    with_code = {".".join(path.parent.parts) for path in python_files() if path.parts[0] not in UNPACKAGED and len(path.parts) > 1}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(with_code)
    assert {name.split(".")[0] for name in listed} == set(PACKAGES)


def test_the_command_is_installed(wheel: ZipFile):
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert wheel.read(entry_points).decode().split() == ["[console_scripts]", "closedloop", "=", "closedloop.cli:main"]
