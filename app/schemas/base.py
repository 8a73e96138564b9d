"""Common ground of the wire shapes: nothing unknown, nothing infinite, everything bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from optimizer.types import InvalidInput


class Shape(BaseModel):
    """A wire shape; unknown fields are errors, not noise."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _printable(text: str) -> str:
    if not text.isprintable() and any((ord(c) < 32 and c not in "\n\t") or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise ValueError("control characters are not allowed")
    return text


Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_printable)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True), AfterValidator(_printable)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e100, le=1e100)]
Count = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Curve = Annotated[list[Number], Field(min_length=2, max_length=20_000)]
Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
"""A time with a zone."""

Cell = Number | Name
RecipeShape = Annotated[dict[Name, Cell], Field(max_length=200)]

__all__ = ["Cell", "Count", "Curve", "Moment", "Name", "Number", "RecipeShape", "Seed", "Shape", "Text", "datetime", "located"]


@contextmanager
def located(*prefix: str | int) -> Iterator[None]:
    """Put a prefix before the field paths of errors that the domain raises."""
    try:
        yield
    except InvalidInput as error:
        error.where = (*prefix, *error.where)
        raise
