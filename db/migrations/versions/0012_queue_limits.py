"""How many tasks of a queue may be worked at once, what ended in it, and what keeps a job from being deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.policies import system_only
from db.roles import SYSTEM_ROLE

revision = "0012"
down_revision = "0011"

_REFERENCES = (  # table, column, what deleting the job does
    ("segment_runs", "job_id", None),
    ("enrichments", "run_job_id", None),
    ("enrichments", "read_job_id", "SET NULL (read_job_id)"),
    ("enrichments", "sample_job_id", "SET NULL (sample_job_id)"),
)
# A fetch by limits must see what the fetch before it took, hence the lock; without limits nobody waits for it. What is
# to be canceled gets through a full queue: it comes to give back what its job holds.
_FETCH = """
CREATE FUNCTION fetch_queue_task(p_queues varchar[], p_worker_id bigint) RETURNS procrastinate_jobs
LANGUAGE plpgsql AS $$
DECLARE
    full_queues varchar[];
    open_queues varchar[];
    found procrastinate_jobs;
BEGIN
    IF NOT EXISTS (SELECT FROM queue_limits) THEN
        RETURN procrastinate_fetch_job_v2(p_queues, p_worker_id);
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('queue_limits', 0));
    SELECT array_agg(most.queue) INTO full_queues FROM queue_limits AS most
     WHERE (SELECT count(*) FROM procrastinate_jobs AS job
             WHERE job.status = 'doing' AND job.queue_name = most.queue) >= most.at_most;
    IF full_queues IS NULL THEN
        RETURN procrastinate_fetch_job_v2(p_queues, p_worker_id);
    END IF;
    WITH RECURSIVE name AS (
        (SELECT queue_name FROM procrastinate_jobs ORDER BY queue_name LIMIT 1)
        UNION ALL
        SELECT (SELECT job.queue_name FROM procrastinate_jobs AS job
                 WHERE job.queue_name > name.queue_name ORDER BY job.queue_name LIMIT 1)
          FROM name WHERE name.queue_name IS NOT NULL
    )
    SELECT coalesce(array_agg(queue_name), '{}') INTO open_queues FROM name
     WHERE queue_name <> ALL (full_queues) AND (p_queues IS NULL OR queue_name = ANY (p_queues));
    found := procrastinate_fetch_job_v2(open_queues, p_worker_id);
    IF found.id IS NULL THEN
        UPDATE procrastinate_jobs SET status = 'doing', worker_id = p_worker_id
         WHERE id = (SELECT job.id FROM procrastinate_jobs AS job
                      WHERE job.status = 'todo' AND job.priority > 0 AND job.queueing_lock LIKE 'job:%:cancel'
                        AND job.queue_name = ANY (full_queues)
                        AND (p_queues IS NULL OR job.queue_name = ANY (p_queues))
                        AND (job.scheduled_at IS NULL OR job.scheduled_at <= now())
                      ORDER BY job.priority DESC, job.id LIMIT 1
                        FOR UPDATE SKIP LOCKED)
        RETURNING * INTO found;
    END IF;
    RETURN found;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "queue_limits",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("at_most", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by_label", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("at_most > 0", name=op.f("ck_queue_limits_at_most")),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_queue_limits")),
    )
    op.create_table(
        "queue_minutes",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "minute", name=op.f("pk_queue_minutes")),
    )
    op.create_index(op.f("ix_queue_minutes_minute"), "queue_minutes", ["minute"], unique=False)
    system_only("queue_limits")
    system_only("queue_minutes")
    op.get_bind().exec_driver_sql(_FETCH.replace("%", "%%"))
    op.execute("REVOKE ALL ON FUNCTION fetch_queue_task(varchar[], bigint) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION fetch_queue_task(varchar[], bigint) TO {SYSTEM_ROLE}")
    _refer_to_jobs()


def _refer_to_jobs() -> None:
    for table, column, ondelete in _REFERENCES:
        op.execute(
            f"UPDATE {table} SET {column} = NULL WHERE {column} IS NOT NULL AND NOT EXISTS (SELECT FROM jobs "
            f"WHERE jobs.workspace_id = {table}.workspace_id AND jobs.id = {table}.{column})"
        )
        op.create_foreign_key(
            op.f(f"fk_{table}_workspace_id_{column}"),
            table,
            "jobs",
            ["workspace_id", column],
            ["workspace_id", "id"],
            ondelete=ondelete,
        )
        if ondelete is None:
            op.create_index(op.f(f"ix_{table}_workspace_id_{column}"), table, ["workspace_id", column], unique=False)


def downgrade() -> None:
    for table, column, ondelete in reversed(_REFERENCES):
        if ondelete is None:
            op.drop_index(op.f(f"ix_{table}_workspace_id_{column}"), table)
        op.drop_constraint(op.f(f"fk_{table}_workspace_id_{column}"), table)
    op.execute("DROP FUNCTION fetch_queue_task(varchar[], bigint)")
    op.drop_table("queue_minutes")
    op.drop_table("queue_limits")
