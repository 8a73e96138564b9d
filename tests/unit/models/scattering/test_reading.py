"""Measured curves made ready for a model: scale, range, noise, unit, and the checks that tell of them."""

import json

import numpy as np
import pytest

from models.scattering.building import built
from models.scattering.curve_figures import fit, guinier_plot, linearity
from models.scattering.curves import Sample, intensity
from models.scattering.dataset import scattering_table
from models.scattering.elements import form_factors
from models.scattering.formula import composition
from models.scattering.guinier import guinier
from models.scattering.invariant import AXES, with_invariants
from models.scattering.neighbours import Library
from models.scattering.reader import BadCurve, Curve
from models.scattering.reading import Ask, ready
from models.scattering.shapes import BadParticle

TABLE = built(400, 0, largest=6, low=0.1, high=4, step=2)
AXIS = TABLE["intensity"].axis
LIBRARY = Library.of(TABLE["intensity"].values)
GOLD = Sample("icosahedron", 4, (("Au", 1.0),))
q = np.arange(5, 450) / 100


def measured(sample=GOLD, q=q, factor=1.0, seed=0):
    return Curve(q, factor * intensity(sample, q, np.random.default_rng(seed)))


def statuses(found):
    return {check.name: check.status for check in found.checks}


def test_the_scale_of_a_curve_is_found_and_told():
    plain, tiny = (ready(measured(factor=factor), AXIS, LIBRARY, False, 0.0, Ask()) for factor in (1.0, 3e-8))
    np.testing.assert_allclose(tiny.values, plain.values, rtol=1e-6)
    assert tiny.nearest[0].factor == pytest.approx(3e-8 * plain.nearest[0].factor, rel=1e-6)
    assert any("divided by" in flag for flag in tiny.flags)
    assert set(statuses(tiny).values()) == {"inside"}


def test_absolute_intensities_are_left_as_they_are():
    found = ready(measured(), AXIS, LIBRARY, False, 0.0, Ask(absolute=True))
    np.testing.assert_allclose(found.values, np.exp(np.interp(AXIS, q, np.log(intensity(GOLD, q)))), rtol=1e-9)
    assert {one.factor for one in found.nearest} == {1.0}


def test_curves_are_divided_where_the_model_wants_that():
    divided = built(60, 0, largest=4, low=0.1, high=4, step=2, divided=True)
    library, made_of = Library.of(divided["intensity"].values), (("Ag", 0.5), ("Au", 0.5))
    found = ready(measured(), AXIS, library, True, 0.0, Ask(made_of, absolute=True))
    np.testing.assert_allclose(found.values * form_factors(made_of, AXIS)[0], np.exp(np.interp(AXIS, q, np.log(intensity(GOLD, q)))))
    with pytest.raises(BadCurve, match="made of"):
        ready(measured(), AXIS, library, True, 0.0, Ask())


def test_another_range_is_refused_or_filled_in_and_flagged():
    short = measured(q=np.arange(10, 251) / 100)
    with pytest.raises(BadCurve, match=r"the model knows 0\.1 to 4"):
        ready(short, AXIS, LIBRARY, False, 0.0, Ask(missing=0.2))
    found = ready(short, AXIS, LIBRARY, False, 0.0, Ask(missing=0.5))
    assert (found.known == (AXIS <= 2.5 + 1e-9)).all()
    filled = LIBRARY.logarithms[found.nearest[0].row][~found.known]
    np.testing.assert_allclose(np.log(found.values[~found.known]), filled, rtol=1e-6)
    assert statuses(found)["coverage"] == "outside"
    assert any("filled in" in flag for flag in found.flags)
    little = ready(measured(q=np.arange(10, 391) / 100), AXIS, LIBRARY, False, 0.0, Ask(missing=0.5))
    assert statuses(little)["coverage"] == "edge"


@pytest.mark.parametrize(("level", "trained", "status"), [(0.0, 0.0, "inside"), (0.1, 0.0, "outside"), (0.1, 0.15, "inside")])
def test_noise_is_held_against_what_the_model_was_trained_to_stand(level, trained, status):
    noisy = Sample("icosahedron", 4, (("Au", 1.0),), noise=level)
    found = ready(measured(noisy), AXIS, LIBRARY, False, trained, Ask())
    assert statuses(found)["noise"] == status
    assert found.checks[1].value == pytest.approx(level, abs=0.02)


def test_what_is_no_particle_is_outside():
    film = Curve(q, 1 + 0.9 * np.sin(12 * q))
    assert statuses(ready(film, AXIS, LIBRARY, False, 0.0, Ask()))["library"] == "outside"


def test_a_wrong_unit_is_suspected():
    taken_wrong = Curve(10 * np.arange(2, 450) / 100, intensity(GOLD, np.arange(2, 450) / 100))
    found = ready(taken_wrong, AXIS, LIBRARY, False, 0.0, Ask(missing=0.2))
    assert any("in 1/nm the curve would lie" in flag for flag in found.flags)
    assert statuses(found)["library"] != "inside"


def test_figures_show_the_curve_on_its_own_scale():
    curve = measured(factor=1e-5)
    found = ready(curve, AXIS, LIBRARY, False, 0.0, Ask())
    figure = fit(found, AXIS, LIBRARY, "gold")
    dots, line, rest = figure["data"]
    at = np.interp(dots["x"], line["x"], line["y"])
    assert np.median(np.abs(np.log(np.array(dots["y"]) / at))) < 0.2
    assert np.std(rest["y"]) == pytest.approx(found.nearest[0].residual, rel=0.2)
    law = guinier(curve)
    plot = guinier_plot(curve, law)
    assert plot["data"][1]["y"][0] == pytest.approx(np.log(law.intensity))
    assert linearity(curve, law) > 0.98
    assert json.loads(json.dumps([figure, plot])) == [figure, plot]


def test_many_points_are_thinned():
    fine = measured(q=np.linspace(0.05, 4.5, 20_000))
    figure = fit(ready(fine, AXIS, LIBRARY, False, 0.0, Ask()), AXIS, LIBRARY, "gold")
    assert len(figure["data"][0]["x"]) <= 1000
    assert (figure["data"][0]["x"][0], figure["data"][0]["x"][-1]) == (0.05, 4.5)


# Formulas and tables


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        ("Au", {"Au": 1.0}),
        ("Au3Ag", {"Au": 0.75, "Ag": 0.25}),
        ("Au0.7Ag0.3", {"Au": 0.7, "Ag": 0.3}),
        ("Fe.5Co.5", {"Fe": 0.5, "Co": 0.5}),
    ],
)
def test_formulas(formula, found):
    assert dict(composition(formula)) == pytest.approx(found)


@pytest.mark.parametrize("formula", ["", "gold", "Au-Ag", "Au1e3", "Xx", "AuAu", "Au0", "3Au", "Au3Ag "])
def test_what_is_no_formula_is_refused(formula):
    with pytest.raises(BadParticle) as caught:
        composition(formula)
    assert caught.value.field == "composition"


def test_a_part_of_the_axis_is_built():
    assert AXIS[0] == pytest.approx(0.1)
    assert AXIS[-1] == pytest.approx(4)
    assert np.diff(AXIS) == pytest.approx(0.02)
    whole = built(3, 0, largest=6)["intensity"]
    np.testing.assert_array_equal(TABLE["intensity"].values[:3], whole.values[:, 9:400:2])


def test_invariants_are_built():
    told = built(3, 0, largest=4, step=2, invariants=True)
    whole = with_invariants(scattering_table(3, 0, largest=4))
    for name in AXES:
        np.testing.assert_array_equal(told[name].axis, AXES[name][0])
        assert np.median(np.abs(told[name].values / whole[name].values - 1)) < 0.01  # of every other point


@pytest.mark.parametrize(
    ("changes", "field"), [({"low": 0.02}, "low"), ({"high": 19.9}, "high"), ({"step": 5}, "high"), ({"divided": True}, "divided")]
)
def test_invariants_want_whole_curves(changes, field):
    with pytest.raises(BadParticle) as caught:
        built(3, 0, invariants=True, **changes)
    assert caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize(
    "wanted", [{"rows": None}, {"rows": 5, "design": "published"}, {"rows": 5, "low": 3, "high": 3.1}, {"rows": 5, "step": 150}]
)
def test_what_cannot_be_built_is_refused(wanted):
    with pytest.raises(BadParticle):
        built(seed=0, **wanted)
