from dataclasses import replace

import numpy as np
import pytest
import torch

from models.residual import Residual, ResidualSettings
from models.resnet import ResNet, some, turned
from models.task import Head

SMALL = ResidualSettings(epochs=8, batch=20, rate=0.01, width=4, stem="3x3", augment=False)


def blobs(n: int, images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Stacks of noisy images of 12 x 12 pixels with small or large squares, and the share of the large ones."""
    rng = np.random.default_rng(seed)
    share = rng.random(n)
    stacks = 0.1 * rng.standard_normal((n, images, 12, 12)).astype(np.float32)
    for stack, large in zip(stacks, share, strict=True):
        for image in stack:
            for _ in range(4):
                side = 4 if rng.random() < large else 2
                row, column = rng.integers(0, 12 - side, 2)
                image[row : row + side, column : column + side] += 1
    return stacks, np.column_stack([1 - share, share])


@pytest.mark.parametrize(("depth", "count"), [(18, 11_689_512), (34, 21_797_672)])
def test_published_sizes(depth: int, count: int) -> None:
    """The weights of He et al. (2016) on images of three channels and 1000 classes, as the reference implementation counts them."""
    settings = ResidualSettings(depth=depth, width=64, pooling="channels")
    module = ResNet(settings, (3, 64, 64), 1000, torch.Generator())
    assert sum(parameter.numel() for parameter in module.parameters()) == count


def test_a_stack_of_any_length_and_order_is_answered() -> None:
    X, Y = blobs(60, 4, 0)
    model = Residual(replace(SMALL, epochs=4), [Head("distribution", 2)]).fit(X, Y)
    np.testing.assert_allclose(model.predict(X[:, ::-1]), model.predict(X), atol=1e-5)
    np.testing.assert_allclose(model.predict(np.tile(X, (1, 3, 1, 1))), model.predict(X), atol=1e-5)
    assert model.predict(X[:5, :1]).shape == (5, 2)
    with pytest.raises(ValueError, match=r"shape \(4, 12, 10\), the network knows \(4, 12, 12\)"):
        model.predict(X[:, :, :, :10])


def test_images_as_channels_are_always_as_many() -> None:
    X, Y = blobs(10, 3, 0)
    model = Residual(replace(SMALL, epochs=1, pooling="channels")).fit(X, Y)
    with pytest.raises(ValueError, match=r"shape \(2, 12, 12\)"):
        model.predict(X[:, :2])


def test_shares_are_learnt_from_images() -> None:
    model = Residual(SMALL, [Head("distribution", 2)]).fit(*blobs(120, 3, 0))
    X, Y = blobs(60, 3, 1)
    told = model.predict(X)
    np.testing.assert_allclose(told.sum(axis=1), 1)
    assert (told > 0).all()
    assert ((told - Y) ** 2).mean() < 0.45 * Y.var(axis=0).mean()


def test_curves_are_learnt_from() -> None:
    axis, heights = np.linspace(0, 1, 50), np.random.default_rng(0).random((60, 2))
    X = heights[:, :1] * np.exp(-(((axis - 0.3) / 0.1) ** 2)) + heights[:, 1:] * np.exp(-(((axis - 0.7) / 0.1) ** 2))
    model = Residual(replace(SMALL, epochs=15, augment=True)).fit(X, heights)
    assert ((model.predict(X) - heights) ** 2).mean() < 0.3 * heights.var()


def test_stacks_are_flipped_and_transposed_as_a_whole() -> None:
    X, generator = torch.rand(200, 2, 5, 5), torch.Generator().manual_seed(0)
    seen = set()
    for before, after in zip(X, turned(X, generator), strict=True):
        symmetries = [x.rot90(k, (1, 2)) for x in (before, before.flip(1)) for k in range(4)]
        same = [k for k, candidate in enumerate(symmetries) if torch.equal(candidate, after)]
        assert len(same) == 1
        seen.update(same)
    assert seen == set(range(8))
    wide = torch.rand(50, 1, 3, 5)
    assert turned(wide, generator).shape == wide.shape


def test_augmentation_is_for_learning_alone() -> None:
    module = ResNet(replace(SMALL, augment=True), (2, 12, 12), 3, torch.Generator().manual_seed(0)).eval()
    x = torch.rand(4, 2, 12, 12)
    with torch.no_grad():
        assert torch.equal(module(x), module(x))
        assert not torch.equal(module(x, torch.Generator().manual_seed(1)), module(x))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"stacks \(n, images, height, width\) or curves"):
        Residual(SMALL).fit(np.zeros((3, 8, 8)), np.zeros((3, 1)))


def test_parts_of_stacks_are_some_of_their_images_each_once() -> None:
    X = torch.arange(3 * 4).reshape(3, 4, 1, 1).float()
    generator, lengths = torch.Generator().manual_seed(0), set()
    for _ in range(60):
        seen = some(X, generator)
        lengths.add(seen.shape[1])
        assert {len(set(row.flatten().tolist())) for row in seen} == {seen.shape[1]}
        torch.testing.assert_close(seen[1] - seen[0], torch.full(seen.shape[1:], 4.0))
    assert lengths == {1, 2, 3, 4}


def test_a_network_that_learns_from_parts_is_another_one() -> None:
    X, Y = blobs(20, 3, 0)
    whole, part = (Residual(replace(SMALL, epochs=1, part=part), [Head("distribution", 2)]).fit(X, Y).predict(X) for part in (False, True))
    assert not np.allclose(whole, part)
    np.testing.assert_allclose(part.sum(axis=1), 1)
