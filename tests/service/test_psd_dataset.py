"""Image stacks of known size distribution, built over HTTP."""

import io
import subprocess
import sys

import numpy as np
import pytest

from app.examples import PSD_BUILD
from closedloop.local import LocalService
from models.psd.dataset import psd_table
from tests.service.conftest import expect, expect_refusal


def test_stacks_are_built_aside_and_the_same_again(api):
    wanted = {**PSD_BUILD, "rows": 4, "pixels": 128, "weighting": "volume", "particles": "spheroids"}
    made = expect(api.post("datasets/build", json=wanted), 201)
    assert made["source"] == {key: value for key, value in wanted.items() if key != "name"}
    table = psd_table(4, 7, 3, 128, "spheroids", "volume")
    assert made["sha256"] == table.digest
    assert expect(api.post("datasets/build", json=wanted)) == made
    with np.load(io.BytesIO(api.get("datasets/spheres/content").content), allow_pickle=False) as content:
        np.testing.assert_array_equal(content["images"], table["images"].values)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rows": 1}, "rows"),
        ({"rows": 1001}, "rows"),
        ({"rows": 501, "images": 10}, ""),
        ({"images": 0}, "images"),
        ({"pixels": 100}, "pixels"),
        ({"particles": "needles"}, "particles"),
        ({"weighting": "mass"}, "weighting"),
        ({"workers": 4}, "workers"),
    ],
)
def test_a_wrong_build_is_refused(api, changes, field):
    problem = expect_refusal(api.post("datasets/build", json={**PSD_BUILD, **changes}), 422, field)
    assert problem["errors"][0]["remedy"]


def test_the_command_builds_stacks(service: LocalService, tmp_path):
    settings = tmp_path / "settings.json"
    settings.write_text('{"images": 1, "particles": "spheroids"}')
    words = ["dataset", "build", "psd", "--name", "Spheroids", "--rows", "3", "--settings", str(settings), "--url", service.url]
    command = [sys.executable, "-m", "closedloop.cli", *words, "--key", service.key]
    done = subprocess.run(command, env={"PATH": "", "COLUMNS": "120"}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert psd_table(3, 0, 1, particles="spheroids").digest in done.stdout
