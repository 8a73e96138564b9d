"""Measured image stacks and size distributions: what is read, what is told about it, and what is refused."""

import pickle
import random
import struct
import sys
import tracemalloc
import zipfile
import zlib
from io import BytesIO

import numpy as np
import pytest

from models.psd import decoding
from models.psd.distribution import BadDistribution, Distribution
from models.psd.reader import BadImage, ImageStack, fitted, read_psd, read_stack, write_psd

tifffile = pytest.importorskip("tifffile", reason='no tifffile; run `pip install "closedloop[images]"`')
Image = pytest.importorskip("PIL.Image", reason='no pillow; run `pip install "closedloop[images]"`')

STACK = np.random.default_rng(0).integers(0, 250, (5, 24, 30)).astype(np.uint8)
FLAT = np.linspace(100, 200, 30)[None, :] * np.ones((24, 1))


def tiff(values, photometric="minisblack", **options):
    stream = BytesIO()
    tifffile.imwrite(stream, values, photometric=photometric, **options)
    return stream.getvalue()


def packed(values, compression):
    """A multi-page TIFF as Pillow packs it."""
    stream, pages = BytesIO(), [Image.fromarray(page) for page in values]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], compression=compression)
    return stream.getvalue()


def png(values, **options):
    stream = BytesIO()
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def archive(files, compression=zipfile.ZIP_DEFLATED):
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return stream.getvalue()


def header(width, height):
    """A PNG that declares a size and holds no pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def colour(values):
    return np.repeat(values[..., None], 3, axis=-1)


NUMBERED = {f"image{k}.png": png(page) for k, page in zip((1, 2, 9, 10, 11), STACK, strict=True)}


@pytest.mark.parametrize(
    "content",
    [
        tiff(STACK),
        tiff(STACK, bigtiff=True),
        tiff(STACK, byteorder=">"),
        tiff(STACK, tile=(16, 16)),
        tiff(STACK, compression="zlib", predictor=True),
        packed(STACK, "tiff_lzw"),
        packed(STACK, "packbits"),
        tiff(255 - STACK, photometric="miniswhite"),
        tiff(255 - STACK, photometric="miniswhite", compression="zlib"),
        archive(NUMBERED),
        archive({"b/2.tif": tiff(STACK[2:]), "b/1.TIFF": tiff(STACK[:2]), "__MACOSX/b/._1.tif": b"", ".hidden.png": b""}),
    ],
    ids=[
        "plain",
        "big",
        "other end first",
        "tiles",
        "deflate",
        "lzw",
        "packbits",
        "white is 0",
        "white is 0, deflate",
        "zip",
        "zip of TIFF",
    ],
)
def test_grey_pixels_of_8_bit_come_as_they_are(content):
    stack = read_stack(content, 8.0)
    np.testing.assert_array_equal(stack.values, STACK)
    assert (stack.um_per_pixel, stack.flags) == (8.0, ())


def test_a_folder_is_read_in_the_order_of_its_numbers_and_other_files_are_told(tmp_path):
    for name, content in NUMBERED.items():
        (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(read_stack(tmp_path, 8.0).values, STACK)
    (tmp_path / "notes.txt").write_text("stirred at 300 rpm")
    assert read_stack(tmp_path, 8.0).flags == ("1 files were left out, as they are neither PNG nor TIFF: notes.txt",)
    (tmp_path / "one.tif").write_bytes(tiff(STACK))
    np.testing.assert_array_equal(read_stack(tmp_path / "one.tif", 8.0).values, STACK)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_16_bit_is_scaled_from_the_depth_of_the_camera_and_told(bits):
    top = 2**bits - 1
    deep = np.rint(STACK / 255 * top).astype(np.uint16)
    deep[0, 0, 0] = top
    told = STACK.copy()
    told[0, 0, 0] = 255
    for content in (tiff(deep), tiff(deep, compression="zlib"), archive({f"{k}.png": png(page) for k, page in enumerate(deep)})):
        stack = read_stack(content, 8.0)
        np.testing.assert_array_equal(stack.values, told)
        assert f"were taken for {bits} bit" in stack.flags[0]


@pytest.mark.parametrize("full", [1.0, 255.0])
def test_fractions_are_scaled_and_told(full):
    values = (STACK / 255 * full).astype(np.float32)
    values[0, 0, 0] = full
    stack = read_stack(tiff(values), 8.0)
    np.testing.assert_array_equal(stack.values[1:], STACK[1:])
    assert f"white at {full:g}" in stack.flags[0]


def test_colour_is_turned_grey_by_its_brightness_and_told():
    red = np.zeros((1, 24, 30, 3), np.uint8)
    red[..., 0] = np.arange(30)
    palette = Image.fromarray(STACK[0] // 64 * 64).convert("P")
    for content, grey in (
        (tiff(red, "rgb"), np.rint(0.299 * np.arange(30))),
        (png(colour(STACK[0])), STACK[0]),
        (png(palette), STACK[0] // 64 * 64),
    ):
        stack = read_stack(content, 8.0)
        np.testing.assert_array_equal(stack.values[0], np.broadcast_to(grey, (24, 30)))
        assert stack.flags == ("1 images in colour were turned grey",)
    opaque = png(Image.fromarray(STACK[0]).convert("LA"))
    np.testing.assert_array_equal(read_stack(opaque, 8.0).values[0], STACK[0])


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_flat_field_of_any_depth_takes_uneven_light_away(depth):
    scene = np.random.default_rng(1).uniform(0.2, 0.9, (3, 24, 30))
    flat = (FLAT * (1 if depth is np.uint8 else 200)).astype(depth)
    light = flat / flat.mean()
    uneven = np.rint(scene * light * 150).astype(np.uint8)
    stack = read_stack(tiff(uneven), 8.0, tiff(np.stack([flat] * 5)))
    np.testing.assert_allclose(stack.values, scene * 150, atol=1.5)
    assert stack.flags == ("divided by the flat field; 0.00% of the pixels became white",)


def test_pixel_sizes_in_files_are_held_against_the_one_that_was_told():
    imagej = tiff(STACK, imagej=True, metadata={"unit": "um"}, resolution=(1 / 8, 1 / 8))
    ome = tiff(STACK, ome=True, metadata={"PhysicalSizeX": 8.0, "axes": "ZYX"})
    for content in (imagej, ome):
        assert read_stack(content, 8.0).flags == ()
        assert read_stack(content, 0.8).flags == ("the file tells 8 um per pixel, 0.8 was told and used",)
    for printer in (
        tiff(STACK, resolution=(72, 72)),
        tiff(STACK, ome=True, metadata={"PhysicalSizeX": 8.0, "PhysicalSizeXUnit": "m", "axes": "ZYX"}),
    ):
        assert read_stack(printer, 8.0).flags == ()


def test_an_image_of_one_grey_is_told():
    assert "page 2 is of one grey" in read_stack(tiff(np.stack([STACK[0], np.full((24, 30), 7, np.uint8)])), 8.0).flags[0]


BROKEN = {
    "nothing": (b"", "is empty"),
    "no image": (b"date,size\n1,2\n", "neither TIFF nor PNG"),
    "a JPEG": (b"\xff\xd8\xff\xe0" + bytes(100), "neither TIFF nor PNG"),
    "TIFF without pages": (b"II*\0" + bytes(4), "there are none"),
    "half a TIFF": (tiff(STACK)[:2000], "truncated"),
    "TIFF without its last pages": (tiff(STACK)[: len(tiff(STACK)) - 60], "export it again"),
    "half a packed TIFF": (packed(STACK, "tiff_lzw")[:1500], "ends before its pages do"),
    "TIFF without its last pixels": (tiff(STACK[0])[:-50], "lacks pixels"),
    "images behind the first page": (tiff(STACK[0], description="ImageJ=1.54\nimages=5\n", metadata=None), "hides images"),
    "half a PNG": (png(STACK[0])[:300], "damaged"),
    "half a zip": (archive(NUMBERED)[:-30], "damaged"),
    "empty zip": (archive({}), "there are none"),
    "zip of text": (archive({"a.txt": "a", "b.csv": "b"}), "there are none"),
    "zip of a bad image": (archive({"a.png": png(STACK[0]), "b.png": b"text"}), "b.png is neither"),
    "animated": (png(Image.fromarray(STACK[0]), save_all=True, append_images=[Image.fromarray(STACK[1])]), "animated"),
    "mixed sizes": (archive({"a.png": png(STACK[0]), "b.png": png(STACK[1, :20])}), "30 x 20 pixels, a.png 30 x 24"),
    "mixed depths": (archive({"a.png": png(STACK[0]), "b.png": png(STACK[1].astype(np.uint16))}), "depth"),
    "black or white": (png(Image.fromarray(STACK[0] > 100)), "black or white"),
    "a TIFF that is black or white": (tiff(STACK[0] > 100), "bool"),
    "transparent": (png(Image.fromarray(np.dstack([colour(STACK[0]), STACK[1]]))), "transparent"),
    "32 bit": (tiff(STACK.astype(np.uint32)), "uint32"),
    "signed": (tiff(STACK.astype(np.int16)), "int16"),
    "four channels": (tiff(np.repeat(STACK[0][..., None], 4, axis=-1), "rgb", extrasamples=["unassalpha"]), "4 values per pixel"),
    "three images as colours": (tiff(STACK[:3], "rgb", planarconfig="separate"), "axes SYX"),
    "not a number": (tiff(np.where(STACK == 7, np.nan, STACK).astype(np.float32)), "not finite"),
    "fractions out of range": (tiff(STACK.astype(np.float32) * 9 - 3), "pixels go from -3 to"),
    "huge": (header(60000, 60000), "60000 x 60000"),
    "beyond memory": (header(2**31 - 1, 2**31 - 1), "2147483647"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", BROKEN)
def test_images_that_cannot_be_used_are_refused_with_field_and_remedy(name):
    content, told = BROKEN[name]
    with pytest.raises(BadImage) as caught:
        read_stack(content, 8.0)
    assert told in str(caught.value)
    assert caught.value.field == "images"
    assert caught.value.remedy
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("size", [None, 0, -1.0, np.nan, np.inf])
def test_the_size_of_a_pixel_has_to_be_told(size):
    with pytest.raises(BadImage, match="um_per_pixel") as caught:
        read_stack(tiff(STACK), size)
    assert caught.value.field == "um_per_pixel"


@pytest.mark.parametrize(
    ("flat", "told"),
    [
        (FLAT[:20], "30 x 20 pixels, the images have 30 x 24"),
        (FLAT * (FLAT > 105), "are black"),
        (FLAT * np.where(FLAT > 105, 1, np.nan), "not finite"),
    ],
)
def test_a_flat_field_that_does_not_fit_is_refused(flat, told):
    with pytest.raises(BadImage, match=told) as caught:
        read_stack(tiff(STACK), 8.0, tiff(flat.astype(np.float32)))
    assert caught.value.field == "flat_field"


def test_limits_count_over_all_files(monkeypatch, tmp_path):
    (tmp_path / "stack.tif").write_bytes(tiff(STACK))
    for name, most in (("MOST_IMAGES", 4), ("MOST_PIXELS", STACK.size - 1), ("MOST_BYTES", 1000)):
        with monkeypatch.context() as patched:
            patched.setattr(decoding, name, most)
            for source in (tiff(STACK), archive(NUMBERED), tmp_path, tmp_path / "stack.tif"):
                with pytest.raises(BadImage, match="give at most"):
                    read_stack(source, 8.0)
    with pytest.raises(BadImage, match="check the path"):
        read_stack(tmp_path / "none.tif", 8.0)


def peak(action):
    """Bytes of memory that an action takes at most, and what it gives."""
    tracemalloc.start()
    try:
        return action(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_bomb_in_a_tiff_is_not_unpacked():
    bomb, honest = zlib.compress(bytes(20_000_000), 9), tiff(STACK[0], compression="zlib")
    tags = {tag.name: tag for tag in tifffile.TiffFile(BytesIO(honest)).pages[0].tags}
    content = bytearray(honest + bomb)
    for name, value in (("StripOffsets", len(honest)), ("StripByteCounts", len(bomb))):
        struct.pack_into("<H" if tags[name].dtype == 3 else "<I", content, tags[name].valueoffset, value)
    stack, memory = peak(lambda: read_stack(bytes(content), 8.0))
    assert not stack.values.any()
    assert memory < 10_000_000 < peak(tifffile.TiffFile(BytesIO(content)).pages[0].asarray)[1]


def test_a_zip_that_lies_about_a_size_is_refused_before_it_is_unpacked():
    content = bytearray(archive({"a.png": bytes(20_000_000)}))
    for signature, at in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        struct.pack_into("<I", content, content.index(signature) + at, 100)

    def refused():
        with pytest.raises(BadImage, match="damaged"):
            read_stack(bytes(content), 8.0)

    assert peak(refused)[1] < 10_000_000


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["plain", "packed", "png", "zip"])
def test_damaged_files_are_read_or_refused_and_nothing_else(name):
    whole = {"plain": tiff(STACK), "packed": packed(STACK, "tiff_lzw"), "png": png(STACK[0]), "zip": archive(NUMBERED)}[name]
    draw, refused = random.Random(name), 0
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(draw.choice([1, 3, 10])):
            content[draw.randrange(min(len(content), draw.choice([60, 400, 10**6])))] = draw.randrange(256)
        if draw.random() < 0.3:
            del content[draw.randrange(len(content)) :]
        try:
            assert read_stack(bytes(content), 8.0).values.dtype == np.uint8
        except BadImage:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("missing", ["PIL.Image", "tifffile"])
def test_without_the_extra_the_error_names_it(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r'pip install "closedloop\[images\]"'):
        read_stack(png(STACK[0]) if missing == "PIL.Image" else tiff(STACK), 8.0)


def square(size, um_per_pixel=8.0):
    return ImageStack(np.random.default_rng(2).integers(0, 256, (2, size, size)).astype(np.uint8), um_per_pixel, ("before",))


def test_images_that_fit_are_left_alone():
    stack = square(64)
    assert fitted(stack, 64, 8.0) is stack


def test_larger_images_are_cropped_to_the_middle_exactly_and_told():
    stack = square(65)
    one = fitted(stack, 33, 8.0)
    np.testing.assert_array_equal(one.values, stack.values[:, 16:49, 16:49])
    assert one.flags == ("before", "cropped to the middle 264 x 264 um, 26% of each image")
    wide = ImageStack(stack.values[:, :40], 8.0)
    np.testing.assert_array_equal(fitted(wide, 40, 8.0).values, wide.values[:, :, 12:52])


def test_finer_images_are_averaged_over_the_pixels_of_the_model():
    stack = square(128)
    one = fitted(stack, 64, 16.0)
    np.testing.assert_allclose(one.values, stack.values.reshape(2, 64, 2, 64, 2).mean(axis=(2, 4)), atol=0.5)
    assert one.flags == ("before", "resampled from 8 to 16 um per pixel")
    assert one.um_per_pixel == 16.0


@pytest.mark.parametrize("um_per_pixel", [3.0, 7.0, 8.0, 11.3, 14.0])
def test_resampling_keeps_flat_images_and_slopes(um_per_pixel):
    slope = np.tile(np.arange(0, 256, 2, dtype=np.uint8), (128, 1))
    one = fitted(ImageStack(np.stack([slope, np.full((128, 128), 90, np.uint8)]), um_per_pixel), 20, 9.0)
    assert (one.values[1] == 90).all()
    steps = np.diff(one.values[0, 10].astype(int))
    assert steps.mean() == pytest.approx(2 * 9.0 / um_per_pixel, rel=0.05)
    assert np.ptp(steps) <= 2
    assert any("coarser" in flag for flag in one.flags) == (um_per_pixel > 9)
    # The middle of the slope is in the middle, but for the part of a pixel that keeps crops exact.
    assert one.values[0, 10].mean() == pytest.approx(127, abs=1 + 9.0 / um_per_pixel)


def test_coarser_images_lie_on_straight_lines_between_their_pixels():
    line = np.tile(np.array([0, 100, 200, 100], np.uint8), (4, 1))
    one = fitted(ImageStack(line[None], 16.0), 8, 8.0)
    np.testing.assert_array_equal(one.values[0], np.tile([0, 25, 75, 125, 175, 175, 125, 100], (8, 1)))
    assert "coarser" in one.flags[1]


def test_a_smaller_field_of_view_is_refused_but_for_half_a_pixel():
    with pytest.raises(BadImage, match="they show 504 x 504 um, the model was trained on 512 x 512 um"):
        fitted(square(63), 64, 8.0)
    assert fitted(square(1023, 1.0), 128, 8.0).values.shape == (2, 128, 128)


def test_a_stack_checks_itself():
    for values in (STACK[0], STACK.astype(float), STACK[:0]):
        with pytest.raises(BadImage, match="uint8"):
            ImageStack(values, 8.0)


EDGES = np.geomspace(20, 500, 33)
SHARES = np.random.default_rng(5).dirichlet(np.ones(32))


@pytest.mark.parametrize("weighting", ["number", "volume"])
def test_a_distribution_goes_through_a_file_bit_for_bit(weighting):
    one = Distribution(EDGES, SHARES, weighting)
    again = read_psd(write_psd(one))
    np.testing.assert_array_equal(again.edges, one.edges)
    np.testing.assert_array_equal(again.shares, one.shares)
    assert again.weighting == weighting


def test_columns_in_any_order_separators_and_rounded_fractions():
    text = "\ufeffweighting; fraction; bin_low_um; bin_high_um\r\nvolume; 0.333; 20; 30\r\n\r\nvolume; 0.666; 30; 60\r\n"
    one = read_psd(text)
    assert one.edges.tolist() == [20, 30, 60]
    assert one.shares == pytest.approx([1 / 3, 2 / 3])
    assert read_psd(text.replace(";", "\t")).weighting == "volume"


HEAD = "bin_low_um,bin_high_um,fraction,weighting\n"


@pytest.mark.parametrize(
    ("text", "field", "remedy"),
    [
        ("", "file", "give the columns"),
        (HEAD, "file", "every line"),
        ("bin_low_um,bin_high_um,fraction\n20,30,1\n", "weighting", "give exactly"),
        (HEAD.replace("weighting", "weighting,note") + "20,30,1,number,x\n", "file", "give exactly"),
        (HEAD + "20,30,1\n", "file", "every line"),
        (HEAD + "20,30,1,\n", "weighting", "number, volume"),
        (HEAD + "20,30,1,mass\n", "weighting", "number, volume"),
        (HEAD + "20,30,.5,number\n30,40,.5,volume\n", "weighting", "a file for each"),
        (HEAD + "20,30,.5,number\n40,50,.5,number\n", "bin_low_um", "empty ones"),
        (HEAD + "30,40,.5,number\n20,30,.5,number\n", "bin_low_um", "sort"),
        (HEAD + "0,30,1,number\n", "bin_low_um", "smallest diameter"),
        (HEAD + "20,thirty,1,number\n", "bin_high_um", "point for decimals"),
        (HEAD + "20,30,nan,number\n", "fraction", "correct"),
        (HEAD + "20,30,1.5,number\n30,40,-.5,number\n", "fraction", "correct"),
        (HEAD + "20,30,40,number\n30,40,60,number\n", "fraction", "divide percent by 100"),
        (HEAD + "20,30,.1,number\n30,40,.2,number\n", "fraction", "not densities"),
    ],
)
def test_files_without_a_distribution_are_refused_with_field_and_remedy(text, field, remedy):
    with pytest.raises(BadDistribution) as caught:
        read_psd(text)
    assert caught.value.field == field
    assert remedy in caught.value.remedy
