"""Row-level security, written once and used by every migration that makes a table.

No role bypasses row-level security. The restricted role sees the rows of the workspace that the transaction named; the
system role has a policy of its own that lets it see all rows (ADR 0002). A setting that is no UUID names no workspace
and must not end in an error (ADR 0031): after a transaction-local setting ends, a pooled connection reports '' and not
NULL (lab fact, style §8.7).
"""

from __future__ import annotations

from alembic import op

from db.roles import APP_ROLE, SYSTEM_ROLE

CURRENT_WORKSPACE = (
    "(CASE WHEN pg_input_is_valid(current_setting('app.workspace_id', true), 'uuid') "
    "THEN current_setting('app.workspace_id', true)::uuid END)"
)


def protect(table: str, *, app: str = "SELECT, INSERT, UPDATE, DELETE", column: str = "workspace_id") -> None:
    """Put a workspace-owned table behind the third lock and grant it to both roles.

    `app`: what the restricted role may do at all (an append-only table passes "SELECT, INSERT").
    """
    _enable(table)
    op.execute(
        f"CREATE POLICY {table}_tenant ON {table} TO {APP_ROLE} "
        f"USING ({column} = {CURRENT_WORKSPACE}) WITH CHECK ({column} = {CURRENT_WORKSPACE})"
    )
    op.execute(f"GRANT {app} ON {table} TO {APP_ROLE}")


def system_only(table: str) -> None:
    """A table that the restricted role must not see at all (people, sessions, tokens)."""
    _enable(table)
    op.execute(f"REVOKE ALL ON {table} FROM {APP_ROLE}")


def _enable(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_system ON {table} TO {SYSTEM_ROLE} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM_ROLE}")


def definer_function(signature: str, *, to: tuple[str, ...] = (APP_ROLE, SYSTEM_ROLE)) -> None:
    """Close a SECURITY DEFINER function to everybody but the roles named. Its body must fix its own search_path and
    take the workspace from the setting, never from an argument alone (T22)."""
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    for role in to:
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {role}")
