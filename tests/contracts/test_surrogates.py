"""Every learner under the contract of `tests.contracts.surrogate`."""

from dataclasses import replace

import numpy as np

from models.forest import Forest, ForestSettings
from models.gp import GaussianProcess
from models.headed import HeadedSpectrumNetwork
from models.library import LibrarySearch, LibrarySettings
from models.linear import Logistic, Ridge, RidgeSettings
from models.nets import AGBONN, NetworkSettings, SpectrumNetwork
from models.processes import ComponentProcesses, GaussianProcesses
from models.task import Head
from tests.contracts.surrogate import Arrays, SurrogateContract

AXIS = np.linspace(0, 1, 30)


class TestGaussianProcess(SurrogateContract):
    def make(self) -> GaussianProcess:
        return GaussianProcess()

    def data(self) -> Arrays:
        X = np.random.default_rng(3).random((25, 3))
        return X, (np.sin(4 * X[:, :1]) + X[:, 1:2] ** 2)


class TestRoughIsotropicGaussianProcess(TestGaussianProcess):
    def make(self) -> GaussianProcess:
        return GaussianProcess(nu=0.5, isotropic=True)


class TestGaussianProcessWithRelatedTasks(TestGaussianProcess):
    def make(self) -> GaussianProcess:
        X, y = self.data()
        return GaussianProcess(related=(GaussianProcess().fit(X[::2], -y[::2]), GaussianProcess().fit(X, X[:, 0])))


class TestSpectrumNetwork(SurrogateContract):
    def make(self) -> SpectrumNetwork:
        return SpectrumNetwork(NetworkSettings((16, 16), members=4, folds=2, epochs=100))

    def data(self) -> Arrays:
        X = np.random.default_rng(3).random((20, 2))
        return X, np.exp(-(((np.linspace(0, 1, 30) - X[:, :1]) / 0.3) ** 2)) * (1 + X[:, 1:])


class TestPublishedSpectrumNetwork(TestSpectrumNetwork):
    def make(self) -> SpectrumNetwork:
        return SpectrumNetwork(replace(AGBONN, epochs=60))


class TestHeadedSpectrumNetwork(SurrogateContract):
    heads = (Head("number", 1), Head("curve", 30))

    def make(self) -> HeadedSpectrumNetwork:
        return HeadedSpectrumNetwork(NetworkSettings((16, 16), members=4, folds=2, epochs=100), self.heads)

    def data(self) -> Arrays:
        X = np.random.default_rng(3).random((20, 2))
        curves = np.exp(-(((AXIS - X[:, :1]) / 0.3) ** 2)) * (1 + X[:, 1:])
        return X, np.hstack([1000 * X[:, 1:] ** 2, curves])


class TestGaussianProcesses(TestGaussianProcess):
    permuted_rtol = 0

    def make(self) -> GaussianProcesses:
        return GaussianProcesses()

    def data(self) -> Arrays:
        X, y = super().data()
        return 100 * X, np.hstack([y, 1e3 * X[:, 2:]])


class TestComponentProcesses(TestHeadedSpectrumNetwork):
    permuted_rtol = 0

    def make(self) -> ComponentProcesses:
        return ComponentProcesses(heads=self.heads)


class TestRidge(TestHeadedSpectrumNetwork):
    permuted_rtol = 0

    def make(self) -> Ridge:
        return Ridge(heads=self.heads)


class TestRidgeThatStandsNoise(TestRidge):
    def make(self) -> Ridge:
        return Ridge(RidgeSettings(noise=0.1))


class TestRidgeOfMoreInputsThanData(TestRidge):
    def data(self) -> Arrays:
        X, Y = super().data()
        return Y[:, 1:], np.hstack([X[:, :1], Y[:, 1:]])


class TestLogistic(SurrogateContract):
    permuted_rtol = 0

    def make(self) -> Logistic:
        return Logistic(heads=[Head("category", 3)])

    def data(self) -> Arrays:
        X = np.random.default_rng(3).random((40, 3))
        return X, np.eye(3)[(3 * X[:, 1]).astype(int)]


class TestForest(TestHeadedSpectrumNetwork):
    permuted_rtol = 0

    def make(self) -> Forest:
        return Forest(ForestSettings(trees=20), self.heads)


class TestForestOfCategories(TestLogistic):
    def make(self) -> Forest:
        return Forest(ForestSettings(trees=20), [Head("category", 3)])


class TestLibrarySearch(SurrogateContract):
    permuted_rtol = 0

    def make(self) -> LibrarySearch:
        return LibrarySearch()

    def data(self) -> Arrays:
        sizes = np.random.default_rng(3).uniform(0.2, 1, (20, 1))
        return np.exp(-((AXIS / sizes) ** 2)), sizes


class TestLibrarySearchWithRelativeErrors(TestLibrarySearch):
    def make(self) -> LibrarySearch:
        return LibrarySearch(LibrarySettings(errors="relative"), [Head("category", 2)])

    def data(self) -> Arrays:
        X, sizes = super().data()
        return X, np.hstack([sizes > 0.5, sizes <= 0.5]).astype(float)
