"""What is kept of a model: its files give the same predictions in any process; stacks of images are asked in one that has torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.programme import train
from models.spec import Spec, Use
from models.table import Field, Table
from tests.service.conftest import expect, expect_refusal
from tests.service.test_surrogates import bands, stored

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from models.trained import Trained
told = Trained.load(Path(sys.argv[1])).answers(np.array(json.loads(sys.argv[2])))
print(json.dumps([[value.hex() for value in answer.mean.ravel().tolist()] for answer in told]))
"""


@pytest.mark.parametrize(("kind", "targets"), [("components_gp", ("band", "size")), ("forest", ("band", "shape")), ("ridge", ("band",))])
def test_the_files_of_a_model_tell_the_same_to_the_last_bit_in_a_fresh_process(tmp_path, kind, targets):
    settings = {"trees": 10} if kind == "forest" else {}
    spec = Spec((Use("x"), Use("y", "log")), tuple(Use(name) for name in targets), kind, settings, None, 0, 0.2, (), 1)
    model = train(bands(40), spec)
    model.save(tmp_path)
    X = np.random.default_rng(1).random((5, 2))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), json.dumps(X.tolist())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[value.hex() for value in answer.mean.ravel().tolist()] for answer in model.answers(X)]


@pytest.mark.slow
def test_stacks_are_asked_in_a_process_of_their_own(api, work):
    rng = np.random.default_rng(0)
    bright = rng.random(24)
    stacks = np.clip(255 * bright[:, None, None, None] + rng.normal(0, 5, (24, 2, 8, 8)), 0, 255).astype(np.uint8)
    dataset = stored(api, "images", Table((Field("images", stacks), Field("size", bright, "nm"))))
    body = {"name": "Sizes", "dataset": {"id": dataset}, "inputs": ["images"], "targets": ["size"], "seeds": 1, "sizes": []}
    body["learner"] = {"kind": "resnet", "settings": {"epochs": 2, "members": 1}}
    path = f"surrogates/{expect(api.post('surrogates', json=body), 202)['id']}"
    work()
    assert expect(api.get(path))["trained"], expect(api.get(path))["job"]
    rows = [{"images": stack.tolist()} for stack in stacks[:2]]
    told = expect(api.post(f"{path}/predict", json={"rows": rows}))["rows"]
    assert all(np.isfinite(row["answers"]["size"]["mean"]) for row in told)
    assert told[0]["validity"]["variable"] == "images"
    problem = expect_refusal(api.post(f"{path}/predict", json={"rows": [{"images": stacks[0, :, :4].tolist()}]}), 422, "rows.0.images")
    assert "2 images of 8 by 8" in problem["errors"][0]["message"]
