"""What every surrogate promises: subclass `SurrogateContract`, name the learner and its data, and the tests run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.surrogate import NotFitted, Posterior, Surrogate

Arrays = tuple[np.ndarray, np.ndarray]


class SurrogateContract:
    """One class of tests over all implementations; `rtol` is how exactly an implementation repeats itself."""

    rtol = 1e-8
    permuted_rtol = 1e-3
    """Agreement of fits to the same data in another order."""

    make: Callable[["SurrogateContract"], Any]
    """A new, unfitted surrogate."""
    data: Callable[["SurrogateContract"], Arrays]
    """Inputs (n, ...) and outputs (n, m), 8 rows at least."""

    def load(self, path: Path) -> Any:
        """What was saved at the path."""
        return type(self.make()).load(path)

    @pytest.fixture
    def arrays(self) -> Arrays:
        return self.data()

    @pytest.fixture
    def fitted(self, arrays: Arrays) -> Any:
        return self.make().fit(*arrays)

    def assert_same(self, a: Posterior, b: Posterior, rtol: float) -> None:
        scale = np.abs(a.mean).max()
        np.testing.assert_allclose(a.mean, b.mean, rtol=rtol, atol=rtol * scale)
        assert (a.std is None) == (b.std is None)
        if a.std is not None and b.std is not None:
            np.testing.assert_allclose(a.std, b.std, rtol=rtol, atol=rtol * scale)

    def test_it_is_a_surrogate(self) -> None:
        assert isinstance(self.make(), Surrogate)

    def test_fit_returns_itself(self, arrays: Arrays) -> None:
        surrogate = self.make()
        assert surrogate.fit(*arrays) is surrogate

    def test_shapes(self, fitted: Any, arrays: Arrays) -> None:
        X, Y = arrays
        posterior = fitted.posterior(X)
        assert posterior.mean.shape == Y.shape
        assert fitted.predict(X).shape == Y.shape
        assert np.isfinite(posterior.mean).all()

    def test_std_is_none_or_not_negative(self, fitted: Any, arrays: Arrays) -> None:
        posterior = fitted.posterior(arrays[0])
        assert posterior.std is None or (posterior.std.shape == posterior.mean.shape and (posterior.std >= 0).all())

    def test_predict_is_the_mean(self, fitted: Any, arrays: Arrays) -> None:
        np.testing.assert_array_equal(fitted.predict(arrays[0]), fitted.posterior(arrays[0]).mean)

    def test_it_learns_something(self, fitted: Any, arrays: Arrays) -> None:
        X, Y = arrays
        assert ((fitted.predict(X) - Y) ** 2).mean() < 0.8 * Y.var(axis=0).mean()

    def test_same_seed_same_answer(self, arrays: Arrays) -> None:
        first, second = (self.make().fit(*arrays).posterior(arrays[0]) for _ in range(2))
        self.assert_same(first, second, self.rtol)

    def test_inputs_stay_untouched(self, arrays: Arrays) -> None:
        X, Y = arrays[0].copy(), arrays[1].copy()
        X.flags.writeable = Y.flags.writeable = False
        self.make().fit(X, Y).posterior(X)
        np.testing.assert_array_equal(X, arrays[0])
        np.testing.assert_array_equal(Y, arrays[1])

    def test_the_fit_keeps_no_hold_on_its_inputs(self, arrays: Arrays) -> None:
        X, Y = arrays[0].copy(), arrays[1].copy()
        surrogate = self.make().fit(X, Y)
        before = surrogate.posterior(arrays[0])
        X[:], Y[:] = 0, 0
        self.assert_same(before, surrogate.posterior(arrays[0]), 0)

    def test_predictions_follow_a_permutation_of_rows(self, fitted: Any, arrays: Arrays) -> None:
        order = np.random.default_rng(0).permutation(len(arrays[0]))
        np.testing.assert_allclose(fitted.predict(arrays[0][order]), fitted.predict(arrays[0])[order], rtol=self.rtol, atol=1e-9)

    def test_the_order_of_the_data_is_irrelevant(self, fitted: Any, arrays: Arrays) -> None:
        X, Y = arrays
        order = np.random.default_rng(1).permutation(len(X))
        self.assert_same(fitted.posterior(X), self.make().fit(X[order], Y[order]).posterior(X), self.permuted_rtol)

    def test_one_row_is_enough(self, arrays: Arrays) -> None:
        X, Y = arrays
        posterior = self.make().fit(X[:1], Y[:1]).posterior(X[:3])
        assert posterior.mean.shape == (3, Y.shape[1])
        assert np.isfinite(posterior.mean).all()

    def test_asking_before_fitting(self, arrays: Arrays) -> None:
        for ask in (self.make().posterior, self.make().predict):
            with pytest.raises(NotFitted):
                ask(arrays[0])

    def test_a_saved_model_predicts_the_same_bits(self, fitted: Any, arrays: Arrays, tmp_path: Path) -> None:
        path = tmp_path / "model.safetensors"
        fitted.save(path)
        assert path.with_suffix(".json").is_file()
        again, before = self.load(path).posterior(arrays[0]), fitted.posterior(arrays[0])
        assert again.mean.tobytes() == before.mean.tobytes()
        assert (again.std is None) == (before.std is None)
        if before.std is not None:
            assert again.std.tobytes() == before.std.tobytes()
