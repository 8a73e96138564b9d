"""Particles found one by one: discs of known size, and what is told of them."""

import sys

import numpy as np
import pytest

from models.psd.bins import CENTRES
from models.psd.detection import detected
from models.psd.segmentation import Segmentation, SegmentationSettings
from models.task import Head

SHARES = (Head("distribution", 32),)


def discs(diameters, places, side=64):
    """An image (1, side, side) of dark discs."""
    y, x = np.mgrid[:side, :side] + 0.5
    image = np.full((1, side, side), 0.8, np.float32)
    for d, (cx, cy) in zip(diameters, places, strict=True):
        image[0][np.hypot(x - cx, y - cy) < d / 2] = 0.3
    return image


def near(diameters):
    """Shares near diameters in um, shape (n, 32)."""
    shares = np.exp(-((np.log(CENTRES / np.asarray(diameters)[:, None]) / 0.15) ** 2))
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("method", ["watershed", "hough"])
def test_whole_discs_are_measured_and_cut_ones_are_not(method):
    image = discs([8, 14, 20, 12], [(12, 12), (40, 14), (30, 44), (64, 60)])
    found, weights = detected(image, method)
    np.testing.assert_allclose(np.sort(found), [8, 14, 20], atol=2)
    assert (np.diff(weights[np.argsort(found)]) > 0).all()
    assert weights.max() == pytest.approx(1 / (64 - 20) ** 2, rel=0.15)


@pytest.mark.parametrize("method", ["watershed", "hough"])
def test_discs_that_touch_are_two(method):
    found, _ = detected(discs([18, 16], [(22, 32), (38, 32)]), method)
    np.testing.assert_allclose(np.sort(found), [16, 18], atol=2.5)


@pytest.mark.parametrize("method", ["watershed", "hough"])
def test_an_empty_image_has_no_particles(method):
    assert detected(discs([], []), method).shape == (2, 0)


def test_the_correction_brings_back_what_the_border_hides():
    """As many large as small discs are scattered: those that are whole count for those that are not."""
    rng = np.random.default_rng(0)
    stack = np.concatenate([discs([d], [rng.uniform(-14, 78, 2)]) for d in np.repeat([6.0, 28.0], 300)])
    found, weights = detected(stack, "watershed")
    large = found > 15
    assert large.mean() < 0.33
    assert weights[large].sum() / weights.sum() == pytest.approx(0.5, abs=0.06)


def test_the_size_of_a_pixel_is_found_and_told():
    diameters = np.array([6.0, 9, 12, 18, 24])
    X = np.stack([discs([d, d], [(16, 16), (44, 44)]) for d in diameters])
    model = Segmentation(heads=SHARES).fit(X, near(10 * diameters))
    assert model.card["um_per_pixel"] == pytest.approx(10, rel=0.08)
    told = model.predict(np.stack([discs([15], [(32, 32)]), discs([], [])]))
    assert np.log(CENTRES[told[0].argmax()] / 150) == pytest.approx(0, abs=0.15)
    np.testing.assert_allclose(told[1], near(10 * diameters).mean(axis=0))
    assert model.predict(discs([15], [(48, 48)], 96)[None]).shape == (1, 32)


def test_shares_by_volume_count_large_particles_more():
    X = np.stack([discs([8, 8, 8, 24], [(10, 10), (10, 50), (50, 10), (40, 42)])] * 2)
    number, volume = (
        Segmentation(SegmentationSettings(weighting=weighting), SHARES).fit(X, near([size, size])).predict(X)[0]
        for weighting, size in (("number", 90.0), ("volume", 240.0))
    )
    middle = CENTRES > 150
    assert number[middle].sum() < 0.5
    assert volume[middle].sum() > 0.85


def test_stacks_without_particles_are_named():
    model = Segmentation(heads=SHARES).fit(np.stack([discs([], [])] * 3), near([50, 60, 70]))
    assert "no particle was found in 3 of 3 stacks" in model.warnings
    np.testing.assert_allclose(model.predict(discs([], [])[None])[0], near([50, 60, 70]).mean(axis=0))


def test_few_stacks_are_enough():
    X = np.stack([discs([d], [(32, 32)]) for d in (8, 10, 12, 14, 16, 18)])
    model = Segmentation(SegmentationSettings(rows=3), SHARES).fit(X, near(np.array([8, 10, 12, 14, 16, 18]) * 10))
    assert model.card["data"] == 3
    assert model.card["um_per_pixel"] == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"method": "guess"}, "method"), ({"low": 0.0}, "low"), ({"low": 600.0}, "low"), ({"kernel": 0.0}, "kernel"), ({"rows": 0}, "rows")],
)
def test_settings_out_of_range_are_named(settings, said):
    with pytest.raises(ValueError, match=said):
        SegmentationSettings(**settings)


def test_other_heads_and_a_missing_library_are_told(monkeypatch):
    X = discs([8], [(20, 20)])[None]
    with pytest.raises(ValueError, match="name it as the only head"):
        Segmentation().fit(X, np.ones((1, 1)))
    with pytest.raises(ValueError, match="as many outputs"):
        Segmentation(heads=SHARES).fit(X, near([80, 90]))
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(ImportError, match=r"closedloop\[images\]"):
        detected(X[0], "watershed")
