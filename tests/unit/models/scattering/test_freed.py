"""Measured curves made ready for models of what is left of them without elements and size."""

import numpy as np
import pytest

from models.scattering.building import built
from models.scattering.curves import Q, Sample, intensity
from models.scattering.freed import freed
from models.scattering.invariant import AXES, REDUCED, invariants
from models.scattering.neighbours import Library
from models.scattering.reader import BadCurve, Curve
from models.scattering.reading import Ask
from models.scattering.shapes import BadParticle

SEEN = {name: axis for name, (axis, _) in AXES.items()}
COPPER = Sample("cuboctahedron", 4, (("Cu", 1.0),))
I = intensity(COPPER, Q)  # noqa: E741
KNOWN = Ask(COPPER.composition)


@pytest.fixture(scope="module")
def library():
    return Library.of(built(120, 0, largest=4, invariants=True)["reduced"].values)


def of(library, factor=1.0, kept=Q > 0, seen=SEEN, ask=KNOWN):
    return freed(Curve(Q[kept], factor * I[kept]), seen, library, 0.0, ask)


def test_the_model_sees_what_it_was_trained_on_whatever_the_scale(library):
    true = invariants(Q, I, COPPER.composition)
    for factor in (1.0, 3e-8):
        found = of(library, factor)
        np.testing.assert_allclose(found.values["form"], true.form, rtol=1e-3)
        np.testing.assert_allclose(found.values["reduced"], true.reduced, rtol=0.03)
        np.testing.assert_allclose(found.values["structure_factor"], true.structure_factor, rtol=0.02)
        assert sum("wide angles" in flag for flag in found.ready.flags) == 1
    known = of(library, ask=Ask(COPPER.composition, absolute=True))
    np.testing.assert_allclose(known.values["reduced"], true.reduced, rtol=1e-3)
    np.testing.assert_allclose(known.values["structure_factor"], true.structure_factor, rtol=1e-3)
    assert not any("wide angles" in flag for flag in known.ready.flags)


def test_alloys_are_put_on_their_scale_too(library):
    alloy = Sample("icosahedron", 3, (("Au", 0.75), ("Ag", 0.25)), noise=0.02)
    curve = Curve(Q, 1e5 * intensity(alloy, Q, np.random.default_rng(0)))
    found = freed(curve, SEEN, library, 0.0, Ask(alloy.composition))
    assert np.average(found.values["reduced"], weights=REDUCED**2) == pytest.approx(alloy.atoms, rel=0.1)
    assert found.ready.nearest[0].residual < 0.2


def test_the_curve_over_q_is_on_the_same_scale(library):
    seen = {"form": SEEN["form"], "intensity": Q[10:500]}
    np.testing.assert_allclose(of(library, 1e-4, seen=seen).values["intensity"], I[10:500], rtol=0.03)
    absolute = of(library, seen=seen, ask=Ask(COPPER.composition, absolute=True))
    np.testing.assert_allclose(absolute.values["intensity"], I[10:500], rtol=1e-12)


def test_neighbours_are_those_of_all_elements(library):
    silicon = Sample("cuboctahedron", 4, (("Si", 1.0),))
    rows = [freed(Curve(Q, intensity(one, Q)), SEEN, library, 0.0, Ask(one.composition)).ready.nearest[0].row for one in (COPPER, silicon)]
    assert rows[0] == rows[1]


def test_only_the_form_does_without_a_scale(library):
    short = {"kept": Q < 8, "ask": Ask(COPPER.composition, missing=0.7)}
    found = of(library, 1e-6, seen={"form": SEEN["form"]}, **short)
    np.testing.assert_allclose(found.values["form"], invariants(Q, I, COPPER.composition).form, rtol=1e-3)
    assert any("filled in" in flag for flag in found.ready.flags)
    assert not any("wide angles" in flag for flag in found.ready.flags)
    with pytest.raises(BadCurve, match="scale of the curve") as caught:
        of(library, 1e-6, **short)
    assert (caught.value.field, "absolute" in caught.value.remedy) == ("absolute", True)
    assert set(of(library, **short | {"ask": Ask(COPPER.composition, absolute=True, missing=0.7)}).values) == set(AXES)


def test_what_cannot_be_freed_is_refused(library):
    for changes, field in (
        ({"ask": Ask()}, "composition"),
        ({"kept": Q < 8}, "q"),
        ({"kept": Q > 0.4, "ask": Ask(COPPER.composition, missing=0.1)}, "q"),
    ):
        with pytest.raises(BadCurve) as caught:
            of(library, **changes)
        assert caught.value.field == field
        assert caught.value.remedy
    with pytest.raises(BadParticle, match="Xx"):
        of(library, ask=Ask((("Xx", 1.0),)))
