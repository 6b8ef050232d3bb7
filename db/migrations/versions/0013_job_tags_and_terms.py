"""Tags of jobs, the record of what was pruned, and what a workspace may know of a pause that keeps its jobs back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.policies import CURRENT_WORKSPACE, definer_function, system_only

revision = "0013"
down_revision = "0012"

_KEPT_BACK = "jobs_kept_back(uuid[])"

# What jobs from before can still say of themselves: tags are facts, so the same facts are read where they were written.
_TAG_OLD_JOBS = """
UPDATE jobs SET tags = array_remove(ARRAY[
    CASE jobs.actor_kind WHEN 'user' THEN 'person' WHEN 'api_key' THEN 'api' ELSE 'system' END,
    CASE WHEN jobs.kind = 'enrichment_sample' THEN 'dry-run' END,
    CASE WHEN EXISTS (SELECT FROM workspaces WHERE workspaces.id = jobs.workspace_id AND workspaces.is_demo)
         THEN 'demo' END,
    CASE WHEN acted.retried OR EXISTS (SELECT FROM enrichments WHERE enrichments.workspace_id = jobs.workspace_id
                                          AND enrichments.run_job_id = jobs.id AND enrichments.source = 'rerun')
         THEN 'retry' END,
    CASE WHEN acted.edited THEN 'edited' END,
    CASE WHEN EXISTS (SELECT FROM job_attempts WHERE job_attempts.workspace_id = jobs.workspace_id
                         AND job_attempts.job_id = jobs.id AND job_attempts.outcome = 'lost') THEN 'rescued' END,
    CASE WHEN acted.id IS NOT NULL THEN 'staff' END], NULL)
  FROM jobs AS old
  LEFT JOIN (SELECT object_id AS id, bool_or(action IN ('job.retry', 'job.retry_edited')) AS retried,
                    bool_or(action = 'job.retry_edited') AS edited
               FROM staff_actions
              WHERE object_type = 'job'
                AND action IN ('job.retry', 'job.retry_edited', 'job.cancel', 'job.rescue')
              GROUP BY object_id) AS acted ON acted.id = old.id::text
 WHERE old.id = jobs.id
"""


def upgrade() -> None:
    op.add_column(
        "jobs",
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
    )
    op.execute(_TAG_OLD_JOBS)
    op.create_index(op.f("ix_jobs_tags"), "jobs", ["tags"], unique=False, postgresql_using="gin")
    op.create_table(
        "prunings",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_prunings")),
    )
    system_only("prunings")
    op.execute(
        f"""
        CREATE FUNCTION jobs_kept_back(asked uuid[]) RETURNS TABLE (job_id uuid, since timestamptz)
        LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = public, pg_temp AS $$
            SELECT jobs.id, greatest(queue_pauses.paused_at, jobs.created_at)
              FROM jobs JOIN queue_pauses ON queue_pauses.queue = jobs.queue
             WHERE jobs.workspace_id = {CURRENT_WORKSPACE} AND jobs.id = ANY (asked)
               AND jobs.status IN ('pending', 'processing')
               AND jobs.attempt_token IS NULL AND jobs.cancel_requested_at IS NULL
        $$
        """
    )
    definer_function(_KEPT_BACK)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {_KEPT_BACK}")
    op.drop_table("prunings")
    op.drop_index(op.f("ix_jobs_tags"), "jobs", postgresql_using="gin")
    op.drop_column("jobs", "tags")
