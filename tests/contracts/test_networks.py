"""Perceptrons, convolutions and residual networks under the contract of `tests.contracts.surrogate`."""

from dataclasses import replace

import numpy as np

from models import convolution, perceptron
from models.convolution import Convolution, ConvolutionSettings
from models.perceptron import Perceptron, PerceptronSettings
from models.residual import Residual, ResidualSettings
from models.task import Head
from tests.contracts.surrogate import Arrays, SurrogateContract

AXIS = np.linspace(0, 1, 40)
TINY = ConvolutionSettings(epochs=20, batch=8, filters=(4, 8), kernels=(5, 5), strides=(2, 2), pools=(1, 2), hidden=(8,))
SMALL = ResidualSettings(epochs=8, batch=8, rate=0.01, width=4, stem="3x3", validation=0.0)


def recipes(n: int = 24) -> np.ndarray:
    return np.random.default_rng(3).random((n, 2))


def bands(X: np.ndarray) -> np.ndarray:
    return np.exp(-(((AXIS - X[:, :1]) / 0.2) ** 2)) * (1 + X[:, 1:2])


def stacks(X: np.ndarray) -> np.ndarray:
    """Pairs of noisy images of 8 x 8 pixels, their brightness the first input and their stripes the second."""
    noise = np.random.default_rng(4).standard_normal((len(X), 2, 8, 8))
    stripes = np.tile([1.0, -1.0], (8, 4))
    return (X[:, 0, None, None, None] + X[:, 1, None, None, None] * stripes + 0.05 * noise).astype(np.float32)


class TestPerceptron(SurrogateContract):
    def make(self) -> Perceptron:
        return Perceptron(PerceptronSettings(members=3, epochs=60, batch=8, hidden=(16, 16), dropout=(0.1, 0.0)))

    def data(self) -> Arrays:
        X = recipes()
        return X, bands(X)


class TestPublishedPerceptron(TestPerceptron):
    def make(self) -> Perceptron:
        return Perceptron(replace(perceptron.INVERSE, epochs=15))


class TestPerceptronOfEveryHead(SurrogateContract):
    heads = (Head("category", 2), Head("number", 1), Head("distribution", 40), Head("curve", 40))

    def make(self) -> Perceptron:
        return Perceptron(PerceptronSettings(members=2, epochs=60, batch=8, hidden=(16,), activation="tanh", rate=0.01), self.heads)

    def data(self) -> Arrays:
        X = recipes()
        curves = bands(X)
        return X, np.hstack([np.eye(2)[(X[:, 0] > X[:, 1]).astype(int)], X[:, :1], curves / curves.sum(axis=1, keepdims=True), curves])


class TestConvolution(SurrogateContract):
    def make(self) -> Convolution:
        return Convolution(replace(TINY, members=2))

    def data(self) -> Arrays:
        X = recipes()
        return bands(X), X


class TestPublishedConvolution(TestConvolution):
    def make(self) -> Convolution:
        return Convolution(replace(convolution.PUBLISHED, epochs=30, batch=8))


class TestConvolutionOfShapeAndSize(TestConvolution):
    def make(self) -> Convolution:
        return Convolution(replace(TINY, rate=0.01), (Head("category", 2), Head("number", 1)))

    def data(self) -> Arrays:
        X = recipes()
        return bands(X), np.hstack([np.eye(2)[(X[:, 0] > 0.5).astype(int)], X[:, 1:]])


class TestResidualOfCurves(TestConvolution):
    def make(self) -> Residual:
        return Residual(SMALL)


class TestResidualOfStacks(SurrogateContract):
    rtol = 1e-4

    def make(self) -> Residual:
        return Residual(SMALL)

    def data(self) -> Arrays:
        X = recipes()
        return stacks(X), X


class TestResidualOfImagesAsChannels(TestResidualOfStacks):
    def make(self) -> Residual:
        return Residual(replace(SMALL, pooling="channels", members=2), (Head("distribution", 2),))

    def data(self) -> Arrays:
        X = recipes()
        return stacks(X), X / X.sum(axis=1, keepdims=True)
