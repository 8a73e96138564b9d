"""Uploaded files as bytes and text; the size is bounded for every request."""

from __future__ import annotations

from fastapi import UploadFile

from optimizer.types import InvalidInput


def bytes_of(file: UploadFile) -> bytes:
    """The content of an upload."""
    return file.file.read()


def text_of(file: UploadFile) -> str:
    """The content of an upload as UTF-8 text.

    Raises:
        InvalidInput: It is none.
    """
    try:
        return bytes_of(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the file is no UTF-8 text (byte {error.start})", where=("file",), remedy="save it as CSV, UTF-8") from error
