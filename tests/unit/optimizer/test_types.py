"""The central types check themselves."""

import pickle

import numpy as np
import pytest

from optimizer.types import ClosedLoopError, Dataset, DesignState, GPSettings, InvalidInput, NotEnoughPoints, Spectrum

NM = np.array([400.0, 500.0, 600.0])


def dataset(n: int = 3) -> Dataset:
    column = np.arange(float(n))
    names = tuple(f"w{i}" for i in range(n))
    return Dataset(names, column[:, None], column[:, None], column, column, column, np.arange(n), np.arange(1, n + 1))


@pytest.mark.parametrize(
    ("axis", "values", "where"),
    [
        (NM, NM[:2], "axis"),
        (NM[:1], NM[:1], "axis"),
        (NM[None], NM[None], "axis"),
        (NM, np.array([0.0, np.nan, 0.0]), "values"),
        (NM, np.array([0.0, np.inf, 0.0]), "values"),
        (np.array([400.0, np.nan, 600.0]), NM, "values"),
        (NM[::-1], NM, "axis"),
        (np.array([400.0, 400.0, 600.0]), NM, "axis"),
    ],
)
def test_a_spectrum_refuses_what_is_no_curve(axis, values, where):
    with pytest.raises(InvalidInput) as caught:
        Spectrum(axis, values)
    assert caught.value.where == (where,)


def test_resampling_is_linear_and_keeps_the_ends():
    curve = Spectrum(NM, np.array([0.0, 1.0, 4.0])).resample(np.array([400.0, 450.0, 575.0, 600.0]))
    np.testing.assert_allclose(curve.values, [0.0, 0.5, 3.25, 4.0])


def test_resampling_onto_the_same_axis_changes_nothing():
    curve = Spectrum(NM, np.array([0.3, 1.0, 0.1]))
    np.testing.assert_array_equal(curve.resample(NM).values, curve.values)


@pytest.mark.parametrize("axis", [[399.0, 500.0], [500.0, 601.0]])
def test_resampling_does_not_extrapolate(axis):
    with pytest.raises(InvalidInput, match="covers 400 to 600") as caught:
        Spectrum(NM, NM).resample(np.array(axis))
    assert caught.value.remedy


@pytest.mark.parametrize("field", ["X", "Y", "loss", "error", "expected", "counts", "rounds"])
def test_a_dataset_needs_equally_long_columns(field):
    columns = dataset().__dict__ | {field: dataset(2).__dict__[field]}
    with pytest.raises(InvalidInput, match="one row per design"):
        Dataset(**columns)


def test_a_dataset_is_cut_by_round_in_every_column():
    cut = dataset(4).until(2)
    assert cut.designs == ("w0", "w1")
    assert all(len(column) == len(cut) == 2 for column in cut.__dict__.values())
    np.testing.assert_array_equal(cut.rounds, [1, 2])
    assert len(dataset(4).until(0)) == 0


def test_cutting_twice_is_cutting_once():
    np.testing.assert_array_equal(dataset(4).until(3).until(2).loss, dataset(4).until(2).loss)


@pytest.mark.parametrize("state", list(DesignState))
def test_only_wells_that_may_still_give_data_are_pending(state):
    assert state.pending == (state in {"proposed", "approved", "running"})


def test_errors_survive_the_way_out_of_a_child_process():
    error = pickle.loads(pickle.dumps(NotEnoughPoints(4, 15)))
    assert (error.available, error.wanted, error.where) == (4, 15, ("batch_size",))
    assert "only 4" in str(error)
    assert isinstance(error, ClosedLoopError)


def test_an_invalid_input_keeps_its_place_and_remedy_when_pickled():
    error = pickle.loads(pickle.dumps(InvalidInput("wrong", where=("space", 0, "low"), remedy="mend it")))
    assert (str(error), error.where, error.remedy) == ("wrong", ("space", 0, "low"), "mend it")


@pytest.mark.parametrize("nu", [0.5, 1.5, 2.5])
def test_known_smoothness_is_accepted(nu):
    assert GPSettings(nu=nu).nu == nu


@pytest.mark.parametrize("nu", [0.0, 1.0, float("nan"), float("inf")])
def test_other_smoothness_is_refused(nu):
    with pytest.raises(InvalidInput, match="nu must be"):
        GPSettings(nu=nu)
