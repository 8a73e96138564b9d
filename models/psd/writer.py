"""Image stacks as files: PNG, a multi-page TIFF that tells the size of its pixels, and zip archives."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO

import numpy as np
import numpy.typing as npt

from models.psd.decoding import library

Grey = npt.NDArray[np.uint8]


def png(image: Grey) -> bytes:
    """An image (height, width) as a PNG, by the W3C recommendation: lines with their filter, none, in front, deflated."""
    height, width = image.shape
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = np.pad(image, ((0, 0), (1, 0))).tobytes()
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b""))
    parts = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(stack: Grey, um_per_pixel: float) -> bytes:
    """A stack (images, height, width) as a TIFF with a page for each, which tells the size of its pixels as ImageJ does.

    Raises:
        ImportError: tifffile is not installed.
    """
    out, scale = BytesIO(), (1 / um_per_pixel, 1 / um_per_pixel)
    metadata = {"unit": "um", "axes": "TYX"}
    library("tifffile").imwrite(out, stack, imagej=True, photometric="minisblack", resolution=scale, metadata=metadata)
    return out.getvalue()


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files by their names as a zip archive; equal files give equal bytes."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
