"""Where the published polymer data are."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def polymer_data() -> Path:
    """The folder of the published data, which is not part of the repository."""
    folder = Path(os.environ.get("CLOSEDLOOP_DATA", ROOT.parent / "shared" / "data")) / "polymer"
    if not folder.is_dir():
        pytest.skip(f"{folder} not found; set CLOSEDLOOP_DATA to the folder that holds it")
    return folder
