"""The documentation under test: its Python runs, its commands exist, and it names every setting."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import dropwhile, groupby
from pathlib import Path

import pytest

from tests.house.tree import ROOT, package_files

README = ROOT / "README.md"
DOCUMENTS = sorted({*ROOT.glob("README.md"), *ROOT.glob("docs/**/*.md")})
SHELL = {"bash", "sh"}
SEPARATORS = "();<>|&\n"
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"\bCLOSEDLOOP_[A-Z]+(?:_[A-Z]+)*\b")
TARGET = re.compile(r"^([\w-]+):", re.MULTILINE)


def blocks(text: str, languages: set[str]) -> Iterator[tuple[int, str]]:
    """The code blocks in some languages, each with the line that it starts on."""
    for found in FENCE.finditer(text):
        if found[1] in languages:
            yield text.count("\n", 0, found.start(2)) + 1, found[2]


def commands(text: str) -> Iterator[list[str]]:
    """The words of every command in the shell blocks, without comments and the assignments before it."""
    for _, block in blocks(text, SHELL):
        # shlex would take the end of the line for a part of the comment.
        lexer = shlex.shlex(re.sub(r"(?m)(^|\s)#.*$", "", block.replace("\\\n", " ")), posix=True, punctuation_chars=SEPARATORS)
        lexer.whitespace, lexer.whitespace_split = " \t", True
        for separator, words in groupby(lexer, key=lambda word: set(word) <= set(SEPARATORS)):
            command = list(dropwhile(re.compile(r"\w+=").match, words))
            if command and not separator:
                yield [Path(command[0]).name, *command[1:]]


@cache
def help_of(words: tuple[str, ...]) -> str:
    plain = {**os.environ, "COLUMNS": "240", "TERM": "dumb", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "closedloop.cli", *words, "--help"]
    done = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"closedloop {' '.join(words)}: {done.stderr}"
    return done.stdout


def check_command(words: list[str]) -> None:
    """Whether `closedloop` knows the command, and the command all its options."""
    first_option = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    known = help_of(tuple(words[:first_option]))
    for option in (word.split("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", known), f"closedloop {' '.join(words)}: no option {option}"


def run_blocks(text: str, origin: str) -> dict:
    """The namespace that the Python blocks of a document leave, run one after the other."""
    namespace = {"__name__": "__main__"}
    for line, block in blocks(text, {"python"}):
        # The empty lines in front let a traceback name the document's own line.
        exec(compile("\n" * (line - 1) + block, origin, "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    from closedloop.local import local_service

    with local_service(tmp_path_factory.mktemp("service"), port=0) as running:
        yield running


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if any(blocks(path.read_text(), {"python"}))], ids=lambda path: path.name)
def test_python_blocks_run(document: Path, service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLOSEDLOOP_URL", service.url)
    monkeypatch.setenv("CLOSEDLOOP_KEY", service.key)
    monkeypatch.chdir(tmp_path)
    assert run_blocks(document.read_text(), str(document))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_closedloop_commands_exist(document: Path):
    for program, *words in commands(document.read_text()):
        if program == "closedloop":
            check_command(words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(document: Path):
    text = document.read_text()
    named = {words[1] for words in commands(text) if words[0] == "make" and len(words) > 1} | set(re.findall(r"`make ([\w-]+)`", text))
    assert named <= set(TARGET.findall((ROOT / "Makefile").read_text()))


def test_readme_says_how_to_see_it_and_how_to_test_it():
    assert {("make", "demo"), ("make", "test")} <= {tuple(words) for words in commands(README.read_text())}


def test_readme_names_exactly_the_variables_that_the_code_reads():
    code = [*(path for path in package_files() if path.suffix == ".py"), Path("tests/conftest.py")]
    read = {name for path in code for name in VARIABLE.findall((ROOT / path).read_text())}
    assert set(VARIABLE.findall(README.read_text())) == read


SAMPLE = """
```bash
# It's a comment; then an assignment, a continued line, a pipe and a quotation over two lines:
A=1 .venv/bin/closedloop bench \\
    --json out.json | tee log
make test  # all of them
curl -d '{
    "a": 1}' http://localhost/
```

```python
x = 1
```

```python
y = x / 0
```
"""


def test_commands_are_found():
    assert list(commands(SAMPLE)) == [
        ["closedloop", "bench", "--json", "out.json"],
        ["tee", "log"],
        ["make", "test"],
        ["curl", "-d", '{\n    "a": 1}', "http://localhost/"],
    ]


def test_blocks_share_a_namespace_and_failures_name_their_line():
    with pytest.raises(ZeroDivisionError) as failure:
        run_blocks(SAMPLE, "sample.md")
    assert failure.traceback[-1].lineno + 1 == SAMPLE.splitlines().index("y = x / 0") + 1
    assert run_blocks(SAMPLE.replace("/ 0", "+ 1"), "sample.md")["y"] == 2
