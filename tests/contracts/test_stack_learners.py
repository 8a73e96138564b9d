"""Learners of image stacks that find or describe particles, under the contract of `tests.contracts.surrogate`."""

import numpy as np

from models.psd.bins import CENTRES
from models.psd.feature_learner import FeatureNetwork, FeatureSettings
from models.psd.segmentation import Segmentation, SegmentationSettings
from models.task import Head
from tests.contracts.surrogate import Arrays, SurrogateContract

SHARES = (Head("distribution", 32),)


def discs(n: int = 10) -> Arrays:
    """Pairs of noisy images of 40 x 40 pixels of 8 um with dark discs, all of one size per pair, and shares near it."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:40, :40] + 0.5
    X = np.full((n, 2, 40, 40), 0.8, np.float32)
    diameters = np.geomspace(40, 130, n)
    for stack, d in zip(X, diameters, strict=True):
        for image in stack:
            for cx, cy in rng.uniform(0, 40, (5, 2)):
                image[np.hypot(x - cx, y - cy) < d / 16] = 0.3
    X += 0.01 * rng.standard_normal(X.shape).astype(np.float32)
    near = np.exp(-((np.log(CENTRES / diameters[:, None]) / 0.2) ** 2))
    return np.clip(X, 0, 1), near / near.sum(axis=1, keepdims=True)


class TestFeatures(SurrogateContract):
    def make(self) -> FeatureNetwork:
        return FeatureNetwork(FeatureSettings(epochs=30, batch=4, hidden=(32,)), SHARES)

    def data(self) -> Arrays:
        return discs()


class TestFeaturesOfTwoMembersThatTellNumbers(TestFeatures):
    def make(self) -> FeatureNetwork:
        return FeatureNetwork(FeatureSettings(members=2, epochs=30, batch=4, hidden=(32,)))

    def data(self) -> Arrays:
        X, Y = discs()
        return X, Y @ np.log(CENTRES[:, None])


class TestWatershed(SurrogateContract):
    def make(self) -> Segmentation:
        return Segmentation(heads=SHARES)

    def data(self) -> Arrays:
        return discs()


class TestHough(TestWatershed):
    def make(self) -> Segmentation:
        return Segmentation(SegmentationSettings("hough"), SHARES)
