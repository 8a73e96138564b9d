"""Image files to arrays: TIFF of several pages, PNG, zip archives and folders of them; what cannot be read is refused, in words.

Files are not trusted: numbers and sizes are checked before pixels are unpacked, and packed ones are unpacked by Pillow alone,
into memory of the declared size.
"""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.faults import Fault

MOST_IMAGES, MOST_PIXELS, MOST_BYTES = 500, 80_000_000, 256 * 2**20
"""Of a stack: images, pixels of all of them, fewer than Pillow warns of, and bytes of its files."""
_TIFF, _PNG, _ZIP = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), b"\x89PNG\r\n\x1a\n", (b"PK\3\4", b"PK\5\6")
_ENDINGS = (".png", ".tif", ".tiff")
_GREY, _COLOUR = {"L", "I", "F", "I;16", "I;16B", "I;16L"}, {"RGB", "P"}
"""Pillow's names of modes."""
_DEPTHS = ("uint8", "uint16", "float16", "float32", "float64")
_BROKEN = (OSError, EOFError, ValueError, LookupError, TypeError, ArithmeticError, SyntaxError, RuntimeError, struct.error)
_BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
"""What libraries raise at files that are damaged or not of their kind, as found by damaging files."""
_MICROMETRES = ("um", "µm", "μm", "micron", "microns", "\\u00B5m")


class BadImage(Fault):
    """Images that cannot be read or used."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One image as its file holds it, bright pixels being large.

    Attributes:
        name: File and page, for people.
        values: Of a type of ``_DEPTHS``, shape (height, width), or (height, width, 3) in colour.
        um_per_pixel: As its file tells, or None.
    """

    name: str
    values: npt.NDArray[Any]
    um_per_pixel: float | None = None


def pictures(source: bytes | Path, field: str) -> tuple[list[Picture], tuple[str, ...]]:
    """The images of a file or folder in the order of their names, numbers in them counting as numbers, and what to look at.

    Args:
        source: Content of a TIFF, PNG or zip file; or where such a file or a folder of TIFF and PNG files is.
        field: What errors name.

    Raises:
        BadImage: There is none, or one that cannot be read.
        ImportError: Pillow or tifffile is not installed.
    """
    files, left_out = _files(source, field)
    found: list[Picture] = []
    pixels = 0
    for name, content in files:
        for picture in _decoded(name, content, field):
            found.append(picture)
            pixels += picture.values.size
            if len(found) > MOST_IMAGES or pixels > MOST_PIXELS:
                raise _too_much(f"more than {MOST_IMAGES} images or {MOST_PIXELS:.0e} pixels", field)
    if not found:
        raise BadImage("there are none", field, "give a TIFF of one page or more, or PNG or TIFF files in a folder or a zip file")
    told = f"{len(left_out)} files were left out, as they are neither PNG nor TIFF: {', '.join(left_out[:3])}"
    return found, (told,) if left_out else ()


def _files(source: bytes | Path, field: str) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Name and content of the image files, and the names of other ones."""
    if isinstance(source, bytes):
        return _unpacked("file", source, field)
    if source.is_dir():
        paths = [path for path in source.iterdir() if path.is_file() and _shown(path.name)]
        kept, left_out = _chosen([path.name for path in paths])
        if sum((source / name).stat().st_size for name in kept) > MOST_BYTES:
            raise _too_much(f"the files are larger than {MOST_BYTES // 2**20} MiB", field)
        return [(name, (source / name).read_bytes()) for name in kept], left_out
    if not source.is_file():
        raise BadImage(f"there is no file or folder {source}", field, "check the path")
    if source.stat().st_size > MOST_BYTES:
        raise _too_much(f"the file is larger than {MOST_BYTES // 2**20} MiB", field)
    return _unpacked(source.name, source.read_bytes(), field)


def _unpacked(name: str, content: bytes, field: str) -> tuple[list[tuple[str, bytes]], list[str]]:
    if len(content) > MOST_BYTES:
        raise _too_much(f"the file is larger than {MOST_BYTES // 2**20} MiB", field)
    if not content.startswith(_ZIP):
        return [(name, content)], []
    with _reading(name, field), zipfile.ZipFile(BytesIO(content)) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist() if not member.is_dir() and _shown(member.filename)}
        kept, left_out = _chosen(list(sizes))
        if len(kept) > MOST_IMAGES or sum(sizes[member] for member in kept) > MOST_BYTES:
            raise _too_much(f"the archive holds more than {MOST_IMAGES} images or {MOST_BYTES // 2**20} MiB", field)
        # Without a limit a member that declares too small a size is unpacked before it is cut.
        return [(member, archive.open(member).read(sizes[member] + 1)) for member in kept], left_out


def _shown(name: str) -> bool:
    """Whether no part of a path is hidden, as what operating systems leave in folders and archives is."""
    return not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _chosen(names: list[str]) -> tuple[list[str], list[str]]:
    """Names of images, in order, and other names."""
    ordered = sorted(names, key=lambda name: [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)])
    return [name for name in ordered if name.lower().endswith(_ENDINGS)], [name for name in ordered if not name.lower().endswith(_ENDINGS)]


def _decoded(name: str, content: bytes, field: str) -> Iterator[Picture]:
    if not content.startswith((*_TIFF, _PNG)):
        said = f"{name} is empty" if not content else f"{name} is neither TIFF nor PNG"
        raise BadImage(said, field, "export the images as TIFF or PNG; JPEG blurs the edges of particles")
    if content.startswith(_PNG):
        yield _png(name, content, field)
    else:
        yield from _tiff(name, content, field)


def _png(name: str, content: bytes, field: str) -> Picture:
    with _reading(name, field):
        width, height = struct.unpack(">II", content[16:24])
        _check_size((height, width), name, field)
        image = library("PIL.Image").open(BytesIO(content), formats=["PNG"])
        if getattr(image, "n_frames", 1) > 1:
            raise BadImage(f"{name} is animated", field, "save every frame as an image, or as a page of a TIFF")
        return Picture(name, _pixels(image, name, field))


def _tiff(name: str, content: bytes, field: str) -> Iterator[Picture]:
    """Every page; those that are not packed by tifffile, which knows all depths."""
    tifffile, pillow = library("tifffile"), library("PIL.Image")
    with _reading(name, field), tifffile.TiffFile(BytesIO(content)) as file:
        told, image, page = _told_size(file), None, None
        for number, page in enumerate(file.pages, 1):
            label = f"{name}, page {number}"
            _check_page(page, len(content), label, field)
            if page.compression == 1 and page.photometric in (0, 1, 2):
                values = _bright(page.asarray(), page.photometric == 0)
            else:
                image = image or pillow.open(BytesIO(content), formats=["TIFF"])
                image.seek(number - 1)
                values = _bright(_pixels(image, label, field), page.photometric == 0 and image.mode != "L")
            yield Picture(label, values, told)
        if page is not None and _next(file, page.offset, content):
            raise BadImage(f"{name} ends before its pages do", field, "it is truncated: copy or export it again")
        if file.is_imagej and file.imagej_metadata.get("images", 1) > len(file.pages):
            raise BadImage(f"{name} hides images behind its pages", field, "save it with one page for each image")


def _check_page(page: Any, length: int, name: str, field: str) -> None:
    _check_size(page.shape, name, field)
    if page.axes not in ("YX", "YXS"):
        told = f"{name} has axes {page.axes} of {page.shape}"
        raise BadImage(told, field, "write one grey page for each image (tifffile: photometric='minisblack'), or colours side by side")
    if str(page.dtype) not in _DEPTHS:
        raise BadImage(f"{name} has pixels of {page.dtype}", field, "save it with 8 or 16 bit per pixel")
    if page.axes == "YXS" and page.shape[2] > 3:
        raise BadImage(f"{name} has {page.shape[2]} values per pixel", field, "save it in grey, or in colour without transparency")
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if not ends or max(ends) > length or (page.compression == 1 and sum(page.databytecounts) < page.nbytes):
        raise BadImage(f"{name} lacks pixels", field, "it is truncated: copy or export it again")


def _check_size(shape: tuple[int, ...], name: str, field: str) -> None:
    if not 0 < int(np.prod(shape, dtype=object)) <= MOST_PIXELS:
        raise _too_much(f"{name} declares {' x '.join(map(str, shape))} pixels", field)


def _bright(values: npt.NDArray[Any], inverted: bool) -> npt.NDArray[Any]:
    """Pixels that are large where they are bright."""
    if not inverted:
        return values
    return np.asarray((np.iinfo(values.dtype).max if values.dtype.kind == "u" else values.max()) - values)


def _pixels(image: Any, name: str, field: str) -> npt.NDArray[Any]:
    """What Pillow tells of an image; colours of palettes are looked up."""
    opaque = image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() == (255, 255)
    if image.mode not in _GREY | _COLOUR and not opaque:
        told = "transparent" if image.mode in ("LA", "RGBA", "PA") else "black or white" if image.mode == "1" else image.mode
        raise BadImage(f"{name} has pixels that are {told}", field, "save it in grey, with 8 or 16 bit per pixel")
    values = np.asarray(image if image.mode in _GREY else image.convert("L" if image.mode == "LA" else "RGB"))
    if image.mode != "I":
        return values
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise BadImage(f"{name} has 32 bit per pixel", field, "save it with 8 or 16 bit per pixel")
    return values.astype(np.uint16)


def _told_size(file: Any) -> float | None:
    """Micrometres per pixel as ImageJ and OME-TIFF tell them; plain resolutions are for printers."""
    if file.is_ome:
        size, unit = (re.search(rf'PhysicalSizeX{what}="([^"]*)"', file.ome_metadata) for what in ("", "Unit"))
        return _positive(size[1]) if size and (unit is None or unit[1] in _MICROMETRES) else None
    if file.is_imagej and file.imagej_metadata.get("unit") in _MICROMETRES and "XResolution" in file.pages[0].tags:
        pixels, um = file.pages[0].tags["XResolution"].value
        return _positive(um / pixels) if pixels else None
    return None


def _positive(value: Any) -> float | None:
    return float(value) if 0 < float(value) < float("inf") else None


def _next(file: Any, offset: int, content: bytes) -> int:
    """Where the page after the one at an offset begins, 0 where there is none."""
    counted, entry, pointer = ("Q", 20, "Q") if file.is_bigtiff else ("H", 12, "I")
    (entries,) = struct.unpack_from(file.byteorder + counted, content, offset)
    after = offset + struct.calcsize(counted) + entry * entries
    return int(struct.unpack_from(file.byteorder + pointer, content, after)[0])


@contextmanager
def _reading(name: str, field: str) -> Iterator[None]:
    """Turns what libraries raise at damaged files into one error."""
    try:
        yield
    except (BadImage, ImportError):
        raise
    except (*_BROKEN, *_BROKEN_ARCHIVE) as error:
        raise BadImage(f"{name} is damaged or of an unknown kind ({error})", field, "copy or export it again") from error


def _too_much(told: str, field: str) -> BadImage:
    most = f"{MOST_IMAGES} images, {MOST_PIXELS:.0e} pixels and {MOST_BYTES // 2**20} MiB"
    return BadImage(told, field, f"give at most {most} in all: crop the images, or send them in parts")


def library(name: str) -> Any:
    """A library of the extra ``images``.

    Raises:
        ImportError: It is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError('reading images needs pillow and tifffile: pip install "closedloop[images]"') from error
