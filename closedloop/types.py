"""Shapes of what the service answers; plain dictionaries at run time, typed for editors and type checkers.

Times are ISO 8601 texts in UTC. A recipe maps the names of parameters to numbers, or to the names of categories.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Recipe = dict[str, float | str]
Phase = Literal["initial", "bo", "both", "network", "stopped"]


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
    phase: Phase
    version: int
    created_at: str
    document: dict[str, Any]
    objective: int
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


class Validity(TypedDict):
    """Whether a prediction is backed by measured wells near it."""

    status: Literal["inside", "edge", "outside"]
    variable: str
    check: str
    value: float
    limit: float


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
    validity: Validity | None


class Rescored(TypedDict):
    """What the model says of a well under an objective, by its number, that is newer than its proposal."""

    objective: int
    rank: int
    mean: float
    std: float
    acquisition: float


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
    rescored: list[Rescored]
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
    phase: Phase | None
    label: str | None
    objective: int | None
    created_at: str
    state: Literal["open", "complete"]
    wells: int
    best_loss: float | None


class Batch(TypedDict):
    """A round with its wells."""

    round: int
    rule: str
    phase: Phase | None
    label: str | None
    objective: int | None
    version: int
    created_at: str
    state: Literal["open", "complete"]
    best_loss: float | None
    warnings: list[str]
    model: dict[str, Any]
    designs: list[Design]


class Job(TypedDict):
    """A job; ``result`` says what it led to, ``error`` why it failed."""

    id: str
    kind: Literal["propose", "replay", "rescore", "knowledge", "train", "inverse", "explain", "robustness", "sweep"]
    campaign: str | None
    round: int | None
    surrogate: str | None
    state: Literal["queued", "running", "done", "failed"]
    attempt: int
    progress: float | None
    doing: str | None
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
    """One checked figure; ``margin`` is ``threshold - value``."""

    leg: Literal["loss", "stability", "accuracy", "data", "rounds", "lead", "gain"]
    metric: str
    round: int
    value: float
    threshold: float
    margin: float
    met: bool


class StopCheck(TypedDict):
    """A check of the stop conditions, with its evidence."""

    checked_at: str
    round: int
    objective: int
    stop: bool
    reason: str
    legs: dict[str, bool]
    evidence: list[Evidence]


class StopChecks(TypedDict):
    """Whether a campaign has stopped, and all checks so far."""

    state: Literal["active", "stopped"]
    checks: list[StopCheck]


class PhaseCheck(TypedDict):
    """A check of the phase after a round, or a phase that a person set."""

    checked_at: str
    round: int
    before: Phase
    after: Phase
    actor: str
    reason: str
    evidence: list[Evidence]


class Phases(TypedDict):
    """Which phase a campaign is in, and everything that led there."""

    phase: Phase
    checks: list[PhaseCheck]


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


class Objective(TypedDict):
    """An objective and its rounds; ``losses`` are those of its wells when it was replaced, or now."""

    number: int
    objective: dict[str, Any]
    set_at: str
    actor: str | None
    reason: str | None
    after_round: int
    last_round: int | None
    losses: dict[str, float]


class LossChange(TypedDict):
    """The loss of a well before and after."""

    design: str
    before: float
    after: float


class Rescoring(TypedDict):
    """What a new objective changes, or would change; ``waiting`` names the wells that ``job`` ranks anew."""

    dry_run: bool
    objective: int
    state: Literal["active", "stopped"]
    version: int
    best_before: Best | None
    best: Best | None
    best_per_round_before: dict[str, float]
    best_per_round: dict[str, float]
    losses: list[LossChange]
    waiting: list[str]
    job: str | None
    notes: list[str]


class Prediction(TypedDict):
    """What a recipe should give; ``curve`` and its standard deviation ``band`` are None where outcomes are numbers."""

    recipe: Recipe
    feasible: bool
    loss: float
    std: float
    validity: Validity | None
    curve: list[float] | None
    band: list[float] | None


class Knowledge(TypedDict):
    """What a campaign has taught; ``/docs`` of the service tells the fields of each part."""

    outcome: str
    unit: str
    axis: list[float] | None
    target: list[float] | None
    explanation: dict[str, Any]
    held: Recipe
    maps: list[dict[str, Any]]
    sliders: list[dict[str, Any]]
    recipes: list[Prediction]
    measured: list[dict[str, Any]]
    warnings: list[str]
    made_at: str
    round: int
    objective: int
    current: bool


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
