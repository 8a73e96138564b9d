"""Wire shapes of objectives over time, and of scoring the history anew."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import Moment, Shape, Text
from app.schemas.campaign import Best, ObjectiveShape


class RescoreIn(Shape):
    """A new objective for the outcomes that were measured, of the same name and unit, curves on the same axis."""

    objective: ObjectiveShape
    reason: Annotated[Text, Field(min_length=1)]


class LossChange(Shape):
    """The loss of a well before and after."""

    design: str
    before: float
    after: float


class RescoreOut(Shape):
    """What a new objective changes, or would change."""

    dry_run: bool
    objective: int = Field(description="Number of the new objective")
    state: Literal["active", "stopped"]
    version: int
    best_before: Best | None
    best: Best | None
    best_per_round_before: dict[int, float]
    best_per_round: dict[int, float]
    losses: list[LossChange] = Field(description="Wells in order of the new loss, best first")
    waiting: list[str] = Field(description="Wells not yet run, which are ranked anew; those that run are left as they are")
    job: str | None = Field(description="Job that ranks them; null in a dry run, and where no well waits or none is measured")
    notes: list[str] = Field(description="What else a person should know")


class ObjectiveOut(Shape):
    """An objective, the rounds that were decided under it, and the losses that they were decided on."""

    number: int
    objective: ObjectiveShape
    set_at: Moment
    actor: str | None = Field(description="Who set it; null for the first one, which came with the campaign")
    reason: str | None
    after_round: int = Field(description="It was set after this round")
    last_round: int | None = Field(description="Last round decided under it; null for the present one")
    losses: dict[str, float] = Field(description="Aggregated loss of each well: as it stood when the objective was replaced, or stands now")
