import json

import numpy as np
import pytest

from models.table import BadTable, Field, Table
from models.task import Block, Head, Task

AXIS = np.array([1.0, 2.0, 4.0])
N = 6


@pytest.fixture
def data() -> Table:
    rng = np.random.default_rng(0)
    shares = rng.random((N, 3))
    return Table(
        (
            Field("c", rng.uniform(0.5, 3, N), "mol/L"),
            Field("T", rng.uniform(60, 80, N), "°C"),
            Field("shape", np.array([0, 1, 0, 1, 1, 0]), classes=("cube", "sphere")),
            Field("psd", shares / shares.sum(axis=1, keepdims=True), "1", AXIS, "um"),
            Field("images", rng.integers(0, 256, (N, 2, 4, 4)).astype(np.uint8)),
        )
    )


@pytest.fixture
def task(data: Table) -> Task:
    inputs = (Block.of(data["c"], "log"), Block.of(data["T"]))
    return Task(inputs, (Block.of(data["shape"]), Block.of(data["psd"], shares=True)))


def test_fields_become_columns_and_back(task, data):
    assert task.X(data)[:, 0] == pytest.approx(np.log(data["c"].values))
    assert task.X(data)[:, 1].tolist() == data["T"].values.tolist()
    assert task.heads == (Head("category", 2), Head("distribution", 3))
    told = task.told(task.Y(data))
    assert told["shape"].argmax(axis=1).tolist() == data["shape"].values.tolist()
    assert told["psd"].tolist() == data["psd"].values.tolist()
    assert task.inputs[0].values(task.X(data)[:, :1])[:, 0] == pytest.approx(data["c"].values)


def test_a_task_survives_json(task):
    assert Task.from_card(json.loads(json.dumps(task.card()))) == task


def test_classes_are_known_by_name_not_by_code(task, data):
    turned = Field("shape", 1 - data["shape"].values, classes=("sphere", "cube"))
    assert task.targets[0].columns(turned).tolist() == task.targets[0].columns(data["shape"]).tolist()


def test_stacks_stay_images(data):
    task = Task((Block.of(data["images"]),), (Block.of(data["psd"]),))
    X = task.X(data)
    assert X.shape == (N, 2, 4, 4)
    np.testing.assert_allclose(X * 255, data["images"].values, rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (Field("c", np.ones(2), "mmol/L"), "unit"),
        (Field("c", -np.ones(2), "mol/L"), "positive"),
        (Field("c", np.ones((2, 3)), "mol/L", AXIS), "curve"),
        (Field("psd", np.ones((2, 3)), "1", AXIS + 1, "um"), "resample|axis"),
        (Field("psd", np.ones((2, 3)), "1", AXIS, "nm"), "unit"),
        (Field("psd", np.ones((2, 2)), "1", AXIS[:2], "um"), "3 points"),
        (Field("shape", np.array([0, 1]), classes=("cube", "rod")), "no class 'rod'"),
    ],
)
def test_another_field_is_refused_not_reinterpreted(task, field, told):
    block = next(block for block in task.inputs + task.targets if block.name == field.name)
    with pytest.raises(BadTable, match=told):
        block.columns(field)


def test_what_makes_no_task_is_refused(data):
    c, T, images, shape = (Block.of(data[name]) for name in ("c", "T", "images", "shape"))
    for make, told in [
        (lambda: Task((), (c,)), "needs an input"),
        (lambda: Task((c,), ()), "needs an input"),
        (lambda: Task((c, T), (c,)), "twice"),
        (lambda: Task((images, T), (c,)), "only input"),
        (lambda: Task((c,), (images,)).heads, "inputs, not targets"),
        (lambda: Block.of(Field("x", np.array([0.0, 1.0])), "log"), "logarithm"),
        (lambda: Block.of(data["shape"], "log"), "logarithm"),
        (lambda: Block.of(Field("p", np.ones((2, 3)), "1", AXIS), shares=True), "add up to one"),
    ]:
        with pytest.raises(BadTable, match=told):
            make()
    assert shape.head == Head("category", 2)
