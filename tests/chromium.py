"""A headless Chromium, spoken to over a pipe in its DevTools protocol.

The command-line switches `--dump-dom` and `--screenshot` cannot log in, and with virtual time they never end on a page that keeps
a server-sent event stream open; here a test says what it waits for.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.needs import missing

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
# The browser reads its commands from descriptor 3 and answers on 4.
LAUNCH = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
PATIENCE_S = 60
LOADED = "document.readyState == 'complete'"


class Page:
    """One tab. Expressions are JavaScript, evaluated in the page; a promise is awaited."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self.problems: list[dict] = []
        """Uncaught exceptions and errors of the console, among them violations of the content security policy."""
        self._to, self._from = to_browser, from_browser
        self._unread, self._ids, self._session = b"", count(1), {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def open(self, url: str, until: str = LOADED, timeout_s: float = PATIENCE_S) -> None:
        error = self.call("Page.navigate", url=url).get("errorText")
        assert not error, f"{url}: {error}"
        self.wait(until, timeout_s)

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer['result'].get('description')}"
        return answer["result"].get("value")

    def wait(self, expression: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until an expression is true; one that fails, as while a page is replaced, is not true yet."""
        guarded = f"(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"
        deadline = time.monotonic() + timeout_s
        while not self._call("Runtime.evaluate", expression=guarded).get("result", {}).get("result", {}).get("value"):
            assert time.monotonic() < deadline, f"still waiting for {expression}; problems: {self.problems}"
            time.sleep(0.05)

    def html(self) -> str:
        return self.evaluate("document.documentElement.outerHTML")

    def screenshot(self, png_path: Path) -> None:
        png_path.write_bytes(b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def call(self, method: str, **parameters: Any) -> dict:
        """A command of the DevTools protocol, and its result."""
        answer = self._call(method, **parameters)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _call(self, method: str, **parameters: Any) -> dict:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            if answer["method"] == "Runtime.exceptionThrown" or answer.get("params", {}).get("entry", {}).get("level") == "error":
                self.problems.append(answer["params"])
        return answer

    def _read(self) -> dict:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], PATIENCE_S)
            chunk = os.read(self._from, 1 << 16) if ready else b""
            assert chunk, f"Chromium is silent for {PATIENCE_S} s, or gone"
            self._unread += chunk
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)


def find_chromium() -> str:
    """The path of the browser; without one the test is skipped, or fails in CI."""
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    return next(found, None) or missing("Chromium", "install it: apt-get install chromium")


@contextmanager
def browse(*, size: tuple[int, int] = (1280, 900)) -> Iterator[Page]:
    """A browser of its own, with an empty profile, and an empty page in it."""
    program = find_chromium()
    commands, answers = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        flags = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"]
        ends = (commands[0], answers[1])
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([sys.executable, "-c", LAUNCH, *map(str, ends), program, *flags], pass_fds=ends, **quiet) as browser:
            for end in ends:
                os.close(end)
            try:
                yield Page(commands[1], answers[0])
            finally:
                # A browser that loses its pipe leaves, with all its children.
                os.close(commands[1])
                os.close(answers[0])
                try:
                    browser.wait(10)
                except subprocess.TimeoutExpired:
                    browser.kill()


def screenshot(
    url: str, png_path: Path, *, until: str = LOADED, size: tuple[int, int] = (1280, 900), timeout_s: float = PATIENCE_S
) -> None:
    """Draw a page into a PNG file once the expression `until` is true in it."""
    with browse(size=size) as page:
        page.open(url, until, timeout_s)
        page.screenshot(png_path)


def dump_dom(url: str, *, until: str = LOADED, timeout_s: float = PATIENCE_S) -> str:
    """A page as HTML once the expression `until` is true in it."""
    with browse() as page:
        page.open(url, until, timeout_s)
        return page.html()
