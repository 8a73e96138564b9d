"""Measured curves: what is read, what is refused, and what is flagged."""

from io import BytesIO

import numpy as np
import pytest

from models.scattering.reader import BadCurve, Curve, read_ascii, read_nxcansas, resampled, told_unit

q = np.linspace(0.1, 2, 20)


def text(*columns, header="", between=" "):
    return header + "\n".join(between.join(f"{cell:.10g}" for cell in row) for row in zip(*columns, strict=True))


def nxcansas(unit="1/nm", sigma=True, kind="SASdata"):
    h5py = pytest.importorskip("h5py")
    stream = BytesIO()
    with h5py.File(stream, "w") as file:
        group = file.create_group("sasentry01/sasdata01")
        group.attrs["canSAS_class"] = kind
        group["Q"], group["I"] = 10 * q, np.exp(-q)
        group["Q"].attrs["units"] = unit
        if sigma:
            group["Idev"] = 0.1 * np.exp(-q)
    return stream.getvalue()


@pytest.mark.parametrize("between", [" ", "\t", ",", "; "])
@pytest.mark.parametrize("columns", [2, 3, 4])
def test_columns_of_every_kind(between, columns):
    curve = read_ascii(text(*[q, np.exp(-q), 0.1 * q, 0.01 * q][:columns], between=between), "1/Angstrom")
    np.testing.assert_allclose(curve.q, q)
    np.testing.assert_allclose(curve.intensity, np.exp(-q))
    assert (curve.sigma is None, curve.resolution is None) == (columns < 3, columns < 4)
    assert curve.flags == ()


def test_nanometres_are_converted_from_the_header_or_the_request():
    for curve in (
        read_ascii(text(10 * q, q, q, 0.2 * q, header="# q (nm^-1)  I  sigma  dq\n")),
        read_ascii(text(10 * q, q, q, 0.2 * q), "1/nm"),
    ):
        np.testing.assert_allclose(curve.q, q)
        np.testing.assert_allclose(curve.resolution, 0.02 * q)
        assert curve.unit == "1/nm"


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("q [1/nm]", "1/nm"),
        ("Q(nm-1), I(cm-1)", "1/nm"),
        ("q in 1/Angstrom", "1/Angstrom"),
        ("q (A^-1)", "1/Angstrom"),
        ("Q [Å⁻¹]", "1/Angstrom"),
        ("q, Ang-1", "1/Angstrom"),
        ("sample of a 1 mm capillary", None),
        ("I in 1/cm", None),
    ],
)
def test_units_in_headers(header, unit):
    assert told_unit(header) == unit


@pytest.mark.parametrize(
    ("content", "unit", "field"),
    [
        (text(q, q), None, "unit"),
        (text(q, q, header="q (1/nm)\n"), "1/Angstrom", "unit"),
        (text(q, q, header="q (1/nm) or 1/Angstrom\n"), None, "unit"),
        ("", "1/nm", "file"),
        (text(q), "1/nm", "file"),
        (text(q, q) + "\n1 2 3", "1/nm", "file"),
        (text(q, q) + "\nthe end", "1/nm", "file"),
        (text(q[::-1], q), "1/nm", "q"),
        (text(q - 0.1, q), "1/nm", "q"),
        (text(q[:5], q[:5]), "1/nm", "q"),
        (text(q, np.where(q > 1, np.nan, q)), "1/nm", "intensity"),
        (text(q, q, -q), "1/nm", "sigma"),
    ],
)
def test_what_cannot_be_read(content, unit, field):
    with pytest.raises(BadCurve) as caught:
        read_ascii(content, unit)
    assert caught.value.field == field
    assert caught.value.remedy


def test_a_q_that_no_x_ray_reaches_is_flagged():
    assert "1/nm" in read_ascii(text(100 * q, q), "1/Angstrom").flags[0]


def test_nxcansas_tells_its_unit():
    curve = read_nxcansas(nxcansas())
    np.testing.assert_allclose(curve.q, q)
    np.testing.assert_allclose(curve.sigma, 0.1 * np.exp(-q))
    assert read_nxcansas(nxcansas("1/angstrom", sigma=False)).sigma is None
    assert read_nxcansas(nxcansas("", sigma=False), "1/nm").unit == "1/nm"


@pytest.mark.parametrize(("content", "unit", "field"), [(b"no file", None, "file"), (None, "1/Angstrom", "unit"), ("other", None, "file")])
def test_nxcansas_that_cannot_be_read(content, unit, field):
    given = nxcansas(kind="SASnote") if content == "other" else nxcansas() if content is None else content
    pytest.importorskip("h5py")
    with pytest.raises(BadCurve) as caught:
        read_nxcansas(given, unit)
    assert caught.value.field == field


def test_a_curve_on_the_axis_of_a_model_comes_as_it_is():
    told = resampled(Curve(q, np.exp(-q)), q)
    np.testing.assert_allclose(told.intensity, np.exp(-q), rtol=1e-12)
    assert (told.made_up, told.flags) == (0, ())


def test_another_axis_is_interpolated_and_flagged():
    axis = np.linspace(0.15, 1.9, 60)
    told = resampled(Curve(q, np.exp(-3 * q)), axis)
    np.testing.assert_allclose(told.intensity, np.exp(-3 * axis), rtol=1e-9)
    assert len(told.flags) == 2
    assert "fewer points" in told.flags[1]


def test_another_range_is_refused_or_flagged_never_answered_silently():
    axis = np.linspace(0.1, 4, 40)
    with pytest.raises(BadCurve, match=r"the model knows 0\.1 to 4"):
        resampled(Curve(q, np.exp(-q)), axis)
    told = resampled(Curve(q, np.exp(-q)), axis, most=0.6)
    assert told.made_up == pytest.approx(0.5, abs=0.03)
    assert "not measured" in told.flags[0]
    np.testing.assert_allclose(told.intensity[axis > 2], np.exp(-2))


def test_points_that_have_no_logarithm_are_left_out():
    values = np.exp(-q)
    values[[3, 7]] = -1, 0
    told = resampled(Curve(q, values), q)
    np.testing.assert_allclose(told.intensity, np.exp(-q), rtol=1e-9)
    assert told.flags[0].startswith("2 points")
    with pytest.raises(BadCurve, match="intensity"):
        resampled(Curve(q, -values), q)
