"""Targets: formulas with known averages, measured curves, files."""

import numpy as np
import pytest

from models.polymer.chains import LOG_M, STEP
from models.polymer.coefficients import BadPolymer
from models.polymer.sec import read, to_csv, to_gpc
from models.polymer.targets import averages, blend, broadened, from_arrays, log_normal, schulz_zimm

PEAK = log_normal(20_000, 1.8)


@pytest.mark.parametrize("formula", [schulz_zimm, log_normal])
@pytest.mark.parametrize(("Mn", "dispersity"), [(5_000, 1.2), (20_000, 2.0), (100_000, 1.5)])
def test_formulas_have_the_averages_that_were_asked_for(formula, Mn, dispersity):
    target = formula(Mn, dispersity)
    found = averages(target.w)
    assert found[0] == pytest.approx(Mn, rel=0.01)
    assert found[1] == pytest.approx(Mn * dispersity, rel=0.01)
    assert target.w.sum() * STEP == pytest.approx(1)


@pytest.mark.parametrize(
    ("Mn", "dispersity", "match"), [(0, 2, "above 0"), (1e4, 1, "above 1"), (1e8, 2, "beyond"), (np.nan, 2, "above 0")]
)
def test_averages_that_make_no_sense_are_refused(Mn, dispersity, match):
    for formula in (schulz_zimm, log_normal):
        with pytest.raises(BadPolymer, match=match):
            formula(Mn, dispersity)


def test_a_blend_keeps_mass():
    two = blend([log_normal(5_000, 1.3), log_normal(200_000, 1.3)], [1, 3])
    low = LOG_M < 4.6
    assert two.w[low].sum() * STEP == pytest.approx(0.25, abs=0.01)
    with pytest.raises(BadPolymer, match="shares"):
        blend([PEAK], [1, 2])


def test_the_area_is_reported_and_the_axis_may_be_uneven_falling_or_linear():
    rng = np.random.default_rng(0)
    x = np.sort(np.append(rng.uniform(2.05, 7, 400), LOG_M))
    w = 3.5 * np.interp(x, LOG_M, PEAK.w)
    for target in (from_arrays(x, w), from_arrays(x[::-1], w[::-1]), from_arrays(10**x, w, "M")):
        assert target.area == pytest.approx(3.5)
        np.testing.assert_allclose(target.w, PEAK.w, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "match"),
    [(lambda x, w: (x[:9], w[:9]), "10 points"), (lambda x, w: (x, w[:-1]), "as many"), (lambda x, w: (x, -w), "baseline"),
     (lambda x, w: (x, w * np.nan), "not all points"), (lambda x, w: (np.round(x, 1), w), "sort the points"),
     (lambda x, w: (x, 0 * w), "no area"), (lambda x, w: (x + 3, w), "beyond")],
)  # fmt: skip
def test_a_curve_that_makes_no_sense_is_refused(change, match):
    with pytest.raises(BadPolymer, match=match):
        from_arrays(*change(LOG_M, PEAK.w))


def test_molar_masses_are_above_0():
    with pytest.raises(BadPolymer, match="not above 0"):
        from_arrays(np.linspace(0, 1e6, 50), np.ones(50), "M")


def test_broadening_keeps_mass_and_adds_its_variance():
    wide = broadened(PEAK.w, 0.06)
    assert wide.sum() * STEP == pytest.approx(1, abs=1e-3)
    variance = [np.average((LOG_M - np.average(LOG_M, weights=w)) ** 2, weights=w) for w in (PEAK.w, wide)]
    # The cells of the grid add the variance of their own width.
    assert variance[1] - variance[0] == pytest.approx(0.06**2 + STEP**2 / 12, rel=0.02)
    np.testing.assert_array_equal(broadened(PEAK.w, 0), PEAK.w)
    with pytest.raises(BadPolymer, match="sigma"):
        broadened(PEAK.w, -1)


def decimal_comma(text):
    return text.replace(",", ";").replace(".", ",")


@pytest.mark.parametrize(
    ("text", "name"),
    [(to_csv(PEAK.w), "a.csv"), (decimal_comma(to_csv(PEAK.w)), "a.csv"), (to_csv(PEAK.w).replace(",", "\t"), "a.txt"),
     (to_gpc(PEAK.w), "a.gpc"), ("\ufeff# instrument 7\n\n" + to_csv(PEAK.w).replace("\n", "\r\n"), "a.csv")],
)  # fmt: skip
def test_files_come_back(text, name):
    np.testing.assert_allclose(read(text, name).w, PEAK.w, atol=1e-7)


def test_reptate_reads_the_averages_in_the_first_line():
    first, second, *_ = to_gpc(PEAK.w).splitlines()
    told = dict(part.split("=") for part in first.split(";"))
    assert float(told["Mn"]) == pytest.approx(20_000, rel=0.01)
    assert float(told["PDI"]) == pytest.approx(1.8, rel=0.01)
    assert [float(cell) for cell in second.split()] == pytest.approx([10**2.05, PEAK.w[0]], abs=1e-6)


@pytest.mark.parametrize("text", ["", "nothing here", "M,w\n1000,1\n2000,2\n"])
def test_a_file_without_a_curve_is_refused(text):
    with pytest.raises(BadPolymer, match="10 points"):
        read(text)


def test_a_line_in_the_middle_that_is_no_point_is_refused():
    lines = to_csv(PEAK.w).splitlines()
    with pytest.raises(BadPolymer, match="'oops' holds no two numbers"):
        read("\n".join([*lines[:50], "oops", *lines[50:]]))
