"""Credits: the ledger, the functions that fill it, the proof's findings, and the API's idempotency and rate tables."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.policies import definer_function, protect
from db.roles import APP_ROLE, SYSTEM_ROLE

revision = "0002"
down_revision = "0001"

FUNCTIONS = Path(__file__).parent.parent / "sql" / "0002_credits.sql"
POST = "credit_post(uuid, text, numeric, text, text, uuid, uuid, text, timestamptz, jsonb, uuid, text)"
REPLAY = "credit_replay(credit_ledger, text, numeric, uuid, uuid, text)"
SPEND = "credit_spend(uuid, text, numeric, text, text, uuid, uuid, text, timestamptz, uuid, uuid)"
FUND = "credit_fund(uuid, text, numeric, text, text, uuid, text, uuid, text)"
DEDUCT = "deduct_credits(uuid, numeric, text, jsonb)"
REFUND = "refund_credits(uuid, numeric, text)"
ACTOR = "credit_actor(uuid, uuid, uuid, text)"
WORKSPACE = "credit_workspace(uuid)"
TRIGGER = "credit_ledger_is_append_only()"


def upgrade() -> None:
    op.add_column("workspaces", sa.Column("credits_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    # Half-empty pages keep the balance updates on their page (HOT): no index entry is written per spend.
    op.execute("ALTER TABLE workspaces SET (fillfactor = 50)")
    _tables()
    _functions()
    _grants()


def downgrade() -> None:
    for signature in (FUND, SPEND, DEDUCT, REFUND, POST, REPLAY, ACTOR, WORKSPACE):
        op.execute(f"DROP FUNCTION {signature}")
    for table in ("rate_limits", "idempotency_records", "ledger_findings", "credit_ledger"):
        op.drop_table(table)
    op.execute(f"DROP FUNCTION {TRIGGER}")
    op.execute("ALTER TABLE workspaces RESET (fillfactor)")
    op.drop_column("workspaces", "credits_seq")


def _functions() -> None:
    op.get_bind().exec_driver_sql(FUNCTIONS.read_text(encoding="utf-8").replace("%", "%%"))


def _grants() -> None:
    for table in ("credit_ledger", "ledger_findings"):
        protect(table, app="SELECT")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON credit_ledger FROM {SYSTEM_ROLE}, {APP_ROLE}")
    for table in ("idempotency_records", "rate_limits"):
        protect(table)
    for signature in (SPEND, DEDUCT, REFUND):
        definer_function(signature)
    definer_function(FUND, to=(SYSTEM_ROLE,))
    op.execute(f"GRANT SELECT ON alembic_version TO {SYSTEM_ROLE}")  # readiness compares the schema's revision
    for signature in (POST, REPLAY, ACTOR, WORKSPACE, TRIGGER):
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")


def _tables() -> None:
    op.create_table(
        "credit_ledger",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("change", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("held_change", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("balance_after", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("held_after", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("answers_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_label", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_ledger_amount_positive")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "answers_id"],
            ["credit_ledger.workspace_id", "credit_ledger.id"],
            name=op.f("fk_credit_ledger_workspace_id_answers_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "job_id"],
            ["jobs.workspace_id", "jobs.id"],
            name=op.f("fk_credit_ledger_workspace_id_job_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_credit_ledger_workspace_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_credit_ledger")),
        sa.UniqueConstraint(
            "workspace_id", "idempotency_key", name=op.f("uq_credit_ledger_workspace_id_idempotency_key")
        ),
        sa.UniqueConstraint("workspace_id", "seq", name=op.f("uq_credit_ledger_workspace_id_seq")),
    )
    op.create_index(
        "ix_credit_ledger_holds",
        "credit_ledger",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("kind = 'hold'"),
    )
    op.create_index(
        op.f("ix_credit_ledger_workspace_id_answers_id"),
        "credit_ledger",
        ["workspace_id", "answers_id"],
        unique=False,
        postgresql_where=sa.text("answers_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_credit_ledger_workspace_id_job_id"),
        "credit_ledger",
        ["workspace_id", "job_id"],
        unique=False,
        postgresql_where=sa.text("job_id IS NOT NULL"),
    )
    op.create_table(
        "ledger_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("expected", sa.Numeric(), nullable=True),
        sa.Column("actual", sa.Numeric(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_ledger_findings_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_findings")),
    )
    op.create_index(
        op.f("ix_ledger_findings_workspace_id_found_at"), "ledger_findings", ["workspace_id", "found_at"], unique=False
    )
    op.create_table(
        "idempotency_records",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column(
            "headers", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status IS NULL) = (body IS NULL)", name=op.f("ck_idempotency_records_answered")),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 255", name=op.f("ck_idempotency_records_key_length")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_idempotency_records_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "key", name=op.f("pk_idempotency_records")),
    )
    op.create_index(op.f("ix_idempotency_records_created_at"), "idempotency_records", ["created_at"], unique=False)
    op.create_table(
        "rate_limits",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_rate_limits_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "name", name=op.f("pk_rate_limits")),
        prefixes=["UNLOGGED"],
    )
