"""Features of image stacks: what they do not depend on, what they follow, and what they cost nothing to know."""

import numpy as np
import pytest

from models.learners import make, settings_of
from models.psd import granulometry
from models.psd.features import NAMES, features
from models.psd.foreground import FULL, levels, mask, threshold
from models.task import Head


def picture(diameter: float, count: int, side: int = 64, seed: int = 0, images: int = 4) -> np.ndarray:
    """A stack (1, images, side, side) of dark discs that do not overlap, on an uneven background."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] + 0.5
    X = np.ones((1, images, side, side), np.float32)
    for image in X[0]:
        places = np.zeros((0, 2))
        while len(places) < count:
            place = rng.uniform(diameter / 2 + 2, side - diameter / 2 - 2, 2)
            if not len(places) or np.hypot(*(places - place).T).min() > diameter + 3:
                places = np.vstack([places, place])
                image[np.hypot(x - place[0], y - place[1]) < diameter / 2] = 0.3
    light = 0.7 + 0.1 * (x / side) - 0.15 * (y / side) ** 2
    return np.clip(X * light + 0.005 * rng.standard_normal(X.shape), 0, 1).astype(np.float32)


def column(X: np.ndarray, name: str) -> np.ndarray:
    return features(X)[:, [j for j, known in enumerate(NAMES) if known.startswith(name)]]


def test_there_are_123_named_features():
    assert len(NAMES) == len(set(NAMES)) == features(picture(8, 3)).shape[1] == 123


def test_turned_mirrored_and_shuffled_stacks_look_the_same():
    X = picture(9, 5)
    told = features(X)
    for same in (X[..., ::-1], X[..., ::-1, :], np.swapaxes(X, 2, 3)):
        assert np.abs(features(np.ascontiguousarray(same)) - told).mean() < 0.05
    np.testing.assert_allclose(features(np.tile(X, (1, 3, 1, 1))), told, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(features(np.ascontiguousarray(X[:, ::-1])), told, rtol=1e-5, atol=1e-5)


def test_stacks_do_not_depend_on_their_neighbours():
    X = np.concatenate([picture(d, 4, seed=k) for k, d in enumerate(np.linspace(4, 12, 20))])
    np.testing.assert_allclose(features(X)[[3, 19]], features(X[[3, 19]]), rtol=1e-6, atol=1e-9)


def test_an_uneven_background_is_taken_away():
    free = levels(picture(8, 0)) / FULL
    assert free.std() < 0.015
    assert np.median(free) == pytest.approx(1, abs=0.02)
    seen = levels(picture(8, 6))
    assert np.median(seen[~mask(seen)]) == pytest.approx(FULL, rel=0.02)
    assert mask(seen).mean() == pytest.approx(6 * np.pi * 16 / 64**2, rel=0.15)


def test_where_nothing_is_nothing_is_seen():
    blank = np.full((1, 2, 32, 32), 0.6, np.float32) + np.random.default_rng(0).normal(0, 0.005, (1, 2, 32, 32)).astype(np.float32)
    assert threshold(levels(blank))[0] <= 0.85 * FULL
    assert not mask(levels(blank)).any()
    assert np.isfinite(features(blank)).all()
    assert np.isfinite(features(np.zeros((1, 1, 8, 8), np.float32))).all()


def test_bright_centres_are_filled_and_frames_are_not():
    X = picture(13, 1, images=1)
    row, line = np.argwhere(mask(levels(X))[0, 0]).mean(axis=0).round().astype(int)
    X[0, 0, row - 1 : row + 2, line - 1 : line + 2] = 0.75
    assert mask(levels(X))[0, 0, row, line]
    frame = np.full((1, 1, 32, 32), 0.7, np.float32)
    frame[0, 0, [4, 27], 4:28] = frame[0, 0, 4:28, [4, 27]] = 0.2
    assert not mask(levels(frame))[0, 0, 14:18, 14:18].any()


@pytest.mark.parametrize("name", ["closing", "mask opening", "chord"])
def test_sizes_are_told_by_the_place_of_the_largest(name):
    peaks = [int(np.exp(column(picture(d, 4), name)[0]).argmax()) for d in (4.0, 8.0, 14.0)]
    assert peaks[0] < peaks[1] < peaks[2]


def test_half_the_resolution_shifts_nothing_but_the_finest():
    fine = picture(16, 4, 128)
    coarse = fine.reshape(1, 4, 64, 2, 64, 2).mean(axis=(3, 5))
    assert column(fine, "covered")[0] == pytest.approx(column(coarse, "covered")[0], rel=0.1)
    np.testing.assert_allclose(column(fine, "mean"), column(coarse, "mean"), atol=0.01)
    np.testing.assert_allclose(column(fine, "deviation"), column(coarse, "deviation"), atol=0.02)


def test_a_granulometry_of_squares_takes_away_what_is_narrower():
    """Lines 2 r + 1 wide fit into squares of side 2 r + 1, and octagons of the same half-width too."""
    images = np.zeros((40, 40, 1), np.uint8)
    images[3:10, 3:10] = 255
    images[20:35, 20:35] = 255
    lost = granulometry.spectrum(images, np.arange(1, 10), dark=False)[0] * 1600 / 255
    assert lost[:3].sum() < 49
    assert lost.sum() == pytest.approx(49 + 225)
    assert int(lost[:5].argmax()) == 3
    assert int(lost.argmax()) == 7
    np.testing.assert_allclose(granulometry.spectrum(255 - images, np.arange(1, 10), dark=True)[0] * 1600 / 255, lost)


def test_an_opening_is_that_of_the_definition():
    """Erosion and dilation by the octagon, pixel by pixel."""
    from scipy import ndimage

    images = np.random.default_rng(0).integers(0, 256, (30, 25, 1), dtype=np.uint8)
    ball = np.zeros((15, 15), bool)
    ball[7, 7] = True
    for line in (np.ones((1, 7)), np.ones((7, 1)), np.eye(5), np.eye(5)[::-1]):  # half-lengths 3, 3, 2, 2: radius 7
        ball = ndimage.binary_dilation(ball, line)
    opened = ndimage.grey_opening(np.pad(images[:, :, 0].astype(int), 0), footprint=ball, mode="nearest")
    inner = granulometry.spectrum(images, np.array([7]), dark=False)[0, 0]
    assert inner == pytest.approx(images.mean() - opened.mean(), rel=0.05)


def test_a_network_on_features_learns_sizes():
    diameters = np.random.default_rng(1).uniform(3, 9, 60)
    X = np.concatenate([picture(d, 2, 32, seed, 2) for seed, d in enumerate(diameters)])
    Y = np.exp(-((np.arange(2, 12) - diameters[:, None]) ** 2))
    Y /= Y.sum(axis=1, keepdims=True)
    model = make("features", settings_of("features", {"epochs": 60, "batch": 8}), [Head("distribution", 10)]).fit(X[:45], Y[:45])
    told = model.predict(X[45:])
    gaps = [np.abs(np.cumsum(guess - Y[45:], axis=1)).mean() for guess in (told, Y[:45].mean(axis=0))]
    assert gaps[0] < 0.4 * gaps[1]
    np.testing.assert_allclose(model.predict(np.tile(X[45:, ::-1], (1, 2, 1, 1))), told, atol=1e-4)


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (np.zeros((2, 3)), "8 pixels at least"),
        (np.zeros((2, 1, 4, 9)), "8 pixels at least"),
        (np.zeros((0, 1, 9, 9)), "give one or more"),
        (np.full((2, 1, 9, 9), 128.0), "divide bytes by 255"),
        (np.full((2, 1, 9, 9), np.nan), "finite"),
    ],
)
@pytest.mark.parametrize("kind", ["features", "segmentation"])
def test_what_is_no_stack_of_grey_values_is_refused(kind, X, said):
    with pytest.raises(ValueError, match=said):
        make(kind, heads=[Head("distribution", 2)]).fit(X, np.full((len(X), 2), 0.5))


def test_other_images_than_those_of_the_fit_are_refused():
    model = make("features", settings_of("features", {"epochs": 1})).fit(picture(6, 2), np.ones((1, 1)))
    with pytest.raises(ValueError, match="32 x 32 pixels, the model knows 64 x 64"):
        model.predict(picture(6, 2, 32))
