"""Shapes of what the service answers; plain dictionaries at run time, typed for editors and type checkers.

Times are ISO 8601 texts in UTC. A recipe maps the names of parameters to numbers, or to the names of categories.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Recipe = dict[str, float | str]


class Best(TypedDict):
    """The best well of a campaign so far."""

    design: str
    round: int
    loss: float
    recipe: Recipe


class Prior(TypedDict):
    """What was frozen of a past campaign when a later one took it for a prior."""

    campaign: str
    round: int
    wells: int
    replicates: int
    sha256: str
    taken_at: str


class Campaign(TypedDict):
    """A campaign as stored, and where it stands; the keys of ``best_per_round`` are rounds as text."""

    id: str
    state: Literal["active", "stopped"]
    version: int
    created_at: str
    document: dict[str, Any]
    rounds: int
    open_wells: int
    replicates: int
    best: Best | None
    best_per_round: dict[str, float]
    priors: list[Prior]


class CampaignLine(TypedDict):
    """A campaign in a list."""

    id: str
    name: str
    state: Literal["active", "stopped"]
    created_at: str


class Proposal(TypedDict):
    """What the rule said when it picked a well."""

    rule: str
    rank: int
    seed: list[int]
    mean: float | None
    std: float | None
    score: float | None
    acquisition: float | None
    penalty: float | None
    why: str


class Summary(TypedDict):
    """The replicates of a well in figures."""

    n: int
    excluded: int
    loss: float | None
    mad: float | None
    error: float | None
    outliers: list[int]
    reasons: dict[str, int]


class Design(TypedDict):
    """A well."""

    id: str
    round: int
    well: int
    state: Literal["proposed", "approved", "running", "measured", "rejected", "failed", "abandoned"]
    origin: str
    reason: str | None
    version: int
    planned: Recipe
    executed: Recipe
    outside: list[str]
    proposal: Proposal | None
    summary: Summary


class Replicate(TypedDict):
    """A replicate as posted, with its loss."""

    design: str
    replicate: int
    value: float | None
    values: list[float] | None
    measured_at: str
    quality: Literal["ok", "excluded"]
    reason: str | None
    version: int
    loss: float | None
    loss_reason: str
    outlier: bool


class DesignDetail(Design):
    """A well with its replicates, without their curves."""

    replicates: list[Replicate]


class BatchLine(TypedDict):
    """A round in a list."""

    round: int
    rule: str
    created_at: str
    state: Literal["open", "complete"]
    wells: int
    best_loss: float | None


class Batch(TypedDict):
    """A round with its wells."""

    round: int
    rule: str
    created_at: str
    state: Literal["open", "complete"]
    best_loss: float | None
    warnings: list[str]
    model: dict[str, Any]
    designs: list[Design]


class Job(TypedDict):
    """A job; ``result`` says what it led to, ``error`` why it failed."""

    id: str
    kind: Literal["propose", "replay"]
    campaign: str
    round: int
    state: Literal["queued", "running", "done", "failed"]
    attempt: int
    result: str | None
    error: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class Posted(TypedDict):
    """What became of a bulk upload; ``measured`` names the wells that now count as measured."""

    created: int
    unchanged: int
    measured: list[str]


class Imported(TypedDict):
    """What an import did, or would do."""

    dry_run: bool
    conditions: int
    replicates: int
    rounds: int
    outside: int
    best_per_round: dict[str, float]


class Evidence(TypedDict):
    """One checked figure."""

    leg: Literal["loss", "stability", "accuracy"]
    metric: str
    round: int
    value: float
    threshold: float
    met: bool


class StopCheck(TypedDict):
    """A check of the stop conditions, with its evidence."""

    checked_at: str
    round: int
    stop: bool
    reason: str
    legs: dict[str, bool]
    evidence: list[Evidence]


class StopChecks(TypedDict):
    """Whether a campaign has stopped, and all checks so far."""

    state: Literal["active", "stopped"]
    checks: list[StopCheck]


class Extension(TypedDict):
    """A wider range of a parameter, to be approved by ``extend_bounds``; a bound that stays is None."""

    parameter: str
    low: float | None
    high: float | None


class GuardEvidence(TypedDict):
    """One figure that a guard checked; ``pairs`` holds the wells that repeat another, each with that other."""

    guard: Literal["bounds", "collapse", "duplicates"]
    what: str
    round: int
    value: float
    threshold: float
    flagged: bool
    parameter: str | None
    side: Literal["low", "high"] | None
    extension: Extension | None
    pairs: list[list[str]]


class Checks(TypedDict):
    """What the guards found; ``flagged`` counts the figures that a person should look at."""

    flagged: int
    evidence: list[GuardEvidence]


class Event(TypedDict):
    """An entry of a campaign's log."""

    id: int
    at: str
    actor: str
    action: str
    detail: dict[str, Any]


class Simulation(TypedDict):
    """What a virtual lab measured: ``spectra`` holds, for each recipe and each of its replicates, absorbance along the axis."""

    axis: list[float]
    spectra: list[list[list[float]]]


class Health(TypedDict):
    """The service is alive."""

    status: Literal["ok"]
    version: str


class Ready(TypedDict):
    """The service is ready to work."""

    status: Literal["ready"]
    schema_version: str
