"""Tables: what is kept, and the rules that the database itself holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC times, also on databases that forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store as UTC; a naive time is a bug of the caller."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without zone must not be stored")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read back as UTC."""
        return value if value is None or value.tzinfo is not None else value.replace(tzinfo=UTC)


class Table(DeclarativeBase):
    """Root of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime, dict[str, Any]: JSON, bytes: LargeBinary}


class CampaignRow(Table):
    """A campaign: its document, the axis of its curves, and where it stands."""

    __tablename__ = "campaign"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    document: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    reopened_after: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class BatchRow(Table):
    """A round: when and by which rule it was proposed, and what the model said."""

    __tablename__ = "batch"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(String(40))
    phase: Mapped[str | None] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(80))
    info: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class DesignRow(Table):
    """A well, planned and executed; rows are float64 blobs in the order of the space."""

    __tablename__ = "design"
    __table_args__ = (
        ForeignKeyConstraint(["campaign_id", "round"], ["batch.campaign_id", "batch.round"]),
        UniqueConstraint("campaign_id", "round", "well"),
    )

    campaign_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    round: Mapped[int]
    well: Mapped[int]
    planned: Mapped[bytes]
    executed: Mapped[bytes]
    origin: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    info: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)


class ReplicateRow(Table):
    """A measurement as posted, kept for ever; the outcome is a float64 blob."""

    __tablename__ = "replicate"
    __table_args__ = (ForeignKeyConstraint(["campaign_id", "design_id"], ["design.campaign_id", "design.id"]),)

    campaign_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    design_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    replicate: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[bytes]
    measured_at: Mapped[datetime]
    quality: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)


class PriorRow(Table):
    """The data of a past campaign as they were when a later one took them for a prior; all arrays are float64 blobs."""

    __tablename__ = "prior"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(80))
    round: Mapped[int]
    wells: Mapped[int]
    replicates: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    taken_at: Mapped[datetime]
    executed: Mapped[bytes] = mapped_column(deferred=True)
    counts: Mapped[bytes] = mapped_column(deferred=True)
    outcomes: Mapped[bytes] = mapped_column(deferred=True)


class StopRow(Table):
    """A stop check with all its evidence; one per round that was checked."""

    __tablename__ = "stop_check"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime] = mapped_column(primary_key=True)
    report: Mapped[dict[str, Any]]


class PhaseRow(Table):
    """A check of the phase of a campaign with its evidence, or what a person made of it; ``round`` was the newest one then."""

    __tablename__ = "phase_check"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.id"), index=True)
    round: Mapped[int]
    checked_at: Mapped[datetime]
    before: Mapped[str] = mapped_column(String(16))
    after: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class PastObjectiveRow(Table):
    """An objective that another one has replaced: its rounds, and the losses of the wells as they stood when it went."""

    __tablename__ = "past_objective"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    objective: Mapped[dict[str, Any]]
    last_round: Mapped[int]
    losses: Mapped[dict[str, Any]]
    replaced_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)


class KnowledgeRow(Table):
    """What the last job of this kind learnt from a campaign, and what from."""

    __tablename__ = "knowledge"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    round: Mapped[int]
    basis: Mapped[dict[str, Any]]
    content: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]


class DatasetRow(Table):
    """A version of a data set, never changed: its fields in figures, where it came from, and its table as bytes."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("id", "digest"),)

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int]
    description: Mapped[dict[str, Any]]
    source: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    content: Mapped[bytes] = mapped_column(deferred=True)


class SurrogateRow(Table):
    """A model: what it is to be trained on and how, and its card once it is."""

    __tablename__ = "surrogate"
    __table_args__ = (ForeignKeyConstraint(["dataset_id", "dataset_version"], ["dataset.id", "dataset.version"]),)

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(16), index=True)
    dataset_id: Mapped[str] = mapped_column(String(80))
    dataset_version: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    spec: Mapped[dict[str, Any]]
    card: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    version: Mapped[int] = mapped_column(default=1)
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]


class ArtifactRow(Table):
    """A file of a trained model."""

    __tablename__ = "artifact"

    surrogate_id: Mapped[str] = mapped_column(ForeignKey("surrogate.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    content: Mapped[bytes]


class StudyRow(Table):
    """The last study of a kind on a model: what was asked, what was found, and the digest of the files that it is a study of."""

    __tablename__ = "study"

    surrogate_id: Mapped[str] = mapped_column(ForeignKey("surrogate.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    request: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any]]
    figures: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]


class JobRow(Table):
    """Work to be done at least once, whose effect happens exactly once: leased, fenced by the attempt number.

    A job belongs to a round of a campaign, or to a surrogate.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("kind", "campaign_id", "round"),
        UniqueConstraint("kind", "surrogate_id"),
        CheckConstraint("(campaign_id IS NULL) <> (surrogate_id IS NULL)", name="one_owner"),
        Index("ix_job_state", "state", "lease_until"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("campaign.id"))
    round: Mapped[int | None]
    surrogate_id: Mapped[str | None] = mapped_column(ForeignKey("surrogate.id"))
    request: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(80))
    progress: Mapped[float | None] = mapped_column(Float)
    doing: Mapped[str | None] = mapped_column(String(200))
    result: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class EventRow(Table):
    """The audit log: append-only, also what the event stream sends."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(40))
    campaign_id: Mapped[str | None] = mapped_column(String(80), index=True)
    detail: Mapped[dict[str, Any]]


class KeyRow(Table):
    """An API key; only its SHA-256 digest is kept."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class IdempotencyRow(Table):
    """What a POST with an Idempotency-Key answered, so that a repetition answers the same."""

    __tablename__ = "idempotency"

    actor: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes]
    created_at: Mapped[datetime]
