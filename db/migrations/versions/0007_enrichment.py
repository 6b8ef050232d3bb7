"""Customers' lists: the upload, its rows and chunks, and remembered column mappings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.policies import protect

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    _tables()
    protect("enrichments", app="SELECT, INSERT, UPDATE")
    protect("enrichment_file_parts", app="SELECT, INSERT, DELETE")
    protect("enrichment_rows")
    protect("enrichment_chunks", app="SELECT, INSERT, UPDATE")
    protect("column_mappings")


def downgrade() -> None:
    for table in (
        "column_mappings",
        "enrichment_chunks",
        "enrichment_rows",
        "enrichment_file_parts",
        "enrichments",
    ):
        op.drop_table(table)


def _tables() -> None:
    op.create_table(
        "column_mappings",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_column_mappings_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "fingerprint", name=op.f("pk_column_mappings")),
    )
    op.create_table(
        "enrichments",
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'received'"), nullable=False),
        sa.Column("refusal_code", sa.Text(), nullable=True),
        sa.Column("refusal_message", sa.Text(), nullable=True),
        sa.Column("layout", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("columns", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("mapping", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("valid_count", sa.Integer(), nullable=True),
        sa.Column("invalid_count", sa.Integer(), nullable=True),
        sa.Column("duplicate_count", sa.Integer(), nullable=True),
        sa.Column("owned_count", sa.Integer(), nullable=True),
        sa.Column("matching", sa.Text(), server_default=sa.text("'balanced'"), nullable=False),
        sa.Column("includes_owned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("price", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("ceiling", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("sample", postgresql.JSONB(), nullable=True),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        sa.Column("credits_held", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("credits_captured", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("credits_released", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("matched_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("no_match_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skipped_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("read_job_id", sa.Uuid(), nullable=True),
        sa.Column("sample_job_id", sa.Uuid(), nullable=True),
        sa.Column("run_job_id", sa.Uuid(), nullable=True),
        sa.Column("rerun_of", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_by_label", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("matching IN ('balanced', 'strict')", name=op.f("ck_enrichments_matching")),
        sa.CheckConstraint("source IN ('upload', 'api', 'rerun')", name=op.f("ck_enrichments_source")),
        sa.CheckConstraint(
            "status IN ('received', 'reading', 'ready', 'refused', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_enrichments_status"),
        ),
        sa.CheckConstraint("price >= 0 AND (ceiling IS NULL OR ceiling >= 0)", name=op.f("ck_enrichments_price")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_enrichments_created_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "rerun_of"],
            ["enrichments.workspace_id", "enrichments.id"],
            name=op.f("fk_enrichments_workspace_id_rerun_of"),
            ondelete="SET NULL (rerun_of)",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_enrichments_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrichments")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_enrichments_workspace_id_id")),
    )
    op.create_index(
        "ix_enrichments_expiry",
        "enrichments",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("purged_at IS NULL"),
    )
    op.create_index(
        op.f("ix_enrichments_workspace_id_created_at_id"),
        "enrichments",
        ["workspace_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_enrichments_workspace_id_sha256"), "enrichments", ["workspace_id", "sha256"], unique=False)
    op.create_table(
        "enrichment_chunks",
        sa.Column("enrichment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("first_number", sa.Integer(), nullable=True),
        sa.Column("last_number", sa.Integer(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("provider_name", sa.Text(), nullable=False),
        sa.Column("provider_job_id", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("matched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("captured", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'sent', 'settled', 'failed', 'dropped')", name=op.f("ck_enrichment_chunks_status")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "enrichment_id"],
            ["enrichments.workspace_id", "enrichments.id"],
            name=op.f("fk_enrichment_chunks_workspace_id_enrichment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_enrichment_chunks_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "enrichment_id", "number", name=op.f("pk_enrichment_chunks")),
    )
    op.create_index("uq_enrichment_chunks_provider_name", "enrichment_chunks", ["provider_name"], unique=True)
    op.create_table(
        "enrichment_file_parts",
        sa.Column("enrichment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "enrichment_id"],
            ["enrichments.workspace_id", "enrichments.id"],
            name=op.f("fk_enrichment_file_parts_workspace_id_enrichment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_enrichment_file_parts_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "enrichment_id", "position", name=op.f("pk_enrichment_file_parts")),
    )
    op.create_table(
        "enrichment_rows",
        sa.Column("enrichment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("cells", postgresql.JSONB(), nullable=False),
        sa.Column("originals", postgresql.JSONB(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("problems", postgresql.JSONB(), nullable=True),
        sa.Column("identity", sa.Text(), nullable=True),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("record", postgresql.JSONB(), nullable=True),
        sa.Column("chunk", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("matched_by", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("charged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('matched', 'no_match', 'skipped', 'error')", name=op.f("ck_enrichment_rows_outcome")
        ),
        sa.CheckConstraint(
            "verdict IN ('valid', 'invalid', 'duplicate', 'owned')", name=op.f("ck_enrichment_rows_verdict")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "enrichment_id"],
            ["enrichments.workspace_id", "enrichments.id"],
            name=op.f("fk_enrichment_rows_workspace_id_enrichment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_enrichment_rows_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "enrichment_id", "number", name=op.f("pk_enrichment_rows")),
    )
    op.create_index(
        op.f("ix_enrichment_rows_workspace_id_enrichment_id_identity"),
        "enrichment_rows",
        ["workspace_id", "enrichment_id", "identity"],
        unique=False,
        postgresql_where=sa.text("identity IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_enrichment_rows_workspace_id_enrichment_id_outcome_number"),
        "enrichment_rows",
        ["workspace_id", "enrichment_id", "outcome", "number"],
        unique=False,
        postgresql_where=sa.text("outcome IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_enrichment_rows_workspace_id_enrichment_id_verdict_number"),
        "enrichment_rows",
        ["workspace_id", "enrichment_id", "verdict", "number"],
        unique=False,
    )
    op.create_index(
        "uq_enrichment_rows_charged_person",
        "enrichment_rows",
        ["workspace_id", "enrichment_id", "person"],
        unique=True,
        postgresql_where=sa.text("charged"),
    )
