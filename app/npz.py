"""Arrays of an NPZ file, read without pickle, and none before its size is known."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from app.columns import MAX_BYTES, refused
from app.problems import TooLarge
from optimizer.types import FloatArray, InvalidInput

_MOST_ENTRIES = 5000
_SAVE = "save it with numpy.savez or numpy.savez_compressed"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Npz:
    """An NPZ file; samples lie along the first axis of its arrays."""

    first_row = 0

    def __init__(self, content: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise InvalidInput("the file is no readable NPZ archive", where=("file",), remedy=_SAVE) from error
        entries = self._archive.infolist()
        self._entries = {entry.filename.removesuffix(".npy"): entry for entry in entries if entry.filename.endswith(".npy")}
        self.names: Sequence[str] = list(self._entries)
        # What an entry says of its size can be a lie, but no more than that is ever read of it.
        if len(entries) > _MOST_ENTRIES or sum(entry.file_size for entry in entries) > MAX_BYTES:
            raise TooLarge(f"the arrays take more than {MAX_BYTES >> 20} MiB unpacked; split the file, or send fewer rows")

    def numbers(self, name: str) -> FloatArray:
        """An array of numbers, as float64."""
        array = self._read(name)
        if array.dtype.kind not in "fiu":
            raise refused(
                name, f"values of type {array.dtype} are no numbers", "save floating-point or whole numbers, or declare a category"
            )
        if array.ndim not in (1, 2):
            raise refused(name, f"the shape is {array.shape}", "numbers have the shape (rows,), curves (rows, points)")
        return array.astype(np.float64)

    def texts(self, name: str) -> list[str]:
        """An array of texts or whole numbers."""
        array = self._read(name)
        if array.dtype.kind not in "Uiu" or array.ndim != 1:
            told = f"type {array.dtype} and shape {array.shape}"
            raise refused(name, f"{told} are no categories", "save texts or whole numbers of shape (rows,)")
        return [str(value).strip() for value in array.tolist()]

    def images(self, name: str) -> npt.NDArray[np.uint8]:
        """An array of image stacks."""
        array = self._read(name)
        if array.dtype != np.uint8 or array.ndim != 4:
            told = f"type {array.dtype} and shape {array.shape}"
            raise refused(name, f"{told} are no image stacks", "save bytes (uint8) of shape (rows, images, height, width)")
        return array

    def _read(self, name: str) -> npt.NDArray[Any]:
        entry = self._entries[name]
        # Other methods unpack a whole block at a time, however large, and numpy writes none of them.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refused(name, "the array is packed by a method other than deflate", _SAVE)
        try:
            with self._archive.open(entry) as file:
                self._check_header(name, file, entry.file_size)
            with self._archive.open(entry) as file:
                return npy.read_array(file, allow_pickle=False)
        except (ValueError, EOFError, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise refused(name, "the array is damaged, or no array", _SAVE) from error

    def _check_header(self, name: str, file: IO[bytes], size: int) -> None:
        """Whether the array holds plain values, and as many as its header says: memory is reserved by the header."""
        read = _HEADERS.get(npy.read_magic(file))
        if read is None:
            raise refused(name, "the array has named columns", "save every column as an array of its own")
        shape, _, dtype = read(file)
        if dtype.hasobject:
            raise refused(name, "the array holds Python objects", "save rectangular arrays of numbers or texts; fill or cut ragged rows")
        if dtype.names is not None:
            raise refused(name, "the array has named columns", "save every column as an array of its own")
        if math.prod(shape) * dtype.itemsize != size - file.tell():
            raise refused(name, f"the array is said to have the shape {shape}, and holds another number of values", _SAVE)


def write_npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as a packed NPZ file, readable without pickle; equal arrays give equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            packed = io.BytesIO()
            npy.write_array(packed, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), packed.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()
