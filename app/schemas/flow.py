"""Wire shapes of jobs, stop checks, events, imports and health."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.schemas.base import Count, Moment, Name, Shape, Text
from app.schemas.campaign import PhaseName


class JobOut(Shape):
    """A job."""

    id: str
    kind: Literal["propose", "replay", "rescore", "knowledge", "train", "inverse", "explain", "robustness", "sweep"]
    campaign: str | None = Field(description="Whose round it works on; of trainings and studies of models null")
    round: int | None
    surrogate: str | None = Field(description="The model that is trained or studied; else null")
    state: Literal["queued", "running", "done", "failed"]
    attempt: int
    progress: float | None = Field(None, ge=0, le=1, description="Share of a training or study that is done; null where nothing is told")
    doing: str | None = Field(None, description="What is under way")
    result: str | None = Field(
        None,
        description="`batch`, `stop` or `waiting`, with the reason; of a replay, `same batch` or which wells differ; "
        "of a rescoring, the wells in their new order; of a training, its rows; of a study, what it found in a line",
    )
    error: str | None = None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class EvidenceOut(Shape):
    """One checked figure."""

    leg: Literal["loss", "stability", "accuracy", "data", "rounds", "lead", "gain"]
    metric: str
    round: int
    value: float
    threshold: float
    margin: float = Field(description="`threshold - value`: how far within the threshold the value is, negative beyond it")
    met: bool


class StopCheckOut(Shape):
    """A stop check with its evidence."""

    checked_at: Moment
    round: int
    objective: int = Field(description="Number of the objective that losses were taken under")
    stop: bool
    reason: str
    legs: dict[str, bool]
    evidence: list[EvidenceOut]


class StopOut(Shape):
    """Whether the campaign has stopped, and all checks so far."""

    state: Literal["active", "stopped"]
    checks: list[StopCheckOut]


class PhaseCheckOut(Shape):
    """A check of the phase after a round with its evidence, or a phase that a person set."""

    checked_at: Moment
    round: int
    before: PhaseName
    after: PhaseName
    actor: str
    reason: str
    evidence: list[EvidenceOut]


class PhasesOut(Shape):
    """Which phase the campaign is in, and everything that led there."""

    phase: PhaseName
    checks: list[PhaseCheckOut]


class EventOut(Shape):
    """An entry of the audit log."""

    id: int
    at: Moment
    actor: str
    action: str
    detail: dict[str, Any]


class ParameterColumn(Shape):
    """Where a parameter stands in a file."""

    column: Name
    unit: Annotated[
        Text, Field(max_length=40, description="Unit of the column; must be the parameter's. Empty for a parameter without unit")
    ]


class ImportMapping(Shape):
    """How the columns of a file become wells and replicates.

    Each row is one replicate. Rows of one recipe, in one round, are the replicates of one well.
    """

    parameters: Annotated[dict[Name, ParameterColumn], Field(min_length=1, max_length=200)]
    outcome: Annotated[
        Name | None, Field(description="Column of the number; left out for curves, whose columns are headed by the axis")
    ] = None
    round: Annotated[Name | None, Field(description="Column that numbers the rounds")] = None
    wells_per_round: Annotated[
        Count | None, Field(le=10_000, description="Without a round column: so many wells are a round, in file order")
    ] = None


class ImportOut(Shape):
    """What an import did, or would do."""

    dry_run: bool
    conditions: int
    replicates: int
    rounds: int
    outside: int = Field(description="Wells executed outside the box, flagged")
    best_per_round: dict[int, float]


class Health(Shape):
    """Alive."""

    status: Literal["ok"] = "ok"
    version: str


class Ready(Shape):
    """Ready to work."""

    status: Literal["ready"] = "ready"
    schema_version: str
