"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "001"
down_revision = None
branch_labels = None
depends_on = None

_FROZEN = """
CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
"""


def upgrade() -> None:
    _access()
    _campaigns()
    _findings()
    _wells()
    _datasets()
    _surrogates()
    _jobs()
    _freeze_events()


def _access() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_api_key_name")),
    )
    op.create_table(
        "idempotency",
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("campaign_id", sa.String(length=80), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_campaign_id"), "event", ["campaign_id"], unique=False)


def _campaigns() -> None:
    op.create_table(
        "campaign",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reopened_after", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
    )
    op.create_table(
        "batch",
        sa.Column("campaign_id", sa.String(length=80), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=True),
        sa.Column("label", sa.String(length=80), nullable=True),
        sa.Column("info", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_batch_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "round", name=op.f("pk_batch")),
    )


def _findings() -> None:
    op.create_table(
        "stop_check",
        sa.Column("campaign_id", sa.String(length=80), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_stop_check_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "round", "checked_at", name=op.f("pk_stop_check")),
    )
    op.create_table(
        "knowledge",
        sa.Column("campaign_id", sa.String(length=80), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("basis", sa.JSON(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_knowledge_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_knowledge")),
    )
    op.create_table(
        "past_objective",
        sa.Column("campaign_id", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("objective", sa.JSON(), nullable=False),
        sa.Column("last_round", sa.Integer(), nullable=False),
        sa.Column("losses", sa.JSON(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_past_objective_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_past_objective")),
    )
    op.create_table(
        "phase_check",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("campaign_id", sa.String(length=80), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("before", sa.String(length=16), nullable=False),
        sa.Column("after", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_phase_check_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phase_check")),
    )
    op.create_index(op.f("ix_phase_check_campaign_id"), "phase_check", ["campaign_id"], unique=False)


def _wells() -> None:
    op.create_table(
        "design",
        sa.Column("campaign_id", sa.String(length=80), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("well", sa.Integer(), nullable=False),
        sa.Column("planned", sa.LargeBinary(), nullable=False),
        sa.Column("executed", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("info", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id", "round"], ["batch.campaign_id", "batch.round"], name=op.f("fk_design_campaign_id_round")),
        sa.PrimaryKeyConstraint("campaign_id", "id", name=op.f("pk_design")),
        sa.UniqueConstraint("campaign_id", "round", "well", name=op.f("uq_design_campaign_id_round_well")),
    )
    op.create_table(
        "replicate",
        sa.Column("campaign_id", sa.String(length=80), nullable=False),
        sa.Column("design_id", sa.String(length=32), nullable=False),
        sa.Column("replicate", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quality", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id", "design_id"], ["design.campaign_id", "design.id"], name=op.f("fk_replicate_campaign_id_design_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "design_id", "replicate", name=op.f("pk_replicate")),
    )
    op.create_table(
        "prior",
        sa.Column("campaign_id", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("wells", sa.Integer(), nullable=False),
        sa.Column("replicates", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("executed", sa.LargeBinary(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.Column("outcomes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_prior_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "position", name=op.f("pk_prior")),
    )


def _datasets() -> None:
    op.create_table(
        "dataset",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("description", sa.JSON(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name=op.f("pk_dataset")),
        sa.UniqueConstraint("id", "digest", name=op.f("uq_dataset_id_digest")),
    )


def _surrogates() -> None:
    op.create_table(
        "surrogate",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("dataset_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id", "dataset_version"], ["dataset.id", "dataset.version"], name=op.f("fk_surrogate_dataset_id_dataset_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surrogate")),
    )
    op.create_index(op.f("ix_surrogate_state"), "surrogate", ["state"], unique=False)
    op.create_table(
        "artifact",
        sa.Column("surrogate_id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["surrogate_id"], ["surrogate.id"], name=op.f("fk_artifact_surrogate_id")),
        sa.PrimaryKeyConstraint("surrogate_id", "name", name=op.f("pk_artifact")),
    )
    op.create_table(
        "study",
        sa.Column("surrogate_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["surrogate_id"], ["surrogate.id"], name=op.f("fk_study_surrogate_id")),
        sa.PrimaryKeyConstraint("surrogate_id", "kind", name=op.f("pk_study")),
    )


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("campaign_id", sa.String(length=80), nullable=True),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.Column("surrogate_id", sa.String(length=80), nullable=True),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("doing", sa.String(length=200), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(campaign_id IS NULL) <> (surrogate_id IS NULL)", name=op.f("ck_job_one_owner")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_job_campaign_id")),
        sa.ForeignKeyConstraint(["surrogate_id"], ["surrogate.id"], name=op.f("fk_job_surrogate_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("kind", "surrogate_id", name=op.f("uq_job_kind_surrogate_id")),
        sa.UniqueConstraint("kind", "campaign_id", "round", name=op.f("uq_job_kind_campaign_id_round")),
    )
    op.create_index("ix_job_state", "job", ["state", "lease_until"], unique=False)


def _freeze_events() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FROZEN)
        op.execute(
            "CREATE TRIGGER event_frozen BEFORE UPDATE OR DELETE ON event FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        refuse = "SELECT RAISE(ABORT, 'the audit log is append-only')"
        op.execute(f"CREATE TRIGGER event_no_{action.lower()} BEFORE {action} ON event BEGIN {refuse}; END")


def downgrade() -> None:
    raise RuntimeError("the first schema has nothing before it")
