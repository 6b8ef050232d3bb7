"""What the admin's job pages need: staff roles, attempts, pauses, staff actions; and in-app notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.policies import protect, system_only

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _tables()
    op.execute("UPDATE users SET staff_role = 'all' WHERE is_staff")
    op.create_check_constraint("staff_role", "users", "staff_role IN ('read_only', 'operate', 'all')")
    op.drop_column("users", "is_staff")
    protect("job_attempts", app="SELECT, UPDATE")
    protect("notices", app="SELECT, INSERT, UPDATE")
    for table in ("queue_pauses", "schedule_pauses", "staff_actions"):
        system_only(table)


def downgrade() -> None:
    for table in ("notices", "staff_actions", "schedule_pauses", "queue_pauses", "job_attempts"):
        op.drop_table(table)
    op.add_column("users", sa.Column("is_staff", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute("UPDATE users SET is_staff = true WHERE staff_role IS NOT NULL")
    op.drop_constraint("ck_users_staff_role", "users")
    op.drop_index("ix_jobs_finished_at", "jobs")
    op.drop_index("ix_jobs_kind_created_at_id", "jobs")
    op.drop_index("ix_jobs_created_at_id", "jobs")
    op.drop_column("jobs", "error_fingerprint")
    op.drop_column("users", "staff_role")
    for column in ("skipped", "by_label", "task_id"):
        op.drop_column("schedule_ticks", column)


def _tables() -> None:
    op.add_column("users", sa.Column("staff_role", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("error_fingerprint", sa.Text(), nullable=True))
    op.add_column("schedule_ticks", sa.Column("task_id", sa.BigInteger(), nullable=True))
    op.add_column("schedule_ticks", sa.Column("by_label", sa.Text(), nullable=True))
    op.add_column("schedule_ticks", sa.Column("skipped", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(op.f("ix_jobs_created_at_id"), "jobs", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_jobs_kind_created_at_id"), "jobs", ["kind", "created_at", "id"], unique=False)
    op.create_index(
        op.f("ix_jobs_finished_at"),
        "jobs",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_table(
        "job_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("internal", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('finished', 'postponed', 'retried', 'failed', 'paused', 'cancelled', 'interrupted', 'lost')",
            name=op.f("ck_job_attempts_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "job_id"],
            ["jobs.workspace_id", "jobs.id"],
            name=op.f("fk_job_attempts_workspace_id_job_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_job_attempts_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_attempts")),
    )
    op.create_index(
        op.f("ix_job_attempts_fingerprint_ended_at"),
        "job_attempts",
        ["fingerprint", "ended_at"],
        unique=False,
        postgresql_where=sa.text("fingerprint IS NOT NULL"),
    )
    op.create_index(op.f("ix_job_attempts_started_at"), "job_attempts", ["started_at"], unique=False)
    op.create_index(
        op.f("ix_job_attempts_workspace_id_job_id_number"),
        "job_attempts",
        ["workspace_id", "job_id", "number"],
        unique=False,
    )
    op.create_index("uq_job_attempts_token", "job_attempts", ["token"], unique=True)
    op.create_table(
        "queue_pauses",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_by_label", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_queue_pauses")),
    )
    op.create_table(
        "schedule_pauses",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_by_label", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("schedule", name=op.f("pk_schedule_pauses")),
    )
    op.create_table(
        "staff_actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_label", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_user_id"], ["users.id"], name=op.f("fk_staff_actions_actor_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_actions")),
    )
    op.create_index(op.f("ix_staff_actions_created_at"), "staff_actions", ["created_at"], unique=False)
    op.create_table(
        "notices",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), server_default=sa.text("'info'"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("dedupe_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("level IN ('info', 'success', 'warning', 'error')", name=op.f("ck_notices_level")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notices_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_notices_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(
        op.f("ix_notices_workspace_id_user_id"),
        "notices",
        ["workspace_id", "user_id"],
        unique=False,
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index(
        op.f("ix_notices_workspace_id_user_id_created_at"),
        "notices",
        ["workspace_id", "user_id", "created_at"],
        unique=False,
    )
    op.create_index("uq_notices_dedupe_key", "notices", ["workspace_id", "user_id", "dedupe_key"], unique=True)
