"""Saved segments, drafts, runs, members, and the provider's vocabularies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.policies import protect
from db.roles import APP_ROLE, SYSTEM_ROLE

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _tables()
    protect("saved_segments", app="SELECT, INSERT, UPDATE")
    protect("segment_drafts")
    protect("segment_runs", app="SELECT, INSERT, UPDATE")
    protect("segment_leads", app="SELECT, INSERT, DELETE")
    _protect_words()


def _protect_words() -> None:
    """The provider's words are no customer's: everybody reads them, only the system role writes them."""
    op.execute("ALTER TABLE provider_words ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE provider_words FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY provider_words_read ON provider_words FOR SELECT TO {APP_ROLE} USING (true)")
    op.execute(f"CREATE POLICY provider_words_system ON provider_words TO {SYSTEM_ROLE} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT ON provider_words TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON provider_words TO {SYSTEM_ROLE}")


def downgrade() -> None:
    for table in ("provider_words", "segment_leads", "segment_runs", "segment_drafts", "saved_segments"):
        op.drop_table(table)


def _tables() -> None:
    op.create_table(
        "saved_segments",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_norm", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("filters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("is_shared", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("max_leads", sa.Integer(), nullable=True),
        sa.Column("ceiling", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("last_count", sa.BigInteger(), nullable=True),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_by_label", sa.Text(), nullable=False),
        sa.Column("updated_by_label", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("scope IN ('provider', 'leads')", name=op.f("ck_saved_segments_scope")),
        sa.CheckConstraint("status IN ('active', 'paused', 'archived')", name=op.f("ck_saved_segments_status")),
        sa.CheckConstraint("length(description) <= 500", name=op.f("ck_saved_segments_description_length")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 100", name=op.f("ck_saved_segments_name_length")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_saved_segments_version")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_saved_segments_created_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_saved_segments_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_segments")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_saved_segments_workspace_id_id")),
    )
    op.create_index(
        op.f("ix_saved_segments_workspace_id_updated_at_id"),
        "saved_segments",
        ["workspace_id", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_saved_segments_name_norm",
        "saved_segments",
        ["workspace_id", "name_norm"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "segment_drafts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=True),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("filters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_segment_drafts_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "segment_id"],
            ["saved_segments.workspace_id", "saved_segments.id"],
            name=op.f("fk_segment_drafts_workspace_id_segment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_segment_drafts_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_drafts")),
    )
    op.create_index(
        "uq_segment_drafts_author",
        "segment_drafts",
        ["workspace_id", "user_id", "segment_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "segment_runs",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("segment_version", sa.Integer(), nullable=False),
        sa.Column("filters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_filters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "dropped_members",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("max_leads", sa.Integer(), nullable=False),
        sa.Column("ceiling", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("price", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        sa.Column("credits_held", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("credits_captured", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("audience_name", sa.Text(), nullable=True),
        sa.Column("audience_id", sa.Text(), nullable=True),
        sa.Column("audience_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("audience_deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("audience_total", sa.BigInteger(), nullable=True),
        sa.Column("audience_capped", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("next_page", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("fetched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("matched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("new_leads", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("owned_leads", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicates", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_label", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name=op.f("ck_segment_runs_status")
        ),
        sa.CheckConstraint("max_leads > 0 AND ceiling > 0 AND price >= 0", name=op.f("ck_segment_runs_bounds")),
        sa.CheckConstraint("new_leads * price <= ceiling", name=op.f("ck_segment_runs_within_ceiling")),
        sa.ForeignKeyConstraint(
            ["actor_user_id"], ["users.id"], name=op.f("fk_segment_runs_actor_user_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "segment_id"],
            ["saved_segments.workspace_id", "saved_segments.id"],
            name=op.f("fk_segment_runs_workspace_id_segment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_segment_runs_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_runs")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_segment_runs_workspace_id_id")),
    )
    op.create_index(
        "ix_segment_runs_leftover_audiences",
        "segment_runs",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("audience_name IS NOT NULL AND audience_deleted_at IS NULL"),
    )
    op.create_index(
        op.f("ix_segment_runs_workspace_id_segment_id_created_at"),
        "segment_runs",
        ["workspace_id", "segment_id", "created_at"],
        unique=False,
    )
    op.create_index(
        "uq_segment_runs_active",
        "segment_runs",
        ["workspace_id", "segment_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_index(
        "uq_segment_runs_idempotency_key",
        "segment_runs",
        ["workspace_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "segment_leads",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "lead_id"],
            ["leads.workspace_id", "leads.id"],
            name=op.f("fk_segment_leads_workspace_id_lead_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "segment_id"],
            ["saved_segments.workspace_id", "saved_segments.id"],
            name=op.f("fk_segment_leads_workspace_id_segment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_segment_leads_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "segment_id", "lead_id", name=op.f("pk_segment_leads")),
    )
    op.create_index(
        op.f("ix_segment_leads_workspace_id_lead_id"), "segment_leads", ["workspace_id", "lead_id"], unique=False
    )
    op.create_table(
        "provider_words",
        sa.Column("vocabulary", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("vocabulary", "word", name=op.f("pk_provider_words")),
    )
