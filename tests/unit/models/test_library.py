import numpy as np
import pytest

from models.library import LibrarySearch, LibrarySettings
from models.surrogate import NotFitted
from models.task import Head

Q = np.linspace(0.1, 3, 120)
SIZES = np.random.default_rng(0).uniform(0.5, 3, 60)


def curves(sizes: np.ndarray) -> np.ndarray:
    """Guinier's law of spheres, on a background of 1."""
    return 100 * np.exp(-((Q * sizes[:, None]) ** 2) / 5) + 1


@pytest.mark.parametrize("errors", ["absolute", "relative"])
def test_a_scaled_curve_on_a_background_is_found_exactly(errors: str) -> None:
    search = LibrarySearch(LibrarySettings(errors=errors)).fit(curves(SIZES), SIZES[:, None])
    found = search.ranked(2.5 * curves(SIZES[:7]) + 4, 3)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(7))
    np.testing.assert_allclose(found.outcomes[:, 0, 0], SIZES[:7])
    np.testing.assert_allclose(found.scale[:, 0], 2.5, rtol=1e-9)
    np.testing.assert_allclose(found.background[:, 0], 4, rtol=1e-6)
    assert (found.residual[:, 0] < 1e-9).all()
    assert (np.diff(found.residual, axis=1) > 0).all()
    np.testing.assert_allclose(search.predict(2.5 * curves(SIZES[:7]) + 4)[:, 0], SIZES[:7], rtol=1e-9)


@pytest.mark.parametrize("errors", ["absolute", "relative"])
@pytest.mark.parametrize(("scale", "background"), [(True, True), (True, False), (False, True), (False, False)])
def test_candidates_are_those_of_least_squares(errors: str, scale: bool, background: bool) -> None:
    asked = curves(np.array([1.23]))[0] * (1 + 0.05 * np.random.default_rng(1).standard_normal(120)) * 1.5
    search = LibrarySearch(LibrarySettings(scale, background, errors)).fit(curves(SIZES), SIZES[:, None])
    found = search.ranked(asked[None], len(SIZES))
    w = 1 / asked if errors == "relative" else np.ones(120)
    residuals = []
    for curve in curves(SIZES):
        free = np.column_stack([curve] * scale + [np.ones(120)] * background) if scale or background else np.zeros((120, 1))
        target = asked - (0 if scale else curve)
        left = w * (target - free @ np.linalg.lstsq(free * w[:, None], target * w, rcond=None)[0])
        residuals.append(np.sqrt((left**2).mean()))
    np.testing.assert_allclose(np.sort(residuals), found.residual[0], rtol=1e-8)
    np.testing.assert_array_equal(np.argsort(residuals), found.rows[0])


def test_a_curve_between_two_of_the_library_lies_between_their_outcomes() -> None:
    search = LibrarySearch().fit(curves(np.array([1.0, 1.1, 2.0, 2.9])), np.array([[1.0], [1.1], [2.0], [2.9]]))
    posterior = search.posterior(curves(np.array([1.05, 1.0])))
    assert 1.0 < posterior.mean[0, 0] < 1.1
    assert posterior.std[0, 0] > 0.02 > 1e-6 > posterior.std[1, 0]


def test_a_sharper_search_comes_closer_to_the_best_alone() -> None:
    asked = curves(np.array([1.23]))
    told = [LibrarySearch(LibrarySettings(sharpness=s)).fit(curves(SIZES), SIZES[:, None]).posterior(asked) for s in (0.5, 5, 500)]
    assert told[0].std[0, 0] > told[1].std[0, 0] > told[2].std[0, 0]
    best = LibrarySearch(LibrarySettings(candidates=1)).fit(curves(SIZES), SIZES[:, None]).posterior(asked)
    assert told[2].mean[0, 0] == pytest.approx(best.mean[0, 0], rel=1e-6)
    assert best.std[0, 0] == 0


def test_classes_are_told_by_their_share_of_the_candidates() -> None:
    large = (SIZES > 1.5).astype(int)
    search = LibrarySearch(heads=[Head("category", 2)]).fit(curves(SIZES), np.eye(2)[large])
    posterior = search.posterior(curves(np.array([0.8, 2.5])))
    assert posterior.std is None
    np.testing.assert_allclose(posterior.mean.sum(axis=1), 1)
    np.testing.assert_array_equal(posterior.mean.argmax(axis=1), [0, 1])


def test_a_curve_upside_down_matches_no_better_than_a_flat_one() -> None:
    found = LibrarySearch().fit(curves(SIZES), SIZES[:, None]).ranked(-curves(SIZES[:1]), 5)
    np.testing.assert_array_equal(found.scale, 0)
    np.testing.assert_allclose(found.residual, curves(SIZES[:1]).std(), rtol=1e-9)


def test_flat_curves_are_no_harm() -> None:
    X = np.vstack([curves(SIZES), np.ones((1, 120))])
    search = LibrarySearch().fit(X, np.append(SIZES, 0.0)[:, None])
    for asked in (np.ones((1, 120)), np.zeros((1, 120))):
        posterior = search.posterior(asked)
        assert np.isfinite(posterior.mean).all()
        assert np.isfinite(posterior.std).all()


def test_rows_are_those_of_the_data_in_their_own_order() -> None:
    order = np.random.default_rng(3).permutation(60)
    found = LibrarySearch().fit(curves(SIZES[order]), SIZES[order, None]).ranked(curves(SIZES[order]), 1)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(60))


def test_no_more_candidates_than_curves() -> None:
    assert LibrarySearch().fit(curves(SIZES[:3]), SIZES[:3, None]).ranked(curves(SIZES[:2]), 9).rows.shape == (2, 3)


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(NotFitted):
        LibrarySearch().ranked(curves(SIZES), 1)
    search = LibrarySearch(LibrarySettings(errors="relative")).fit(curves(SIZES), SIZES[:, None])
    with pytest.raises(ValueError, match="positive curves"):
        search.predict(curves(SIZES) - 50)
    with pytest.raises(ValueError, match="1 candidate"):
        search.ranked(curves(SIZES), 0)


@pytest.mark.parametrize("given", [{"errors": "none"}, {"candidates": 0}, {"sharpness": 0.0}, {"sharpness": float("inf")}])
def test_wrong_settings_are_refused(given: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        LibrarySettings(**given)
