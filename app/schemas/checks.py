"""Wire shapes of the guards and of approved extensions."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.schemas.base import Name, Number, Shape, Text


class ExtensionOut(Shape):
    """A wider range of a parameter; to approve it, POST it with a reason."""

    parameter: str
    low: float | None = None
    high: float | None = None


class GuardOut(Shape):
    """One checked figure of a round."""

    guard: Literal["bounds", "collapse", "duplicates"]
    what: str
    round: int
    value: float
    threshold: float
    flagged: bool = Field(description="Above the threshold; below it for `collapse`")
    parameter: str | None = None
    side: Literal["low", "high"] | None = None
    extension: ExtensionOut | None = Field(None, description="Proposed where wells pile up and the range can still grow")
    pairs: list[tuple[str, str]] = Field([], description="Wells that repeat another, each with that other")


class ChecksOut(Shape):
    """What the guards found, oldest round first."""

    flagged: int = Field(description="Figures that a person should look at")
    evidence: list[GuardOut]


class ExtensionIn(Shape):
    """A wider range of a continuous parameter."""

    parameter: Name
    low: Annotated[Number | None, Field(description="New lower bound, a whole number of steps below the present one")] = None
    high: Annotated[Number | None, Field(description="New upper bound")] = None
    reason: Annotated[Text, Field(min_length=1)]

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both")
        return self
