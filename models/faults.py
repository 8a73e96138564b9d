"""What is wrong with an input of a scientific model, where, and what to do about it."""

from __future__ import annotations

from typing import Any


class Fault(ValueError):
    """An input that makes no sense.

    Attributes:
        message: What is wrong.
        field: What is at fault.
        remedy: What to do about it.
    """

    def __init__(self, message: str, field: str, remedy: str) -> None:
        super().__init__(f"{field}: {message}; {remedy}")
        self.message, self.field, self.remedy = message, field, remedy

    def __reduce__(self) -> tuple[Any, ...]:
        """Also where another process has raised it."""
        return type(self), (self.message, self.field, self.remedy)
