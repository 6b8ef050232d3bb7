"""One notice for each transaction that defers tasks, not one for each task; tables that churn are cleaned early."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"

# A worker that listens only wants to know that there is something. Postgres sends what a transaction says twice once.
NOTIFY = """
    CREATE OR REPLACE FUNCTION procrastinate_notify_queue_job_inserted_v1() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        payload text := {payload};
    BEGIN
        PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
        PERFORM pg_notify('procrastinate_any_queue_v1', payload);
        RETURN NEW;
    END;
    $$
"""
ONCE = """'{"type": "job_inserted", "job_id": 0}'"""
EACH = "json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text"
CHURNING = ("jobs", "procrastinate_workers")  # each running job and each worker beats every few seconds
SETTINGS = {
    "autovacuum_vacuum_scale_factor": 0.01,
    "autovacuum_vacuum_threshold": 100,
    "autovacuum_analyze_scale_factor": 0.02,
    "autovacuum_analyze_threshold": 50,
}


def upgrade() -> None:
    op.get_bind().exec_driver_sql(NOTIFY.format(payload=ONCE))
    for table in CHURNING:
        op.execute(f"ALTER TABLE {table} SET ({', '.join(f'{name} = {value}' for name, value in SETTINGS.items())})")


def downgrade() -> None:
    for table in CHURNING:
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(SETTINGS)})")
    op.get_bind().exec_driver_sql(NOTIFY.format(payload=EACH))
