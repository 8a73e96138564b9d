"""Every learner under the contract of `tests.contracts.surrogate`."""

from dataclasses import replace

import numpy as np

from models.gp import GaussianProcess
from models.nets import AGBONN, NetworkSettings, SpectrumNetwork
from tests.contracts.surrogate import Arrays, SurrogateContract


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
