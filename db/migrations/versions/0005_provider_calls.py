"""Provider calls, partitioned by month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.policies import definer_function, protect
from db.roles import SYSTEM_ROLE

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "provider_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("retries", sa.SmallInteger(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.CheckConstraint("milliseconds >= 0", name=op.f("ck_provider_calls_milliseconds")),
        sa.CheckConstraint("retries >= 0", name=op.f("ck_provider_calls_retries")),
        sa.PrimaryKeyConstraint("id", "called_at", name=op.f("pk_provider_calls")),
        postgresql_partition_by="RANGE (called_at)",
    )
    op.create_index("ix_provider_calls_called_at", "provider_calls", ["called_at"])
    op.create_index("ix_provider_calls_workspace_id", "provider_calls", ["workspace_id", "called_at"])
    op.execute("CREATE TABLE provider_calls_default PARTITION OF provider_calls DEFAULT")
    _partitions_function()
    op.execute("SELECT create_provider_call_partitions(3)")
    # A call of the installation itself has no workspace: null equals nothing, so no tenant sees it.
    protect("provider_calls", app="SELECT")


def _partitions_function() -> None:
    """Months are created ahead; a month whose rows already went to the default partition takes them over."""
    op.execute(
        """
        CREATE FUNCTION create_provider_call_partitions(p_months_ahead integer) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
        DECLARE
          month date;
          partition_name text;
          created integer := 0;
        BEGIN
          IF p_months_ahead NOT BETWEEN 0 AND 24 THEN
            RAISE EXCEPTION 'months ahead must be 0 to 24' USING ERRCODE = 'invalid_parameter_value';
          END IF;
          PERFORM pg_advisory_xact_lock(7283011);
          FOR step IN 0..p_months_ahead LOOP
            month := (date_trunc('month', now()) + make_interval(months => step))::date;
            partition_name := format('provider_calls_%s', to_char(month, 'YYYY_MM'));
            CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE provider_calls INCLUDING ALL)', partition_name);
            EXECUTE format(
              'WITH moved AS (DELETE FROM provider_calls_default WHERE called_at >= %1$L::timestamptz '
              'AND called_at < %2$L::timestamptz RETURNING *) INSERT INTO %3$I SELECT * FROM moved',
              month, (month + interval '1 month')::date, partition_name);
            EXECUTE format(
              'ALTER TABLE provider_calls ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
              partition_name, month::timestamptz, (month + interval '1 month')::timestamptz);
            created := created + 1;
          END LOOP;
          RETURN created;
        END $$
        """
    )
    definer_function("create_provider_call_partitions(integer)", to=(SYSTEM_ROLE,))


def downgrade() -> None:
    op.execute("DROP FUNCTION create_provider_call_partitions(integer)")
    op.drop_table("provider_calls")
