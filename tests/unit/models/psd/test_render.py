"""The renderer: symmetries, overlap, edges, noise and binning, and the compiled painter next to the reference."""

from dataclasses import fields, replace

import numpy as np
import pytest

from models.psd import render
from models.psd.particles import FIELD, Particles, image_rng, scattered
from models.psd.render import CAMERA_PIXEL, STANDARD, Optics, background, drawable, paint, stack, transmission
from models.psd.suspension import BadSuspension, Mode, Suspension

MODES = (Mode(60, 0.3), Mode(200, 0.1, 0.2))
SPHEROIDS = scattered(Suspension(MODES, 0.3, (1.0, 3.0)), np.random.default_rng(0))
DENSE = Suspension(MODES, 0.3)
EMPTY = Suspension(MODES, 0.0)
SHARP = replace(STANDARD, blur=4.0, defocus=0.0, shading=0.0)


def one(x: float, y: float, diameter: float, aspect: float = 1.0, angle: float = 0.0, depth: float = 0.0) -> Particles:
    minor = diameter / 2 * aspect ** (-1 / 3)
    return Particles(*(np.array([value]) for value in (x, y, diameter, aspect * minor, minor, angle, depth, 0.0)))


def joined(*parts: Particles) -> Particles:
    return Particles(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Particles)))


def drawn(particles: Particles, optics: Optics = STANDARD) -> np.ndarray:
    return transmission(particles, 128, CAMERA_PIXEL, optics).astype(float)


@pytest.mark.parametrize("size", [8.0, 2.0])
def test_the_compiled_painter_agrees_with_the_reference_to_a_grey_level(size):
    patches = pytest.importorskip("models.psd.patches")
    pictures = np.ones((2, 128, 128), np.float32)
    for painter, picture in zip((paint, patches.paint), pictures, strict=True):
        painter(picture, drawable(SPHEROIDS, size, STANDARD))
    assert pictures[0].min() < 0.1
    np.testing.assert_allclose(pictures[0], pictures[1], atol=1e-5)


def test_without_numba_stacks_are_the_same_to_a_grey_level(monkeypatch):
    pytest.importorskip("numba")
    compiled = stack(DENSE, 1, 2, 128)
    monkeypatch.setattr(render, "_painter", lambda: paint)
    reference = stack(DENSE, 1, 2, 128)
    assert np.abs(compiled.astype(int) - reference).max() <= 1
    assert (compiled == reference).mean() > 0.99


def test_the_transposed_particles_make_the_transposed_picture():
    swapped = replace(SPHEROIDS, x=SPHEROIDS.y, y=SPHEROIDS.x, angle=np.pi / 2 - SPHEROIDS.angle)
    np.testing.assert_allclose(drawn(swapped), drawn(SPHEROIDS).T, atol=1e-5)


def test_particles_moved_by_a_pixel_make_the_picture_moved_by_a_pixel():
    moved = replace(SPHEROIDS, x=SPHEROIDS.x + CAMERA_PIXEL)
    np.testing.assert_allclose(drawn(moved)[:, 1:], drawn(SPHEROIDS)[:, :-1], atol=1e-5)


def test_all_lengths_doubled_make_the_same_picture():
    twice = {name: 2 * getattr(SPHEROIDS, name) for name in ("x", "y", "diameter", "major", "minor")}
    optics = replace(STANDARD, blur=2 * STANDARD.blur, defocus=2 * STANDARD.defocus)
    large = transmission(replace(SPHEROIDS, **twice), 128, 2 * CAMERA_PIXEL, optics)
    np.testing.assert_allclose(large, drawn(SPHEROIDS), atol=1e-6)


def test_overlap_multiplies_whatever_the_order():
    first, second = one(500, 500, 200), one(560, 530, 150, 2.0, 0.4)
    product = drawn(first) * drawn(second)
    assert ((drawn(first) < 0.9) & (drawn(second) < 0.9)).any()
    for both in (joined(first, second), joined(second, first)):
        np.testing.assert_allclose(drawn(both), product, atol=1e-6)


def test_a_sphere_is_a_dark_ring_around_a_bright_centre_of_the_right_size():
    picture = drawn(one(512, 512, 300), SHARP)
    y, x = np.mgrid[:128, :128] * CAMERA_PIXEL + CAMERA_PIXEL / 2 - 512
    radius = np.hypot(x, y)
    assert (picture[radius > 150 + SHARP.blur] == 1).all()
    assert picture.min() == pytest.approx(1 - SHARP.contrast, abs=1e-5)
    # The bright centre is a little weaker than that of an endlessly large sphere.
    assert 1 - SHARP.contrast * (1 - SHARP.centre) > picture[radius < 8].max() > 1 - SHARP.contrast * (1 - 0.9 * SHARP.centre)
    assert (picture < 1 - SHARP.contrast / 2).sum() * CAMERA_PIXEL**2 == pytest.approx(np.pi * 150**2 - _bright(SHARP), rel=0.02)


def _bright(optics: Optics) -> float:
    """Area of the centre in which a sphere of 300 um takes less than half of its contrast: 1 - c (1 - q^2 / g^2)^2 = 1/2."""
    c = optics.centre * 150 / (150 + 2 * optics.blur)
    return np.pi * (150 * render.GLOW) ** 2 * max(1 - np.sqrt(0.5 / c), 0)


def test_a_spheroid_lies_along_its_angle_and_has_its_area():
    picture = drawn(one(512, 512, 200, 3.0, np.pi / 6), replace(SHARP, centre=0.0))
    dark = np.argwhere(picture < 1 - SHARP.contrast / 2)[:, ::-1] * CAMERA_PIXEL
    axis = np.linalg.eigh(np.cov(dark.T))[1][:, -1]
    assert np.arctan2(axis[1], axis[0]) % np.pi == pytest.approx(np.pi / 6, abs=0.02)
    assert len(dark) * CAMERA_PIXEL**2 == pytest.approx(np.pi * 100**2 * 3 ** (1 / 3), rel=0.02)


def test_defocus_softens_the_edge_and_does_not_move_it():
    near, far = (drawn(one(512, 512, 300, depth=depth))[64] for depth in (0.0, 1.0))
    assert np.abs(np.diff(far)).max() < 0.6 * np.abs(np.diff(near)).max()
    half = 1 - STANDARD.contrast / 2
    edges = [np.interp(half, line[42:49][::-1], np.arange(42, 49)[::-1]) for line in (near, far)]
    assert edges[0] == pytest.approx(edges[1], abs=0.3)
    assert (edges[0] + 0.5) * CAMERA_PIXEL == pytest.approx(512 - 150, abs=4)


def test_a_particle_that_the_border_cuts_stays():
    picture = drawn(one(-20, 500, 100))
    assert picture[:, 0].min() < 0.6
    assert (picture[:, 10:] == 1).all()


def test_no_particles_leave_the_uneven_background_and_its_noise():
    optics = Optics()
    light = background(3, 128, optics)
    taken = stack(EMPTY, 3, 5, 128, optics=optics).astype(float)
    noise = taken - light
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.var() == pytest.approx((light / optics.electrons + optics.read**2).mean() + 1 / 12, rel=0.02)
    x = np.linspace(-1, 1, 128)
    powers = np.polynomial.polynomial.polyvander2d(*np.meshgrid(x, x), (2, 2))[..., [0, 1, 2, 3, 4, 6]].reshape(-1, 6)
    left_over = light.ravel() - powers @ np.linalg.lstsq(powers, light.ravel(), rcond=None)[0]
    assert np.abs(left_over).max() < 1e-3
    assert np.ptp(light) > 5
    assert len({background(seed, 4, optics).tobytes() for seed in range(5)}) == 5


def test_shot_noise_grows_with_the_light():
    optics = Optics(read=0.0, unevenness=0.0)
    bright, dim = (stack(EMPTY, 0, 1, 128, optics=replace(optics, level=level)).var() - 1 / 12 for level in (200.0, 50.0))
    assert bright / dim == pytest.approx(4, rel=0.1)


def test_64_pixels_are_128_binned_of_the_same_field():
    fine, coarse = stack(DENSE, 2, 3, 128), stack(DENSE, 2, 3, 64)
    means = fine.reshape(3, 64, 2, 64, 2).mean(axis=(2, 4))
    assert np.abs(means - coarse).max() <= 1.01
    np.testing.assert_array_equal(coarse, stack(DENSE, 2, 3, 64, um_per_pixel=FIELD / 64))


def test_smaller_pixels_show_a_smaller_field_unbinned():
    taken = stack(DENSE, 2, 1, 96, um_per_pixel=2.5)
    particles = scattered(DENSE, image_rng(2, 0), 96 * 2.5)
    expected = background(2, 96, STANDARD) * transmission(particles, 96, 2.5, STANDARD)
    assert np.abs(taken[0] - expected).mean() < 3


def test_the_same_seed_gives_the_same_stack_and_a_longer_one_begins_with_it():
    first = stack(DENSE, 4, 2)
    assert (first.shape, first.dtype) == ((2, 64, 64), np.uint8)
    np.testing.assert_array_equal(first, stack(DENSE, (4,), 3)[:2])
    assert (first != stack(DENSE, 5, 2)).mean() > 0.5
    assert (first[0] != first[1]).mean() > 0.3


def test_pictures_are_alike_whichever_way_they_are_turned():
    """Edges across and along rows are as many, of elongated particles too."""
    taken = np.concatenate([stack(Suspension(MODES, 0.3, (1.0, 3.0)), seed, 10).astype(float) for seed in range(8)])
    across, along = (np.abs(np.diff(taken, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
    difference = across - along
    assert abs(difference.mean()) < 3.5 * difference.std() / np.sqrt(len(taken))
    assert difference.std() / np.sqrt(len(taken)) < 0.02 * across.mean()


def test_pictures_darken_with_the_area_fraction():
    """Beer's law of overlapping particles: light falls by exp(-k phi)."""
    flat = replace(STANDARD, unevenness=0.0)
    means = [np.log(stack(Suspension(MODES, phi), 0, 100, optics=flat).mean() / flat.level) for phi in (0.15, 0.3, 0.6)]
    assert means[1] / means[0] == pytest.approx(2, rel=0.1)
    assert means[2] / means[0] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("images", lambda: stack(DENSE, 0, 0)),
        ("pixels", lambda: stack(DENSE, 0, 1, 0)),
        ("pixels", lambda: stack(DENSE, 0, 1, 5000)),
        ("um_per_pixel", lambda: stack(DENSE, 0, 1, 64, 0.0)),
        ("um_per_pixel", lambda: stack(DENSE, 0, 1, 64, float("nan"))),
        ("um_per_pixel", lambda: stack(DENSE, 0, 1, 64, 1000.0)),
        ("contrast", lambda: Optics(contrast=0.95)),
        ("contrast", lambda: Optics(contrast=0.1)),
        ("centre", lambda: Optics(centre=1.5)),
        ("blur", lambda: Optics(blur=0.0)),
        ("defocus", lambda: Optics(defocus=-1.0)),
        ("electrons", lambda: Optics(electrons=0.0)),
        ("level", lambda: Optics(level=300.0)),
        ("read", lambda: Optics(read=float("nan"))),
    ],
)
def test_what_cannot_be_is_refused(field, make):
    with pytest.raises(BadSuspension) as raised:
        make()
    assert raised.value.field == field
