"""Where a model was trained: few new inputs like the data are flagged, others are, and the field at fault is named."""

import numpy as np
import pytest

from models.region import Region
from models.table import Field
from models.task import Block

AXIS = np.linspace(0.0, 1.0, 60)
STACK = Block.of(Field("images", np.zeros((2, 2, 8, 8), np.uint8)))


def curves(n, seed, noise=0.02):
    rng = np.random.default_rng(seed)
    return np.exp(-(((AXIS - rng.uniform(0.3, 0.7, (n, 1))) / 0.1) ** 2)) + noise * rng.standard_normal((n, len(AXIS)))


def mixed(n, seed):
    rng = np.random.default_rng(seed)
    return np.hstack([rng.uniform(0, 10, (n, 1)), curves(n, seed), np.eye(2)[rng.integers(0, 2, n)]])


def blocks():
    fields = Field("x", np.arange(4.0), "%"), Field("curve", curves(4, 0), "", AXIS), Field("solvent", np.arange(4) % 2, classes=("a", "b"))
    return tuple(map(Block.of, fields))


@pytest.mark.parametrize("seed", range(3))
def test_few_inputs_like_the_data_are_flagged(seed):
    region = Region.of(blocks(), mixed(200, seed))
    flagged = [verdict.status != "inside" for verdict in region.judge(mixed(500, 100 + seed))]
    assert np.mean(flagged) < 0.08


def test_the_field_at_fault_is_named():
    region, usual = Region.of(blocks(), mixed(200, 0)), mixed(1, 5)
    far, noisy, flat = usual.copy(), usual.copy(), usual.copy()
    far[0, 0] = 100.0
    noisy[0, 1:61] += 0.3 * np.random.default_rng(0).standard_normal(60)
    flat[0, 1:61] = 3.0
    found = [region.judge(X)[0] for X in (far, noisy, flat)]
    assert [verdict.status for verdict in found] == ["outside"] * 3
    assert [verdict.variable for verdict in found] == ["x", "curve", "curve"]
    assert found[1].figure == "off the components"


def test_a_stack_is_told_by_brightness_contrast_and_detail():
    rng = np.random.default_rng(0)
    stacks = rng.normal(0.5, 0.1, (50, 2, 8, 8)).astype(np.float32)
    region = Region.of((STACK,), stacks)
    bright, flat = stacks[:1] + 0.4, np.full((1, 2, 8, 8), 0.5, np.float32)
    assert region.judge(bright)[0].figure == "brightness"
    assert region.judge(flat)[0].figure in ("contrast", "detail")
    assert {verdict.status for verdict in region.judge(stacks[:20])} == {"inside"}


def test_a_large_set_keeps_its_box():
    X = np.random.default_rng(0).random((5000, 2))
    X[4321] = 7.0
    pair = tuple(Block.of(Field(name, np.arange(3.0))) for name in "xy")
    region = Region.of(pair, X)
    assert len(region.domain.X) < 2010
    np.testing.assert_array_equal(region.domain.X.max(axis=0), 7.0)


def test_it_is_read_back_the_same():
    region = Region.of(blocks(), mixed(50, 1))
    again = Region.from_arrays(blocks(), region.arrays())
    assert again.judge(mixed(9, 2)) == region.judge(mixed(9, 2))


def test_equal_inputs_have_no_region():
    with pytest.raises(ValueError, match="two different inputs"):
        Region.of((blocks()[0],), np.ones((5, 1)))
