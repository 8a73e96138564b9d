"""Sizes, leftovers, paths of one machine, and tests that claim nothing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, python_files, repository_files

MAX_LINES, MAX_FUNCTION_LINES, MAX_BYTES = 400, 60, 1_000_000
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".html", ".css", ".js", ""}
LEFT_UNDONE = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(home|root|tmp|opt|srv|work)/")
CLAIM = re.compile(r"raises|warns|assert|check|expect|verify")
SOURCES = [path for path in python_files() if path.parts[0] != "tests"]
TEXTS = [path for path in repository_files() if path.suffix in TEXT]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """The length of a function without its signature and docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return function.end_lineno - body[0].lineno + 1 if body else 0


def claims(function: Function) -> bool:
    """Whether a test claims anything: an assert, `pytest.raises`, or a helper named for its check."""
    nodes = list(ast.walk(function))
    calls = (ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call))
    return any(isinstance(node, ast.Assert) for node in nodes) or any(CLAIM.search(name) for name in calls)


def lines_with(pattern: re.Pattern, text: str) -> list[int]:
    return [number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_files_and_functions_are_short(path: Path):
    source = (ROOT / path).read_text()
    assert source.count("\n") <= MAX_LINES or "migrations" in path.parts
    assert [function.name for function in functions(source) if body_lines(function) > MAX_FUNCTION_LINES] == []


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_nothing_is_left_undone_or_tied_to_one_machine(path: Path):
    text = (ROOT / path).read_text()
    assert lines_with(LEFT_UNDONE, text) == []
    assert lines_with(MACHINE_PATH, text) == []


def test_no_file_is_large():
    assert [path for path in repository_files() if (ROOT / path).stat().st_size > MAX_BYTES] == []


def test_every_test_claims_something():
    tests = [path for path in python_files() if path.parts[0] == "tests"]
    found = [(path, function) for path in tests for function in functions((ROOT / path).read_text()) if function.name.startswith("test_")]
    assert [f"{path}:{function.lineno}" for path, function in found if not claims(function)] == []


def test_the_checks_see_what_they_look_for():
    function = next(functions("def test_x():\n    '''Words.'''\n    a = 1\n    return a\n"))
    assert body_lines(function) == 2
    assert not claims(function)
    undone, path = "# TO" + "DO later", "cd " + "/".join(["", "home", "me"])
    assert lines_with(LEFT_UNDONE, undone) == [1]
    assert lines_with(MACHINE_PATH, path) == [1]
    assert lines_with(MACHINE_PATH, "/var/lib https://host/home/me") == []
