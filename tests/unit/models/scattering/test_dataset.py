"""Tables of scattering curves."""

import numpy as np
import pytest

from models.builders import BUILDERS
from models.nets import Cancelled
from models.scattering.curves import Q, Sample, intensity
from models.scattering.dataset import BISO, MISSING, TARGETS, published_samples, published_table, scattering_table, table
from models.scattering.elements import DISTANCES, form_factors
from models.scattering.shapes import SHAPES, BadParticle
from models.splits import groups_of

PAIR = (Sample("cubefcc", 2, (("Ag", 1.0),)), Sample("rhombic_dodecahedron", 3, (("Ag", 0.5), ("Au", 0.5))))


def test_the_published_grid():
    samples = published_samples()
    assert len(samples) == 5508 == len(set(samples))
    assert {sample.size for sample in samples if sample.shape == "tetrahedron"} == set(range(3, 12))
    assert {sample.size for sample in samples if sample.shape == "cubefcc"} == set(range(2, 11))
    assert [sample.biso for sample in samples[:4]] == list(BISO)
    assert len(Q) == 1999
    assert (Q[0], Q[-1]) == (0.01, 19.99)


def test_a_row_holds_its_sample():
    curves = np.array([intensity(sample) for sample in PAIR])
    told = table(PAIR, curves)
    assert [told[name].classes[told[name].values[1]] for name in ("shape", "element", "structure")] == [
        "rhombic_dodecahedron",
        "Ag-Au",
        "rhombic_dodecahedron 3",
    ]
    assert told["log_n_Atoms"].values.tolist() == pytest.approx(np.log([63, 175]))
    assert told["Size_parameter_1"].values.tolist() == [2, 3]
    radius = np.expm1(told["sqrt_log_eq_radius"].values ** 2)
    assert radius[0] == pytest.approx(np.sqrt(6) * 2.8889)
    assert (told["intensity"].unit, told["intensity"].axis_unit) == ("electrons^2", "1/Angstrom")
    np.testing.assert_array_equal(told["intensity"].values, curves)


def test_radii_can_be_missing():
    curves = np.array([intensity(sample) for sample in PAIR])
    told = table(PAIR, curves, zeros=MISSING)["sqrt_log_eq_radius"].values
    assert told[1] == 0
    assert told[0] == table(PAIR, curves)["sqrt_log_eq_radius"].values[0] > 0
    assert set(MISSING) < set(SHAPES)


def test_a_builder_is_found_by_its_name_and_repeats_itself():
    first, again, other = (BUILDERS["scattering"](rows=20, seed=seed, largest=4) for seed in (1, 1, 2))
    assert first.digest == again.digest != other.digest
    assert [field.name for field in first.fields] == ["shape", "element", "structure", *TARGETS[1:], "biso", "intensity"]
    longer = scattering_table(25, 1, largest=4)
    np.testing.assert_array_equal(longer["intensity"].values[:20], first["intensity"].values)
    assert len(set(groups_of(first.only(["structure"])))) > 5


def test_random_samples_stay_in_their_ranges():
    drawn = scattering_table(60, 3, largest=3, strain=0.05, strain_spread=0.01, size_spread=0.1, noise=0.1)
    sizes, shapes = drawn["Size_parameter_1"].values, drawn["shape"].values
    assert set(sizes[shapes != list(SHAPES).index("tetrahedron")]) == {2, 3}
    assert BISO[0] <= drawn["biso"].values.min() < drawn["biso"].values.max() <= BISO[-1]
    assert drawn["element"].classes == tuple(sorted(DISTANCES))


def test_divided_curves_lack_the_form_factor():
    plain, divided = scattering_table(4, 0, largest=3), scattering_table(4, 0, largest=3, divided=True)
    element = plain["element"].classes[plain["element"].values[2]]
    squared = form_factors(((element, 1.0),), Q)[0]
    np.testing.assert_allclose(divided["intensity"].values[2] * squared, plain["intensity"].values[2], rtol=1e-12)


def test_what_is_no_table():
    for wanted, field in (({"rows": 1}, "rows"), ({"rows": 5, "largest": 1}, "largest"), ({"rows": 5, "noise": -1.0}, "noise")):
        with pytest.raises(BadParticle) as caught:
            scattering_table(seed=0, **wanted)
        assert caught.value.field == field


def test_building_can_be_stopped():
    with pytest.raises(Cancelled):
        published_table(watch=lambda share, what: share < 0.001)
