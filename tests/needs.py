"""What a test needs and the machine may lack: a reason to skip, but a failure in CI, where everything has to be there."""

import os
from typing import NoReturn

import pytest


def missing(what: str, remedy: str) -> NoReturn:
    message = f"{what} not found; {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
