import inspect
import subprocess
import sys
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from models.learners import KINDS, BadSettings, load, make, settings_of
from models.surrogate import NotFitted, Surrogate
from models.task import Head
from tests.house.tree import ROOT

HEADS = {"number": Head("number", 1), "curve": Head("curve", 8), "category": Head("category", 3), "distribution": Head("distribution", 4)}
FIXED = {"two_stage": [Head("category", 9), Head("number", 1), Head("number", 1)]}
"""Heads of kinds that tell no others; that they learn them is tested with these kinds."""
CHEAP = {
    "network": {"hidden": [4], "epochs": 1, "members": 1},
    "mlp": {"epochs": 1},
    "cnn": {"epochs": 1},
    "forest": {"trees": 2},
}


def loads_heavy(program: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {"torch", "sklearn"} & set(done.stdout.split())


def test_the_registry_and_all_settings_load_neither_torch_nor_scikit_learn() -> None:
    say = "import sys; print(*{name.split('.')[0] for name in sys.modules})"
    assert loads_heavy(f"from models.learners import KINDS, settings_of; [settings_of(kind, {{}}) for kind in KINDS]; {say}") == set()
    assert loads_heavy(f"import sklearn; {say}") == {"sklearn"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_learner_with_defaults(kind: str) -> None:
    entry = KINDS[kind]
    assert entry.name == kind
    assert len(entry.about) < 130
    assert "\n" not in entry.about
    settings = settings_of(kind, {})
    module, name = entry.settings.split(":")
    assert is_dataclass(settings)
    assert settings == getattr(import_module(module), name)()
    assert settings.__hash__ is not None
    heads = FIXED.get(kind, [next(HEADS[head] for head in HEADS if head in entry.heads)])
    learner = make(kind, settings, heads, 5, "cpu")
    assert isinstance(learner, Surrogate)
    assert (learner.seed, learner.device, learner.warnings, learner.card) == (5, "cpu", (), {})
    module, name = entry.learner.split(":")
    assert type(learner) is getattr(import_module(module), name)
    assert list(inspect.signature(type(learner)).parameters)[:4] == ["settings", "heads", "seed", "device"]
    with pytest.raises(NotFitted):
        learner.predict(np.zeros((1, 2, 8, 8), np.float32) if entry.stacks else np.zeros((1, 3)))


@pytest.mark.parametrize(("kind", "head"), [(kind, head) for kind in KINDS for head in HEADS if head not in KINDS[kind].heads])
def test_heads_that_a_kind_does_not_name_are_refused(kind: str, head: str) -> None:
    with pytest.raises(ValueError, match=f"cannot tell a {head}"):
        make(kind, heads=[HEADS[head]])


@pytest.mark.parametrize(
    ("kind", "head"),
    [(kind, head) for kind in KINDS for head in HEADS if head in KINDS[kind].heads and not KINDS[kind].stacks and kind not in FIXED],
)
def test_heads_that_a_kind_names_are_told_and_kept(kind: str, head: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, size = rng.random((12, 300 if kind == "cnn" else 3)), HEADS[head].size
    Y = np.eye(size)[np.arange(12) % size] if head == "category" else rng.random((12, size))
    Y = Y / Y.sum(axis=1, keepdims=True) if head == "distribution" else Y
    learner = make(kind, settings_of(kind, CHEAP.get(kind, {})), [HEADS[head]]).fit(X, Y)
    told = learner.predict(X)
    assert told.shape == Y.shape
    if head in ("category", "distribution"):
        assert told.min() >= 0
        np.testing.assert_allclose(told.sum(axis=1), 1, rtol=1e-6)
    learner.save(tmp_path / "learner.safetensors")
    assert load(kind, tmp_path / "learner.safetensors").predict(X).tobytes() == told.tobytes()


def test_settings_are_read_as_json() -> None:
    assert settings_of("network", {"hidden": [8, 8], "decay": 0}).hidden == (8, 8)
    assert settings_of("forest", {"max_depth": None, "trees": 7}).trees == 7
    assert settings_of("ridge", {"alpha": 1}).alpha == 1.0


@pytest.mark.parametrize(
    ("kind", "given", "field", "said"),
    [
        ("boost", {}, "kind", "no kind of learner 'boost'"),
        ("forest", {"tres": 3}, "tres", "forest has no setting 'tres'"),
        ("forest", {"trees": "many"}, "trees", "valid integer"),
        ("forest", {"trees": 2.5}, "trees", "valid integer"),
        ("forest", {"trees": True}, "trees", "valid integer"),
        ("forest", {"trees": 0}, "trees", "1 or more"),
        ("ridge", {"alpha": float("nan")}, "alpha", "positive"),
        ("ridge", {"noise_kind": "pink"}, "noise_kind", "multiplicative"),
        ("network", {"hidden": [8, "x"]}, "hidden", "valid integer"),
        ("network", {"activation": "sine"}, "activation", "relu"),
        ("gp", {"nu": 2}, "nu", "0.5, 1.5 or 2.5"),
        ("library", {"scale": "yes"}, "scale", "valid boolean"),
    ],
)
def test_wrong_settings_name_the_field_and_the_remedy(kind: str, given: dict, field: str, said: str) -> None:
    with pytest.raises(BadSettings, match=said) as caught:
        settings_of(kind, given)
    assert caught.value.field == field
    assert caught.value.remedy


def test_unknown_kinds_are_neither_made_nor_loaded() -> None:
    for act in (lambda: make("boost"), lambda: load("os:system", Path("x"))):
        with pytest.raises(BadSettings, match="no kind of learner"):
            act()
